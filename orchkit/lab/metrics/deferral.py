"""Two models and a score that says who answers: the curve from all weak to all strong.

A higher score sends a prompt to the strong model sooner; without a score it goes first of all
(nothing is known of it: the safe side). Equal scores move together, and inside such a group the
curve is the line a random order gives. Prompts of which a quality or a cost is missing are left
out, and counted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.errors import ParameterError
from orchkit.lab.metrics.reading import (
    Floats,
    aligned,
    costs,
    each,
    known,
    numbers,
    shares,
)
from orchkit.lab.metrics.ties import Positions, ranked, running


def deferral_curve(
    score: ArrayLike,
    weak: ArrayLike,
    strong: ArrayLike,
    *,
    weak_cost: ArrayLike | None = None,
    strong_cost: ArrayLike | None = None,
) -> pd.DataFrame:
    """Return quality (and cost) against the share of prompts that the strong model answers.

    Parameters
    ----------
    score : array-like, shape (n,)
        Higher means: send to strong. For a confidence in the weak model, its negative.
    weak, strong : array-like, shape (n,)
        Quality of the two models' answers, in [0, 1].
    weak_cost, strong_cost : float or array-like, shape (n,), optional
        What a prompt costs when the weak, or the strong model answers it: for a cascade the
        strong one's holds both. Both or neither.

    Returns
    -------
    DataFrame
        Columns share, quality and, where costs were given, cost (mean a prompt); one row for each
        threshold that makes a difference, from share 0 to 1. ``.attrs`` has n, dropped (prompts
        with a missing value), unscored (prompts without a score) and tied (share of prompts whose
        score is another's too).

    Raises
    ------
    ParameterError
        Lengths differ, a value is outside its range, or one cost is given without the other.

    Examples
    --------
    >>> deferral_curve([0.9, 0.5, 0.5, 0.1], [0, 0, 1, 1], [1, 1, 1, 1])
       share  quality
    0   0.00     0.50
    1   0.25     0.75
    2   0.75     1.00
    3   1.00     1.00
    """
    if (weak_cost is None) != (strong_cost is None):
        raise ParameterError("weak_cost and strong_cost go together; give both or neither.")
    pair = paired(score, weak, strong, weak_cost, strong_cost)
    n = max(pair.n, 1)
    frame = pd.DataFrame(
        {"share": pair.ends / n, "quality": np.clip((pair.weak + pair.gain) / n, 0, 1)}
    )
    if weak_cost is not None:
        frame["cost"] = (pair.weak_cost + pair.spent) / n
    frame = frame if pair.n else frame.iloc[:0]
    frame.attrs.update(n=pair.n, dropped=pair.dropped, unscored=pair.unscored, tied=pair.tied / n)
    return frame


class Pair(NamedTuple):
    """The curve in sums over prompts, at the ends of groups of one score."""

    score: Floats  #: the highest first
    ends: Positions
    gain: Floats  #: quality won over all weak
    weak: float
    spent: Floats  #: cost added to all weak
    weak_cost: float
    dropped: int
    unscored: int

    @property
    def n(self) -> int:
        """How many prompts are counted."""
        return len(self.score)

    @property
    def tied(self) -> int:
        """How many prompts share their score with another."""
        sizes = np.diff(self.ends)
        return int(sizes[sizes > 1].sum())


def paired(
    score: Any, weak: Any, strong: Any, weak_cost: Any = None, strong_cost: Any = None
) -> Pair:
    """Return the curve of two models in sums; a prompt without a score comes first."""
    first, low, high = numbers("score", score), shares("weak", weak), shares("strong", strong)
    paid = [
        each(costs, name, 0.0 if given is None else given, len(first))
        for name, given in (("weak_cost", weak_cost), ("strong_cost", strong_cost))
    ]
    aligned(score=first, weak=low, strong=high, weak_cost=paid[0], strong_cost=paid[1])
    kept = known(low, high, *paid)
    first, low, high, less, more = (column[kept] for column in (first, low, high, *paid))
    order, ends = ranked(np.where(np.isnan(first), np.inf, first))
    return Pair(
        score=np.where(np.isnan(first), np.inf, first)[order],
        ends=ends,
        gain=running((high - low)[order], ends),
        weak=float(low.sum()),
        spent=running((more - less)[order], ends),
        weak_cost=float(less.sum()),
        dropped=int((~kept).sum()),
        unscored=int(np.isnan(first).sum()),
    )
