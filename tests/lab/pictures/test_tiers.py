from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from orchkit import MetricWarning, Tier
from orchkit.errors import ColumnError
from orchkit.lab.pictures.tiers import tier_counts, weighted_kappa

TIERS = [tier.value for tier in Tier]
PAIRS = st.lists(st.tuples(st.sampled_from(TIERS), st.sampled_from(TIERS)), min_size=1)


@given(PAIRS)
def test_kappa_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    """Kappa with quadratic weights is what scikit-learn computes; NaN where chance is certain."""
    frame = pd.DataFrame(pairs, columns=["complexity", "predicted"])
    if len({label for pair in pairs for label in pair}) == 1:
        with pytest.warns(MetricWarning, match="undefined"):
            assert math.isnan(weighted_kappa(tier_counts(frame)))
    else:
        ours = weighted_kappa(tier_counts(frame))
        assert ours == pytest.approx(
            cohen_kappa_score(
                frame["complexity"], frame["predicted"], labels=TIERS, weights="quadratic"
            )
        )


@given(PAIRS)
def test_cells_add_up(pairs: list[tuple[str, str]]) -> None:
    """Every prompt is in one cell, and the shares of a tier that is there add up to one."""
    counts = tier_counts(pd.DataFrame(pairs, columns=["complexity", "predicted"]))
    assert counts["n"].sum() == len(pairs)
    assert counts["truth"].unique().tolist() == TIERS
    shares = counts.groupby("truth")["share"].sum(min_count=1).dropna()
    assert shares.to_numpy() == pytest.approx(1)
    assert set(shares.index) == {truth for truth, _ in pairs}


def test_missing_labels_are_left_out() -> None:
    """A prompt without one of the labels is in no cell; tiers and their words are the same."""
    frame = pd.DataFrame({"complexity": [Tier.BASIC, None, "basic"], "predicted": ["basic"] * 3})
    assert tier_counts(frame).query("n > 0").to_numpy().tolist() == [["basic", "basic", 2, 1.0]]


def test_a_missing_column_tells_how_to_make_it() -> None:
    """Without a prediction the message says how to make one."""
    with pytest.raises(ColumnError, match="KeywordRules"):
        tier_counts(pd.DataFrame({"complexity": ["basic"]}))
