import asyncio
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from orchkit.core.calls import Call, Failure, Kind, Message, Response
from orchkit.core.catalog import Catalog
from orchkit.core.drive import ROUNDS, drive, opening, prepared, replay
from orchkit.core.plans import Answer, Plan, Query, Trace
from orchkit.core.strategies import Single
from orchkit.errors import NotRecorded, ParameterError

Calls = tuple[Call, ...]
Responses = tuple[Response, ...]
Answerer = Callable[[Calls], Responses]

A, B, C = (Call(name, ()) for name in "abc")
DONE = Answer(Response("c", "42"))


def echo(calls: Calls) -> Responses:
    """Answer each call with its model's name."""
    return tuple(Response(call.model, call.model) for call in calls)


def driven(plan: Any, answer: Answerer) -> Trace:
    """Drive a plan in a loop of its own."""

    async def answering(calls: Calls) -> Responses:
        await asyncio.sleep(0)
        return answer(calls)

    return asyncio.run(drive(plan, answering))


both = pytest.mark.parametrize("advance", [driven, replay])
Advance = Callable[[Any, Answerer], Trace]


def plan_of(*rounds: Any, end: Any = DONE) -> Plan:
    """Plan these rounds, whatever comes back."""
    for calls in rounds:  # noqa: UP028 - to a tuple nothing can be sent
        yield calls
    return end


@both
def test_a_plan_is_run_to_its_end(advance: Advance) -> None:
    """The trace holds a round of responses for each round of calls, and the answer."""
    assert advance(plan_of((A, B), (C,)), echo) == Trace((echo((A, B)), echo((C,))), DONE)


@both
def test_a_plan_receives_what_was_answered(advance: Advance) -> None:
    """What the answerer gives for a round is what the plan is sent."""
    seen: list[Responses] = []

    def plan() -> Plan:
        seen.append((yield (A, B)))
        seen.append((yield (C,)))
        return DONE

    assert advance(plan(), echo).rounds == tuple(seen)


@both
def test_a_plan_may_ask_nothing(advance: Advance) -> None:
    """A plan that answers without asking has no rounds."""
    assert advance(plan_of(), echo) == Trace((), DONE)


@both
def test_a_plan_that_breaks_becomes_a_failure(advance: Advance) -> None:
    """A strategy's own error fails its row, says what it was, and keeps what was paid for."""

    def plan() -> Plan:
        yield (A,)
        raise KeyError("lost")

    trace = advance(plan(), echo)
    assert trace.rounds == (echo((A,)),)
    assert trace.answer == Answer(None, failure=Failure(Kind.StrategyError, "KeyError: 'lost'"))


@both
@pytest.mark.parametrize("calls", [(), [A], None, A, "a", (A, "b"), iter((A,))])
def test_what_is_no_round_is_never_sent(advance: Advance, calls: object) -> None:
    """A plan that yields anything but calls fails its row before anything is asked."""
    asked: list[Calls] = []

    def answer(calls: Calls) -> Responses:
        asked.append(calls)
        return echo(calls)

    failure = advance(plan_of(calls), answer).failure
    assert asked == []
    assert failure is not None
    assert failure.kind is Kind.StrategyError
    assert "non-empty tuple of Call" in failure.message


@both
@pytest.mark.parametrize("end", [None, "42", Response("m", "42")])
def test_a_plan_must_end_in_an_answer(advance: Advance, end: object) -> None:
    """A plan that returns something else fails its row, and is told what it returned."""
    failure = advance(plan_of((A,), end=end), echo).failure
    assert failure is not None
    assert failure.kind is Kind.StrategyError
    assert type(end).__name__ in failure.message


@both
def test_what_is_no_generator_becomes_a_failure(advance: Advance) -> None:
    """A `plan` that forgot to yield fails its row like any other mistake in it."""
    failure = advance(None, echo).failure
    assert failure is not None
    assert failure.kind is Kind.StrategyError


@both
def test_an_interrupt_is_not_a_mistake_of_the_strategy(advance: Advance) -> None:
    """An interrupt inside a plan stops the run instead of failing the row."""

    def plan() -> Plan:
        yield (A,)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        advance(plan(), echo)


@both
def test_what_the_answerer_raises_is_raised(advance: Advance) -> None:
    """A fault of the runtime is not blamed on the strategy."""

    def broken(calls: Calls) -> Responses:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        advance(plan_of((A,)), broken)


def test_a_call_that_was_not_recorded_ends_the_row() -> None:
    """Replay goes no further than the recording, and keeps the rounds up to there."""
    recorded = iter([echo((A,))])

    def answer(calls: Calls) -> Responses:
        for responses in recorded:
            return responses
        raise NotRecorded("no response of b to this prompt")

    plan = plan_of((A,), (B,), (C,))
    failure = Failure(Kind.NotRecorded, "no response of b to this prompt")
    assert replay(plan, answer) == Trace((echo((A,)),), Answer(None, failure=failure))


