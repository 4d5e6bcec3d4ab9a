"""Choosing a model for each prompt by what it is expected to be worth, at every price of money.

At a price, each prompt goes to the model with the highest ``predicted - price * expected cost``,
of equals to the cheaper. As the price falls, a prompt climbs its own hull of models, a step at a
time; so all choices at all prices are one sorted list of steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.errors import ParameterError
from orchkit.lab.metrics.reading import Floats, known, tables
from orchkit.lab.metrics.ties import Positions, ranked, running


def utility_curve(
    predicted: ArrayLike | pd.DataFrame,
    price: ArrayLike | pd.DataFrame,
    quality: ArrayLike | pd.DataFrame,
    cost: ArrayLike | pd.DataFrame,
) -> pd.DataFrame:
    """Return the mean quality and cost of choosing by predictions, at every price of money.

    Parameters
    ----------
    predicted : array-like or DataFrame, shape (n prompts, m models)
        Expected quality of each model, in [0, 1].
    price : array-like or DataFrame, shape (n, m)
        Expected cost of each model, finite and 0 or more.
    quality, cost : array-like or DataFrame, shape (n, m)
        What each model came to, in the same ranges and order. A prompt with a missing value in
        any of the four is left out.

    Returns
    -------
    DataFrame
        Columns cost and quality, means over prompts, and gain_per_cost: the row holds for prices
        of money below it, down to that of the next row, at which cheaper models are still chosen;
        inf at first, where each prompt goes to its cheapest. ``.attrs`` has n and dropped, counts
        of prompts.

    Raises
    ------
    ParameterError
        Shapes or labels differ, or a value is outside its range.

    Notes
    -----
    With ``predicted=quality, price=cost`` it is `oracle_frontier`. Only expected cost rises from
    row to row: what is realised need not.

    Examples
    --------
    >>> hoped, priced = [[0.5, 0.9], [0.5, 0.6]], [[1, 2], [1, 2]]
    >>> utility_curve(hoped, priced, quality=[[0, 1], [0, 0]], cost=[[1, 3], [1, 3]])
       cost  quality  gain_per_cost
    0   1.0      0.0            inf
    1   2.0      0.5            0.4
    2   3.0      0.5            0.1
    """
    (hoped, priced), (good, spent) = tables(predicted, price), tables(quality, cost)
    if hoped.shape != good.shape:
        raise ParameterError(
            f"predicted is {hoped.shape[0]} × {hoped.shape[1]} and quality is {good.shape[0]} × "
            f"{good.shape[1]}; both must be of the same prompts and models."
        )
    kept = known(*hoped.T, *priced.T, *good.T, *spent.T)
    steps = climbs(hoped[kept], priced[kept])
    frame = climbed(steps, good[kept], spent[kept])
    frame.attrs.update(n=int(kept.sum()), dropped=int((~kept).sum()))
    return frame


class Climbs(NamedTuple):
    """Where every prompt starts, and its steps to dearer models.

    `start` is a column a prompt. A step takes the prompt `row` from a column to another, at prices
    of money below `slope`, the expected quality that it buys for one unit of cost.
    """

    start: Positions
    row: Positions
    before: Positions
    after: Positions
    slope: Floats


def climbs(good: Floats, spent: Floats) -> Climbs:
    """Return the steps of every prompt up its own hull of models, from its cheapest.

    Of equals in cost it starts at the better, of equals in both at the first.
    """
    rows = np.arange(len(good))
    start = np.lexsort((-good, spent), axis=1)[:, 0] if len(good) else rows
    at, steps = start, [np.empty((3, 0), dtype=np.intp)]
    slopes = [np.empty(0)]
    for _ in range(good.shape[1] - 1):
        more, dearer = good - good[rows, at, None], spent - spent[rows, at, None]
        slope = np.divide(more, dearer, out=np.zeros_like(more), where=(more > 0) & (dearer > 0))
        best = slope.argmax(axis=1) if len(good) else rows
        climbing = slope[rows, best] > 0
        steps.append(np.stack([rows, at, best])[:, climbing])
        slopes.append(slope[rows, best][climbing])
        at = np.where(climbing, best, at)
    row, before, after = np.concatenate(steps, axis=1)
    return Climbs(start, row, before, after, np.concatenate(slopes))


def climbed(steps: Climbs, good: Floats, spent: Floats) -> pd.DataFrame:
    """Return the mean quality and cost that the steps come to, taken in the order of slopes."""
    order, ends = ranked(steps.slope)
    rows, n = np.arange(len(good)), max(len(good), 1)
    sums = [
        cells[rows, steps.start].sum()
        + running((cells[steps.row, steps.after] - cells[steps.row, steps.before])[order], ends)
        for cells in (spent, good)
    ]
    frame = pd.DataFrame(
        {
            "cost": sums[0] / n,
            "quality": np.clip(sums[1] / n, 0, 1),
            "gain_per_cost": np.concatenate(([np.inf], steps.slope[order][ends[1:] - 1])),
        }
    )
    return frame if len(good) else frame.iloc[:0]


def chosen(hoped: Floats, priced: Floats, price: float) -> Positions:
    """Return for each prompt the column that is worth most at a price of money.

    Of equals the cheaper, then the first; what nothing is known of comes last. It is what `Utility`
    chooses, by the same arithmetic.
    """
    worth = hoped - priced * price
    worth = np.where(np.isnan(worth), -np.inf, worth)
    best = worth == worth.max(axis=1, keepdims=True)
    at: Positions = np.where(best, priced, np.inf).argmin(axis=1)
    return at
