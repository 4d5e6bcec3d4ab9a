"""Intervals for what is no plain mean: any statistic of columns of the same prompts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from orchkit.errors import MetricWarning, ParameterError, tell, whole
from orchkit.lab.stats.columns import Floats, as_long, numbers, share
from orchkit.lab.stats.resampling import Units, percentile, replicated, replicated_means

#: A statistic that is undefined in more of its replicates has no interval.
UNDEFINED = 0.01


@dataclass(frozen=True)
class Interval:
    """A statistic with its percentile interval. Prints in words.

    Attributes
    ----------
    estimate, low, high : float or array
        The statistic of all prompts, and the ends of its interval; NaN where undefined.
    level : float
        How often such an interval holds the truth.
    n, dropped : int
        Prompts used, and prompts left out because a value was unknown.
    clusters : int or None
        Clusters drawn as a whole; None where every prompt was drawn by itself.
    undefined : float
        Share of replicates in which the statistic was undefined, in [0, 1].
    replicates : array
        The statistic of each replicate, along the first axis.
    """

    estimate: Any
    low: Any
    high: Any
    level: float
    n: int
    dropped: int
    clusters: int | None
    undefined: float
    replicates: Floats = field(repr=False, compare=False)

    def __str__(self) -> str:
        many = f"{np.size(self.estimate):,} values with intervals"
        one = f"{_short(self.estimate)} [{_short(self.low)}, {_short(self.high)}]"
        lost = f", undefined in {self.undefined:.1%} of replicates" if self.undefined else ""
        return f"{many if np.ndim(self.estimate) else one}, {sample(self)}{lost}"


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
    columns = [_rows(array) for array in arrays]
    names = {f"column {place}": column for place, column in enumerate(columns, 1)}
    units = Units.of(as_long(**names, clusters=_rows(clusters)), clusters)
    estimate = _value(statistic(*columns)) if units.rows else math.nan
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


def interval(
    estimate: Any,
    replicates: Floats | None,
    units: Units,
    level: float,
    *,
    dropped: int = 0,
    max_undefined: float = UNDEFINED,
) -> Interval:
    """Return the interval of replicates, or NaN and say why there is none."""
    drawn = np.empty(0) if replicates is None else replicates
    lost = float(np.isnan(drawn).mean()) if drawn.size else 0.0
    why = units.too_few
    if why is None and lost > max_undefined:
        why = f"the statistic is undefined in {lost:.1%} of the replicates"
    if why is not None:
        tell(f"No interval: {why}.", MetricWarning)
        low = high = np.full(np.shape(estimate), math.nan)
    else:
        low, high = (percentile(drawn, end) for end in ((1 - level) / 2, (1 + level) / 2))
    return Interval(
        _value(estimate), _value(low), _value(high), level, units.rows, dropped, units.clusters,
        lost, drawn,
    )  # fmt: skip


def sample(result: Any) -> str:
    """Return what a result rests on, in words: prompts, clusters, and what was dropped."""
    within = "" if result.clusters is None else f" in {result.clusters:,} clusters"
    dropped = f" ({result.dropped:,} dropped: unknown)" if result.dropped else ""
    return f"n = {result.n:,} prompts{within}{dropped}"


def known(columns: dict[str, Floats], clusters: ArrayLike | None) -> tuple[list[Floats], Units]:
    """Return the rows that are known in every column, and the units they form."""
    labels = _rows(clusters)
    as_long(**columns, clusters=labels)
    kept = ~np.isnan(np.stack(list(columns.values()))).any(axis=0)
    left = [column[kept] for column in columns.values()]
    return left, Units.of(int(kept.sum()), None if labels is None else labels[kept])


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
        _value(statistic(*means)), drawn, units, level, dropped=dropped, max_undefined=max_undefined
    )


def _rows(values: Any) -> Any:
    """Return rows to draw from; numbers of nullable columns as floats with NaN."""
    if isinstance(values, (pd.Series, pd.DataFrame, pd.Index)):
        try:
            return values.to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError):
            return values.to_numpy()
    array: NDArray[Any] | None = None if values is None else np.asarray(values)
    return array


def _value(result: Any) -> Any:
    """Return a float for one value, else an array."""
    return float(result) if np.ndim(result) == 0 else np.asarray(result, dtype=float)


def _short(value: float) -> str:
    return f"{value:.3g}"
