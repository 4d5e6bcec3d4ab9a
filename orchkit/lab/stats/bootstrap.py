"""Intervals for what is no plain mean: any statistic of columns of the same prompts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from orchkit.errors import ParameterError, whole
from orchkit.lab.stats.columns import as_long, numbers, share
from orchkit.lab.stats.percentiles import UNDEFINED, Interval, interval, plain
from orchkit.lab.stats.resampling import Units, known, replicated, replicated_means, rows_of


def bootstrap(
    statistic: Callable[..., Any],
    *arrays: ArrayLike,
    clusters: ArrayLike | None = None,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    of_means: bool = False,
    max_undefined: float = UNDEFINED,
) -> Interval:
    """Return a statistic of columns of the same prompts with its percentile bootstrap interval.

    Each replicate draws prompts, or whole clusters, with replacement, the same for every column.
    Replicates in which the statistic is NaN are left out and their share is told; where it exceeds
    `max_undefined` there is no interval: NaN with a MetricWarning, as with fewer than 2 prompts
    or 10 clusters. Below some 300 prompts percentile intervals tend to be too narrow.

    Parameters
    ----------
    statistic : callable
        Takes the resampled columns in order, returns a float or an array of fixed shape. It is
        called `n` times; unknown values are its own to judge.
    *arrays : array_like
        One row a prompt in each; further dimensions (models) are kept.
    clusters : array_like, optional
        A label for each prompt; prompts of one label are drawn together.
    n : int
        Replicates; 10,000 where p-values below 0.01 matter.
    seed : int
        The same seed gives the same result.
    level : float
        Of the two-sided interval, in (0, 1).
    of_means : bool
        The statistic is a function of the columns' means, in numpy's arithmetic: it is called
        with the means (floats once, then arrays of `n`), which takes a few seconds for 100,000
        prompts. Prompts with an unknown value are then dropped from all columns.
    max_undefined : float
        The greatest share of undefined replicates to tolerate, in [0, 1].

    Returns
    -------
    Interval

    Raises
    ------
    ParameterError
        No columns, columns of different lengths, or a setting outside its range.

    Notes
    -----
    Source: Efron and Tibshirani, 1993, chapter 13. An end of the interval is a value that some
    replicate had, so that infinite ones ("never") count.

    Examples
    --------
    >>> import numpy as np
    >>> seconds = np.arange(1, 101) / 10
    >>> print(bootstrap(np.median, seconds))
    5.05 [4.15, 5.95], n = 100 prompts
    >>> gain = bootstrap(lambda a, b: (a - b) / b, seconds + 1, seconds, of_means=True)
    >>> print(gain)
    0.198 [0.178, 0.223], n = 100 prompts
    """
    if not arrays:
        raise ParameterError("bootstrap needs columns to draw from: bootstrap(statistic, column).")
    whole("n", n)
    share("level", level)
    if of_means:
        return _of_means(statistic, arrays, clusters, (n, seed), level, max_undefined)
    columns = [rows_of(array) for array in arrays]
    names = {f"column {place}": column for place, column in enumerate(columns, 1)}
    units = Units.of(as_long(**names, clusters=rows_of(clusters)), clusters)
    estimate = plain(statistic(*columns)) if units.rows else math.nan
    drawn = replicated(statistic, columns, units, n, seed) if not units.too_few else None
    return interval(estimate, drawn, units, level, max_undefined=max_undefined)


def ratio_interval(
    numerator: ArrayLike,
    denominator: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Return the ratio of the means of two columns of the same prompts, with its interval.

    What a strategy costs in terms of another, for instance. Prompts with an unknown value are
    dropped from both. Where the mean denominator is 0, or has the other sign in more than 1 % of
    the replicates, the ratio means nothing: NaN with a MetricWarning.

    Parameters
    ----------
    numerator, denominator : array_like
        One finite value a prompt, of one unit (USD, seconds).
    clusters, n, seed, level
        As in `bootstrap`.

    Examples
    --------
    >>> cheap, dear = [0.1, 0.2, 0.3, 0.2] * 25, [0.5, 0.4, 0.6, 0.5] * 25
    >>> print(ratio_interval(cheap, dear))
    0.4 [0.374, 0.423], n = 100 prompts
    """
    above, below = numbers("numerator", numerator), numbers("denominator", denominator)
    both = np.isnan(above) | np.isnan(below) if len(above) == len(below) else np.zeros(0, bool)
    sign = np.sign(np.mean(below[~both])) if (~both).any() else 0.0

    def ratio(top: Any, bottom: Any) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.sign(bottom) * sign > 0, np.divide(top, bottom), math.nan)

    return bootstrap(
        ratio, above, below, clusters=clusters, n=n, seed=seed, level=level, of_means=True
    )


def _of_means(
    statistic: Callable[..., Any],
    arrays: tuple[ArrayLike, ...],
    clusters: ArrayLike | None,
    drawing: tuple[int, int],
    level: float,
    max_undefined: float,
) -> Interval:
    named = {f"column {at}": numbers(f"column {at}", array) for at, array in enumerate(arrays, 1)}
    columns, units = known(named, clusters)
    dropped = len(named["column 1"]) - units.rows
    means = [float(column.mean()) if units.rows else math.nan for column in columns]
    drawn = None
    if not units.too_few:
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = np.asarray(statistic(*replicated_means(columns, units, *drawing)), dtype=float)
    return interval(
        plain(statistic(*means)), drawn, units, level, dropped=dropped, max_undefined=max_undefined
    )
