"""Sweeps: what a chain would have done at every threshold, as column arithmetic.

A prompt escalates past a hop exactly where no confidence up to it reaches the threshold, that is
where their running maximum is below it. So a sum over prompts is, as a function of the threshold,
a cumulative count of running maxima: one `bincount` and one `cumsum` a hop. Confidences are put
between the thresholds once for each model; the running maximum of places is the place of the
running maximum, so every chain of those models is then a matter of counting.

Equal to driving `Fallback` row by row, prompt for prompt and nano-dollar for nano-dollar.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from orchkit.core.catalog import NANO
from orchkit.errors import ParameterError
from orchkit.lab.arrays import Arrays, Floats, Ints
from orchkit.lab.cascading import most_confident, places
from orchkit.lab.stats.intervals import wilson


@dataclass(frozen=True)
class Binned:
    """Arrays whose confidences stand between thresholds.

    Parameters
    ----------
    arrays : Arrays
    thresholds : float array (T,)
        Ascending, in [0, 1].
    bins : uint array, prompts × models
        How many of the thresholds a cell's confidence reaches; none where it cannot be accepted.
    """

    arrays: Arrays
    thresholds: Floats
    bins: NDArray[Any]


def binned(arrays: Arrays, thresholds: ArrayLike) -> Binned:
    """Return the arrays with their confidences put between thresholds, for any chain to use.

    Raises ParameterError where a threshold is not a number in [0, 1].
    """
    limits = limits_of(thresholds)
    bins = np.empty(arrays.rank.shape, dtype=np.min_scalar_type(len(limits)), order="F")
    for column in range(bins.shape[1]):
        bins[:, column] = places(arrays, column, limits)
    return Binned(arrays, limits, bins)


def limits_of(thresholds: ArrayLike) -> Floats:
    """Return thresholds ascending, each once, or say that they are none."""
    try:
        limits = np.unique(np.atleast_1d(np.asarray(thresholds, dtype=float)))
    except (TypeError, ValueError):
        limits = np.empty(0)
    if not limits.size or not ((limits >= 0) & (limits <= 1)).all():
        raise ParameterError(f"threshold is {thresholds!r:.60}; give numbers in [0, 1].")
    return limits


@dataclass(frozen=True)
class Sweep:
    """Sums over `n` prompts at each of T thresholds.

    Parameters
    ----------
    thresholds : float array (T,)
    quality, square : float array (T,)
        Sums of quality, and of its square.
    cost : int array (T,)
        Nano-dollars.
    escalated : int array (hops, T)
        Prompts that went past each model but the last.
    n : int
    """

    thresholds: Floats
    quality: Floats
    square: Floats
    cost: Ints
    escalated: Ints
    n: int


def swept(table: Binned, chain: Sequence[str]) -> Sweep:
    """Return what `Fallback(chain, t)` comes to at each threshold t."""
    arrays, size = table.arrays, len(table.thresholds)
    columns = [arrays.column(name) for name in chain]
    quality = [arrays.quality[:, column] for column in columns]
    unsure = list(_unsure(table, columns))
    gains = [after - here for here, after in pairwise([*quality, most_confident(arrays, columns)])]
    total = np.full(size, quality[0].sum())
    total += sum(_past(reached, gain, size) for reached, gain in zip(unsure, gains, strict=True))
    paid, escalated = np.full(size, arrays.cost[:, columns[0]].sum()), []
    for reached, column in zip(unsure[:-1], columns[1:], strict=True):
        paid += _past(reached, arrays.cost[:, column], size).astype(np.int64)
        escalated.append(np.bincount(reached, minlength=size + 1)[:size].cumsum())
    square = total if arrays.binary else _squares(arrays, columns, unsure, size)
    counts = np.array(escalated, dtype=np.int64).reshape(len(columns) - 1, size)
    return Sweep(table.thresholds, total, square, paid, counts, len(arrays))


def _unsure(table: Binned, columns: Sequence[int]) -> Iterator[NDArray[Any]]:
    """Give for each hop the number of thresholds that some answer up to there has reached."""
    reached = table.bins[:, columns[0]]
    yield reached
    for column in columns[1:]:
        reached = np.maximum(reached, table.bins[:, column])
        yield reached


def _past(reached: NDArray[Any], gain: NDArray[Any], size: int) -> Floats:
    """Return at each threshold the sum of gains over the prompts that no answer was enough for."""
    past: Floats = np.bincount(reached, weights=gain, minlength=size + 1)[:size].cumsum()
    return past


def _squares(
    arrays: Arrays, columns: Sequence[int], unsure: Sequence[NDArray[Any]], size: int
) -> Floats:
    """Return the sums of squared quality at each threshold."""
    said = [arrays.quality[:, column] for column in columns] + [most_confident(arrays, columns)]
    gains = [after**2 - here**2 for here, after in pairwise(said)]
    past = [_past(reached, gain, size) for reached, gain in zip(unsure, gains, strict=True)]
    squares: Floats = (said[0] ** 2).sum() + np.sum(past, axis=0)
    return squares


def subchains(models: Sequence[str], longest: int | None = None) -> Iterator[tuple[str, ...]]:
    """Give all chains of two models or more that keep this order.

    Examples
    --------
    >>> list(subchains(["a", "b", "c"]))
    [('a', 'b'), ('a', 'c'), ('b', 'c'), ('a', 'b', 'c')]
    """
    for size in range(2, (longest or len(models)) + 1):
        yield from combinations(models, size)


def by_cost(arrays: Arrays) -> list[str]:
    """Return the models, the one that cost least first."""
    return [arrays.models[column] for column in np.argsort(arrays.cost.sum(axis=0), kind="stable")]


def sweep_frame(sweep: Sweep, chain: Sequence[str], *, binary: bool) -> pd.DataFrame:
    """Return a sweep as a frame, one row a threshold.

    Columns: threshold, quality in [0, 1] with its 95 % interval, cost_per_1k (USD per 1,000
    prompts), cost (USD in all), escalation_rate (share that went past the first model), calls
    (mean, a prompt), n. ``.attrs["chain"]`` names the models.
    """
    n, past = sweep.n, sweep.escalated
    quality = sweep.quality / n
    low, high = _intervals(sweep, binary=binary)
    frame = pd.DataFrame(
        {
            "threshold": sweep.thresholds,
            "quality": quality,
            "quality_low": low,
            "quality_high": high,
            "cost_per_1k": 1000 * (sweep.cost / NANO) / n,
            "cost": sweep.cost / NANO,
            "escalation_rate": past[0] / n if len(past) else 0.0,
            "calls": 1 + past.sum(axis=0) / n,
            "n": n,
        }
    )
    frame.attrs["chain"] = list(chain)
    return frame


def _intervals(sweep: Sweep, *, binary: bool) -> tuple[Floats, Floats]:
    """Return 95 % intervals: Wilson's where every quality is 0 or 1, else the normal one."""
    n, mean = sweep.n, sweep.quality / sweep.n
    if binary:
        each = {k: wilson(k, n) for k in np.rint(sweep.quality).astype(int).tolist()}
        found = np.array([each[k] for k in np.rint(sweep.quality).astype(int).tolist()])
        return found[:, 0], found[:, 1]
    if n < 2:
        return np.full_like(mean, math.nan), np.full_like(mean, math.nan)
    variance = np.maximum(sweep.square / n - mean**2, 0) * n / (n - 1)
    half = NormalDist().inv_cdf(0.975) * np.sqrt(variance / n)
    return np.maximum(mean - half, 0), np.minimum(mean + half, 1)
