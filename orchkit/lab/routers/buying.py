"""AIQ and QNC of many routers at once, in every replicate of a bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchkit.lab.metrics.frontier import corners
from orchkit.lab.metrics.utilities import chosen, climbs
from orchkit.lab.routers.lessons import Floats

#: Prices of money at which a router's curve is read.
PRICES = 50
#: What is told of each router.
TOLD = ("aiq", "aiq_gain", "qnc")


def readings(hoped: Floats, priced: Floats, good: Floats, spent: Floats) -> list[Floats]:
    """Return the qualities of prompts at each of `PRICES` prices of money, then their costs."""
    slope = climbs(hoped, priced).slope
    between = np.quantile(slope, np.linspace(0, 1, PRICES - 1)) if len(slope) else np.zeros(1)
    prices = [*np.unique(between)[::-1], 0.0]
    rows = np.arange(len(good))
    taken = [chosen(hoped, priced, price) for price in prices]
    taken += [taken[-1]] * (PRICES - len(taken))
    return [cells[rows, each] for cells in (good, spent) for each in taken]


@dataclass(frozen=True)
class Buying:
    """What routers buy for their money, from the means of their `readings`.

    The means of all models' qualities and costs come first, then those of each router.

    Parameters
    ----------
    models : int
    best : int
        The column of the best single model: its cost ends the range, its quality is what QNC is
        about.
    """

    models: int
    best: int

    def __call__(self, *means: float | Floats) -> Floats:
        """Return `TOLD` of the zero router, then of each router; of every replicate of arrays."""
        table = np.array(means, dtype=float)
        if table.ndim == 1:
            return self._told(table)
        return np.array([self._told(each) for each in table.T])

    def _told(self, means: Floats) -> Floats:
        good, spent = means[: self.models], means[self.models : 2 * self.models]
        routers = means[2 * self.models :].reshape(-1, 2, PRICES)
        low = max(spent.min(), *(cost.min() for _, cost in routers))
        high, wanted = spent[self.best], good[self.best]
        zero = _area(spent, good, low, high)
        rows = [(zero, 0.0, _neutral(spent, good, wanted) / high)]
        for quality, cost in routers:
            area = _area(cost, quality, low, high)
            rows.append((area, area - zero, _neutral(cost, quality, wanted) / high))
        return np.array(rows)


def _area(cost: Floats, quality: Floats, low: float, high: float) -> float:
    """Return the hull's mean quality between two costs; NaN without width."""
    if not high > low:
        return float("nan")
    at = corners(cost, quality)
    spent, good = cost[at], quality[at]
    grid = np.concatenate(([low], spent[(spent > low) & (spent < high)], [high]))
    return float(np.trapezoid(np.interp(grid, spent, good), grid)) / (high - low)


def _neutral(cost: Floats, quality: Floats, wanted: float) -> float:
    """Return the least cost at which the hull reaches a quality; inf where it never does."""
    at = corners(cost, quality)
    spent, good = cost[at], quality[at]
    if good[-1] < wanted - 1e-12:
        return float("inf")
    return float(np.interp(wanted, good, spent))
