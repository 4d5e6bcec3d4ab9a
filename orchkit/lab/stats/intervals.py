"""Intervals for what was measured: counts and means of one sample."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from orchkit.errors import MetricWarning, tell
from orchkit.lab.stats.columns import Floats, as_long, cluster_codes, counts, numbers, share
from orchkit.lab.stats.resampling import Units

#: From so many clusters on the correction for few of them is left out.
MANY_CLUSTERS = 50


def wilson(k: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval for `k` successes in `n` trials.

    Source: Wilson, 1927; recommended for small samples by Brown, Cai and DasGupta, 2001.

    Examples
    --------
    >>> low, high = wilson(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.49, 0.943)
    """
    k, n = counts(k, n)
    z = quantile(level)
    if n == 0:
        return math.nan, math.nan
    p, z2 = k / n, z * z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def clopper_pearson(k: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval for `k` successes in `n` trials: never too narrow.

    For guarantees; `wilson` is closer to its level on average. NaN without trials.

    Source: Clopper and Pearson, 1934, by quantiles of the beta distribution.

    Examples
    --------
    >>> low, high = clopper_pearson(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.444, 0.975)
    """
    from scipy.special import betaincinv

    k, n = counts(k, n)
    tail = (1 - share("level", level)) / 2
    if n == 0:
        return math.nan, math.nan
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return low, high


def mean_interval(
    quality: ArrayLike, *, clusters: ArrayLike | None = None, level: float = 0.95
) -> tuple[float, float]:
    """Return an interval for the mean of qualities in [0, 1].

    Wilson's when every quality is 0 or 1, else the mean plus or minus the normal quantile times
    its standard error, kept within [0, 1]. NaN for fewer than two values that are not binary, and
    where a quality is unknown. With `clusters`, always the mean plus or minus the quantile of
    Student's t, for one less than there are clusters, times the clustered standard error.

    Examples
    --------
    >>> [round(x, 3) for x in mean_interval([0.5, 0.7, 0.6, 0.8])]
    [0.523, 0.777]
    """
    values = numbers("quality", quality, low=0, high=1)
    reach = quantile(level)
    if np.isnan(values).any():
        return math.nan, math.nan
    if clusters is not None:
        return _around(
            values, _student(clusters, level) * standard_error(values, clusters=clusters)
        )
    if not np.any((values != 0) & (values != 1)):
        return wilson(int(values.sum()), len(values), level=level)
    if len(values) < 2:
        return math.nan, math.nan
    return _around(values, reach * standard_error(values))


def _around(values: Floats, half: float) -> tuple[float, float]:
    if math.isnan(half):
        return math.nan, math.nan
    return max(0.0, float(values.mean()) - half), min(1.0, float(values.mean()) + half)


def _student(clusters: ArrayLike, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(cluster_codes(clusters).max(initial=0), 0.5 + level / 2))


def standard_error(values: ArrayLike, *, clusters: ArrayLike | None = None) -> float:
    """Return the standard error of the mean; of clustered values if clusters are named.

    Of the difference of two strategies on the same prompts it is ``standard_error(a - b)``, which
    is smaller than that of two separate samples. NaN with a MetricWarning for fewer than 2 values
    or 10 clusters, and where a value is unknown.

    Parameters
    ----------
    values : array_like
        One value a prompt.
    clusters : array_like, optional
        A label for each prompt; prompts of one label are no independent evidence.

    Raises
    ------
    ParameterError
        Columns of different lengths, or values that are no numbers.

    Notes
    -----
    Source: Miller, arXiv 2411.00640, 2024. With fewer than 50 clusters `G` its square is multiplied
    by ``G / (G - 1)``.

    Examples
    --------
    >>> round(standard_error([0, 1, 1, 1]), 3)
    0.25
    """
    column = numbers("values", values)
    codes = None if clusters is None else cluster_codes(clusters)
    units = Units.of(as_long(values=column, clusters=codes), codes)
    why = f"{np.isnan(column).sum():,} values are unknown" if np.isnan(column).any() else None
    if why or units.too_few:
        tell(f"No standard error: {units.too_few or why}.", MetricWarning)
        return math.nan
    n, off = len(column), column - column.mean()
    within = float((off**2).sum())
    square = within / (n * (n - 1))
    if units.clusters is not None:
        square += (float((units.totals(off) ** 2).sum()) - within) / n**2
        square *= units.count / (units.count - 1) if units.count < MANY_CLUSTERS else 1
    return math.sqrt(max(0.0, square))


def quantile(level: float) -> float:
    """Return how many standard errors a two-sided interval of that level reaches to each side."""
    return NormalDist().inv_cdf(0.5 + share("level", level) / 2)
