"""Predictions of routers for prompts they were not fitted on: fold by fold."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchkit.core.predicting import among, told
from orchkit.errors import MatrixError, OrchkitWarning, ParameterError
from orchkit.lab.matrix import Matrix
from orchkit.lab.routers.expenses import Expenses
from orchkit.lab.routers.lessons import Floats, Ints, Lesson, folds_of, means
from orchkit.lab.routers.novelty import Novelty
from orchkit.lab.routers.router import Router


@dataclass(frozen=True)
class Crossed:
    """What a router said of every prompt when it had not seen it.

    Parameters
    ----------
    name, validation : str
        The router's, and how prompts were held out.
    hoped : float array (prompts, models)
        How likely each model is right; NaN where none of its qualities was known to be fitted on.
    usual : float array (prompts, models)
        The mean quality where it was fitted. Folds are judged together, and where one holds hard
        prompts, the rest are easier: beside their mean, what is said of different folds compares.
    priced : float array (prompts, models)
        USD to expect; NaN for a model without costs.
    unlike : float
        Share of prompts that were unlike all that was fitted on.
    """

    name: str
    validation: str
    hoped: Floats
    usual: Floats
    priced: Floats
    unlike: float


def crossed(
    matrix: Matrix, lesson: Lesson, name: str, router: Any, validation: str, fold: Ints
) -> Crossed:
    """Return what copies of a router, each fitted on all folds but one, say of that one."""
    hoped, usual, priced = (np.full(lesson.quality.shape, np.nan) for _ in range(3))
    far = np.zeros(len(lesson), dtype=bool)
    for part in np.unique(fold):
        here, rest = fold == part, lesson.at(fold != part)
        texts = lesson.prompts.at(here).texts
        seen = np.isfinite(rest.quality).any(axis=0)
        cells, known = np.ix_(here, seen), rest.about(seen)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OrchkitWarning)  # of new prompts: that is what is asked
            hoped[cells] = _said(matrix, router, known, lesson.at(here))
        usual[cells] = means(known.quality)
        priced[here] = Expenses.of(rest).of_texts(texts)
        far[here] = Novelty.of(rest.prompts.texts).unlike(texts)
    return Crossed(name, validation, np.clip(hoped, 0, 1), usual, priced, float(far.mean()))


def _said(matrix: Matrix, router: Any, rest: Lesson, here: Lesson) -> Floats:
    """Return what a router says of some prompts, fitted on the rest."""
    if isinstance(router, Router):
        return copy(router)._fit(rest)._tell(here.prompts)
    if not callable(getattr(router, "fit", None)) or not callable(getattr(router, "predict", None)):
        raise ParameterError(f"{router!r:.60} is no router: it needs fit(matrix), predict(texts).")
    part = matrix.subset(prompts=rest.prompts.table["prompt_id"], models=list(rest.models))
    fitted = deepcopy(router).fit(part)
    if fitted is None:
        raise ParameterError(f"fit of {router!r:.60} gave None; let it end with `return self`.")
    rows = told(fitted, here.prompts.texts)
    cells = [[row[name] for name in among(rest.models, [*row])] for row in rows]
    return _shares(router, rest.models, cells)


def _shares(router: Any, models: Sequence[str], cells: Any) -> Floats:
    """Return what a router of one's own said, as numbers in [0, 1]."""
    try:
        shares = np.array(cells, dtype=float).reshape(-1, len(models))
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"predict of {router!r:.60} gave what is no number: {error}."
        ) from None
    odd = ~((shares >= -1e-9) & (shares <= 1 + 1e-9))
    if odd.any():
        row, column = np.argwhere(odd)[0]
        raise ParameterError(
            f"predict of {router!r:.60} says {shares[row, column]:g} of {models[column]!r}; it "
            "must give how likely each answer is right, in [0, 1], for every text."
        )
    return shares


def text_folds(texts: Sequence[str], folds: int, seed: int) -> Ints:
    """Return the fold of each text, equal texts in the same one."""
    distinct = len(set(texts))
    if distinct < 2:
        raise MatrixError(f"{distinct} distinct prompts cannot be told apart; record more.")
    return folds_of(texts, folds, seed)


def group_folds(groups: Sequence[Any], folds: int, seed: int) -> Ints:
    """Return the fold of each prompt, groups whole, the folds of as equal size as that allows.

    Examples
    --------
    >>> group_folds(["a", "a", "b", "c"], 2, seed=0).tolist()
    [0, 0, 1, 1]
    """
    codes, names = pd.factorize(pd.Series(list(groups), dtype="object"))
    if len(names) < 2:
        raise MatrixError(f"All prompts are of one group, {names[0]!r:.60}: none can be left out.")
    sizes = np.bincount(codes)
    drawn = np.random.default_rng(seed).permutation(len(names))
    order = drawn[np.argsort(-sizes[drawn], kind="stable")]
    filled, of_group = np.zeros(min(folds, len(names)), dtype=int), np.zeros(len(names), dtype=int)
    for group in order:
        of_group[group] = filled.argmin()
        filled[of_group[group]] += sizes[group]
    fold: NDArray[np.int64] = of_group[codes]
    return fold
