"""Intervals for what was measured: counts, means, and rights and wrongs of two strategies."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from orchkit.errors import ParameterError
from orchkit.lab.stats.columns import counts, share


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


def tango(b: int, c: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval for the difference of two strategies' shares of right answers.

    It stays honest where few prompts tell the two apart: with none of 100 it still allows for
    several points of difference, where a bootstrap would be certain. NaN without prompts.

    Parameters
    ----------
    b, c : int
        Prompts that only the first, and that only the second, got right (as in `mcnemar`).
    n : int
        All prompts, the same for both.
    level : float
        Of the two-sided interval, in (0, 1).

    Notes
    -----
    Source: Tango, Statistics in Medicine 17, 1998: the differences that the score test with the
    restricted maximum likelihood does not reject.

    Examples
    --------
    >>> [round(bound, 3) for bound in tango(1, 7, 21)]
    [-0.517, -0.026]
    """
    counts(c, n)
    first, pairs = counts(b, n)
    if b + c > n:
        raise ParameterError(f"b + c is {b + c}, of n = {n} prompts: more than there are.")
    return score_limits(first, c, pairs, quantile(level)) if n else (math.nan, math.nan)


def score_limits(gained: float, lost: float, n: float, z: float) -> tuple[float, float]:
    """Return where the paired score test turns, `z` standard errors from what was seen.

    `gained` and `lost` need not be whole: of graded qualities they are sums, which a count of
    rights and wrongs with the same sums would vary more than, not less.
    """
    return _lower_limit(gained, lost, n, z), -_lower_limit(lost, gained, n, z)


def _lower_limit(gained: float, lost: float, n: float, z: float) -> float:
    low, high = -1.0, (gained - lost) / n
    for _ in range(60):  # halving [-1, 1] until only rounding is left
        middle = (low + high) / 2
        excess = gained - lost - n * middle
        rejected = excess > z * math.sqrt(n * _variance(gained, lost, n, middle))
        low, high = (middle, high) if rejected else (low, middle)
    return low


def _variance(gained: float, lost: float, n: float, difference: float) -> float:
    """Return the variance of one pair at a true difference, the rest estimated from the data."""
    b = (gained + lost) * (1 - difference) - 2 * difference * (n - gained)
    worse = (b + math.sqrt(b * b + 8 * n * lost * difference * (1 - difference))) / (4 * n)
    return max(0.0, 2 * worse + difference - difference * difference)


def quantile(level: float) -> float:
    """Return how many standard errors a two-sided interval of that level reaches to each side."""
    return NormalDist().inv_cdf(0.5 + share("level", level) / 2)
