from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import ColumnError
from orchkit.lab.pictures.calibration import reliability_bins
from orchkit.lab.stats import wilson


def frame(n: int = 97) -> pd.DataFrame:
    """Return answers of two groups, with a few of which something is unknown."""
    rng = np.random.default_rng(0)
    sure = rng.random(n)
    right = (rng.random(n) < sure).astype(float)
    table = pd.DataFrame(
        {"confidence": sure, "quality": right, "who": ["a", "b"] * (n // 2) + ["a"]}
    )
    table.loc[3, "confidence"] = np.nan
    table.loc[4, "quality"] = np.nan
    return table


def test_bins_hold_every_known_answer() -> None:
    """Bins hold about equally many of the known answers, and their means are those of numpy."""
    table = reliability_bins(frame(), bins=5)
    known = frame().dropna().sort_values("confidence")
    assert table["n"].sum() == len(known) == table["answers"].iloc[0]
    assert table["n"].max() - table["n"].min() <= 1
    ends = table["n"].cumsum()
    for (_, row), end in zip(table.iterrows(), ends, strict=True):
        part = known.iloc[int(end - row["n"]) : end]
        assert row["confidence"] == pytest.approx(part["confidence"].mean())
        assert row["quality"] == pytest.approx(part["quality"].mean())
        expected = wilson(int(part["quality"].sum()), len(part))
        assert (row["quality_low"], row["quality_high"]) == pytest.approx(expected)


def test_scores_follow_from_the_answers() -> None:
    """The calibration error is that of the bins drawn, Brier that of the answers."""
    table, known = reliability_bins(frame(), bins=5), frame().dropna()
    gaps = (table["confidence"] - table["quality"]).abs()
    assert table["ece_mass"].iloc[0] == pytest.approx((table["n"] * gaps).sum() / len(known))
    brier = ((known["confidence"] - known["quality"]) ** 2).mean()
    assert table["brier"].iloc[0] == pytest.approx(brier)
    assert set(table["unknown"]) == {2}


def test_groups_are_those_of_each_alone() -> None:
    """The bins of a group are those it has alone."""
    both = reliability_bins(frame(), bins=4, by="who")
    for name in ("a", "b"):
        own = frame()[frame()["who"] == name]
        alone = reliability_bins(own, bins=4).drop(columns="group")
        found = both[both["who"] == name].drop(columns="who").reset_index(drop=True)
        pd.testing.assert_frame_equal(found, alone)


def test_graded_quality_has_a_normal_interval() -> None:
    """Graded quality gives the mean score, with a normal interval."""
    quality = [0.2, 0.4, 0.9, 0.5]
    (row,) = reliability_bins(pd.DataFrame({"confidence": 0.5, "quality": quality})).to_dict(
        "records"
    )
    half = 1.959964 * np.std(quality, ddof=1) / 2
    assert row["quality_low"] == pytest.approx(0.5 - half)
    assert row["quality_high"] == pytest.approx(0.5 + half)


def test_a_group_without_quality_is_told_of() -> None:
    """A group of which nothing is known has one bin without answers."""
    table = reliability_bins(frame().assign(quality=np.nan), by="who")
    assert table[["who", "n", "answers"]].to_numpy().tolist() == [["a", 0, 0], ["b", 0, 0]]
    assert math.isnan(table["brier"].iloc[0])


def test_a_confidence_in_percent_is_refused() -> None:
    """Confidence outside of [0, 1] is refused, and named."""
    with pytest.raises(ColumnError, match=r"'confidence' holds 80.*\[0, 1\]"):
        reliability_bins(pd.DataFrame({"confidence": [80], "quality": [1]}))
