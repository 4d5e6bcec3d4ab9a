"""Way: what one way of routing did with each prompt, and what that comes to."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchkit.core.catalog import NANO
from orchkit.errors import MetricWarning
from orchkit.lab.arrays import Flags, Floats, Ints
from orchkit.lab.stats import Verdict, mean_interval, noninferior
from orchkit.lab.summary import ORACLE

#: Qualities nearer than this are equal: the last digits are rounding.
_EQUAL = 1e-12
#: Columns of `standing`.
STANDING = ("n", "quality", "quality_low", "quality_high", "cost_per_1k")
#: Columns of `flow`.
FLOW = ("model", "asked", "answered", "passed_on", "quality", "cost_per_1k")


@dataclass(frozen=True)
class Way:
    """What one way of routing did with each prompt.

    Parameters
    ----------
    name : str
    models : tuple of str
        The columns of `asked` and `costs`.
    quality : float array (prompts,)
        In [0, 1].
    chosen : int array (prompts,)
        The column of the model whose answer was kept; -1 where there is none.
    asked : bool array, prompts × models
        Who was asked.
    costs : array, prompts × models
        Nano-dollars of asking; of no meaning where nobody was asked.
    spent : array (prompts,), optional
        Their sum over who was asked, where it is known.
    """

    name: str
    models: tuple[str, ...]
    quality: Floats
    chosen: Ints
    asked: Flags
    costs: NDArray[Any]
    spent: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.quality)

    @cached_property
    def paid(self) -> NDArray[Any]:
        """Nano-dollars, prompts × models; 0 where nobody was asked."""
        return np.where(self.asked, self.costs, 0)

    @cached_property
    def cost(self) -> Floats:
        """USD of each prompt."""
        spent = self.paid.sum(axis=1) if self.spent is None else self.spent
        return np.asarray(spent / NANO, dtype=np.float64)

    @cached_property
    def standing(self) -> dict[str, float]:
        """n, mean quality with its 95 % interval, and cost_per_1k (USD per 1,000 prompts)."""
        low, high = mean_interval(self.quality)
        spent = 1000 * float(self.cost.mean())
        told = (len(self), float(self.quality.mean()), low, high, spent)
        return dict(zip(STANDING, told, strict=True))

    def against(self, other: Way, margin: float = 0.01) -> Verdict:
        """Return whether this one is as good as another within a margin, and at what cost.

        By normal approximation: it takes milliseconds, where a bootstrap takes seconds.
        """
        priced = other.cost.sum() > 0 and math.isfinite(self.cost.sum())
        told: dict[str, Any] = {"name_b": other.name, "method": "normal"}
        told |= {"cost_a": self.cost, "cost_b": other.cost} if priced else {}
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", MetricWarning
            )  # the verdict itself says what is too few
            return noninferior(self.quality, other.quality, margin, **told)

    def same_as(self, other: Way) -> bool:
        """Whether both gave every prompt the same quality for the same money."""
        alike = np.array_equal(self.quality, other.quality)
        return alike and np.array_equal(self.cost, other.cost)

    def flow(self) -> pd.DataFrame:
        """Return one row a model that was asked, in the order of columns.

        Columns: model; asked, answered (its answer was kept) and passed_on, in prompts; quality,
        the mean of those it answered; cost_per_1k, USD it cost per 1,000 prompts of all.
        """
        size = len(self.models)
        kept = self.chosen >= 0
        answered = np.bincount(self.chosen[kept], minlength=size)
        gained = np.bincount(self.chosen[kept], weights=self.quality[kept], minlength=size)
        asked = self.asked.sum(axis=0)
        with np.errstate(invalid="ignore"):
            mean = gained / answered
        spent = 1000 * self.paid.sum(axis=0) / NANO / len(self)
        columns = (self.models, asked, answered, asked - answered, mean, spent)
        table = pd.DataFrame(dict(zip(FLOW, columns, strict=True)))
        return table[table["asked"] > 0].reset_index(drop=True)


def oracle_of(singles: Sequence[Way]) -> Way:
    """Return what the cheapest of the models that answered best would have come to."""
    first = singles[0]
    best = np.zeros(len(first), dtype=np.int64)
    quality, cost = first.quality.copy(), first.cost.copy()
    for at, way in enumerate(singles[1:], 1):
        gap = way.quality - quality
        wins = (gap > _EQUAL) | ((gap > -_EQUAL) & (way.cost < cost))
        best = np.where(wins, at, best)
        quality, cost = np.where(wins, way.quality, quality), np.where(wins, way.cost, cost)
    column = np.array([way.chosen.max() for way in singles])[best]
    asked, costs = np.zeros(first.asked.shape, dtype=bool), np.zeros(first.asked.shape)
    rows = np.flatnonzero(column >= 0)  # a model that answered nothing has no column
    asked[rows, column[rows]], costs[rows, column[rows]] = True, cost[rows] * NANO
    return Way(ORACLE, first.models, quality, column, asked, costs, cost * NANO)


def differing(one: Way, other: Way, n: int) -> tuple[Ints, Ints, int, int]:
    """Return prompts that each of two ways answered better than the other, and their counts.

    The first `n` positions where `one` did better, the first `n` where `other` did, and how many of
    either kind there are.
    """
    gap = one.quality - other.quality
    better, worse = np.flatnonzero(gap > 0), np.flatnonzero(gap < 0)
    return better[:n], worse[:n], len(better), len(worse)
