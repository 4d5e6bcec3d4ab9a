"""What could have been had: the best choice among recorded answers, which reads the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from orchkit.errors import ParameterError
from orchkit.lab.metrics.reading import Floats, aligned, costs, known, shares
from orchkit.lab.metrics.ties import ranked, running


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
    good, spent = _tables(quality, cost)
    kept = known(*good.T, *spent.T)
    good, spent = good[kept], spent[kept]
    bought, paid, start = _climbs(good, spent)
    order, ends = ranked(bought / paid)
    n = max(len(good), 1)
    frame = pd.DataFrame(
        {
            "cost": (spent[start].sum() + running(paid[order], ends)) / n,
            "quality": np.clip((good[start].sum() + running(bought[order], ends)) / n, 0, 1),
            "gain_per_cost": np.concatenate(([np.inf], (bought / paid)[order][ends[1:] - 1])),
        }
    )
    frame = frame if len(good) else frame.iloc[:0]
    frame.attrs.update(n=len(good), dropped=int((~kept).sum()))
    return frame


def _tables(quality: Any, cost: Any) -> tuple[Floats, Floats]:
    frames = [each for each in (quality, cost) if isinstance(each, pd.DataFrame)]
    good, spent = shares("quality", quality, ndim=2), costs("cost", cost, ndim=2)
    aligned(quality=good, cost=spent)
    if len(frames) == 2 and not all(map(pd.Index.equals, frames[0].axes, frames[1].axes)):
        raise ParameterError(
            "quality and cost have different labels; "
            "give cost.loc[quality.index, quality.columns] for cost."
        )
    return good, spent


def _climbs(good: Floats, spent: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the steps of every prompt up its own hull: quality bought and cost paid.

    The third marks each prompt's cheapest model, where it starts.
    """
    rows = np.arange(len(good))
    at = np.lexsort((-good, spent), axis=1)[:, 0] if len(good) else rows
    start = np.zeros(good.shape, dtype=bool)
    start[rows, at] = True
    steps = [np.empty((2, 0))]
    for _ in range(good.shape[1] - 1):
        more, dearer = good - good[rows, at, None], spent - spent[rows, at, None]
        slope = np.divide(more, dearer, out=np.zeros_like(more), where=(more > 0) & (dearer > 0))
        best = slope.argmax(axis=1) if len(good) else rows
        climbing = slope[rows, best] > 0
        steps.append(np.stack([more[rows, best], dearer[rows, best]])[:, climbing])
        at = np.where(climbing, best, at)
    bought, paid = np.concatenate(steps, axis=1)
    return bought, paid, start
