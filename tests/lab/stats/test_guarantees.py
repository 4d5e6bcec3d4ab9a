import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.stats import conformal_threshold, least_escalation

SCORES = st.one_of(st.sampled_from([0.0, 0.2, 0.5, 1.0]), st.floats(0, 1), st.just(math.nan))
ROWS = st.lists(st.tuples(SCORES, st.floats(0, 1)), min_size=20, max_size=40)


def promised(scores: np.ndarray, losses: np.ndarray, threshold: float) -> float:
    """Return the loss that the formula promises for a threshold."""
    n = len(scores)
    return (np.where(scores >= threshold, losses, 0).sum() + 1) / (n + 1)


@given(ROWS, st.floats(0.05, 0.9))
def test_it_is_the_lowest_threshold_that_keeps_the_promise(
    rows: list[tuple[float, float]], alpha: float
) -> None:
    """It keeps it, every lower candidate breaks it, and it is a candidate."""
    scores, losses = np.array(rows).T
    found = conformal_threshold(scores, losses, alpha)
    highest = np.nanmax(np.append(scores, 0))
    candidates = {0.0, math.nextafter(highest, math.inf), *scores[~np.isnan(scores)]}
    assert found in candidates
    assert promised(scores, losses, found) <= alpha + 1e-9
    assert all(promised(scores, losses, t) > alpha for t in candidates if t < found)


@pytest.mark.parametrize("useful", [True, False])
def test_the_promise_is_kept_on_new_prompts(useful: bool) -> None:
    """Over 2,000 draws of 60 prompts the loss on a new one is at most alpha, and not idly so."""
    rng, alpha, lost, taken = np.random.default_rng(1), 0.1, [], []
    for _ in range(2000):
        loss = (rng.random(61) < 0.4).astype(float)
        score = rng.random(61) * (1 - 0.6 * loss * useful)
        t = conformal_threshold(score[:-1], loss[:-1], alpha)
        taken.append(score[-1] >= t)
        lost.append(loss[-1] * taken[-1])
    error = math.sqrt(alpha * (1 - alpha) / 2000)
    assert np.mean(lost) <= alpha + 2 * error
    assert np.mean(lost) >= alpha - 1 / 61 - 3 * error  # else always refusing would do
    # Wrong answers score below 0.4 if the score is useful: t of 0.316 loses 0.1 - 1 / 61 there.
    assert np.mean(taken) == pytest.approx(0.49 if useful else 0.21, abs=0.04)


def test_without_losses_everything_is_accepted() -> None:
    """Threshold 0 accepts all; with nothing but losses it is just above the highest score."""
    assert conformal_threshold([0.3] * 50, [0] * 50, 0.05) == 0
    assert conformal_threshold([0.3] * 50, [1] * 50, 0.05) == math.nextafter(0.3, 1)


def test_an_unknown_score_is_never_accepted() -> None:
    """What has no confidence is handed on, whatever the threshold, and loses nothing."""
    assert conformal_threshold([0.1, math.nan] * 50, [0, 1] * 50, 0.05) == 0


def test_too_few_prompts_promise_nothing() -> None:
    """Below 1 / (n + 1) no threshold will do: accept nothing, and say how many are needed."""
    with pytest.warns(MetricWarning, match="at least 19"):
        assert conformal_threshold([0.5] * 18, [0] * 18, 0.05) == math.inf
    assert conformal_threshold([0.5] * 19, [0] * 19, 0.05) == 0


def test_an_unknown_loss_is_no_loss_of_zero() -> None:
    """It is undefined until those prompts are dropped."""
    with pytest.warns(MetricWarning, match="1 losses are unknown"):
        assert math.isnan(conformal_threshold([0.5] * 50, [math.nan] + [0] * 49, 0.05))


@pytest.mark.parametrize(
    ("score", "loss", "alpha", "told"),
    [
        ([2.0], [0], 0.6, "score holds 2"),
        ([0.5], [-1], 0.6, "loss holds -1"),
        ([0.5], [0], 5, "Write 0.05 for 5 %"),
        ([0.5], [0, 1], 0.6, "score 1, loss 2"),
    ],
)
def test_what_makes_no_promise_is_told(
    score: list[float], loss: list[float], alpha: float, told: str
) -> None:
    """Values outside their range are refused."""
    with pytest.raises(ParameterError, match=told):
        conformal_threshold(score, loss, alpha)


@given(st.floats(0, 1), st.floats(0.01, 0.99))
def test_least_escalation_is_what_an_all_knowing_score_needs(risk: float, alpha: float) -> None:
    """Handing on that share, of failures alone, leaves exactly alpha of the rest failing."""
    share = least_escalation(risk, alpha)
    if risk <= alpha:
        assert share == 0
    elif share < 1:
        assert (risk - share) == pytest.approx(alpha * (1 - share), abs=1e-9)
    with pytest.raises(ParameterError, match="risk is 30"):
        least_escalation(30, 0.1)
