"""Scorers: ``(text, reference) -> quality in [0, 1]``."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from orchkit.errors import ParameterError, UnknownNameError, did_you_mean

Scorer = Callable[[str, str], float]

_EDGES = " \t\r\n.,;:!?\"'`*()[]{}"

#: How numbers are dressed, and what is made of it before one is looked for.
_DRESS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("\N{MINUS SIGN}"), "-"),
    (re.compile(r"(?<=\d)(?:\{,\}|,?\\[,!])(?=\d)"), ","),  # LaTeX: 1{,}234  1\,234  1,\!234
    (re.compile(r"(?<=[-+])\\?[$€£¥](?=[\d.])"), ""),  # -$42
    (re.compile(r"(?<=[A-Za-z])\^\{?[-+]?\d+\}?"), ""),  # km^2
)
#: Digits after a letter are no number (CO2), nor is a dash between digits a sign (5-10).
_NUMBER = re.compile(
    r"(?<![^\W_])[-+]?"
    r"(?:(?:\d{1,3}(?:,\d{2,3}){0,9},\d{3}(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
)

#: A capital by itself, neither the pronoun nor the article.
_CAPITAL = (
    r"(?!I\s+[a-z])(?!A\s+(?!(?:is|and|or|but|because|since|as|for|by|with|from)\b)[a-z])"
    r"[A-Z](?!['\u2019-]?\w)"
)
#: What may follow a small letter that stands for a choice: a bracket, a stop, an end.
_CLOSED = r"(?=\s*(?:[^\w\s'\u2019-]|\n|\Z))"
_MARK = r"[^\w.,;!?]*"
#: Where a text says its letter, most telling first; of several such places the last counts.
_LETTERS: tuple[re.Pattern[str], ...] = (
    re.compile(r"\\boxed\W*(?:(?:text|math)\w*\W+)?([A-Za-z])\b"),
    re.compile(
        rf"(?i:\b(?:answer|choice)\b{_MARK}(?:\b(?:is|option)\b{_MARK})*)({_CAPITAL}|[a-z]{_CLOSED})"
    ),
    re.compile(rf"\A\W*(?i:option\W+)?([A-Za-z])(?:{_CLOSED}|\s+[-\u2013\u2014]\s)"),
    re.compile(r"\b([A-Z])\b\W* is (?i:the )?(?i:correct|right|best)\b"),
    re.compile(rf"((?<=\W\()[a-z](?=\))|(?<!\w){_CAPITAL})"),
)


def exact(text: str, reference: str) -> float:
    """1 when text and reference are equal but for case, outer punctuation and white space.

    Examples
    --------
    >>> exact(" Paris. ", "paris"), exact("It is Paris", "Paris")
    (1.0, 0.0)
    """
    return float(_plain(text) == _plain(reference))


def numeric(text: str, reference: str) -> float:
    """1 when the last number in the text equals the reference's, to a relative 1e-6.

    Examples
    --------
    >>> numeric("3 x 14 = 42, so $42.00", "42"), numeric("about 41", "42")
    (1.0, 0.0)
    """
    said, wanted = _last_number(text), _last_number(reference)
    if said is None or wanted is None:
        return 0.0
    return float(math.isclose(said, wanted, rel_tol=1e-6))


def choice(text: str, reference: str) -> float:
    """1 when the letter the text settles on is the reference's.

    A marked answer ("the answer is B") counts first, then a letter that opens the text, then one
    that is called correct, then the last capital that stands alone.

    Examples
    --------
    >>> choice("The answer is (B).", "B"), choice("C) because A is wrong", "C"), choice("A", "B")
    (1.0, 1.0, 0.0)
    """
    said = _letter(text)
    return float(said is not None and said == _letter(reference))


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
        return exact(text, reference)
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
    """Return the scorer of that name, or the function itself.

    Examples
    --------
    >>> scorer("numeric")("about 42", "42")
    1.0
    """
    found = SCORERS.get(named) if isinstance(named, str) else named
    if not callable(found):
        raise UnknownNameError(f"No scorer {named!r}. {did_you_mean(str(named), SCORERS)}")
    return found


def scored(text: Any, reference: Any, named: str | Scorer) -> float:
    """Return the quality of one answer: NaN without a reference, 0 without an answer.

    Examples
    --------
    >>> scored("Paris", "paris", "exact"), scored(None, "paris", "exact")
    (1.0, 0.0)
    """
    if not isinstance(reference, str):
        return float("nan")
    if not isinstance(text, str):
        return 0.0
    quality = float(scorer(named)(text, reference))
    if not 0 <= quality <= 1:
        name = named if isinstance(named, str) else getattr(named, "__name__", "scorer")
        raise ParameterError(f"scorer {name!r} gave {quality}; it must give a number in [0, 1].")
    return quality


def _plain(text: str) -> str:
    """Return the text without its edges; a text that is nothing else keeps them."""
    return _spaced(text).strip(_EDGES) or _spaced(text)


def _spaced(text: str) -> str:
    return " ".join(text.casefold().split())


def _last_number(text: str) -> float | None:
    for pattern, plain in _DRESS:
        text = pattern.sub(plain, text)
    found = _NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None


def _letter(text: str) -> str | None:
    places = (pattern.findall(text) for pattern in _LETTERS)
    found = next(filter(None, places), None)
    return found[-1].upper() if found else None


def _words(text: str) -> list[str]:
    bare = re.sub(r"[^\w\s]", " ", text.casefold())
    return [word for word in bare.split() if word not in {"a", "an", "the"}]
