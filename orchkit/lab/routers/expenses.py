"""What a call to each model can be expected to cost, by the length of the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchkit.lab.routers.lessons import Floats, Lesson, log_lengths

#: Prompts' worth of belief that length does not matter.
_RIDGE = 10.0


@dataclass(frozen=True)
class Expenses:
    """A ridge regression of cost on the logarithm of length for each model, within what was seen.

    Parameters
    ----------
    centre, scale : float
        Of the logarithm of the number of characters.
    mean, slope, low, high : float array (models,)
        USD; NaN for a model without costs.
    """

    centre: float
    scale: float
    mean: Floats
    slope: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, lesson: Lesson) -> Expenses:
        """Return what a lesson's costs teach."""
        long = log_lengths(lesson.prompts.texts)
        centre, scale = float(long.mean()), float(long.std()) or 1.0
        found = [_line((long - centre) / scale, column) for column in lesson.cost.T]
        return cls(centre, scale, *np.array(found, dtype=float).reshape(-1, 4).T)

    def of_texts(self, texts: Sequence[str]) -> Floats:
        """Return texts × models: USD."""
        long = (log_lengths(texts) - self.centre) / self.scale
        expected: Floats = np.clip(self.mean + long[:, None] * self.slope, self.low, self.high)
        return expected


def _line(long: Floats, cost: Floats) -> tuple[float, float, float, float]:
    """Return mean at the centre, slope, and the range of what is known."""
    known = np.isfinite(cost)
    if not known.any():
        return (np.nan,) * 4
    at, paid = long[known], cost[known]
    off = at - at.mean()
    slope = float(off @ (paid - paid.mean()) / (off @ off + _RIDGE))
    return float(paid.mean() - slope * at.mean()), slope, float(paid.min()), float(paid.max())
