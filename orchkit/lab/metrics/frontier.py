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

from orchkit.errors import ParameterError
from orchkit.lab.metrics.reading import (
    EPSILON,
    NOTHING,
    ROUNDING,
    Floats,
    aligned,
    costs,
    known,
    left_out,
    number,
    numbers,
    one_of,
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
    spent, good = _points(cost, quality)
    order = np.lexsort((-good, spent))
    order = order[known(spent, good)[order]]
    before = np.concatenate(([-math.inf], np.maximum.accumulate(good[order])))[: len(order)]
    mask = np.zeros(len(spent), dtype=bool)
    mask[order[good[order] > before]] = True
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
    spent, good = _points(cost, quality)
    front = np.flatnonzero(pareto(spent, good))
    corners = _corners(spent, good, front[np.argsort(spent[front])])
    index = np.array(corners, dtype=np.int64)
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
    budget = numbers("at", [at] if np.ndim(at) == 0 else at)
    if frame.empty:
        value = np.full(len(budget), undefined("hull_value", NOTHING))
    else:
        value = along(frame, budget)
    return float(value[0]) if np.ndim(at) == 0 else value


def along(frame: pd.DataFrame, budget: Floats) -> Floats:
    """Return the quality of a frontier's corners at budgets, linear between them."""
    cheapest = frame["cost"].iloc[0]
    near = (budget < cheapest) & (budget >= cheapest * (1 - ROUNDING))  # its own mean, summed anew
    at = np.where(near, cheapest, budget)
    value: Floats = np.interp(at, frame["cost"], frame["quality"], left=math.nan)
    return value


def aiq(
    cost: ArrayLike,
    quality: ArrayLike,
    *,
    cost_range: tuple[float, float],
    norm: str = "width",
) -> float:
    """Return the average improvement in quality: the hull's mean quality over a range of costs.

    Parameters
    ----------
    cost, quality : array-like, shape (n,)
        A strategy's points over its settings; finite and 0 or more; in [0, 1].
    cost_range : tuple of float
        Lowest and highest cost, the same for all that is compared. No curve may begin to the
        right of the lowest, else NaN.
    norm : {"width", "routerbench-code"}
        ``"width"`` is the paper's: area over the range by its width. ``"routerbench-code"`` is
        what RouterBench computes: area from the curve's *own* first point to the highest cost, by
        the highest cost; the lowest is not used.

    Returns
    -------
    float
        In [0, 1]; NaN with a `MetricWarning` where it is undefined.

    Notes
    -----
    Source: RouterBench, Hu et al., 2024, arXiv 2403.12031; code `evaluation/AIQ.py`, whose hull
    is wrong where costs tie and fails on two points: here it is the hull.

    Examples
    --------
    >>> aiq([1, 3], [0.5, 0.9], cost_range=(1, 3))
    0.7
    >>> round(aiq([1, 3], [0.5, 0.9], cost_range=(1, 3), norm="routerbench-code"), 4)
    0.4667
    """
    own_start = one_of("norm", norm, ("width", "routerbench-code")) == "routerbench-code"
    low, high = _range(cost_range)
    frame = hull(cost, quality)
    left_out("aiq", frame.attrs["dropped"], np.size(cost), "cost or quality is")
    if frame.empty:
        return undefined("aiq", NOTHING)
    first = float(frame["cost"].iloc[0])
    start = first if own_start else low
    if start < first * (1 - ROUNDING):
        return undefined(
            "aiq", f"cost_range begins at {low:g}, left of the curve's cheapest point, {first:g}"
        )
    if high <= start:
        return undefined("aiq", f"there is no width between {start:g} and {high:g}")
    return _area(frame, start, high) / (high if own_start else high - low)


def qnc(
    cost: ArrayLike,
    quality: ArrayLike,
    *,
    best_cost: float,
    best_quality: float,
    mixed: bool = False,
) -> float:
    """Return the quality-neutral cost: the least share of the best model's that keeps its quality.

    Of several best models the cheapest is the reference. One minus it is LLMRouterBench's CostSave.

    Parameters
    ----------
    cost, quality : array-like, shape (n,)
        A strategy's points over its settings; finite and 0 or more; in [0, 1].
    best_cost, best_quality : float
        Of the most accurate single model.
    mixed : bool
        Whether two settings may be mixed at random: then where the hull reaches the quality.

    Returns
    -------
    float
        A share, above 1 where it is dearer; inf where the quality is never reached; NaN with a
        `MetricWarning` where it is undefined.

    Notes
    -----
    Source: UniRoute, Jitkrittum et al., 2025, arXiv 2502.08773.

    Examples
    --------
    >>> qnc([1, 2, 6], [0.7, 0.9, 0.95], best_cost=8, best_quality=0.9)
    0.25
    """
    reference, wanted = number("best_cost", best_cost), number("best_quality", best_quality)
    costs("best_cost", [reference])
    shares("best_quality", [wanted])
    frame = hull(cost, quality)
    left_out("qnc", frame.attrs["dropped"], np.size(cost), "cost or quality is")
    if frame.empty or math.isnan(wanted):
        return undefined("qnc", NOTHING)
    if not reference > 0:
        return undefined("qnc", "the best model's cost is unknown or 0")
    spent, good = _points(cost, quality)
    if not frame["quality"].iloc[-1] >= wanted - EPSILON:
        return math.inf
    if mixed:
        return float(np.interp(wanted, frame["quality"], frame["cost"])) / reference
    return float(np.nanmin(spent[good >= wanted - EPSILON])) / reference


def _points(cost: Any, quality: Any) -> tuple[Floats, Floats]:
    spent, good = costs("cost", cost), shares("quality", quality)
    aligned(cost=spent, quality=good)
    return spent, good


def _corners(spent: Floats, good: Floats, front: NDArray[np.intp]) -> list[int]:
    """Return the points of a frontier, in order of cost, that no two others overshadow."""
    corners: list[int] = []
    for point in front.tolist():
        while len(corners) > 1 and _sags(spent, good, corners[-2], corners[-1], point):
            corners.pop()
        corners.append(point)
    return corners


def _sags(spent: Floats, good: Floats, left: int, middle: int, right: int) -> bool:
    """Whether the middle point is on or below the line between the others."""
    rise, run = good[middle] - good[left], spent[middle] - spent[left]
    return bool(rise * (spent[right] - spent[left]) <= run * (good[right] - good[left]))


def _range(given: Any) -> tuple[float, float]:
    ends = numbers("cost_range", given)
    if len(ends) != 2 or not np.isfinite(ends).all() or not 0 <= ends[0] <= ends[1]:
        raise ParameterError(
            f"cost_range is {given!r:.60}; it must be two finite costs, the lower one first."
        )
    return float(ends[0]), float(ends[1])


def _area(frame: pd.DataFrame, start: float, end: float) -> float:
    corners = frame["cost"].to_numpy()
    grid = np.concatenate(([start], corners[(corners > start) & (corners < end)], [end]))
    return float(np.trapezoid(along(frame, grid), grid))
