"""What could have been had: the best choice among recorded answers, which reads the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.lab.metrics.frontier import along, hull
from orchkit.lab.metrics.reading import (
    EPSILON,
    Floats,
    aligned,
    costs,
    depth,
    each,
    known,
    left_out,
    length,
    shares,
    tables,
    undefined,
)
from orchkit.lab.metrics.utilities import climbed, climbs


def oracle_frontier(
    quality: ArrayLike | pd.DataFrame, cost: ArrayLike | pd.DataFrame
) -> pd.DataFrame:
    """Return the best mean quality that choosing a model for each prompt can buy at a mean cost.

    Each row is the choice of the model with the highest ``quality - price * cost`` for every
    prompt, at one price of money; the first is each prompt's cheapest model (the better of
    equals), the last the cheapest of its best. All prices at which a choice changes are there.

    Parameters
    ----------
    quality, cost : array-like or DataFrame, shape (n prompts, m models)
        In [0, 1]; finite and 0 or more. A prompt with a missing value is left out.

    Returns
    -------
    DataFrame
        Columns cost and quality, means over prompts, both strictly rising and concave, and
        gain_per_cost: the quality that the last step bought for one unit of cost, inf at first.
        ``.attrs`` has n and dropped, counts of prompts.

    Raises
    ------
    ParameterError
        Shapes or labels differ, or a value is outside its range.

    Notes
    -----
    The linear relaxation of a multiple-choice knapsack (Sinha and Zoltners, 1979): each prompt
    climbs its own hull of models, and all steps are taken in the order of what they buy.

    Examples
    --------
    >>> oracle_frontier([[0, 1], [1, 1], [0, 0]], [[1, 4], [1, 4], [1, 4]])
       cost   quality  gain_per_cost
    0   1.0  0.333333            inf
    1   2.0  0.666667       0.333333
    """
    good, spent = tables(quality, cost)
    kept = known(*good.T, *spent.T)
    good, spent = good[kept], spent[kept]
    frame = climbed(climbs(good, spent), good, spent)
    frame.attrs.update(n=len(good), dropped=int((~kept).sum()))
    return frame


def regret(
    cost: float | ArrayLike,
    quality: float | ArrayLike,
    *,
    oracle_cost: ArrayLike,
    oracle_quality: ArrayLike,
) -> float | Floats:
    """Return how much better the oracle is than a strategy that costs as much.

    Parameters
    ----------
    cost, quality : float or array-like, shape (k,)
        Means of a strategy, or of several.
    oracle_cost, oracle_quality : array-like, shape (n,)
        The columns of `oracle_frontier`, for the same prompts.

    Returns
    -------
    float or ndarray, shape (k,)
        In quality, 0 or more for a strategy that asks one model a prompt. NaN with a
        `MetricWarning` for one that is cheaper than every choice of the oracle.

    Examples
    --------
    >>> regret(2.5, 0.6, oracle_cost=[1, 2], oracle_quality=[0.5, 0.75])
    0.15000000000000002
    """
    n = length(cost, quality)
    spent, good = each(costs, "cost", cost, n), each(shares, "quality", quality, n)
    aligned(cost=spent, quality=good)
    frontier = hull(oracle_cost, oracle_quality)
    best = along(frontier, spent) if len(frontier) else np.full(n, np.nan)
    lost = int((np.isnan(best) & known(spent, good)).sum())
    if lost:
        undefined("regret", f"{lost} of {n} cost less than the oracle ever does")
    left_out("regret", int((~known(spent, good)).sum()), n, "cost or quality is")
    return float(best[0] - good[0]) if depth(cost) == depth(quality) == 0 else best - good


def model_recall(
    quality: ArrayLike, model_quality: ArrayLike | pd.DataFrame, *, right: float = 1.0
) -> float:
    """Return the share of the prompts some model gets right that the strategy got right.

    One minus it is the share of avoidable failures: a model was right, but was not chosen.

    Parameters
    ----------
    quality : array-like, shape (n prompts,)
        What the strategy got, in [0, 1].
    model_quality : array-like or DataFrame, shape (n prompts, m models)
        What each model got, in [0, 1]. A prompt with a missing value is left out.
    right : float
        The least quality that counts as right.

    Returns
    -------
    float
        In [0, 1]; NaN with a `MetricWarning` where no model gets any prompt right.

    Notes
    -----
    Source: LLMRouterBench, 2026, arXiv 2601.07206 ("model-recall failures").

    Examples
    --------
    >>> model_recall([1, 0, 0], [[1, 0], [0, 1], [0, 0]])
    0.5
    """
    mine, theirs = shares("quality", quality), shares("model_quality", model_quality, ndim=2)
    aligned(quality=mine, model_quality=theirs[:, 0])
    kept = known(mine, *theirs.T)
    left_out("model_recall", int((~kept).sum()), len(kept), "a quality is")
    solvable = kept & (theirs >= right - EPSILON).any(axis=1)
    if not solvable.any():
        return undefined("model_recall", "no model gets any prompt right")
    return float((mine[solvable] >= right - EPSILON).mean())
