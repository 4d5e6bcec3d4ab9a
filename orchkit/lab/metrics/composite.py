"""Scores that others publish, under their names and by their formulas."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.errors import ParameterError
from orchkit.lab.metrics.frontier import pareto, points
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
    shares,
    tables,
    undefined,
)

NOTHING_RIGHT = "no model gets any prompt right"


def routerarena_score(
    accuracy: float,
    cost_per_1k: float,
    *,
    beta: float = 0.1,
    c_max: float = 200,
    c_min: float = 0.0044,
) -> float:
    """Return RouterArena's score: accuracy and cheapness, on a logarithmic scale, in one mean.

    Parameters
    ----------
    accuracy : float
        In [0, 1].
    cost_per_1k : float
        USD for 1,000 prompts, above 0 and at most `c_max`; NaN beyond, where it means nothing.
    beta : float
        Above 0; the smaller, the less cost weighs.
    c_max, c_min : float
        USD for 1,000 prompts at which cheapness is 0, and 1.

    Returns
    -------
    float
        In [0, 1]; NaN with a `MetricWarning` for a cost of 0 (it has no logarithm) or unknown.

    Notes
    -----
    Source: RouterArena, 2025, arXiv 2510.00202, and its code's constants; the paper takes `c_max`
    and `c_min` from the pool.

    Examples
    --------
    >>> round(routerarena_score(0.7, 1.0), 4)
    0.6744
    """
    right, paid = number("accuracy", accuracy), number("cost_per_1k", cost_per_1k)
    shares("accuracy", [right])
    costs("cost_per_1k", [paid])
    if not (0 < c_min < c_max < math.inf and 0 < beta < math.inf):
        raise ParameterError(
            f"beta, c_max, c_min are {beta!r}, {c_max!r}, {c_min!r}; "
            "all must be above 0, and c_min below c_max."
        )
    if math.isnan(right) or not paid > 0:
        return undefined("routerarena_score", "accuracy or cost is unknown, or the cost is 0")
    if paid > c_max:
        return undefined("routerarena_score", f"the cost is above c_max={c_max:g}")
    cheap = math.log2(c_max / paid) / math.log2(c_max / c_min)
    both = beta * right + cheap
    return (1 + beta) * right * cheap / both if both else 0.0


def routerarena_optimality(
    quality: ArrayLike,
    cost: ArrayLike,
    *,
    model_quality: ArrayLike | pd.DataFrame,
    model_cost: ArrayLike | pd.DataFrame,
) -> pd.Series[float]:
    """Return RouterArena's three optimality scores of a strategy against its models.

    Parameters
    ----------
    quality, cost : array-like, shape (n prompts,)
        What the strategy got: in [0, 1]; finite and 0 or more.
    model_quality, model_cost : array-like or DataFrame, shape (n prompts, m models)
        What each model would have got. A quality of 1 is right.

    Returns
    -------
    Series
        selection: share of the prompts some model gets right that were right at the cost of the
        cheapest of those; cost: mean of that cost by the strategy's, over the same prompts;
        accuracy: the strategy's by that of the best answers, over all prompts. NaN with a
        `MetricWarning` where one is undefined.

    Notes
    -----
    Source: RouterArena, 2025, arXiv 2510.00202 (OptSel, OptCost, OptAcc).

    Examples
    --------
    >>> got = dict(model_quality=[[1, 1], [0, 1]], model_cost=[[1, 4], [1, 4]])
    >>> routerarena_optimality([1, 1], [4, 4], **got).to_dict()
    {'selection': 0.5, 'cost': 0.625, 'accuracy': 1.0}
    """
    paid, good = points(cost, quality)
    each_good, each_paid = tables(model_quality, model_cost)
    aligned(quality=good, model_quality=each_good[:, 0])
    kept = known(good, paid, *each_good.T, *each_paid.T)
    left_out("routerarena_optimality", int((~kept).sum()), len(kept), "a value is")
    least = np.where(each_good >= 1, each_paid, np.inf).min(axis=1)
    solved = kept & np.isfinite(least)
    chosen = (good[solved] >= 1) & (paid[solved] <= least[solved] * (1 + ROUNDING))
    best = float(each_good[kept].max(axis=1).sum())
    parts = {
        "selection": _mean("selection", chosen.astype(float)),
        "cost": _mean("cost", _ratio(least[solved], paid[solved])),
        "accuracy": good[kept].sum() / best if best else undefined("accuracy", NOTHING_RIGHT),
    }
    return pd.Series(parts, dtype=np.float64)


def relative_gain(accuracy: float, baseline: float) -> float:
    """Return accuracy's gain over a baseline's, as a share of the baseline's.

    Against a random choice it is LLMRouterBench's Gain@R, against the best single model its
    Gain@B, and against the oracle minus its Gap@O.

    Parameters
    ----------
    accuracy, baseline : float
        In [0, 1].

    Returns
    -------
    float
        NaN with a `MetricWarning` for a baseline of 0.

    Notes
    -----
    Source: LLMRouterBench, 2026, arXiv 2601.07206.

    Examples
    --------
    >>> round(relative_gain(0.72, 0.6), 4)
    0.2
    """
    mine, other = number("accuracy", accuracy), number("baseline", baseline)
    shares("accuracy and baseline", [mine, other])
    if math.isnan(mine) or not other > 0:
        return undefined("relative_gain", "a value is unknown, or the baseline is 0")
    return (mine - other) / other


def pareto_distance(cost: ArrayLike, quality: ArrayLike, *, log_cost: bool = False) -> Floats:
    """Return how far each point is from the nearest on the Pareto frontier of all of them.

    Parameters
    ----------
    cost, quality : array-like, shape (n,)
        The points of everything compared; finite and 0 or more; in [0, 1].
    log_cost : bool
        Whether costs are compared by their logarithm.

    Returns
    -------
    ndarray, shape (n,)
        Euclidean distance after both axes are scaled to [0, 1]; 0 on the frontier, NaN for a
        point with a NaN. All NaN with a `MetricWarning` where a cost of 0 has no logarithm. The
        mean over a method's points is LLMRouterBench's ParetoDist.

    Notes
    -----
    Source: LLMRouterBench, 2026, arXiv 2601.07206, which names neither norm nor scale.

    Examples
    --------
    >>> pareto_distance([1, 3, 2], [0.5, 0.9, 0.5]).tolist()
    [0.0, 0.0, 0.5]
    """
    spent, good = points(cost, quality)
    if log_cost and (spent == 0).any():
        return np.full(len(spent), undefined("pareto_distance", "a cost of 0 has no logarithm"))
    front = pareto(spent, good)
    if not front.any():
        return np.full(len(spent), undefined("pareto_distance", NOTHING))
    usable = known(spent, good)
    placed = np.column_stack([np.log(spent) if log_cost else spent, good])
    placed = placed - placed[usable].min(axis=0)
    width = placed[usable].max(axis=0)
    placed = placed / np.where(width > 0, width, 1)
    apart = placed[:, None, :] - placed[front][None, :, :]
    nearest: Floats = np.sqrt((apart**2).sum(axis=2)).min(axis=1)
    return nearest


def ibc_lift(
    cost: float,
    quality: float,
    *,
    weak_cost: float,
    weak_quality: float,
    strong_cost: float,
    strong_quality: float,
) -> float:
    """Return AutoMix's lift in incremental benefit per cost over the strong model's, in percent.

    Parameters
    ----------
    cost, quality : float
        Means of the strategy, with all it cost: verifying too.
    weak_cost, weak_quality, strong_cost, strong_quality : float
        Means of the two models alone.

    Returns
    -------
    float
        Above 0: a dollar beyond the weak model buys more than one spent on the strong one. NaN
        with a `MetricWarning` where there is no more cost, or strong is no better than weak.

    Notes
    -----
    Source: AutoMix, Aggarwal et al., 2023, arXiv 2310.12963.

    Examples
    --------
    >>> costs = dict(weak_cost=1, weak_quality=0.5, strong_cost=11, strong_quality=0.9)
    >>> round(ibc_lift(3, 0.62, **costs), 4)
    50.0
    """
    spent = {"cost": cost, "weak_cost": weak_cost, "strong_cost": strong_cost}
    good = {"quality": quality, "weak_quality": weak_quality, "strong_quality": strong_quality}
    paid, low_paid, high_paid = (costs(name, [spent[name]])[0] for name in spent)
    mine, low, high = (shares(name, [good[name]])[0] for name in good)
    if not (paid > low_paid and high_paid > low_paid):
        return undefined("ibc_lift", "a cost is unknown, or no higher than the weak model's")
    if not high - low > EPSILON:
        return undefined("ibc_lift", "a quality is unknown, or strong is no better than weak")
    base = (high - low) / (high_paid - low_paid)
    return float(100 * ((mine - low) / (paid - low_paid) - base) / base)


def _ratio(least: Floats, paid: Floats) -> Floats:
    """Return least by paid; nothing by nothing is 1."""
    free = np.where(least > 0, math.nan, 1.0)
    return np.divide(least, paid, out=free, where=paid > 0)


def _mean(name: str, values: Floats) -> float:
    if not len(values):
        return undefined(name, NOTHING_RIGHT)
    if np.isnan(values).any():
        return undefined(name, "a strategy that cost nothing has no ratio to it")
    return float(values.mean())
