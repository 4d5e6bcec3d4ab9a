"""Query -> plan -> answer: the vocabulary every strategy is written in.

A plan is a generator that yields calls and receives their responses. Calls yielded together run
together; calls yielded apart run in order. Cost, latency and the models tried follow from the
shape of the trace, so nothing has to keep count.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar, Protocol, runtime_checkable

from orchkit.core.calls import Call, Failure, Kind, Message, Params, Response, Usage
from orchkit.core.catalog import Catalog, Tier


@dataclass(frozen=True, slots=True)
class Query:
    """A row to answer: its messages, how to ask, and how hard it looks.

    Examples
    --------
    >>> query = Query((Message("system", "Be brief."), Message("user", "What is 2+2?")))
    >>> query.text, query.call("gpt-4o").model
    ('What is 2+2?', 'gpt-4o')
    """

    messages: tuple[Message, ...]
    params: Params = Params()  # noqa: RUF009 - frozen
    tier: Tier = Tier.BASIC

    def call(self, model: str, *, draw: int = 0) -> Call:
        """Return the call that puts this query to `model`."""
        return Call(model, self.messages, self.params, draw)

    @property
    def text(self) -> str:
        """What the user last said: the text that complexity is judged by."""
        return last_said(self.messages)


def last_said(messages: Sequence[Message]) -> str:
    """Return what the user last said; nothing when they never spoke.

    Examples
    --------
    >>> last_said([Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "Why?")])
    'Why?'
    """
    return next((said.content for said in reversed(messages) if said.role == "user"), "")


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure, by which signal, and whether that number has been fitted to outcomes.

    `value` lies in [0, 1]; NaN means that no signal was available. `raw` is the signal's own number
    where `value` was calibrated from it.

    Examples
    --------
    >>> Confidence(0.8, "logprob").rank > UNKNOWN.rank
    True
    """

    value: float
    signal: str
    calibrated: bool = False
    raw: float | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not (math.isnan(self.value) or 0 <= self.value <= 1):
            told = f"confidence ({self.signal}) is {self.value}; it must lie in [0, 1] or be NaN"
            raise ValueError(told)

    @property
    def rank(self) -> float:
        """A number to compare by: NaN is below everything."""
        return -math.inf if math.isnan(self.value) else self.value


UNKNOWN = Confidence(math.nan, "none")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a strategy decided.

    Parameters
    ----------
    response
        The chosen response; None when no model answered.
    confidence
        Of the chosen response.
    planned
        The models the strategy would have asked, in order.
    voters
        The models whose answers were weighed against each other (ensembles).
    failure
        Why there is no response.
    notes
        Anything worth keeping in the row's metadata.

    Examples
    --------
    >>> from orchkit.core.calls import Response
    >>> answer = Answer(Response("gpt-4o", "4"), confidence=0.9, planned=("gpt-4o-mini", "gpt-4o"))
    >>> answer.confidence
    Confidence(value=0.9, signal='own', calibrated=False)
    """

    response: Response | None
    confidence: Confidence = UNKNOWN
    planned: tuple[str, ...] = ()
    voters: tuple[str, ...] = ()
    failure: Failure | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take a plain number as a confidence of the strategy's own."""
        given: Any = self.confidence
        if not isinstance(given, Confidence):
            object.__setattr__(self, "confidence", Confidence(float(given), "own"))

    @classmethod
    def of(cls, response: Response, confidence: Confidence, planned: tuple[str, ...]) -> Answer:
        """Return the answer a single response gives: itself, or why it is none."""
        if response.problem:
            return cls(None, confidence, planned, failure=response.problem)
        return cls(response, confidence, planned)


Plan = Generator[tuple[Call, ...], tuple[Response, ...], Answer]


@runtime_checkable
class Strategy(Protocol):
    """A way of choosing models: a frozen dataclass with a short `name` and a `plan`.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Foot:
    ...     name: ClassVar[str] = "foot"
    ...     def plan(self, query: Query, catalog: Catalog) -> Plan:
    ...         (response,) = yield (query.call(catalog.ladder()[0]),)
    ...         return Answer(response)
    >>> isinstance(Foot(), Strategy)
    True
    """

    name: ClassVar[str]

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """Yield calls, receive their responses, return the answer."""
        ...


@dataclass(frozen=True, slots=True)
class Trace:
    """One row as it went: every round of responses, and the answer.

    `finished` is when the row was answered, in seconds since 1970 UTC.

    Examples
    --------
    >>> first, second = Response("small", cost=10, latency=0.5), Response("large", "4", cost=90)
    >>> trace = Trace(((first,), (second,)), Answer(second, planned=("small", "large")))
    >>> trace.cost, trace.latency, trace.escalated
    (100, 0.5, True)
    """

    rounds: tuple[tuple[Response, ...], ...]
    answer: Answer
    query: Query | None = None
    finished: float = math.nan

    @property
    def responses(self) -> tuple[Response, ...]:
        """Every response of every round, in order."""
        rounds = self.rounds
        return rounds[0] if len(rounds) == 1 else tuple(chain.from_iterable(rounds))

    @property
    def cost(self) -> int | None:
        """Nano-dollars of all calls; None as soon as one price is unknown."""
        total = 0
        for response in self.responses:
            if response.cost is None:
                return None
            total += response.cost
        return total

    @property
    def latency(self) -> float:
        """Seconds: rounds follow each other, a round is as slow as its slowest; NaN if unknown."""
        return sum([_slowest(round_) for round_ in self.rounds], 0.0)

    @property
    def usage(self) -> Usage:
        """Tokens of all calls."""
        return sum((response.usage for response in self.responses), Usage())

    @property
    def cached(self) -> bool:
        """Whether there were calls, and each was answered from the cache."""
        responses = self.responses
        return bool(responses) and all(response.cached for response in responses)

    @property
    def escalated(self) -> bool:
        """Whether a planned model was asked after the first round; a signal's calls are not it."""
        first = {response.model for response in self.rounds[0]} if self.rounds else set[str]()
        later = {response.model for round_ in self.rounds[1:] for response in round_}
        planned = set(self.answer.planned)
        return bool((later & planned) - first) if planned else bool(later)

    @property
    def failure(self) -> Failure | None:
        """Why the row has no answer; None when it has one."""
        chosen = self.answer.response
        return self.answer.failure or (chosen.problem if chosen else _NOTHING)


_NOTHING = Failure(Kind.StrategyError, "the plan chose no response and gave no reason")


def _slowest(round_: tuple[Response, ...]) -> float:
    if len(round_) == 1:
        return round_[0].latency
    taken = [response.latency for response in round_]
    return math.nan if any(map(math.isnan, taken)) else max(taken, default=0.0)


def worst(failures: Sequence[Failure]) -> Failure:
    """Return what a row failed of: a vendor's last failure, or the limit's nearest miss.

    Examples
    --------
    >>> worst([Failure(Kind.Timeout), Failure(Kind.BudgetExceeded)]).kind.name
    'Timeout'
    """
    told = [failure for failure in failures if failure.kind is not Kind.BudgetExceeded]
    return told[-1] if told else failures[0]
