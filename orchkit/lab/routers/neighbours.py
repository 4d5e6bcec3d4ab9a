"""KNNRouter: how each model did on the training prompts most like this one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from orchkit.errors import ParameterError, whole
from orchkit.lab.routers.lessons import Floats, Lesson, Prompts, alike, lost, means
from orchkit.lab.routers.router import Router
from orchkit.lab.routers.wording import Embedding, Encoder

#: Numbers of neighbours that are tried.
NEIGHBOURS = (10, 50, 100)
_CHUNK = 1_000


@dataclass(eq=False, repr=False)
class KNNRouter(Router):
    """How likely each model is right, by the training prompts most like this one.

    The mean of their qualities, weighted by cosine similarity, and drawn to the model's mean over
    all prompts as if so many more neighbours had it.

    Parameters
    ----------
    k : int, optional
        Neighbours. None takes the one of 10, 50 and 100 whose expected gains are nearest to the
        real ones, each training prompt (all of the same text) left out in turn.
    shrinkage : float
        Neighbours' worth of belief in the mean; 0 or more.
    encoder : callable, optional
        ``(list of texts) -> array texts × dimensions``; by default 100 dimensions of the TF-IDF
        weighted wording (truncated SVD).

    Notes
    -----
    Source: RouterBench, Hu et al., 2024, arXiv 2403.12031; that kNN is hard to beat: Li, 2025,
    arXiv 2505.12601.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(60)
    >>> with orchkit.use("simulator"):
    ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o"])
    >>> KNNRouter(k=10).fit(mat).predict(["What is 2+2?"]).shape
    (1, 2)
    """

    k: int | None = None
    shrinkage: float = 10.0
    encoder: Encoder | None = None

    def _learn(self, lesson: Lesson) -> Floats:
        if not self.shrinkage >= 0:
            raise ParameterError(f"shrinkage is {self.shrinkage!r}; it must be 0 or more.")
        tried = NEIGHBOURS if self.k is None else (whole("k", self.k),)
        self._embedding = Embedding(self.encoder)
        self._seen = self._embedding.fit_transform(lesson.prompts.texts)
        self._text = alike(lesson.prompts.texts)
        self._known, self._mean = lesson.quality, means(lesson.quality)
        told = self._of(self._seen, tried, alone=True)
        self.k_ = min(tried, key=lambda each: lost(told[each], lesson.quality))
        return told[self.k_]

    def _tell(self, prompts: Prompts) -> Floats:
        return self._of(self._embedding.transform(prompts.texts), (self.k_,))[self.k_]

    def _of(
        self, rows: Floats, several: tuple[int, ...], *, alone: bool = False
    ) -> dict[int, Floats]:
        """Return what each number of neighbours says of rows; `alone`: none of its equals."""
        found: dict[int, list[Floats]] = {k: [np.empty((0, len(self._mean)))] for k in several}
        for near in self._near(rows, alone=alone):
            ordered = _nearest(near, min(max(several), near.shape[1]))
            weight = np.clip(np.take_along_axis(near, ordered, axis=1), 0.0, None)
            for k in several:
                found[k].append(self._mixed(ordered[:, :k], weight[:, :k]))
        return {k: np.concatenate(parts) for k, parts in found.items()}

    def _near(self, rows: Floats, *, alone: bool) -> Iterator[Floats]:
        for start in range(0, len(rows), _CHUNK):
            near: Any = rows[start : start + _CHUNK] @ self._seen.T
            if alone:
                near[self._text[start : start + len(near), None] == self._text] = -1.0
            yield near

    def _mixed(self, places: Any, weight: Floats) -> Floats:
        """Return the weighted mean quality of neighbours, of each model those that are known."""
        quality = self._known[places]
        known = np.isfinite(quality)
        each = weight[:, :, None] * known
        total = (each * np.where(known, quality, 0.0)).sum(axis=1)
        belief = each.sum(axis=1) + self.shrinkage
        mixed = (total + self.shrinkage * self._mean) / np.where(belief > 0, belief, 1.0)
        told: Floats = np.where(belief > 0, np.clip(mixed, 0, 1), self._mean)
        return told


def _nearest(near: Floats, most: int) -> Any:
    """Return the places of the highest similarities of each row, the highest first."""
    if most == near.shape[1]:
        return np.argsort(-near, axis=1, kind="stable")
    some = np.sort(np.argpartition(-near, most - 1, axis=1)[:, :most], axis=1)
    order = np.argsort(-np.take_along_axis(near, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)
