"""Scorers: ``(text, reference) -> quality in [0, 1]``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from orchkit.errors import UnknownNameError, did_you_mean

Scorer = Callable[[str, str], float]

_NUMBER = re.compile(r"[-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
_EDGES = " \t\r\n.,;:!?\"'`*()[]{}"
_LETTER = re.compile(r"\(?\b([A-Za-z])\b\)?")
_MARKED = re.compile(r"\b(?:answer|option|choice)\b(?:\s+is)?\s*[:=]?\s*\**\(?([A-Za-z])\b", re.I)


def exact(text: str, reference: str) -> float:
    """1 when text and reference are equal but for case, outer punctuation and white space.

    Examples
    --------
    >>> exact(" Paris. ", "paris"), exact("It is Paris", "Paris")
    (1.0, 0.0)
    """
    return float(_plain(text) == _plain(reference))


def numeric(text: str, reference: str) -> float:
    """1 when the last number in the text equals the reference, to a relative 1e-6.

    Examples
    --------
    >>> numeric("3 x 14 = 42, so $42.00", "42"), numeric("about 41", "42")
    (1.0, 0.0)
    """
    said, wanted = _last_number(text), _last_number(reference)
    if said is None or wanted is None:
        return 0.0
    return float(abs(said - wanted) <= 1e-6 * max(1.0, abs(wanted)))


def choice(text: str, reference: str) -> float:
    """1 when the letter the text settles on is the reference's.

    A marked answer ("the answer is B") counts first, then a letter that opens the text, then the
    last letter that stands alone.

    Examples
    --------
    >>> choice("The answer is (B).", "B"), choice("C) because A is wrong", "C"), choice("A", "B")
    (1.0, 1.0, 0.0)
    """
    return float(_letter(text) == reference.strip(_EDGES).upper())


def contains(text: str, reference: str) -> float:
    """1 when the reference occurs in the text, whatever the case and the white space.

    Examples
    --------
    >>> contains("The capital is  PARIS, France", "paris"), contains("Lyon", "paris")
    (1.0, 0.0)
    """
    return float(_spaced(reference) in _spaced(text))


def token_f1(text: str, reference: str) -> float:
    """Harmonic mean of word precision and recall, articles and punctuation aside.

    Source: the SQuAD evaluation, Rajpurkar et al., 2016, arXiv 1606.05250.

    Examples
    --------
    >>> token_f1("the quick brown fox", "a quick fox")
    0.8
    """
    said, wanted = _words(text), _words(reference)
    common = sum((Counter(said) & Counter(wanted)).values())
    if not common:
        return float(said == wanted)
    precision, recall = common / len(said), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


SCORERS: Mapping[str, Scorer] = MappingProxyType(
    {
        "exact": exact,
        "numeric": numeric,
        "choice": choice,
        "contains": contains,
        "token_f1": token_f1,
    }
)


def scorer(named: str | Scorer) -> Scorer:
    """Return the scorer of that name, or the function itself."""
    if callable(named):
        return named
    if named not in SCORERS:
        raise UnknownNameError(f"No scorer {named!r}. {did_you_mean(str(named), SCORERS)}")
    return SCORERS[named]


def scored(text: Any, reference: Any, named: str | Scorer) -> float:
    """Return the quality of one answer: NaN without a reference, 0 without an answer."""
    if not isinstance(reference, str):
        return float("nan")
    return float(scorer(named)(text, reference)) if isinstance(text, str) else 0.0


def _plain(text: str) -> str:
    return _spaced(text).strip(_EDGES)


def _spaced(text: str) -> str:
    return " ".join(text.casefold().split())


def _last_number(text: str) -> float | None:
    found = _NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None


def _letter(text: str) -> str:
    if marked := _MARKED.findall(text):
        return str(marked[-1]).upper()
    opening = _LETTER.match(text.strip())
    standing = [letter for letter in _LETTER.findall(text) if letter.isupper()]
    return (opening.group(1) if opening else (standing or [""])[-1]).upper()


def _words(text: str) -> list[str]:
    bare = re.sub(r"[^\w\s]", " ", text.casefold())
    return [word for word in bare.split() if word not in {"a", "an", "the"}]
