"""Points of cost and quality: which are worth having, and what mixing them gives.

Costs are USD (or any one unit), finite and 0 or more; qualities lie in [0, 1]. A point of which
either is missing is left out and counted.
"""

from __future__ import annotations

import math
from typing import Any, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from orchkit.lab.metrics.reading import (
    NOTHING,
    ROUNDING,
    Floats,
    aligned,
    costs,
    depth,
    known,
    numbers,
    shares,
    undefined,
)


def pareto(cost: ArrayLike, quality: ArrayLike) -> NDArray[np.bool_]:
    """Return which points no other point beats: as cheap and as good, and one of them more so.

    Of equal costs the best is kept, of equal points the first; a point with a NaN never is.

    Parameters
    ----------
    cost, quality : array-like, shape (n,)
        Finite and 0 or more; in [0, 1].

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    ParameterError
        Lengths differ, or a value is outside its range.

    Examples
    --------
    >>> pareto([1, 2, 2, 3], [0.5, 0.7, 0.6, 0.7]).tolist()
    [True, True, False, False]
    """
    spent, good = points(cost, quality)
    mask = np.zeros(len(spent), dtype=bool)
    mask[_front(spent, good)] = True
    return mask


def hull(cost: ArrayLike, quality: ArrayLike) -> pd.DataFrame:
    """Return the corners of the non-decreasing concave hull of points, from the cheapest on.

    What lies on a line between two corners is reached by mixing them at random. There is nothing
    to the left of the cheapest point.

    Parameters
    ----------
    cost, quality : array-like, shape (n,)
        Finite and 0 or more; in [0, 1].

    Returns
    -------
    DataFrame
        Columns cost and quality, both strictly rising, and index: the position of the point that
        was given. ``.attrs["dropped"]`` counts points with a NaN.

    Raises
    ------
    ParameterError
        Lengths differ, or a value is outside its range.

    Examples
    --------
    >>> hull([1, 2, 3, 4], [0.5, 0.5, 0.9, 0.8])
       cost  quality  index
    0   1.0      0.5      0
    1   3.0      0.9      2
    """
    spent, good = points(cost, quality)
    index = corners(spent, good)
    frame = pd.DataFrame({"cost": spent[index], "quality": good[index], "index": index})
    frame.attrs["dropped"] = int((~known(spent, good)).sum())
    return frame


@overload
def hull_value(cost: ArrayLike, quality: ArrayLike, at: float) -> float: ...
@overload
def hull_value(cost: ArrayLike, quality: ArrayLike, at: ArrayLike) -> float | Floats: ...
def hull_value(cost: ArrayLike, quality: ArrayLike, at: ArrayLike) -> float | Floats:
    """Return the hull's quality at a budget: with single models as points, the Zero router.

    NaN to the left of the cheapest point, flat to the right of the dearest corner.

    Parameters
    ----------
    cost, quality : array-like, shape (n,)
        The points; finite and 0 or more; in [0, 1].
    at : float or array-like, shape (k,)
        Budgets, in the unit of `cost`.

    Returns
    -------
    float or ndarray, shape (k,)

    Notes
    -----
    Source of the Zero router: RouterBench, Hu et al., 2024, arXiv 2403.12031.

    Examples
    --------
    >>> hull_value([1, 3], [0.5, 0.9], 2), hull_value([1, 3], [0.5, 0.9], [0.5, 9]).tolist()
    (0.7, [nan, 0.9])
    """
    frame = hull(cost, quality)
    budget = numbers("at", [at] if depth(at) == 0 else at)
    if frame.empty:
        value = np.full(len(budget), undefined("hull_value", NOTHING))
    else:
        value = along(frame, budget)
    return float(value[0]) if depth(at) == 0 else value


def along(frame: pd.DataFrame, budget: Floats) -> Floats:
    """Return the quality of a frontier's corners at budgets, linear between them."""
    cheapest = frame["cost"].iloc[0]
    near = (budget < cheapest) & (budget >= cheapest * (1 - ROUNDING))  # its own mean, summed anew
    at = np.where(near, cheapest, budget)
    value: Floats = np.interp(at, frame["cost"], frame["quality"], left=math.nan)
    return value


def points(cost: Any, quality: Any) -> tuple[Floats, Floats]:
    """Return points' costs and qualities as columns of one length."""
    spent, good = costs("cost", cost), shares("quality", quality)
    aligned(cost=spent, quality=good)
    return spent, good


def corners(spent: Floats, good: Floats) -> NDArray[np.int64]:
    """Return the positions of the hull's corners, from the cheapest on, of columns as read."""
    return np.array(_corners(spent, good, _front(spent, good)), dtype=np.int64)


def _front(spent: Floats, good: Floats) -> NDArray[np.intp]:
    """Return the positions of the points that no other beats, in order of cost."""
    order = np.lexsort((-good, spent))
    order = order[known(spent, good)[order]]
    before = np.concatenate(([-math.inf], np.maximum.accumulate(good[order])))[: len(order)]
    front: NDArray[np.intp] = order[good[order] > before]
    return front


def _corners(spent: Floats, good: Floats, front: NDArray[np.intp]) -> list[int]:
    """Return the points of a frontier, in order of cost, that no two others overshadow."""
    found: list[int] = []
    for point in front.tolist():
        while len(found) > 1 and _sags(spent, good, found[-2], found[-1], point):
            found.pop()
        found.append(point)
    return found


def _sags(spent: Floats, good: Floats, left: int, middle: int, right: int) -> bool:
    """Whether the middle point is on or below the line between the others."""
    rise, run = good[middle] - good[left], spent[middle] - spent[left]
    return bool(rise * (spent[right] - spent[left]) <= run * (good[right] - good[left]))
