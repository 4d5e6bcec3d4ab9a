import math
import random
from statistics import NormalDist, mean, stdev
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest, sem

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.stats import clopper_pearson, mean_interval, standard_error, wilson

SHARES = st.floats(0, 1, allow_subnormal=False)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(k: int, n: int, low: float, high: float) -> None:
    """The four examples of Newcombe, Statistics in Medicine 17 (1998), method 3."""
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_the_closed_form(counts: tuple[int, int]) -> None:
    """It agrees with (k + z²/2 ± z √(pqn + z²/4)) / (n + z²)."""
    k, n = counts
    z, p = NormalDist().inv_cdf(0.975), k / n
    half = z * math.sqrt(p * (1 - p) * n + z * z / 4)
    expected = [(k + z * z / 2 + sign * half) / (n + z * z) for sign in (-1, 1)]
    assert wilson(k, n) == pytest.approx(expected, abs=1e-12)


@given(st.integers(1, 10**4).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_bounds_are_where_the_score_test_turns(counts: tuple[int, int]) -> None:
    """At each bound b, the observed share is z standard errors of b away."""
    k, n = counts
    z = NormalDist().inv_cdf(0.975)
    for bound in wilson(k, n):
        assert (k / n - bound) ** 2 == pytest.approx(z * z * bound * (1 - bound) / n, abs=1e-9)


@given(st.integers(1, 10**4).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(counts: tuple[int, int]) -> None:
    """The share lies inside, within [0, 1], and failures mirror successes."""
    k, n = counts
    low, high = wilson(k, n)
    assert 0 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= 1
    assert wilson(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_no_trials_give_no_interval() -> None:
    """Nothing observed is nothing known."""
    assert all(math.isnan(bound) for bound in wilson(0, 0))


@given(st.integers(2, 50), st.floats(0.5, 0.9))
def test_a_higher_level_is_wider(n: int, level: float) -> None:
    """More confidence costs width."""
    low, high = wilson(n // 2, n, level=level)
    wider_low, wider_high = wilson(n // 2, n, level=level + 0.05)
    assert wider_low < low
    assert high < wider_high


@given(st.lists(st.sampled_from([0, 1]), min_size=1))
def test_binary_qualities_have_wilson_s_interval(quality: list[int]) -> None:
    """Rights and wrongs are counted."""
    assert mean_interval(quality) == wilson(sum(quality), len(quality))


@given(st.lists(SHARES, min_size=2, max_size=30))
def test_graded_qualities_have_the_normal_interval(quality: list[float]) -> None:
    """Mean ± 1.96 standard errors, kept within [0, 1]."""
    assume(any(0 < value < 1 for value in quality))
    half = NormalDist().inv_cdf(0.975) * stdev(quality) / math.sqrt(len(quality))
    expected = max(0, mean(quality) - half), min(1, mean(quality) + half)
    assert mean_interval(quality) == pytest.approx(expected, abs=1e-9)


@given(st.lists(SHARES, min_size=2, max_size=30), st.randoms())
def test_the_order_does_not_matter(quality: list[float], shuffler: random.Random) -> None:
    """An interval belongs to the values, not to their order."""
    shuffled = shuffler.sample(quality, len(quality))
    assert mean_interval(shuffled) == pytest.approx(mean_interval(quality), abs=1e-9)


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series])
def test_any_array_will_do(kind: type) -> None:
    """Lists, arrays and columns are the same values."""
    assert mean_interval(kind([0.5, 0.7, 0.6, 0.8])) == pytest.approx((0.5235, 0.7765), abs=1e-4)


def test_booleans_are_counted() -> None:
    """True is 1."""
    assert mean_interval([True, False, True]) == wilson(2, 3)


@pytest.mark.parametrize("quality", [[], [0.5], [math.nan], [math.nan, 1.0], [0.2, math.nan, 0.9]])
def test_what_cannot_be_known_is_nan(quality: list[float]) -> None:
    """No values, one graded value, or an unknown among them: no interval, never a number."""
    assert all(math.isnan(bound) for bound in mean_interval(quality))


def test_one_right_answer_is_hardly_evidence() -> None:
    """One binary value has the wide interval of one trial."""
    assert mean_interval([1]) == pytest.approx((0.2065, 1.0), abs=1e-4)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_is_scipy_s_exact_interval(counts: tuple[int, int]) -> None:
    """It agrees with the exact interval of scipy's binomial test."""
    theirs = binomtest(*counts).proportion_ci(method="exact")
    assert clopper_pearson(*counts) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_counts_that_cannot_be_are_told(interval: Any) -> None:
    """More successes than trials, negative or broken counts are refused; none are unknown."""
    for k, n in [(3, 2), (-1, 2), (0.5, 2)]:
        with pytest.raises(ParameterError):
            interval(k, n)
    with pytest.raises(ParameterError, match=r"Write 0\.95"):
        interval(1, 2, level=95)
    assert all(math.isnan(bound) for bound in interval(0, 0))


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=50))
def test_the_standard_error_is_scipy_s(values: list[float]) -> None:
    """It agrees with scipy's standard error of the mean."""
    assert standard_error(values) == pytest.approx(sem(values), abs=1e-12)


@given(st.lists(st.tuples(SHARES, st.integers(0, 70)), min_size=60, max_size=120))
def test_the_clustered_error_is_miller_s_double_sum(rows: list[tuple[float, int]]) -> None:
    """Every pair within a cluster adds its product; few clusters are corrected for."""
    values, clusters = (np.array(column) for column in zip(*rows, strict=True))
    n, off, count = len(rows), values - values.mean(), len(set(clusters))
    assume(count >= 10)
    same = (clusters[:, None] == clusters) & ~np.eye(n, dtype=bool)
    square = (off**2).sum() / (n * (n - 1)) + (np.outer(off, off) * same).sum() / n**2
    expected = math.sqrt(max(0, square * (count / (count - 1) if count < 50 else 1)))
    assert standard_error(values, clusters=clusters) == pytest.approx(expected, abs=1e-9)


def test_copies_within_clusters_teach_nothing() -> None:
    """Ten copies of each value, known as such, leave the error nearly as it was."""
    values = np.random.default_rng(0).random(100)
    copied = standard_error(np.repeat(values, 10), clusters=np.repeat(np.arange(100), 10))
    assert copied == pytest.approx(standard_error(values), rel=0.01)
    assert standard_error(np.repeat(values, 10)) < 0.4 * copied


@pytest.mark.parametrize(
    ("values", "clusters", "told"),
    [
        ([1.0], None, "too few prompts"),
        ([1.0, math.nan, 0.0], None, "1 values are unknown"),
        ([1.0, 0.0] * 9, [*range(9)] * 2, "too few clusters"),
    ],
)
def test_an_undefined_error_says_why(
    values: list[float], clusters: list[int] | None, told: str
) -> None:
    """It is NaN with a warning that gives the reason."""
    with pytest.warns(MetricWarning, match=told):
        assert math.isnan(standard_error(values, clusters=clusters))


def test_clustered_intervals_cover_as_often_as_they_say() -> None:
    """Of 1,000 samples of 12 clusters, about 95 % hold the truth; without clusters, few do."""
    rng, clusters = np.random.default_rng(3), np.repeat(np.arange(12), 10)
    held = naive = 0
    for _ in range(1000):
        shares = np.clip(rng.normal(0.5, 0.15, size=12), 0, 1)
        values = np.clip(shares[clusters] + rng.uniform(-0.1, 0.1, size=120), 0, 1)
        low, high = mean_interval(values, clusters=clusters)
        held += low <= 0.5 <= high
        low, high = mean_interval(values)
        naive += low <= 0.5 <= high
    assert 0.93 <= held / 1000 <= 0.97
    assert naive / 1000 < 0.7


def test_qualities_outside_their_range_are_refused() -> None:
    """An interval within [0, 1] is of values within [0, 1]."""
    with pytest.raises(ParameterError, match="quality holds 73"):
        mean_interval([73, 80])
