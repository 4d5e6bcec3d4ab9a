"""How sure can one be of a response? Pure signals, each named, none calibrated until fitted.

A signal is a function ``(query, response) -> Confidence | float``, or a plan that asks again and
returns one. NaN means "no signal", and a strategy then escalates.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from decimal import Decimal
from typing import Any

from orchkit.core.calls import Call, Response
from orchkit.core.plans import Confidence, Query
from orchkit.core.repeating import Asked, once

#: A signal of one's own: a number, a Confidence, or a plan that ends in one of them.
Signal = Callable[[Query, Response], Any]
Asking = Generator[tuple[Call, ...], tuple[Response, ...], Confidence]

_APOSTROPHE = "['\N{RIGHT SINGLE QUOTATION MARK}]"
#: What a text says about itself, most telling first: pattern, score. Ordinal, not a probability.
TELLS: tuple[tuple[re.Pattern[str], float], ...] = (
    (re.compile(rf"\bi(?: do not| don{_APOSTROPHE}t) know\b", re.I), 0.2),
    (re.compile(rf"\bi(?: am|{_APOSTROPHE}m) unable\b|\bi can(?:not|{_APOSTROPHE}t)\b", re.I), 0.2),
    (re.compile(r"\b(not sure|uncertain|unclear|hard to say|cannot be determined)\b", re.I), 0.4),
    (re.compile(r"\b(might|perhaps|possibly|probably|i think|i believe|it seems)\b", re.I), 0.55),
)
#: A text without any of these has nothing to tell: to look for them takes a tenth of the time.
#: None holds an i, of which there are dotless ones that only a pattern takes for the same.
_HINTS = (
    "know", "unable", "cannot", "can'", "can\N{RIGHT SINGLE QUOTATION MARK}", "sure", "uncerta",
    "unclear", "hard", "ght", "perhaps", "bly", "nk", "bel", "seems",
)  # fmt: skip
PLAIN = 0.65

_FINAL = re.compile(
    r"(?:####|\"answer\"\s*:|\banswer\W*?\s*(?:is|:|=))\s*[*\"'$\s]*([^\n\"}]{1,80})", re.I
)
_CHOICE = re.compile(r"\(?([a-e])(?:[).:]+(?:\s.*)?)?")
#: A number that stands alone: not the 2 of H2O.
_NUMBER = re.compile(r"(?<![\w.])-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?!\w)")
#: Digits that are written in that one way already.
_SIMPLE = re.compile(r"[1-9][0-9]{0,26}")
_MINUS = str.maketrans("\N{MINUS SIGN}", "-")
_SHORT = 8
#: Characters from which on it pays to find the first mark beforehand.
_LONG = 100
_EDGES = " \t\r\n`*_\"':!$\u2018\u2019\u201c\u201d"


def auto(query: Query, response: Response) -> Confidence:
    """Return the best signal one response carries: recorded, log-probabilities, or its wording.

    Hard failures are 0 whatever else is known.

    Examples
    --------
    >>> auto(Query(()), Response("m", "42", logprobs=(-0.1, -0.3)))
    Confidence(value=0.8187307530779818, signal='logprob', calibrated=False)
    >>> auto(Query(()), Response("m", "I don't know.")).value
    0.2
    """
    return Confidence(0.0, "failure") if hard_failure(response) else _carried(query, response)


def _carried(query: Query, response: Response) -> Confidence:
    """Return the best signal a usable answer carries."""
    if response.confidence is not None:
        return Confidence(response.confidence, "recorded")
    if response.logprobs:
        return logprob(query, response)
    return wording(query, response)


def hard_failure(response: Response) -> bool:
    """Whether the response is no usable answer: failed, refused, truncated or blank.

    A recording may hold an answer's confidence without its text; that is not blank.

    Examples
    --------
    >>> hard_failure(Response("m", "42")), hard_failure(Response("m", "42", finish="length"))
    (False, True)
    """
    text = response.text
    if text is None or response.failure or response.finish != "stop":
        return True
    return response.confidence is None and (not text or text.isspace())


def logprob(_: Query, response: Response) -> Confidence:
    """Return the geometric mean of the answer's token probabilities ("Chow-Average").

    Source: Gupta et al., ICLR 2024, arXiv 2404.10136. NaN without log-probabilities.
    """
    logprobs = [value for value in response.logprobs if not math.isnan(value)]
    if not logprobs:
        return Confidence(math.nan, "logprob")
    return Confidence(min(1.0, math.exp(sum(logprobs) / len(logprobs))), "logprob")


def wording(_: Query, response: Response) -> Confidence:
    """Return an ordinal score of how the answer speaks of itself. Not a probability.

    On recorded GSM8K answers hedging words tell right from wrong with an AUROC of only 0.54, so
    this signal does little more than catch an open "I don't know".
    """
    text = response.text
    if text is None:
        return Confidence(math.nan, "wording")
    folded = text.casefold()
    if not [hint for hint in _HINTS if hint in folded]:
        return Confidence(PLAIN, "wording")
    scores = [score for pattern, score in TELLS if pattern.search(text)]
    return Confidence(min(scores, default=PLAIN), "wording")


def brevity(_: Query, response: Response) -> float:
    """Return an ordinal score that falls with the answer's length: 1 / (1 + characters / 1,000).

    Not a probability: where models reason in their answers, long ones are wrong more often (AUROC
    0.51 to 0.69 over 13 models on recorded GSM8K answers), elsewhere they need not be. A threshold
    on it must be fitted (`Fallback.fit`).

    Examples
    --------
    >>> brevity(Query(()), Response("m", "x" * 1_000))
    0.5
    """
    return 1 / (1 + len(response.text or "") / 1000)


def judge(
    signal: Signal | None, query: Query, response: Response, asked: Asked | None = None
) -> Asking:
    """Put one response to a signal of any kind, as a plan: ``yield from judge(...)``.

    A signal is asked about usable answers only; what is none is 0. What the plan `asked` so far
    is not asked again.
    """
    if hard_failure(response):
        return Confidence(0.0, "failure")
    if not signal:
        return _carried(query, response)
    verdict = signal(query, response)
    if isinstance(verdict, Generator):
        verdict = yield from (verdict if asked is None else once(verdict, asked))
    if isinstance(verdict, Confidence):
        return verdict
    name = getattr(signal, "__name__", type(signal).__name__)
    return Confidence(math.nan if verdict is None else float(verdict), name)


def agreement(responses: Sequence[Response]) -> tuple[float, ...]:
    """Return for each usable answer the share of usable answers that say the same.

    NaN where nothing can be compared: at least two answers must come down to a number, a letter,
    a few words, or a marked final answer. Free prose beside them agrees with nobody but itself.

    Examples
    --------
    >>> said = [Response("a", "It is 42."), Response("b", "42"), Response("c", "The answer is 7")]
    >>> [round(share, 2) for share in agreement(said)]
    [0.67, 0.67, 0.33]
    """
    usable = [not hard_failure(response) for response in responses]
    keys = [
        answer_key(r.text or "") if ok else None for r, ok in zip(responses, usable, strict=True)
    ]
    votes, voters = Counter(keys), sum(usable)
    if len(keys) - votes[None] < 2:
        return (math.nan,) * len(keys)
    votes[None] = 1  # free prose agrees with nobody but itself
    return tuple(
        [votes[k] / voters if ok else math.nan for k, ok in zip(keys, usable, strict=True)]
    )


def answer_key(text: str) -> str | None:
    """Return what an answer comes down to, for comparing answers; None for free prose.

    A letter of choice, one number, or a few words; of a longer text, its marked final answer.

    Examples
    --------
    >>> answer_key("48 + 24 = 72, so the answer is $72.00"), answer_key('{"answer": "72"}')
    ('72', '72')
    >>> answer_key("Paris."), answer_key("B) Paris"), answer_key("9:30")
    ('paris', 'b', '9:30')
    """
    marked = _FINAL.findall(text, _first_mark(text))
    said = (marked[-1] if marked else text).translate(_MINUS)
    final = " ".join(said.rstrip(f"{_EDGES}.").lstrip(_EDGES).casefold().split())
    if choice := _CHOICE.fullmatch(final):
        return choice.group(1)
    if not final or len(final.split()) > _SHORT:
        return None
    numbers = _NUMBER.findall(final)
    return _plain(numbers[0]) if len(numbers) == 1 else final


def _first_mark(text: str) -> int:
    """Return a place before which no answer is marked: a pattern takes its time to find that out.

    Only ASCII is sure to have its letters at the same places in lower case.
    """
    if len(text) < _LONG or not text.isascii():
        return 0
    folded = text.lower()
    places = [folded.find("####"), folded.find("answer")]
    # One earlier, for the quotation mark that may stand before the word.
    return max(0, min([place for place in places if place >= 0], default=len(text)) - 1)


def _plain(number: str) -> str:
    """Write a number in one way: 72, 72.0 and 72.00 are the same answer."""
    if _SIMPLE.fullmatch(number):
        return number
    return format(Decimal(number.replace(",", "")).normalize() + 0, "f")
