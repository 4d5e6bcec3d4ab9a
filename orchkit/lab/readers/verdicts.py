"""Whether an answer given as JSON is right, as far as that can be told without a judge."""

from __future__ import annotations

import json
import math
import re
from ast import literal_eval
from typing import Any

from orchkit.lab.scoring import choice

#: ``"answer": "42"``: of several the last counts. A value without quotes ends with its line.
_ANSWER = re.compile(r'"answer"\s*:\s*("(?:[^"\\]|\\.)*"|[^\n}]+)', re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def answer(text: Any) -> str | None:
    """Return what stands in the ``answer`` field of a text; None where there is none.

    Examples
    --------
    >>> answer('Well. {"reasoning": "6*7", "answer": "42"}'), answer("42")
    ('42', None)
    """
    found = _ANSWER.findall(text) if isinstance(text, str) else []
    if not found:
        return None
    said: str = found[-1].strip().rstrip(",").strip()
    try:
        told = json.loads(said, strict=False)
    except (ValueError, RecursionError):
        return said.strip('"')
    return said if told is None or isinstance(told, list | dict | bool) else str(told)


def verdict(said: str | None, right: Any, *, letter: bool) -> float:
    r"""Return 1 for a right answer, 0 for a wrong or missing one, NaN where it cannot be told.

    A letter is compared as a letter; with a number, the first number of the answer; a Python
    literal by its value; other words as they are. Formulas in LaTeX, and what is no text, would
    need a judge.

    Examples
    --------
    >>> verdict("$1,000 a day", "1000", letter=False), verdict("C)", "C", letter=True)
    (1.0, 1.0)
    >>> verdict("[1,2]", "[1, 2]", letter=False), verdict("1/2", "\\frac12", letter=False)
    (1.0, nan)
    """
    if not isinstance(right, str) or not right.strip() or "\\" in right:
        return math.nan
    if said is None:
        return 0.0
    if letter:
        return choice(said, right)
    wanted = _bare_number(right)
    if wanted is not None:
        return float(wanted == _first_number(said))
    return float(_plain(said) == _plain(right) or _value(said) == _value(right))


def _dressed(text: str) -> str:
    return text.replace("$", "").replace(",", "").strip()


def _bare_number(text: str) -> float | None:
    found = _NUMBER.fullmatch(_dressed(text))
    return float(found.group()) if found else None


def _first_number(text: str) -> float | None:
    found = _NUMBER.search(_dressed(text))
    return float(found.group()) if found else None


def _plain(text: str) -> str:
    return text.strip().strip("'\"")


def _value(text: str) -> Any:
    """Return the value of a literal, told apart from equal values of other types; else the text."""
    try:
        return repr(literal_eval(text.strip()))
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return _plain(text)
