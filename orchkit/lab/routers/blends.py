"""BlendRouter: several routers as one."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from orchkit.errors import ParameterError
from orchkit.lab.routers.lessons import Floats, Lesson, Prompts, means
from orchkit.lab.routers.router import Router

_WAYS = ("z-sum", "logit")


@dataclass(eq=False, repr=False)
class BlendRouter(Router):
    """What several routers say together.

    Parameters
    ----------
    routers : sequence of routers
        The blend fits copies of them.
    way : {"z-sum", "logit"}
        ``"z-sum"``: each router's sense of how hard a prompt is, and of which models suit it, on
        one scale, added up; how much both count is then fitted on what was said out of fold. A
        router that spreads its words little counts as much as one that exaggerates.
        ``"logit"``: the mean of log odds.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(60)
    >>> with orchkit.use("simulator"):
    ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o"])
    >>> from orchkit.lab.routers import KNNRouter, LengthRouter
    >>> blend = BlendRouter([LengthRouter(), KNNRouter(k=10)])
    >>> blend.fit(mat).predict(["What is 2+2?"]).shape
    (1, 2)
    """

    routers: Sequence[Router]
    way: str = "z-sum"

    def _learn(self, lesson: Lesson) -> Floats:
        if not self.routers or not all(isinstance(each, Router) for each in self.routers):
            raise ParameterError(f"routers is {self.routers!r:.80}; give a list of routers.")
        if self.way not in _WAYS:
            raise ParameterError(f"way is {self.way!r}; it must be one of {', '.join(_WAYS)}.")
        self.routers_ = [copy(each) for each in self.routers]  # what was given stays as it was
        told = [each._learn(lesson) for each in self.routers_]
        self._mean = means(lesson.quality)
        self._centres = [each.mean(axis=0) for each in told]
        parts = [_parts(*each) for each in zip(told, self._centres, strict=True)]
        self._spreads = [(_spread(hard), _spread(suits)) for hard, suits in parts]
        hard, suits = self._added(told)
        known = np.isfinite(lesson.quality)
        right = np.where(known, lesson.quality - self._mean, 0.0)
        level = right.sum(axis=1, keepdims=True) / known.sum(axis=1, keepdims=True)
        self._counts = _slope(hard, level), _slope(suits * known, (right - level) * known)
        return self._blended(told)

    def _tell(self, prompts: Prompts) -> Floats:
        return self._blended([each._tell(prompts) for each in self.routers_])

    def _blended(self, told: Sequence[Floats]) -> Floats:
        if self.way == "logit":
            odds = [np.log(p / (1 - p)) for p in (np.clip(each, 1e-6, 1 - 1e-6) for each in told)]
            mixed: Floats = 1 / (1 + np.exp(-np.mean(odds, axis=0)))
            return mixed
        hard, suits = self._added(told)
        both: Any = self._mean + self._counts[0] * hard + self._counts[1] * suits
        return np.asarray(np.clip(both, 0, 1), dtype=float)

    def _added(self, told: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Return the sums of what routers say of prompts, and of models on them, on one scale."""
        sums = np.zeros((len(told[0]), 1)), np.zeros_like(told[0])
        for each, centre, spread in zip(told, self._centres, self._spreads, strict=True):
            hard, suits = _parts(each, centre)
            sums[0][:] += hard / (spread[0] or np.inf)
            sums[1][:] += suits / (spread[1] or np.inf)
        return sums


def _parts(told: Floats, centre: Floats) -> tuple[Floats, Floats]:
    """Return how much easier than most a prompt is, and how much more a model suits it."""
    off = told - centre
    hard = off.mean(axis=1, keepdims=True)
    return hard, off - hard


def _spread(part: Floats) -> float:
    """Return the root mean square; 0 for what is rounding error."""
    wide = float(np.sqrt((part**2).mean()))
    return wide if wide > 1e-12 else 0.0


def _slope(said: Floats, right: Floats) -> float:
    """Return how much of what is said comes true: by least squares, never less than nothing."""
    size = float((said**2).sum())
    return max(0.0, float((said * right).sum()) / size) if size else 0.0
