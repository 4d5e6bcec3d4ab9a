"""The only place that advances a plan: with an asynchronous answerer, or with a plain one."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from orchkit.core.calls import Call, Failure, Kind, Response
from orchkit.core.catalog import Catalog
from orchkit.core.plans import Answer, Plan, Query, Strategy, Trace
from orchkit.errors import MisuseError, NotRecorded, OrchkitWarning

Calls = tuple[Call, ...]
Responses = tuple[Response, ...]
#: A row to run: its query, or why it cannot be asked.
Row = tuple[Query | Failure, Strategy]
Q = TypeVar("Q", bound=Query | Failure)
#: A plan that asks for more rounds than this has no end.
ROUNDS = 1_000


def begin(strategy: Strategy, query: Query, catalog: Catalog) -> Plan:
    """Return the strategy's plan; what is no plan fails when it is driven, and fails its row."""
    plan: object = strategy.plan(query, catalog)
    if not isinstance(plan, Generator):
        raise TypeError(f"plan() must be a generator, not {type(plan).__name__}")
    answer: Answer = yield from plan
    return answer


def opening(strategy: Strategy, query: Query, catalog: Catalog) -> Calls:
    """Return the first calls of a plan: its misuse shows here, before anything is spent.

    Whatever else is wrong with a plan is the error of its rows; it opens with nothing.
    """
    plan = begin(strategy, query, catalog)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OrchkitWarning)  # told when the rows are run
            return _checked(next(plan))
    except MisuseError:
        raise
    except Exception:  # noqa: BLE001 - told row by row
        return ()
    finally:
        with suppress(RuntimeError):  # a plan that will not be closed
            plan.close()


def prepared(rows: Sequence[tuple[Q, Strategy]]) -> Sequence[tuple[Q, Strategy]]:
    """Return the rows with strategies that have read all of their queries at once.

    That is for strategies with a method ``prepared(texts)``, which returns a strategy that knows
    what it would otherwise work out row by row, as a learned router's predictions.
    """
    asking = {id(each): each for _, each in rows if callable(getattr(each, "prepared", None))}
    if not asking:
        return rows
    texts: dict[int, list[str]] = {key: [] for key in asking}
    for query, strategy in rows:
        if id(strategy) in asking and isinstance(query, Query):
            texts[id(strategy)].append(query.text)
    ready: dict[int, Strategy] = {}
    for key, strategy in asking.items():
        known: Any = strategy
        ready[key] = known.prepared(texts[key])
    return [(query, ready.get(id(strategy), strategy)) for query, strategy in rows]


async def drive(plan: Plan, answer: Callable[[Calls], Awaitable[Responses]]) -> Trace:
    """Run `plan` to its end, awaiting `answer` for each round of calls."""
    rounds: list[Responses] = []
    step = _Step(plan)
    while (calls := step(rounds)) is not None:
        rounds.append(await answer(calls))
    return Trace(tuple(rounds), step.answer)


def replay(plan: Plan, answer: Callable[[Calls], Responses], query: Query | None = None) -> Trace:
    """Run `plan` to its end against answers that are already known.

    A call that was never recorded ends the row with ``NotRecorded``: going on to another model
    would tell of a run that could not have happened.
    """
    rounds: list[Responses] = []
    step = _Step(plan)
    try:
        while (calls := step(rounds)) is not None:
            rounds.append(answer(calls))
    except NotRecorded as missing:
        plan.close()
        failure = Failure(Kind.NotRecorded, str(missing))
        return Trace(tuple(rounds), Answer(None, failure=failure), query)
    return Trace(tuple(rounds), step.answer, query)


class _Step:
    """Advance a plan by one round; None when it is over and `answer` is there."""

    __slots__ = ("answer", "plan")

    answer: Answer

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __call__(self, rounds: list[Responses]) -> Calls | None:
        try:
            calls = _checked(self.plan.send(rounds[-1]) if rounds else next(self.plan))
            if len(rounds) < ROUNDS:
                return calls
            self.answer = _broken(f"the plan asked for more than {ROUNDS:,} rounds")
            self.plan.close()
        except StopIteration as stop:
            self.answer = (
                stop.value
                if isinstance(stop.value, Answer)
                else _broken(f"a plan must return an Answer, not {type(stop.value).__name__}")
            )
        except (Exception, SystemExit) as error:  # noqa: BLE001 - costs its row
            self.answer = _broken(f"{type(error).__name__}: {error}")
        return None


def _checked(calls: object) -> Calls:
    """Refuse what is not a round of calls, before anything is sent."""
    if isinstance(calls, tuple) and calls and not [c for c in calls if not isinstance(c, Call)]:
        return calls
    raise TypeError(f"a plan must yield a non-empty tuple of Call, not {calls!r:.80}")


def _broken(message: str) -> Answer:
    return Answer(None, failure=Failure(Kind.StrategyError, message))
