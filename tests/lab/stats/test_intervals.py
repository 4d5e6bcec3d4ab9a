import math
import random
from statistics import NormalDist, mean, stdev

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchkit.lab.stats import mean_interval, wilson

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
