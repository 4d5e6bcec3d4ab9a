import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from orchkit.lab.curves import (
    Line,
    Steps,
    expit,
    is_rising,
    line_of,
    logit,
    newton,
    smoothing,
    steps_of,
)

CONFIDENCES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.65, 0.9, 0.99, 1.0]) | st.floats(0, 1)
answers = st.lists(
    st.tuples(CONFIDENCES, st.sampled_from([0.0, 1.0, 1.0, 0.4])), min_size=2, max_size=80
)
both = pytest.mark.parametrize("fit", [line_of, steps_of])


def columns(drawn: Any) -> tuple[Any, Any]:
    """Return confidences and outcomes."""
    sure, right = np.array(drawn, dtype=float).T
    return sure, right


def brier(p: Any, right: Any) -> float:
    """Return the mean squared gap."""
    return float(np.mean((p - right) ** 2))


@both
@given(drawn=answers)
def test_order_is_kept(fit: Any, drawn: Any) -> None:
    """Nothing that was surer becomes less sure, and all stays within [0, 1]."""
    sure, right = columns(drawn)
    curve = fit(sure, right)
    risen = curve(np.linspace(0, 1, 301))
    assert (np.diff(risen) >= -1e-15).all()
    assert risen.min() >= 0
    assert risen.max() <= 1
    assert is_rising(curve)


@both
@given(drawn=answers)
def test_the_labels_are_not_farther_than_before(fit: Any, drawn: Any) -> None:
    """On what it is fitted on, no curve raises the Brier score, but for what smoothing costs."""
    sure, right = columns(drawn)
    assert brier(fit(sure, right)(sure), right) <= brier(sure, right) + smoothing(len(sure)) + 1e-12


@given(drawn=answers)
def test_the_line_is_the_likeliest(drawn: Any) -> None:
    """Newton's method ends where a general optimiser does, or higher."""
    sure, right = columns(drawn)
    x, target = logit(sure), 0.02 + 0.96 * right

    def loss(at: Any) -> float:
        eta = at[0] + at[1] * (x - x.mean())
        return float(np.logaddexp(0, eta).sum() - target @ eta)

    intercept, slope = newton(x, target)
    found = minimize(loss, np.zeros(2), method="BFGS").fun
    assert loss((intercept + slope * x.mean(), slope)) <= found + 1e-6 * (1 + abs(found))
    assert slope == 0 or np.ptp(x) > 0


@given(drawn=answers.map(lambda drawn: [(round(sure, 3), right) for sure, right in drawn]))
def test_steps_are_the_nearest_that_rise(drawn: Any) -> None:
    """The steps are those of scikit-learn's isotonic regression, within what n labels can tell."""
    from sklearn.isotonic import IsotonicRegression

    sure, right = columns(drawn)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(sure, right).predict(sure)
    least = 1 / (len(sure) + 2)
    assert steps_of(sure, right)(sure) == pytest.approx(np.clip(theirs, least, 1 - least), abs=1e-9)


@pytest.mark.parametrize("slope", [0.3, 1.0, 2.5])
def test_what_was_bent_is_unbent(slope: float) -> None:
    """Confidences bent by a known line come out as they were, within what labels can tell."""
    rng = np.random.default_rng(7)
    truth = rng.uniform(0.02, 0.98, 20_000)
    right = (rng.random(20_000) < truth).astype(float)
    bent = expit((logit(truth) - 0.7) / slope)
    for fit in (line_of, steps_of):
        assert np.sqrt(np.mean((fit(bent, right)(bent) - truth) ** 2)) < 0.03


def test_perfect_confidence_stays() -> None:
    """Confidences that are probabilities are left as they are, within what labels can tell."""
    rng = np.random.default_rng(3)
    sure = rng.uniform(0, 1, 20_000)
    right = (rng.random(20_000) < sure).astype(float)
    line = line_of(sure, right)
    assert line.slope == pytest.approx(1, abs=0.05)
    assert line.intercept == pytest.approx(0, abs=0.05)
    again = line_of(line(sure), right)
    assert again(line(sure)) == pytest.approx(line(sure), abs=0.01)


@both
@pytest.mark.parametrize("right", [0.0, 1.0])
def test_of_one_kind_nothing_is_certain(fit: Any, right: float) -> None:
    """Labels that are all right, or all wrong, leave room for the next one to differ."""
    sure = np.linspace(0.3, 0.6, 98)
    risen = fit(sure, np.full(98, right))(sure)
    assert risen == pytest.approx(abs(right - 0.01), abs=1e-6)


def test_a_reversed_signal_is_flat() -> None:
    """A confidence that is higher for wrong answers tells the share of right ones, no more."""
    sure, right = np.array([0.9, 0.2] * 50), np.array([0.0, 1.0] * 50)
    assert line_of(sure, right).slope == 0
    assert line_of(sure, right)(sure) == pytest.approx(0.5)
    assert steps_of(sure, right)(sure) == pytest.approx(0.5)


def test_separated_answers_have_a_line() -> None:
    """Confidence that tells all right from all wrong gives a finite line, near to both."""
    sure, right = np.array([0.2, 0.8] * 50), np.array([0.0, 1.0] * 50)
    line = line_of(sure, right)
    assert math.isfinite(line.slope)
    assert line(np.array([0.2, 0.8])) == pytest.approx([1 / 52, 51 / 52], abs=1e-6)


def test_unknown_stays_unknown() -> None:
    """What is NaN is NaN on every curve."""
    for curve in (Line(1.0, 0.0), Line(2.0, 1.0), Steps((0.1, 0.9), (0.2, 0.8))):
        assert np.isnan(curve(np.array([math.nan]))).all()


@pytest.mark.parametrize(
    "curve",
    [
        Line(-1.0, 0.0),
        Line(math.nan, 0.0),
        Line(1.0, math.inf),
        Steps((), ()),
        Steps((0.1, 0.2), (0.5,)),
        Steps((0.2, 0.1), (0.5, 0.6)),
        Steps((0.1, 0.2), (0.6, 0.5)),
        Steps((0.1, 0.2), (0.5, 1.5)),
        Steps((-0.1, 0.2), (0.5, 0.6)),
        Steps((0.1, 0.2), (0.5, math.nan)),
    ],
)
def test_what_falls_is_no_curve(curve: Any) -> None:
    """Numbers that would reverse an order or leave [0, 1] are seen for what they are."""
    assert not is_rising(curve)


def test_confidences_next_to_each_other_are_one() -> None:
    """Values that differ by less than any arithmetic can tell make no step between them."""
    sure, right = np.array([0.0, 5e-324, 1e-300, 0.5]), np.array([0.0, 1.0, 1.0, 1.0])
    risen = steps_of(sure, right)(sure)
    assert risen[0] == risen[1] == risen[2] == pytest.approx(2 / 3)
    assert np.isfinite(risen).all()
