import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from orchkit.errors import ParameterError
from orchkit.lab.stats import benjamini_hochberg, holm

PS = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(PS)
def test_benjamini_hochberg_is_scipy_s(p: list[float]) -> None:
    """It agrees with scipy's false discovery control."""
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p))


@given(PS, st.floats(0.001, 0.5))
def test_holm_rejects_step_by_step(p: list[float], alpha: float) -> None:
    """Adjusted values at most alpha are those the step-down procedure rejects."""
    rejected = set()
    for step, at in enumerate(sorted(range(len(p)), key=lambda at: p[at])):
        if p[at] * (len(p) - step) > alpha:
            break
        rejected.add(at)
    assert set(np.flatnonzero(holm(p) <= alpha)) == rejected


@given(PS)
def test_adjusting_keeps_the_order_and_never_helps(p: list[float]) -> None:
    """No adjusted value is below its own, nor above Bonferroni's, and the order stays."""
    for adjust in (holm, benjamini_hochberg):
        found = adjust(p)
        assert (found >= np.array(p) - 1e-12).all()
        assert (found <= np.minimum(1, np.array(p) * len(p)) + 1e-12).all()
        assert (np.diff(found[np.argsort(p, kind="stable")]) >= 0).all()


def test_a_series_comes_back_a_series() -> None:
    """Index and name stay; a test that was not made stays unknown and does not count."""
    p = pd.Series([0.04, math.nan, 0.01], index=["b", "x", "a"], name="p")
    expected = pd.Series([0.04, math.nan, 0.02], index=["b", "x", "a"], name="p")
    pd.testing.assert_series_equal(holm(p), expected)
    assert holm([]).tolist() == []


def test_what_is_no_probability_is_refused() -> None:
    """A p-value lies in [0, 1]."""
    with pytest.raises(ParameterError, match=r"1\.5"):
        holm([0.1, 1.5])
