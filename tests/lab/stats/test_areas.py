import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.metrics import auroc
from orchkit.lab.stats import auroc_interval

answers = st.lists(
    st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.9]), st.booleans()), min_size=4, max_size=40
).filter(lambda drawn: 2 <= sum(right for _, right in drawn) <= len(drawn) - 2)


@given(answers)
def test_the_interval_holds_the_estimate(drawn: list[tuple[float, bool]]) -> None:
    """The AUROC lies within its interval, and the interval within [0, 1]."""
    sure, right = zip(*drawn, strict=True)
    low, high = auroc_interval(sure, right)
    assert 0 <= low <= auroc(sure, right) <= high <= 1 or low == pytest.approx(high)


@given(answers)
def test_the_spread_is_delongs(drawn: list[tuple[float, bool]]) -> None:
    """The variance is that of the placements, counted pair by pair."""
    sure, right = map(np.array, zip(*drawn, strict=True))
    won, lost = sure[right], sure[~right]
    pairs = (won[:, None] > lost) + 0.5 * (won[:, None] == lost)
    area = pairs.mean()
    var = pairs.mean(axis=1).var(ddof=1) / len(won) + pairs.mean(axis=0).var(ddof=1) / len(lost)
    low, high = auroc_interval(sure, right)
    if 0 < area < 1:
        width = math.log(high / (1 - high)) - math.log(low / (1 - low)) if low > 0 else math.nan
        told = 2 * 1.959964 * math.sqrt(var) / (area * (1 - area))
        assert math.isnan(width) or told > 30 or width == pytest.approx(told, rel=1e-4)


def test_it_covers_as_often_as_it_says() -> None:
    """Of 300 samples of 150 answers the interval holds the true area in 95 %, give or take 4."""
    rng = np.random.default_rng(5)
    truth = 0.8555  # of two normals 1.5 apart: the normal distribution at 1.5 / sqrt(2)
    hits = 0
    for _ in range(300):
        right = rng.random(150) < 0.7
        low, high = auroc_interval(rng.normal(1.5 * right), right)
        hits += low <= truth <= high
    assert 0.91 <= hits / 300 <= 0.99


@pytest.mark.parametrize("apart", [1.5, 2.5, 3.5])
def test_it_covers_where_few_answers_are_told_apart(apart: float) -> None:
    """Of 400 samples of 12 answers, up to most of which are told apart, few miss the truth."""
    rng = np.random.default_rng(6)
    truth = NormalDist().cdf(apart / math.sqrt(2))
    right, hits, perfect = np.arange(12) < 6, 0, 0
    for _ in range(400):
        sure = rng.normal(apart * right)
        low, high = auroc_interval(sure, right)
        hits += low <= truth <= high
        perfect += auroc(sure, right) == 1
    assert hits / 400 >= 0.92
    assert perfect > 20


def test_perfect_separation_is_a_bound() -> None:
    """Three of either kind told apart leave the AUROC above 0.025 to the third, or below."""
    sure, right = [0.1, 0.2, 0.3, 0.7, 0.8, 0.9, 0.95], [0, 0, 0, 1, 1, 1, 1]
    assert auroc_interval(sure, right) == (pytest.approx(0.025 ** (1 / 3)), 1.0)
    low, high = auroc_interval(sure, [1 - each for each in right])
    assert (low, high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 3)))


@pytest.mark.parametrize("right", [[1, 1, 1, 0], [0, 0, 0, 1], [1, 1, 1, 1]])
def test_two_of_each_kind_are_needed(right: list[int]) -> None:
    """With one right or one wrong answer there is no spread, and a warning says so."""
    with pytest.warns(MetricWarning, match="two of each"):
        assert math.isnan(auroc_interval([0.1, 0.2, 0.3, 0.4], right)[0])


def test_graded_quality_is_refused() -> None:
    """An AUROC is of right and wrong."""
    with pytest.raises(ParameterError, match=r"0\.5"):
        auroc_interval([0.1, 0.2], [0.5, 1])


def test_unknown_answers_are_left_out() -> None:
    """Rows of which one is missing change nothing."""
    sure, right = [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]
    assert auroc_interval([*sure, math.nan, 0.3], [*right, 1, math.nan]) == auroc_interval(
        sure, right
    )
