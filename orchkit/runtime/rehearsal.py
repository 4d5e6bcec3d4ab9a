"""A run without asking: every row is driven on answers from the cache, or made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from orchkit.core.calls import Call, Response, Usage
from orchkit.core.catalog import input_bound
from orchkit.core.drive import begin, prepared, replay
from orchkit.core.plans import Query, Strategy
from orchkit.runtime.asked import Asked
from orchkit.runtime.executor import Executor
from orchkit.runtime.providers.simulator import Simulator

#: The confidence of what is made up to be as dear as can be; no strategy can trust it.
MADE_UP = float("nan")


@dataclass
class Bill:
    """What a rehearsal adds up to, in nano-dollars; `cost` is None once one price is unknown."""

    calls: int = 0
    free: int = 0
    cost: int | None = 0

    def add(self, cost: int | None) -> None:
        """Count one call that would be bought."""
        self.calls += 1
        self.cost = None if cost is None or self.cost is None else self.cost + cost


def rehearse(
    asked: Sequence[Query],
    strategies: Sequence[Strategy],
    executor: Executor,
    simulator: Simulator | None,
) -> Bill:
    """Return what a run of these rows by each strategy would buy, having bought nothing.

    With a simulator the answers are its guesses. Without one they are the worst there are: never
    trusted, charged in full, and charged again for each purchase that may be repeated because
    nobody knows what became of it.
    """
    stage = _Stage(executor, simulator)
    rows = [(query, strategy) for strategy, query in product(strategies, asked)]
    for query, strategy in prepared(rows):
        replay(begin(strategy, query, executor.catalog), stage.answer)
    return stage.bill


class _Stage:
    """Answers calls from the cache, else by making an answer up; equal calls are billed once."""

    def __init__(self, executor: Executor, simulator: Simulator | None) -> None:
        self.executor, self.simulator = executor, simulator
        self.bill = Bill()
        self._known: dict[str, Response] = {}

    def answer(self, calls: tuple[Call, ...]) -> tuple[Response, ...]:
        return tuple(self._one(call) for call in calls)

    def _one(self, call: Call) -> Response:
        asked = self.executor.asked(call)
        known = self._known.get(asked.key) or self.executor.stored(asked)
        if known is None:
            known = _guess(self.simulator, asked) if self.simulator else self._worst(asked)
            self.bill.add(known.cost)
        else:
            self.bill.free += 1
        self._known[asked.key] = known
        return known

    def _worst(self, asked: Asked) -> Response:
        times, call = 1 + self.executor.policy.rebuys, asked.call
        cost = None if asked.bound is None else times * asked.bound
        usage = Usage(input_bound(call.messages), call.params.max_tokens)
        return Response(asked.model.name, "?", usage, cost=cost, confidence=MADE_UP)


def _guess(simulator: Simulator, asked: Asked) -> Response:
    response = simulator.answer(replace(asked.call, model=asked.model.name))
    return replace(response, cost=asked.model.cost(response.usage))
