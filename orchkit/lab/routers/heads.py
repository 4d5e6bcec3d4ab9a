"""One logistic regression a model, on the same features; graded qualities are shares of right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from orchkit.lab.routers.lessons import Floats, Ints, means


@dataclass(frozen=True)
class Heads:
    """A learner for each model, and the quality to expect of those with nothing to learn from.

    That is (k + 1) / (n + 2), k right of n: Laplace's rule of succession. A few prompts that all
    came out alike do not say that the next one must.
    """

    learners: tuple[Any, ...]
    base: Floats

    @classmethod
    def of(cls, features: Any, quality: Floats, strength: float) -> Heads:
        """Return heads fitted on what is known of each column; `strength` is scikit-learn's C."""
        found = tuple(_learner(features, column, strength) for column in quality.T)
        known = np.isfinite(quality)
        right = np.where(known, quality, 0.0).sum(axis=0)
        return cls(found, (right + 1) / (known.sum(axis=0) + 2))

    def predict(self, features: Any) -> Floats:
        """Return rows × models: the probability to be right."""
        n = features.shape[0]
        columns = [
            np.full(n, base) if learner is None else learner.predict_proba(features)[:, 1]
            for learner, base in zip(self.learners, self.base, strict=True)
        ]
        return np.column_stack(columns)


def crossed(features: Any, quality: Floats, strength: float, fold: Ints) -> Floats:
    """Return what heads fitted on the other folds say of each row."""
    told = np.tile(means(quality), (len(quality), 1))
    for part in np.unique(fold):
        here, rest = fold == part, fold != part
        seen = np.isfinite(quality[rest]).any(axis=0)
        if rest.any() and seen.any():
            heads = Heads.of(features[rest], quality[rest][:, seen], strength)
            told[np.ix_(here, seen)] = heads.predict(features[here])
    return told


def _learner(features: Any, quality: Floats, strength: float) -> Any:
    """Return a fitted regression, None where all that is known is one and the same."""
    from scipy.sparse import issparse, vstack
    from sklearn.linear_model import LogisticRegression

    known = np.isfinite(quality)
    rows, right = features[known], quality[known]
    learner = LogisticRegression(C=strength, solver="newton-cg", tol=1e-3)
    if ((right == 0) | (right == 1)).all():
        if right.min() == right.max():
            return None
        return learner.fit(rows, right)
    twice = vstack([rows, rows]).tocsr() if issparse(rows) else np.vstack([rows, rows])
    said = np.repeat([1.0, 0.0], len(right))
    return learner.fit(twice, said, sample_weight=np.concatenate([right, 1 - right]))
