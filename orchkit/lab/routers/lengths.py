"""LengthRouter: the baseline that reads nothing but how long a prompt is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchkit.lab.routers.heads import Heads, crossed
from orchkit.lab.routers.lessons import Floats, Lesson, Prompts, centred, folds_of, log_lengths
from orchkit.lab.routers.router import Router

_FOLDS = 5


@dataclass(eq=False, repr=False)
class LengthRouter(Router):
    """How likely each model is right, by the logarithm of the prompt's length: one curve a model.

    The baseline for all that reads more. Graded qualities count as shares of right. A prompt that
    is shorter or longer than all it was fitted on is judged as the shortest or longest of them.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(60)
    >>> with orchkit.use("simulator"):
    ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o"])
    >>> router = LengthRouter().fit(mat)
    >>> router.predict(["What is 2+2?"]).shape, router.n_
    ((1, 2), 60)
    """

    def _learn(self, lesson: Lesson) -> Floats:
        seen = log_lengths(lesson.prompts.texts)
        self._range = float(seen.min()), float(seen.max())
        self._centre, self._scale = centred(seen[:, None])
        features = self._features(lesson.prompts)
        self._heads = Heads.of(features, lesson.quality, 1.0)
        return crossed(features, lesson.quality, 1.0, folds_of(lesson.prompts.texts, _FOLDS))

    def _tell(self, prompts: Prompts) -> Floats:
        return self._heads.predict(self._features(prompts))

    def _features(self, prompts: Prompts) -> Floats:
        long = np.clip(log_lengths(prompts.texts), *self._range)
        features: Floats = (long[:, None] - self._centre) / self._scale
        return features
