"""What routers learn from: texts, and what each model came to on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchkit.core.calls import Params
from orchkit.core.catalog import Tier
from orchkit.errors import MatrixError, ParameterError
from orchkit.lab.matrix import Matrix

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Prompts:
    """Texts to judge, and what else is known of each.

    Parameters
    ----------
    texts : list of str
    table : DataFrame
        One row a text; whatever columns there are.
    """

    texts: list[str]
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.texts)

    def at(self, rows: NDArray[Any]) -> Prompts:
        """Return the prompts at these positions, or of a mask."""
        places = np.arange(len(self))[rows]
        return Prompts([self.texts[place] for place in places], self.table.iloc[places])


@dataclass(frozen=True)
class Lesson:
    """Prompts × models: what was recorded.

    Parameters
    ----------
    prompts : Prompts
    models : tuple of str
        The columns.
    quality : float array
        In [0, 1]; NaN where unknown.
    cost : float array
        USD; NaN where unknown.
    """

    prompts: Prompts
    models: tuple[str, ...]
    quality: Floats
    cost: Floats

    @classmethod
    def of(cls, matrix: Matrix) -> Lesson:
        """Return what a recording teaches: the prompts of which some model's quality is known."""
        if not isinstance(matrix, Matrix):
            raise ParameterError(
                f"fit takes a ResponseMatrix, not {type(matrix).__name__}; see "
                "ResponseMatrix.from_long."
            )
        quality, cost = matrix.quality.to_numpy(float), matrix.cost.to_numpy(float)
        unknown = [
            name
            for name, known in zip(matrix.models, np.isfinite(quality).any(axis=0), strict=True)
            if not known
        ]
        if unknown:
            raise MatrixError(
                f"No quality of {', '.join(unknown)} is known. Score the responses (mat.score), or "
                "leave them out (mat.subset)."
            )
        kept = np.isfinite(quality).any(axis=1)
        whole = cls(prompts_of(matrix), tuple(matrix.models), quality, cost)
        return whole.at(kept)

    def __len__(self) -> int:
        return len(self.prompts)

    def at(self, rows: NDArray[Any]) -> Lesson:
        """Return the lesson of the prompts at these positions, or of a mask."""
        return Lesson(self.prompts.at(rows), self.models, self.quality[rows], self.cost[rows])

    def about(self, columns: Any) -> Lesson:
        """Return the lesson of some of the models: a mask of columns."""
        names = tuple(np.array(self.models, dtype=object)[columns].tolist())
        return Lesson(self.prompts, names, self.quality[:, columns], self.cost[:, columns])


def prompts_of(matrix: Matrix) -> Prompts:
    """Return the texts of a recording, as strategies see them, and its columns of prompts."""
    queries = matrix.queries(lambda texts: [Tier.BASIC] * len(texts), Params())
    table = matrix.frame.drop_duplicates("prompt_id").reset_index(drop=True)
    return Prompts([query.text for query in queries], table)


def alike(texts: Sequence[Any]) -> Ints:
    """Return a number for each text, the same for equal ones: 0, 1, ... as they first appear."""
    codes: Ints = pd.factorize(pd.Series(texts, dtype="object"))[0]
    return codes


def folds_of(texts: Sequence[str], most: int, seed: int = 0) -> Ints:
    """Return the fold of each text, equal ones in the same: of like size, drawn by the seed."""
    codes = alike(texts)
    size = int(codes.max(initial=-1)) + 1
    folds: Ints = np.random.default_rng(seed).permutation(size) % max(1, min(most, size))
    return folds[codes]


def lost(predicted: Floats, quality: Floats) -> float:
    """Return the mean squared error of what tells models apart: each minus the prompt's mean.

    That is the error of expected gains. Of one model alone, it is the error of its quality.
    """
    known = np.isfinite(quality)
    error = np.where(known, predicted - np.where(known, quality, 0.0), 0.0)
    several = known.sum(axis=1, keepdims=True)
    if quality.shape[1] > 1:
        error = np.where(known, error - error.sum(axis=1, keepdims=True) / several, 0.0)
    return float((error**2).sum() / known.sum())


def means(quality: Floats) -> Floats:
    """Return the mean of each column over what is known of it."""
    return np.asarray(np.nanmean(quality, axis=0), dtype=float)


def lacking(quality: Floats, cost: Floats) -> str:
    """Return what no prompt has of all models, in words."""
    rated, priced = (np.isfinite(each).all(axis=1).any() for each in (quality, cost))
    if rated == priced:
        return "costs and qualities"
    return "costs" if rated else "qualities"


def centred(columns: Floats) -> tuple[Floats, Floats]:
    """Return the mean and the spread of each column; a spread of 1 for what does not vary."""
    centre, spread = columns.mean(axis=0), columns.std(axis=0)
    return centre, np.where(spread > 1e-9 * (1 + abs(centre)), spread, 1.0)


def log_lengths(texts: Sequence[str]) -> Floats:
    """Return the logarithm of each text's number of characters, plus one."""
    long: Floats = np.log1p(np.array([len(text) for text in texts], dtype=float))
    return long


def texts_of(given: Any) -> list[str]:
    """Return texts as a list, or say that they are none."""
    told: Sequence[Any] = [] if isinstance(given, str) else list(given)
    if isinstance(given, str) or not all(isinstance(text, str) for text in told):
        odd = given if isinstance(given, str) else next(t for t in told if not isinstance(t, str))
        raise ParameterError(f"texts holds {odd!r:.60}; give a list of texts, one a prompt.")
    return list(told)
