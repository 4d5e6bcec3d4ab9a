"""What a classifier is given, checked: parameters, texts, tiers, and what a file held."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchkit.core.catalog import Tier
from orchkit.errors import ParameterError
from orchkit.lab.asking import tier_or_none

KINDS = ("auto", "text", "shallow", "encoder")


def check_parameters(judge: Any, *, restoring: bool = False) -> None:
    """Refuse parameters outside their range; they may have been set since the last time.

    Restoring one from a file, its encoder is still to come.
    """
    if not (_number(judge.C) and 0 < judge.C < np.inf):
        raise ParameterError(f"C is {judge.C!r:.60}; it must be a finite number above 0, like 5.")
    if judge.tau is not None and not (_number(judge.tau) and 0 < judge.tau <= 1):
        told = f"tau is {judge.tau!r:.60}; it must be in (0, 1], or None for the likeliest tier."
        raise ParameterError(told)
    if judge.features not in KINDS:
        raise ParameterError(f"features is {judge.features!r:.60}; it must be one of {KINDS}.")
    if not isinstance(judge.calibrate, bool) and judge.calibrate != "auto":
        told = f"calibrate is {judge.calibrate!r:.60}; it must be 'auto', True or False."
        raise ParameterError(told)
    if not isinstance(judge.random_state, int | np.integer):
        told = f"random_state is {judge.random_state!r:.60}; it must be a whole number."
        raise ParameterError(told)
    if judge.encoder is not None and not callable(judge.encoder):
        raise ParameterError(f"encoder is {judge.encoder!r:.60}; it must be a function of texts.")
    if judge.features == "encoder" and judge.encoder is None and not restoring:
        raise ParameterError("features='encoder' needs encoder=, a function texts -> array (n, d).")


def texts_of(given: Iterable[str]) -> list[str]:
    """Return texts as a list, or say which is none.

    Examples
    --------
    >>> texts_of(("2+2?", "3+3?"))
    ['2+2?', '3+3?']
    """
    if isinstance(given, str | bytes):
        raise ParameterError(f"texts is {given!r:.60}; give a list of prompts, not one alone.")
    told = [str(text) if isinstance(text, str) else text for text in given]
    wrong = next((at for at, text in enumerate(told) if not isinstance(text, str)), None)
    if wrong is not None:
        raise ParameterError(
            f"text {wrong} is {told[wrong]!r:.60}; each must be the text of a prompt. Leave a "
            "missing one out, with its tier."
        )
    return told


def labelled(given: Iterable[str]) -> list[str]:
    """Return texts to learn from, or say which is blank."""
    told = texts_of(given)
    blank = next((at for at, text in enumerate(told) if not text.strip()), None)
    if blank is not None:
        raise ParameterError(f"text {blank} is blank; a tier without a prompt teaches nothing.")
    return told


def ranks_of(given: Iterable[Any], texts: int, *, several: bool = False) -> NDArray[np.int64]:
    """Return the ranks of as many tiers as texts, or say what is wrong with them.

    Examples
    --------
    >>> ranks_of(["expert", 0], 2).tolist()
    [3, 0]
    """
    if isinstance(given, str | bytes):
        raise ParameterError(f"tiers is {given!r:.60}; give a list, one a text.")
    told = list(given)
    if len(told) != texts:
        raise ParameterError(f"There are {texts} texts and {len(told)} tiers; give one each.")
    ranks = [_rank(at, value) for at, value in enumerate(told)]
    if several and len(set(ranks)) < 2:
        found = f"all {texts} labels are {told[0]!s:.60}" if told else "there are no labels"
        raise ParameterError(
            f"A classifier learns from two tiers or more, but {found}. Label more prompts, or "
            "route without one: KeywordRules needs no labels."
        )
    return np.array(ranks, dtype=np.int64)


def check_shapes(judge: Any) -> None:
    """Raise ValueError where what a file held does not fit together."""
    steps = len(judge._ranks) - 1
    fits = (
        judge._coef.shape == (judge._learnt.width, steps),
        judge._intercept.shape == (steps, 3),
        1 <= steps < len(Tier),
        np.isin(judge._ranks, range(len(Tier))).all() and (np.diff(judge._ranks) > 0).all(),
    )
    if not all(fits):
        raise ValueError("its parts do not fit together")


def _rank(at: int, value: Any) -> int:
    tier = tier_or_none(value)
    if tier is None:
        told = f"tier {at} is {value!r:.60}; a tier is one of {', '.join(Tier)}, or 0 to 3."
        raise ParameterError(told)
    return tier.rank


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
