"""Intervals for what was measured: counts and means of one sample."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike


def wilson(k: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval for `k` successes in `n` trials.

    Source: Wilson, 1927; recommended for small samples by Brown, Cai and DasGupta, 2001.

    Examples
    --------
    >>> low, high = wilson(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.49, 0.943)
    """
    if n == 0:
        return math.nan, math.nan
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p, z2 = k / n, z * z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def mean_interval(quality: ArrayLike, *, level: float = 0.95) -> tuple[float, float]:
    """Return an interval for the mean of qualities in [0, 1].

    Wilson's when every quality is 0 or 1, else the mean plus or minus the normal quantile times
    its standard error, kept within [0, 1]. NaN for fewer than two values that are not binary, and
    where a quality is unknown.

    Examples
    --------
    >>> [round(x, 3) for x in mean_interval([0.5, 0.7, 0.6, 0.8])]
    [0.523, 0.777]
    """
    values = np.asarray(quality, dtype=float)
    if np.isnan(values).any():
        return math.nan, math.nan
    if not np.any((values != 0) & (values != 1)):
        return wilson(int(values.sum()), len(values), level=level)
    if len(values) < 2:
        return math.nan, math.nan
    mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    half = NormalDist().inv_cdf(0.5 + level / 2) * error
    return max(0.0, mean - half), min(1.0, mean + half)
