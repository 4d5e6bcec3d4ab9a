"""Curves from a confidence to a probability: a logistic line, or steps. They never fall."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
#: Confidences nearer to 0 and 1 than this count as this far: a logit has no end.
EDGE = 1e-6
_STEPS, _HALVINGS = 50, 30


@dataclass(frozen=True)
class Line:
    """A logistic line on the logit: Platt scaling. ``Line(1, 0)`` leaves values as they are."""

    slope: float
    intercept: float

    def __call__(self, confidence: Floats) -> Floats:
        """Return probabilities; NaN stays NaN."""
        if (self.slope, self.intercept) == (1.0, 0.0):
            return confidence
        return expit(self.slope * logit(confidence) + self.intercept)


@dataclass(frozen=True)
class Steps:
    """Values at ascending confidences, with straight lines between: isotonic regression."""

    at: tuple[float, ...]
    to: tuple[float, ...]

    def __call__(self, confidence: Floats) -> Floats:
        """Return probabilities; NaN stays NaN, and outside of the steps the last one holds."""
        risen: Floats = np.interp(_rounded(confidence), self.at, self.to)
        return risen


Curve: TypeAlias = Line | Steps


def line_of(confidence: Floats, correct: Floats) -> Line:
    """Return the line of the greatest likelihood that does not fall, with smoothed targets.

    With a confidence that tells nothing, or the reverse, it is flat: the share that was right.
    Where it is farther from the truth than the confidences were (Brier score), those stay.

    Sources: Platt, 1999 (smoothed targets); Newton's method with halved steps.
    """
    line = unbent(confidence, correct)
    if line.slope <= 0:
        line = Line(0.0, float(logit(_smoothed(correct).mean())))
    after, before = (np.mean((p - correct) ** 2) for p in (line(confidence), confidence))
    return line if after <= before + smoothing(len(correct)) else Line(1.0, 0.0)


def unbent(confidence: Floats, correct: Floats) -> Line:
    """Return the line of the greatest likelihood whichever way it goes, with smoothed targets."""
    intercept, slope = newton(logit(confidence), _smoothed(correct))
    return Line(slope, intercept)


def _smoothed(correct: Floats) -> Floats:
    hits = float(correct.sum())
    high, low = (hits + 1) / (hits + 2), 1 / (len(correct) - hits + 2)
    return low + correct * (high - low)


def smoothing(n: int) -> float:
    """Return what smoothed targets cost at most, in Brier score."""
    return 0.25 / n


def newton(x: Floats, target: Floats) -> tuple[float, float]:
    """Return intercept and slope of a logistic regression; slope 0 where all `x` are equal."""
    middle, spread = float(x.mean()), float(x.std())
    if spread <= EDGE * (1 + abs(middle)):
        return float(logit(target.mean())), 0.0
    design = np.column_stack([np.ones_like(x), (x - middle) / spread])
    at = np.array([float(logit(target.mean())), 0.0])
    for _ in range(_STEPS):
        p = expit(design @ at)
        weight = np.maximum(p * (1 - p), 1e-12)
        step = np.linalg.solve((design.T * weight) @ design, design.T @ (target - p))
        at, moved = _halved(design, target, at, np.asarray(step, dtype=float))
        if moved < 1e-10:
            break
    return float(at[0] - at[1] * middle / spread), float(at[1] / spread)


def _halved(design: Floats, target: Floats, at: Floats, step: Floats) -> tuple[Floats, float]:
    """Go as much of a step as makes the likelihood greater; return how far that was."""
    had = _likelihood(design @ at, target)
    for halving in range(_HALVINGS):
        part = step / 2**halving
        if _likelihood(design @ (at + part), target) >= had:
            return at + part, float(np.abs(part).max())
    return at, 0.0


def _likelihood(eta: Floats, target: Floats) -> float:
    return float(target @ eta - np.logaddexp(0, eta).sum())


def steps_of(confidence: Floats, correct: Floats) -> Steps:
    """Return the steps nearest to the truth (least squares) that never fall.

    Nothing is surer than so many labels can tell: from 1 / (n + 2) to 1 less that.
    """
    from scipy.optimize import isotonic_regression

    at, group, counts = np.unique(_rounded(confidence), return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=correct) / counts
    to = isotonic_regression(means, weights=counts.astype(float)).x
    to = np.clip(to, 1 / (len(correct) + 2), 1 - 1 / (len(correct) + 2))
    inner = (to[1:-1] == to[:-2]) & (to[1:-1] == to[2:])  # between two of the same height
    kept = np.concatenate([[True], ~inner, [True]])[: len(at)]
    return Steps(tuple(at[kept].tolist()), tuple(to[kept].tolist()))


def _rounded(confidence: Floats) -> Floats:
    """Return confidences to twelve digits: a line between nearer ones would be too steep."""
    return np.round(confidence, 12)


def logit(p: Floats | np.floating | float) -> Floats:
    """Return the log-odds, finite even at 0 and 1."""
    inside = np.clip(p, EDGE, 1 - EDGE)
    odds: Floats = np.log(inside / (1 - inside))
    return odds


def expit(x: Floats) -> Floats:
    """Return the logistic function, without overflow."""
    half: Floats = 0.5 * (1 + np.tanh(0.5 * x))
    return half


def is_rising(curve: Curve) -> bool:
    """Whether a curve is one: its numbers finite, within their range, and nowhere falling."""
    if isinstance(curve, Line):
        return math.isfinite(curve.intercept) and 0 <= curve.slope < math.inf
    at, to = np.array(curve.at, dtype=float), np.array(curve.to, dtype=float)
    both = at.shape == to.shape and at.size > 0 and bool(np.isfinite([at, to]).all())
    return both and bool(
        (np.diff(at) > 0).all() and (np.diff(to) >= 0).all()
        and min(at[0], to[0]) >= 0 and max(at[-1], to[-1]) <= 1
    )  # fmt: skip
