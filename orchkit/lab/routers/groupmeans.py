"""GroupMeanRouter: the baseline that knows of a prompt only which group it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import OrchkitWarning, ParameterError, tell
from orchkit.lab.frames import column
from orchkit.lab.routers.lessons import Floats, Lesson, Prompts, alike, means, texts_of
from orchkit.lab.routers.router import Router

#: Prompts' worth of belief in the mean over all groups.
_SHRINKAGE = 10.0


@dataclass(eq=False, repr=False)
class GroupMeanRouter(Router):
    """How likely each model is right, by its mean over the prompts of the same group.

    The baseline for all that reads texts: what knowing the task, the subject or the source alone
    gives. Means are drawn to those over all prompts as if ten more prompts had them.

    Parameters
    ----------
    group : str
        The recording's column of groups.

    Examples
    --------
    >>> import orchkit, pandas as pd
    >>> rows = [(n, f"Sum {n}", "a", n % 2, "odd" if n % 2 else "even") for n in range(40)]
    >>> long = pd.DataFrame(rows, columns=["prompt_id", "prompt", "model", "quality", "parity"])
    >>> router = GroupMeanRouter("parity").fit(orchkit.ResponseMatrix(long))
    >>> router.predict(["Sum 7", "Sum 8"], groups=["odd", "even"])["a"].round(2).tolist()
    [0.83, 0.17]
    """

    group: str

    def _learn(self, lesson: Lesson) -> Floats:
        labels = column(lesson.prompts.table, self.group).tolist()
        known, quality = np.isfinite(lesson.quality), np.nan_to_num(lesson.quality)
        self._mean = means(lesson.quality)
        codes, names = pd.factorize(pd.Series(labels, dtype="object"))
        codes = np.where(codes < 0, len(names), codes)
        total, count = (_sums(codes, cells, len(names) + 1) for cells in (quality, known * 1.0))
        shrunk = (total + _SHRINKAGE * self._mean) / (count + _SHRINKAGE)
        self._groups = dict(zip(names.tolist(), shrunk, strict=False))
        own = alike(
            [f"{code} {text}" for code, text in zip(codes, lesson.prompts.texts, strict=True)]
        )
        alone = [_sums(own, cells, len(own))[own] for cells in (quality, known * 1.0)]
        others = total[codes] - alone[0], count[codes] - alone[1]
        told: Floats = (others[0] + _SHRINKAGE * self._mean) / (others[1] + _SHRINKAGE)
        return told

    def predict(self, texts: Iterable[str], groups: Sequence[Any] | None = None) -> pd.DataFrame:
        """Return texts × models: the mean of each text's group.

        Without `groups`, one label a text, it is the mean over all prompts; so it is of a group
        that was not recorded. Both are told (`OrchkitWarning`).
        """
        self._refuse_unfitted()
        told = texts_of(texts)
        if groups is not None and len(groups) != len(told):
            raise ParameterError(f"groups has {len(groups)} labels for {len(told)} texts.")
        table = {} if groups is None else {self.group: list(groups)}
        prompts = Prompts(told, pd.DataFrame(table, index=range(len(told))))
        return self._frame(self._tell(prompts), texts)

    def _tell(self, prompts: Prompts) -> Floats:
        if self.group not in prompts.table:
            tell(
                f"{self!r} was not told the groups of {len(prompts):,} prompts, and goes by the "
                f"mean over all; give predict(texts, groups=...).",
                OrchkitWarning,
            )
            return np.tile(self._mean, (len(prompts), 1))
        labels = prompts.table[self.group].tolist()
        new = sum(label not in self._groups for label in labels)
        if new:
            told = f"{self!r} has not seen the groups of {new:,} of {len(labels):,} prompts"
            tell(f"{told}; it goes by the mean over all for them.", OrchkitWarning)
        rows = [self._groups.get(label, self._mean) for label in labels]
        return np.array(rows, dtype=float).reshape(-1, len(self._mean))


def _sums(codes: Any, cells: Floats, size: int) -> Floats:
    return np.column_stack([np.bincount(codes, each, size) for each in cells.T])
