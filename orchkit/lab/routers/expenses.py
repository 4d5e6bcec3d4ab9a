"""What a call to each model can be expected to cost, by the length of the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchkit.lab.routers.lessons import Floats, Lesson, centred, log_lengths

#: Prompts' worth of belief that length does not matter.
_RIDGE = 10.0


@dataclass(frozen=True)
class Expenses:
    """A ridge regression of cost on length and its logarithm for each model, within what was seen.

    What is read costs in proportion to length; what is written grows slower.

    Parameters
    ----------
    centre, scale : float array (2,)
        Of the logarithm of the number of characters, and of the number.
    mean, low, high : float array (models,)
        USD; NaN for a model without costs.
    slopes : float array (2, models)
    """

    centre: Floats
    scale: Floats
    mean: Floats
    low: Floats
    high: Floats
    slopes: Floats

    @classmethod
    def of(cls, lesson: Lesson) -> Expenses:
        """Return what a lesson's costs teach."""
        long = _lengths(lesson.prompts.texts)
        centre, scale = centred(long)
        lines = [_line((long - centre) / scale, column) for column in lesson.cost.T]
        mean, low, high, *slopes = np.array(lines, dtype=float).reshape(-1, 5).T
        return cls(centre, scale, mean, low, high, np.array(slopes))

    def of_texts(self, texts: Sequence[str]) -> Floats:
        """Return texts × models: USD."""
        long = (_lengths(texts) - self.centre) / self.scale
        expected: Floats = np.clip(self.mean + long @ self.slopes, self.low, self.high)
        return expected


def _lengths(texts: Sequence[str]) -> Floats:
    logs = log_lengths(texts)
    return np.column_stack([logs, np.expm1(logs)])


def _line(long: Floats, cost: Floats) -> tuple[float, ...]:
    """Return the mean at the centre, the range of what is known, and the slopes."""
    known = np.isfinite(cost)
    if not known.any():
        return (np.nan,) * 5
    at, paid = long[known], cost[known]
    off = at - at.mean(axis=0)
    slopes = np.linalg.solve(off.T @ off + _RIDGE * np.eye(2), off.T @ (paid - paid.mean()))
    centre = float(paid.mean() - at.mean(axis=0) @ slopes)
    return centre, float(paid.min()), float(paid.max()), *map(float, slopes)