def test_a_plan_that_is_ended_early_may_tidy_up() -> None:
    """A plan that asks for what was not recorded is closed, and cannot go on."""
    tidied: list[bool] = []

    def plan() -> Iterator[Any]:
        try:
            yield (A,)
        finally:
            tidied.append(True)

    def answer(calls: Calls) -> Responses:
        raise NotRecorded

    ended = plan()
    replay(ended, answer)  # type: ignore[arg-type]
    assert tidied == [True]
    assert inspect.getgeneratorstate(ended) == inspect.GEN_CLOSED  # type: ignore[arg-type]


def test_rows_that_wait_do_not_hold_up_each_other() -> None:
    """Two plans driven in one loop take turns at their rounds."""
    order: list[str] = []

    async def answering(calls: Calls) -> Responses:
        order.append(calls[0].model)
        await asyncio.sleep(0)
        return echo(calls)

    async def both_rows() -> None:
        await asyncio.gather(
            drive(plan_of((A,), (A,)), answering), drive(plan_of((B,), (B,)), answering)
        )

    asyncio.run(both_rows())
    assert order == ["a", "b", "a", "b"]


def test_a_plan_without_end_is_ended() -> None:
    """A plan that always asks for more costs its row, after a thousand rounds, and not the run."""

    def endless() -> Plan:
        while True:
            yield (A,)

    async def answer(calls: Calls) -> Responses:
        return echo(calls)

    for trace in (replay(endless(), echo), asyncio.run(drive(endless(), answer))):
        assert len(trace.rounds) == ROUNDS
        assert str(trace.failure) == "StrategyError: the plan asked for more than 1,000 rounds"


def test_a_plan_of_many_rounds_may_end() -> None:
    """As many rounds as are allowed are no failure."""

    def long() -> Plan:
        for _ in range(ROUNDS):
            yield (A,)
        return DONE

    trace = replay(long(), echo)
    assert (len(trace.rounds), trace.failure) == (ROUNDS, None)


@dataclass(frozen=True)
class Opens:
    """A strategy whose plan is what it was given."""

    made: Callable[[], Any]
    name: ClassVar[str] = "opens"

    def plan(self, query: Query, catalog: Catalog) -> Any:
        """Return the plan that was given."""
        return self.made()


def _asks(*rounds: Any) -> Plan:
    yield from rounds
    return DONE


def _fails(error: Exception) -> Plan:
    raise error
    yield (A,)


@pytest.mark.parametrize(
    ("made", "first"),
    [
        (lambda: _asks((A, B), (C,)), (A, B)),
        (_asks, ()),
        (lambda: _asks(A), ()),
        (lambda: _fails(KeyError("x")), ()),
        (lambda: None, ()),
    ],
    ids=["asks", "ends", "no round", "fails", "no plan"],
)
def test_an_opening_is_what_would_first_be_asked(
    catalog: Catalog, query: Query, made: Callable[[], Any], first: Calls
) -> None:
    """The first calls are told without asking them; a broken plan opens with nothing."""
    assert opening(Opens(made), query, catalog) == first


def test_misuse_shows_in_the_opening(catalog: Catalog, query: Query) -> None:
    """What a strategy refuses as misuse is raised before anything is sent."""
    with pytest.raises(ParameterError, match="no such thing"):
        opening(Opens(lambda: _fails(ParameterError("no such thing"))), query, catalog)


class Ahead:
    """A strategy that reads ahead."""

    name = "ahead"

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self.known = known

    def prepared(self, texts: list[str]) -> Any:
        """Return one that knows these texts."""
        return Ahead(tuple(texts))

    def plan(self, query: Query, catalog: Catalog) -> Any:
        """Plan nothing."""
        raise NotImplementedError


def test_rows_are_prepared_by_strategy(query: Query) -> None:
    """A strategy that reads ahead is given the texts of its own rows at once; others stay."""
    one, other, plain = Ahead(), Ahead(), Single("gpt-4o")
    second = replace(query, messages=(Message("user", "Why?"),))
    failed = Failure(Kind.EmptyPrompt)
    rows = [(query, one), (second, other), (second, one), (failed, one), (query, plain)]
    ready = prepared(rows)
    assert [row[0] for row in ready] == [row[0] for row in rows]
    both = ("What is 2+2?", "Why?")
    known = [getattr(row[1], "known", None) for row in ready]
    assert known == [both, ("Why?",), both, both, None]
    assert ready[0][1] is ready[2][1]
    assert prepared(rows[-1:]) == rows[-1:]
