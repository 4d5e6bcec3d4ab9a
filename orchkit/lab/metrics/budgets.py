"""One number for a curve of cost and quality: what it gives on the mean, where it is enough."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.errors import ParameterError
from orchkit.lab.metrics.frontier import along, hull, points
from orchkit.lab.metrics.reading import (
    EPSILON,
    NOTHING,
    ROUNDING,
    costs,
    left_out,
    number,
    numbers,
    one_of,
    shares,
    undefined,
)


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
    spent, good = points(cost, quality)
    if not frame["quality"].iloc[-1] >= wanted - EPSILON:
        return math.inf
    if mixed:
        return float(np.interp(wanted, frame["quality"], frame["cost"])) / reference
    return float(np.nanmin(spent[good >= wanted - EPSILON])) / reference


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
