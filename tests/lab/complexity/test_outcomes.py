from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.catalog import Catalog, Model, Rates, Tier
from orchkit.errors import MatrixError, OrchkitWarning, ParameterError
from orchkit.lab.complexity.outcomes import outcome_tiers
from orchkit.lab.matrix import Matrix

MODELS = {
    tier.value: Model(tier.value, "x", tier, (Rates(10.0**tier.rank, 10.0**tier.rank),))
    for tier in Tier
}
CATALOG = Catalog(MODELS, tuple(MODELS))


def _matrix(*rows: tuple[float | None, ...]) -> Matrix:
    """Return a recording of four models, one a tier; None is not recorded."""
    cells = [
        {"prompt_id": number, "prompt": f"prompt {number}", "model": model, "quality": quality}
        for number, row in enumerate(rows)
        for model, quality in zip(MODELS, row, strict=True)
        if quality is not None
    ]
    return Matrix.from_long(pd.DataFrame(cells))


@given(st.lists(st.tuples(*[st.sampled_from([0.0, 0.4, 0.5, 1.0])] * 4), min_size=1, max_size=8))
def test_a_label_is_the_lowest_tier_that_was_right(rows: list[tuple[float, ...]]) -> None:
    """The label is the first tier whose model was right, expert where none was."""
    found = outcome_tiers(_matrix(*rows), CATALOG)
    wanted = [next((rank for rank in range(4) if row[rank] >= 0.5), 3) for row in rows]
    assert [Tier(tier).rank for tier in found["tier"]] == wanted
    assert found["prompt"].tolist() == [f"prompt {number}" for number in range(len(rows))]


def test_prompts_nobody_answered_may_be_left_out() -> None:
    """None leaves out what no model answered; another tier can be named for it."""
    matrix = _matrix((0, 0, 0, 0), (0, 1, 1, 1))
    assert outcome_tiers(matrix, CATALOG, unanswered=None)["tier"].tolist() == ["intermediate"]
    told = outcome_tiers(matrix, CATALOG, unanswered="basic")["tier"].tolist()
    assert told == ["basic", "intermediate"]


def test_a_hole_below_the_first_right_answer_is_no_label() -> None:
    """Where a lower tier was not recorded nobody knows; a hole above does not matter."""
    matrix = _matrix((None, 1, 1, 1), (1, None, None, None), (0, None, 1, 1), (0, 0, 1, None))
    with pytest.warns(OrchkitWarning, match=r"2 of 4 prompts \(50 %\) lack a quality"):
        found = outcome_tiers(matrix, CATALOG)
    assert found["tier"].to_dict() == {1: "basic", 3: "advanced"}


def test_how_good_is_right_can_be_said() -> None:
    """An answer counts from the quality `right` on."""
    matrix = _matrix((0.6, 0.9, 1, 1), (1, 1, 1, 1))
    tiers = [outcome_tiers(matrix, CATALOG, right=r)["tier"].iloc[0] for r in (0.5, 0.8, 1)]
    assert tiers == ["basic", "intermediate", "advanced"]


def test_a_recording_without_qualities_has_no_labels() -> None:
    """Nothing scored is nothing to learn from, and says what to do."""
    table = pd.DataFrame({"prompt": ["a"], "model": ["basic"], "response": ["b"]})
    with pytest.raises(MatrixError, match=r"matrix\.score"):
        outcome_tiers(Matrix.from_long(table), CATALOG)


@pytest.mark.parametrize(
    "settings", [{"right": 0}, {"right": 1.1}, {"right": True}, {"right": "x"}, {"unanswered": "x"}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    """What is no quality and no tier is refused by its name."""
    with pytest.raises(ParameterError, match=f"{next(iter(settings))} is"):
        outcome_tiers(_matrix((1, 1, 1, 1)), CATALOG, **settings)
