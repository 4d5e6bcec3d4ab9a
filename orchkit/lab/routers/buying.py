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

    Single models are mixed, so theirs is the hull of their points. A router is followed in the
    order of prices, at the highest cost so far, and linear between: the hull of its points would be
    their best picked on the prompts that they are measured on, which noise gains by, too. (The
    oracle's points lie on their hull.)

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
        low = max(spent.min(), *(cost[0] for _, cost in routers))
        high, wanted = spent[self.best], good[self.best]
        at = corners(spent, good)
        paths = [(spent[at], good[at])]
        paths += [(np.maximum.accumulate(cost), quality) for quality, cost in routers]
        areas = [_area(*path, low, high) for path in paths]
        return np.array(
            [
                (area, area - areas[0], _neutral(*path, wanted) / high)
                for path, area in zip(paths, areas, strict=True)
            ]
        )


def _area(cost: Floats, quality: Floats, low: float, high: float) -> float:
    """Return a path's mean quality between two costs; NaN without width."""
    if not high > low:
        return float("nan")
    within = (cost > low) & (cost < high)
    first, last = np.interp([low, high], cost, quality)
    good = np.concatenate(([first], quality[within], [last]))
    return float(np.trapezoid(good, np.concatenate(([low], cost[within], [high])))) / (high - low)


def _neutral(cost: Floats, quality: Floats, wanted: float) -> float:
    """Return the cost at which a path first reaches a quality; inf where it never does."""
    reached = quality >= wanted - 1e-12
    after = int(np.argmax(reached))
    if not reached[after]:
        return float("inf")
    before = max(after - 1, 0)
    rise = quality[after] - quality[before]
    part = min((wanted - quality[before]) / rise, 1.0) if rise > 0 else 1.0
    return float(cost[before] + part * (cost[after] - cost[before]))
