from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import ParameterError
from orchkit.lab import stats

RIGHT = [1, 0, 1, 1, 0] * 4
WRONG = [0, 0, 1, 0, 1] * 4


@pytest.mark.parametrize(
    "kind",
    [
        tuple,
        np.array,
        pd.Series,
        lambda values: pd.Series(values, index=range(100, 120)),
        lambda values: pd.array(values, dtype="Int64"),
        lambda values: pd.Series(values, dtype="boolean"),
        lambda values: np.array(values, dtype=bool),
        lambda values: pd.Series(values, dtype="object"),
    ],
)
def test_any_column_will_do(kind: Any) -> None:
    """Lists, arrays, and columns of any index and dtype are the same values, by position."""
    expected = stats.paired_bootstrap(RIGHT, WRONG)
    assert stats.paired_bootstrap(kind(RIGHT), WRONG) == expected
    assert stats.mcnemar(kind(RIGHT), kind(WRONG)) == stats.mcnemar(RIGHT, WRONG)
    assert stats.noninferior(kind(RIGHT), kind(WRONG)) == stats.noninferior(RIGHT, WRONG)


@pytest.mark.parametrize("unknown", [None, float("nan"), pd.NA])
def test_unknown_values_are_dropped_from_both_and_counted(unknown: Any) -> None:
    """A prompt that is unknown in one strategy is judged for neither."""
    found = stats.paired_bootstrap([*RIGHT, 1, unknown], [*WRONG, unknown, 0])
    assert (found.n, found.dropped) == (20, 2)
    expected = stats.paired_bootstrap(RIGHT, WRONG)
    assert (found.difference, found.low, found.high) == (
        expected.difference,
        expected.low,
        expected.high,
    )


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("right", "one value a prompt"),
        (0.5, "one value a prompt"),
        ([[1, 0]] * 20, "2 dimensions"),
        (["1"] * 20, "holds text"),
        ([1j] * 20, "complex"),
        (pd.to_datetime(["2026-11-25"] * 20), "datetime"),
        ([object()] * 20, "must hold numbers"),
        ([float("inf")] * 20, "finite"),
        ([1] * 19, "a 19, b 20"),
    ],
)
def test_what_is_no_column_is_told(values: Any, told: str) -> None:
    """What cannot be one number a prompt is refused with what was given."""
    with pytest.raises(ParameterError, match=told):
        stats.paired_bootstrap(values, WRONG)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"level": 95}, "Write 0.95 for 95 %"),
        ({"level": 0}, "strictly between"),
        ({"n": 0}, "whole number"),
        ({"seed": -1}, "seed"),
        ({"seed": None}, "repeatable"),
        ({"clusters": [1] * 19}, "clusters 19"),
        ({"clusters": [None, *range(19)]}, "1 missing labels"),
        ({"clusters": np.zeros((20, 2))}, "one label a prompt"),
    ],
)
def test_settings_outside_their_range_are_told(setting: dict[str, Any], told: str) -> None:
    """A setting that means nothing is refused with what to write instead."""
    for call in (stats.paired_bootstrap, stats.ratio_interval, stats.noninferior):
        with pytest.raises(ParameterError, match=told):
            call(RIGHT, WRONG, **setting)
    with pytest.raises(ParameterError, match=told):
        stats.bootstrap(np.mean, RIGHT, **setting)


def test_the_contents_are_sorted() -> None:
    """The public names stand in order and exist."""
    assert stats.__all__ == sorted(stats.__all__)
    assert all(hasattr(stats, name) for name in stats.__all__)
