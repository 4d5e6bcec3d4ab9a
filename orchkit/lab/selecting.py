"""Some of the prompts and models of a matrix, named or marked; what is not there is refused."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import MatrixError, UnknownModelError, UnknownNameError, did_you_mean
from orchkit.lab.frames import column


def chosen_models(given: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return recorded models, or say which of them is none.

    Examples
    --------
    >>> chosen_models("mini", ["mini", "opus"])
    ['mini']
    """
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in known:
            raise UnknownModelError(
                f"No answers of {name!r} were recorded. {did_you_mean(str(name), known)}"
            )
    return names


def chosen_prompts(given: Any, ids: pd.Index[Any]) -> list[Any]:
    """Return recorded prompt ids, from ids or from one boolean a prompt.

    Examples
    --------
    >>> chosen_prompts([False, True], pd.Index(["q1", "q2"]))
    ['q2']
    """
    if isinstance(given, pd.Series) and given.dtype == bool:
        given = labels(given, ids, "prompts")
    told = [given] if isinstance(given, str) else list(given)
    if told and all(isinstance(one, bool | np.bool_) for one in told):
        marks = labels(told, ids, "prompts")
        return [name for name, mark in zip(ids, marks, strict=True) if mark]
    known = set(ids)
    for one in told:
        if not isinstance(one, Hashable) or one not in known:
            hint = did_you_mean(str(one), map(str, ids[:1000]))
            raise UnknownNameError(f"No prompt {one!r:.80} was recorded. {hint}")
    return told


def per_prompt(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    """Return a column of one value a prompt, indexed by prompt id."""
    told = pd.DataFrame({"id": table["prompt_id"], "value": column(table, name)})
    spread = told.groupby("id", sort=False)["value"].nunique(dropna=False)
    if (spread > 1).any():
        first = spread[spread > 1].index.tolist()[0]
        raise MatrixError(
            f"{name!r} has {spread[first]} values for the prompt {first!r}; it must be "
            "the same in all rows of a prompt."
        )
    first = told.drop_duplicates("id")
    ids = pd.Index(first["id"], dtype="object", name="prompt_id")
    return first["value"].set_axis(ids).rename(name)


def labels(given: Any, ids: pd.Index[Any], name: str) -> list[Hashable]:
    """Return one label a prompt from a sequence, or from a Series by its index.

    Raises
    ------
    MatrixError
        As many labels as prompts are needed, each a plain value; a Series goes by prompt id.
    """
    if isinstance(given, pd.Series):
        absent = ids.difference(given.index, sort=False)
        if len(absent) or not given.index.is_unique:
            raise MatrixError(
                f"{name} is a Series whose index is not the prompt ids. Index it by prompt_id, or "
                "give an array in the order of mat.prompts."
            )
        given = given.loc[ids]
    told = list(given)
    if len(told) != len(ids):
        raise MatrixError(f"{name} has {len(told)} values for {len(ids)} prompts; give one each.")
    for place, label in enumerate(told):
        if not pd.api.types.is_scalar(label) or pd.isna(label):
            raise MatrixError(
                f"{name} of prompt {ids[place]!r} is {label!r:.60}; each prompt needs a value."
            )
    return told
