"""Intervals for what is no plain mean: any statistic of columns of the same prompts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from orchkit.errors import ParameterError, whole
from orchkit.lab.stats.columns import Floats, as_long, cluster_codes, numbers, share
from orchkit.lab.stats.percentiles import UNDEFINED, Interval, interval
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
        named = {f"column {at}": numbers(f"column {at}", col) for at, col in enumerate(arrays, 1)}
        columns, units = known(named, clusters)
        dropped = len(named["column 1"]) - units.rows
        drawn = _of_means(statistic, columns, units, n, seed)
        estimate = statistic(*map(_mean, columns))
    else:
        columns, dropped = [rows_of(array) for array in arrays], 0
        codes = None if clusters is None else cluster_codes(clusters)
        names = {f"column {at}": column for at, column in enumerate(columns, 1)}
        units = Units.of(as_long(**names, clusters=codes), codes)
        drawn = replicated(statistic, columns, units, n, seed)
        estimate = statistic(*columns) if units.rows else math.nan
    return interval(estimate, drawn, units, level, dropped=dropped, max_undefined=max_undefined)


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
    whole("n", n)
    share("level", level)
    named = {
        "numerator": numbers("numerator", numerator),
        "denominator": numbers("denominator", denominator),
    }
    columns, units = known(named, clusters)
    sign = np.sign(_mean(columns[1]))

    def ratio(top: Any, bottom: Any) -> Any:
        return np.where(np.sign(bottom) * sign > 0, np.divide(top, bottom), math.nan)

    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = ratio(*map(_mean, columns))
    return interval(
        estimate, _of_means(ratio, columns, units, n, seed), units, level,
        dropped=len(named["numerator"]) - units.rows,
        undefined="the mean denominator is 0 or of the other sign",
    )  # fmt: skip


def _of_means(
    statistic: Callable[..., Any], columns: list[Floats], units: Units, n: int, seed: int
) -> Floats:
    means = replicated_means(columns, units, n, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(statistic(*means), dtype=float)


def _mean(column: Floats) -> float:
    return float(column.mean()) if len(column) else math.nan
