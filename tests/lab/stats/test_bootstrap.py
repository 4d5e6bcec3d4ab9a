import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap as scipy_bootstrap

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.stats import bootstrap, paired_bootstrap, ratio_interval
from orchkit.lab.stats.percentiles import percentile

NUMBERS = np.random.default_rng(7)
SECONDS = NUMBERS.gamma(2, size=200)
COSTS = SECONDS * NUMBERS.uniform(0.2, 0.6, size=200)
COLUMNS = st.lists(st.floats(-100, 100), min_size=10, max_size=30)


@pytest.mark.parametrize("statistic", [np.mean, np.std, lambda x: np.median(np.abs(x - x.mean()))])
def test_the_interval_is_the_percentile_bootstrap(statistic: Any) -> None:
    """Its ends agree with scipy's within the noise of 5,000 replicates."""
    found = bootstrap(statistic, SECONDS, n=5000)
    theirs = scipy_bootstrap(
        (SECONDS,), statistic, n_resamples=5000, method="percentile", vectorized=False, rng=1
    )
    noise = 0.15 * theirs.standard_error
    assert found.estimate == pytest.approx(statistic(SECONDS), abs=1e-12)
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=noise)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=noise)


def test_a_ratio_s_interval_is_scipy_s() -> None:
    """The ratio of two means, drawn in pairs, agrees with scipy's paired bootstrap."""
    found = ratio_interval(COSTS, SECONDS, n=5000)
    theirs = scipy_bootstrap(
        (COSTS, SECONDS),
        lambda top, bottom: top.mean() / bottom.mean(),
        paired=True,
        vectorized=False,
        n_resamples=5000,
        method="percentile",
        rng=1,
    )
    noise = 0.15 * theirs.standard_error
    assert found.estimate == pytest.approx(COSTS.mean() / SECONDS.mean(), abs=1e-12)
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=noise)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=noise)


@given(COLUMNS, st.integers(0, 2**32), st.booleans())
def test_counting_draws_is_drawing_rows(column: list[float], seed: int, clustered: bool) -> None:
    """The fast path for means has replicate for replicate the means of the drawn rows."""
    values = np.array(column)
    clusters = np.arange(len(values)) * 11 // len(values) if clustered else None
    if clusters is not None and len(values) < 11:
        clusters = np.arange(len(values))
    both: dict[str, Any] = {"clusters": clusters, "n": 20, "seed": seed}
    fast = bootstrap(lambda mean: mean, values, of_means=True, **both)
    slow = bootstrap(np.mean, values, **both)
    assert fast.replicates == pytest.approx(slow.replicates, abs=1e-9)


def test_columns_are_drawn_together() -> None:
    """A column and its double never fall apart, in any replicate."""
    found = bootstrap(lambda a, b: np.abs(2 * a - b).max(), SECONDS, 2 * SECONDS, n=50)
    assert found.replicates.tolist() == [0.0] * 50
    assert ratio_interval(2 * SECONDS, SECONDS).low == pytest.approx(2, abs=1e-12)


def test_clusters_are_drawn_whole() -> None:
    """Rows of one cluster come equally often, and the number of clusters stays the same."""
    clusters = np.repeat(np.arange(12), [1, 2, 3] * 4)
    seen = []

    def look(drawn: np.ndarray) -> float:
        seen.append(np.bincount(drawn, minlength=12) / ([1, 2, 3] * 4))
        return 0.0

    bootstrap(look, clusters, clusters=clusters, n=30)
    times = np.array(seen)
    assert (times == times.round()).all()
    assert (times.sum(axis=1) == 12).all()
    assert len(np.unique(times[1:], axis=0)) == 30


def test_a_cluster_a_row_is_no_cluster() -> None:
    """Clusters of one row each give the interval of rows."""
    one = bootstrap(np.mean, SECONDS, clusters=[f"c{row}" for row in range(200)], n=100)
    assert one.replicates.tolist() == bootstrap(np.mean, SECONDS, n=100).replicates.tolist()
    assert (one.clusters, bootstrap(np.mean, SECONDS, n=100).clusters) == (200, None)


