"""Cascades: what a chain with given thresholds does with each prompt, or in all at many of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchkit.lab.arrays import Arrays, Flags, Floats, Ints


def places(arrays: Arrays, column: int, limits: Floats) -> Ints:
    """Return how many of the ascending limits each cell of a model reaches."""
    reached = np.searchsorted(limits, arrays.rank[:, column], side="right")
    return np.where(arrays.usable[:, column], reached, 0)


def most_confident(arrays: Arrays, columns: Sequence[int]) -> Floats:
    """Return the quality of the most confident answer; of equals, the later one's."""
    best, quality = arrays.rank[:, columns[0]], arrays.quality[:, columns[0]]
    for column in columns[1:]:
        later = arrays.rank[:, column] >= best
        best = np.where(later, arrays.rank[:, column], best)
        quality = np.where(later, arrays.quality[:, column], quality)
    return quality


@dataclass(frozen=True)
class Routed:
    """What a strategy did with each prompt: the column of the answer it chose, and its cost.

    Parameters
    ----------
    chosen : int array (prompts,)
    quality : float array (prompts,)
    cost : int array (prompts,)
        Nano-dollars.
    """

    chosen: Ints
    quality: Floats
    cost: Ints


def cascaded(arrays: Arrays, chain: Sequence[str], limits: Sequence[float]) -> Routed:
    """Return what each prompt came to on a chain that accepts at these limits, one a model.

    The limit of a model whose answer is always taken is minus infinity.
    """
    columns = np.array([arrays.column(name) for name in chain])
    chosen, asked = stops(arrays, columns, limits)
    cost = (arrays.cost[:, columns] * asked).sum(axis=1)
    return Routed(chosen, arrays.quality[np.arange(len(arrays)), chosen], cost)


def stops(arrays: Arrays, columns: Ints, limits: Sequence[float]) -> tuple[Ints, Flags]:
    """Return whose answer a chain of these columns keeps, and who of them is asked."""
    ranks, usable = arrays.rank[:, columns], arrays.usable[:, columns]
    accepted = usable & (ranks >= np.asarray(limits, dtype=float))
    stopped = accepted.any(axis=1)
    hop = np.where(stopped, accepted.argmax(axis=1), len(columns) - 1)
    best = len(columns) - 1 - ranks[:, ::-1].argmax(axis=1)  # of equals, the later
    chosen: Ints = columns[np.where(stopped, hop, best)]
    return chosen, np.arange(len(columns)) <= hop[:, None]


def hop_grid(arrays: Arrays, chain: Sequence[str], limits: Sequence[Floats]) -> tuple[Floats, Ints]:
    """Return sums of quality, and of nano-dollars, for every combination of hops' thresholds.

    One ascending array of thresholds for each model but the last, whose answer is always taken if
    it is usable. Axis h of what is returned belongs to hop h.
    """
    columns = [arrays.column(name) for name in chain]
    sizes = [len(each) for each in limits]
    quality = np.full(sizes, arrays.quality[:, columns[0]].sum())
    cost: Ints = np.full(sizes, arrays.cost[:, columns[0]].sum())
    flat = np.zeros(len(arrays), dtype=np.int64)
    taken = _taken(arrays, columns)
    for hop, cuts in enumerate(limits):
        flat = flat * (len(cuts) + 1) + places(arrays, columns[hop], cuts)
        gain = taken[hop + 1] - arrays.quality[:, columns[hop]]
        shape, rest = sizes[: hop + 1], len(sizes) - hop - 1
        quality += _within(flat, gain, shape, rest)
        spent = arrays.cost[:, columns[hop + 1]]
        cost += np.rint(_within(flat, spent, shape, rest)).astype(np.int64)
    return quality, cost


def _taken(arrays: Arrays, columns: Sequence[int]) -> list[Floats]:
    """Return the quality of the answer that is taken at each hop that is reached."""
    last = columns[-1]
    ends = np.where(
        arrays.usable[:, last], arrays.quality[:, last], most_confident(arrays, columns)
    )
    return [*(arrays.quality[:, column] for column in columns[:-1]), ends]


def _within(flat: Ints, weights: NDArray[Any], shape: Sequence[int], rest: int) -> Floats:
    """Return the sums of weights over prompts below each combination of thresholds."""
    full = [size + 1 for size in shape]
    counts = np.bincount(flat, weights=weights, minlength=math.prod(full)).reshape(full)
    within: NDArray[Any] = counts[tuple(slice(size) for size in shape)]
    for axis in range(len(shape)):
        within = within.cumsum(axis=axis)
    return within.reshape([*shape, *[1] * rest])
