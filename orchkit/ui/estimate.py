"""What a run would cost: driven through the same strategy, on answers nobody is asked for."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from html import escape
from typing import Any

from orchkit.core.calls import Call, Failure, Response, Usage
from orchkit.core.catalog import NANO, input_bound
from orchkit.core.confidence import Signal
from orchkit.core.drive import replay
from orchkit.core.plans import Query, Strategy
from orchkit.runtime.asked import Asked
from orchkit.runtime.executor import Executor
from orchkit.runtime.providers.simulator import Known, Simulator
from orchkit.ui.money import usd


@dataclass(frozen=True)
class Estimate:
    """A run before it is run.

    Parameters
    ----------
    rows : int
        Prompts that would be asked.
    refused : int
        Rows that cannot be asked (empty prompts and the like); they cost nothing.
    calls : int
        Requests to expect.
    cached : int
        Calls that the cache or an equal row would answer.
    expected_cost, worst_cost : float
        USD to expect, and USD at the very most; NaN when a price is unknown.
    worst_calls : int
        Requests at the very most.
    """

    rows: int
    refused: int
    calls: int
    cached: int
    expected_cost: float
    worst_cost: float
    worst_calls: int

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows, about {self.calls:,} calls (at most {self.worst_calls:,}; "
            f"{self.cached:,} need not be bought): expect {usd(self.expected_cost)} by the "
            f"simulator's guess, at most {usd(self.worst_cost)}"
            + (f"; {self.refused:,} rows cannot be asked" if self.refused else "")
        )

    def _repr_html_(self) -> str:
        return f'<p class="tex2jax_ignore mathjax_ignore">{escape(str(self))}</p>'


@dataclass
class _Bill:
    """What a dry run adds up to; `cost` is None as soon as one price is unknown."""

    calls: int = 0
    free: int = 0
    cost: int | None = 0

    def add(self, cost: int | None) -> None:
        self.calls += 1
        self.cost = None if cost is None or self.cost is None else self.cost + cost

    @property
    def dollars(self) -> float:
        return math.nan if self.cost is None else self.cost / NANO


def estimate_traces(
    queries: Sequence[Query | Failure],
    strategy: Strategy,
    executor: Executor,
    known: Mapping[str, Known],
) -> Estimate:
    """Return the estimate of running `strategy` over `queries`."""
    asked = [query for query in queries if isinstance(query, Query)]
    expected = _dry(asked, strategy, executor, Simulator(executor.catalog, known))
    worst = _dry(asked, _doubting(strategy), executor, None)
    return Estimate(
        rows=len(asked),
        refused=len(queries) - len(asked),
        calls=expected.calls,
        cached=expected.free,
        expected_cost=expected.dollars,
        worst_cost=worst.dollars,
        worst_calls=worst.calls,
    )


def _dry(
    asked: Sequence[Query], strategy: Strategy, executor: Executor, simulator: Simulator | None
) -> _Bill:
    """Drive every row on made-up answers and add up what would have been bought."""
    dry = _DryRun(executor, simulator)
    for query in asked:
        replay(strategy.plan(query, executor.catalog), dry.answer)
    return dry.bill


def _doubting(strategy: Strategy) -> Strategy:
    """Return the strategy with its own signal, if any, not trusting what a dry run makes up."""
    declared: Any = strategy  # one's own need not be a dataclass
    signal = getattr(declared, "confidence", None) if is_dataclass(declared) else None
    if signal is None:
        return strategy
    doubting: Strategy = replace(declared, confidence=_doubt(signal))
    return doubting


def _doubt(signal: Signal) -> Signal:
    def doubt(query: Query, response: Response) -> Generator[Any, Any, Any]:
        try:
            verdict = signal(query, response)
            if isinstance(verdict, Generator):
                verdict = yield from verdict
        except Exception:  # noqa: BLE001 - a signal need not read what is made up
            return math.nan
        made_up = response.confidence is not None and math.isnan(response.confidence)
        return math.nan if made_up else verdict

    return doubt


class _DryRun:
    """Answers calls without asking: from the cache, else made up. Equal calls are billed once.

    Without a simulator the answers are the worst there are: as dear as can be, and never trusted.
    """

    def __init__(self, executor: Executor, simulator: Simulator | None) -> None:
        self.executor, self.simulator = executor, simulator
        self.bill = _Bill()
        self._known: dict[str, Response] = {}

    def answer(self, calls: tuple[Call, ...]) -> tuple[Response, ...]:
        return tuple(self._one(call) for call in calls)

    def _one(self, call: Call) -> Response:
        asked = self.executor.asked(call)
        known = self._known.get(asked.key) or self.executor.stored(asked)
        if known is None:
            known = self._made_up(asked)
            self.bill.add(known.cost)
        else:
            self.bill.free += 1
        self._known[asked.key] = known
        return known

    def _made_up(self, asked: Asked) -> Response:
        model, call = asked.model, asked.call
        if self.simulator:
            response = self.simulator.answer(replace(call, model=model.name))
            return replace(response, cost=model.cost(response.usage))
        usage = Usage(input_bound(call.messages), call.params.max_tokens)
        return Response(model.name, "?", usage, cost=asked.bound, confidence=math.nan)