def test_doubling_every_row_within_its_cluster_teaches_nothing() -> None:
    """Copies in the same cluster leave the interval as it was; copies taken for new narrow it."""
    twice, clusters = np.repeat(SECONDS, 2), np.repeat(np.arange(200), 2)
    honest, plain = bootstrap(np.mean, twice, clusters=clusters), bootstrap(np.mean, SECONDS)
    assert (honest.low, honest.high) == pytest.approx((plain.low, plain.high), abs=1e-9)
    naive = bootstrap(np.mean, twice)
    assert naive.high - naive.low < 0.8 * (honest.high - honest.low)


def test_a_seed_repeats_and_another_does_not() -> None:
    """The same seed gives the same replicates, another seed others."""
    first, again, other = (bootstrap(np.median, SECONDS, n=50, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first.replicates.tolist() == again.replicates.tolist()
    assert first.replicates.tolist() != other.replicates.tolist()


def test_an_array_has_an_interval_for_each_value() -> None:
    """A statistic of many values is bootstrapped value by value, a frame row by row."""
    models = pd.DataFrame({"small": SECONDS, "large": 2 * SECONDS})
    found = bootstrap(lambda rows: rows.mean(axis=0), models, n=200)
    small = bootstrap(np.mean, SECONDS, n=200)
    assert found.replicates.shape == (200, 2)
    assert found.low == pytest.approx([small.low, 2 * small.low])
    assert str(found) == "2 values with intervals, n = 200 prompts"


def test_undefined_replicates_are_counted_and_too_many_refused() -> None:
    """Up to the tolerated share they are left out; beyond it there is no interval."""
    rare = np.r_[np.ones(3), np.zeros(47)]  # absent from about 4 % of replicates

    def when_there(drawn: np.ndarray) -> float:
        return float(drawn.mean()) if drawn.any() else math.nan

    with pytest.warns(MetricWarning, match="undefined in 4"):
        refused = bootstrap(when_there, rare)
    assert math.isnan(refused.low)
    assert refused.estimate == 0.06
    told = bootstrap(when_there, rare, max_undefined=0.1)
    assert told.undefined == refused.undefined == np.isnan(told.replicates).mean()
    assert 0 < told.low < 0.06 < told.high
    assert "undefined in 4" in str(told)


def test_never_counts_as_infinite() -> None:
    """Infinite replicates are values: an interval may reach up to never."""
    rare = np.r_[np.ones(3), np.zeros(47)]
    found = bootstrap(lambda drawn: 1 / drawn.mean() if drawn.any() else math.inf, rare)
    assert found.high == math.inf
    assert 0 < found.low < found.estimate < math.inf


def test_a_ratio_to_nothing_is_refused() -> None:
    """A denominator that is 0, or may be of either sign, has no ratio."""
    with pytest.warns(MetricWarning, match="other sign in"):
        assert math.isnan(ratio_interval(SECONDS, SECONDS - SECONDS.mean() - 0.05).low)
    with pytest.warns(MetricWarning, match="mean denominator is 0"):
        assert math.isnan(ratio_interval(SECONDS, 0 * SECONDS).estimate)
    assert ratio_interval(SECONDS, -SECONDS).high == -1


@pytest.mark.parametrize(("rows", "clusters"), [(0, None), (1, None), (40, 9)])
def test_from_too_few_nothing_is_inferred(rows: int, clusters: int | None) -> None:
    """Fewer than 2 prompts or 10 clusters: no interval and no p, and a warning that says so."""
    values = SECONDS[:rows]
    labels = None if clusters is None else np.arange(rows) % clusters
    with pytest.warns(MetricWarning, match=f"too few .* \\({clusters or rows}\\)"):
        found = paired_bootstrap(values, values + 1, clusters=labels)
    assert all(math.isnan(value) for value in (found.low, found.high, found.p))
    assert rows == 0 or found.difference == pytest.approx(-1)
    with pytest.warns(MetricWarning, match="too few"):
        assert math.isnan(bootstrap(np.mean, values, clusters=labels).high)


def test_a_statistic_of_changing_shape_is_refused() -> None:
    """What a statistic returns must be comparable between replicates."""
    with pytest.raises(ParameterError, match="arrays of one shape"):
        bootstrap(lambda drawn: drawn[drawn > 2], SECONDS)
    with pytest.raises(ParameterError, match="needs columns"):
        bootstrap(np.mean)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_a_percentile_is_an_order_statistic(values: list[float], level: float) -> None:
    """It is numpy's inverted distribution function, unknown values left out."""
    expected = np.quantile(values, level, method="inverted_cdf")
    assert percentile(np.array([*values, math.nan]), level) == expected
