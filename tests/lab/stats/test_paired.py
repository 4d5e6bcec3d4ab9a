import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.lab.stats import paired_bootstrap

QUALITIES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 0.75, 1.0])),
    min_size=10,
    max_size=40,
)


@given(QUALITIES, st.integers(0, 1000))
def test_turning_the_two_round_mirrors_everything(
    pairs: list[tuple[float, float]], seed: int
) -> None:
    """B minus a has the negative differences, replicate for replicate, and the same p."""
    a, b = np.array(pairs).T
    one = paired_bootstrap(a, b, n=200, seed=seed)
    other = paired_bootstrap(b, a, n=200, seed=seed)
    assert one.replicates == pytest.approx(-other.replicates, abs=1e-12)
    assert (one.difference, one.p) == pytest.approx((-other.difference, other.p))


@given(QUALITIES)
def test_p_is_what_it_says(pairs: list[tuple[float, float]]) -> None:
    """Twice the smaller share of replicates on the far side of 0, counting the sample itself."""
    a, b = np.array(pairs).T
    found = paired_bootstrap(a, b, n=300)
    drawn = found.replicates.round(12)
    tails = [(1 + (drawn <= 0).sum()) / 301, (1 + (drawn >= 0).sum()) / 301]
    assert found.p == min(1, 2 * min(tails))
    assert found.differ == (a != b).sum()


def test_a_strategy_does_not_differ_from_itself() -> None:
    """No difference, none in any replicate, p of 1, and it says that no prompt differs."""
    found = paired_bootstrap([1, 0, 1] * 10, [1, 0, 1] * 10)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert str(found) == "+0 [+0, +0], p = 1, n = 30 prompts, 0 of them differ"


def test_a_given_statistic_takes_the_place_of_the_mean() -> None:
    """The mean difference spelled out is the default, draw for draw; others go as well."""
    rng = np.random.default_rng(5)
    a, b = rng.gamma(2, size=80), rng.gamma(3, size=80)
    spelled = paired_bootstrap(a, b, statistic=lambda x, y: float(x.mean() - y.mean()), n=100)
    assert spelled.replicates == pytest.approx(paired_bootstrap(a, b, n=100).replicates)
    median = paired_bootstrap(a, b, statistic=lambda x, y: float(np.median(x) - np.median(y)))
    assert median.difference == np.median(a) - np.median(b)
    assert median.low < median.difference < median.high < 0


def test_pairing_is_what_makes_it_sharp() -> None:
    """On prompts of very different difficulty, the paired interval is a third of an unpaired."""
    rng = np.random.default_rng(2)
    hard = rng.uniform(0, 0.9, size=500)
    found = paired_bootstrap(hard + rng.uniform(0, 0.1, size=500), hard)
    unpaired = 2 * 1.96 * math.sqrt(2 * hard.var() / 500)
    assert found.high - found.low < unpaired / 3


@pytest.mark.parametrize("size", [1, 5])
def test_the_interval_covers_as_often_as_it_says(size: int) -> None:
    """Of 400 samples, 95 % within simulation error hold the truth; clusters of 5 included."""
    rng, truth, held, refused = np.random.default_rng(11), 0.05, 0, 0
    for _ in range(400):
        shared = np.repeat(rng.normal(0, 0.2, size=60), size)
        d = truth + shared + rng.normal(0, 0.1, size=60 * size)
        clusters = np.repeat(np.arange(60), size) if size > 1 else None
        found = paired_bootstrap(d, 0 * d, clusters=clusters, n=500)
        held += found.low <= truth <= found.high
        refused += found.p < 0.05
    assert 0.915 <= held / 400 <= 0.975  # 3 standard errors, and percentile's shortfall
    assert refused > 40  # there is power: a test that never rejects would cover as well


def test_it_is_quick_enough_for_a_notebook() -> None:
    """1,319 prompts and 2,000 replicates take about 20 ms; 0.5 s allows for a busy machine."""
    from time import perf_counter

    rng = np.random.default_rng(0)
    a, b = rng.random(1319), rng.random(1319)
    begun = perf_counter()
    paired_bootstrap(a, b)
    assert perf_counter() - begun < 0.5
