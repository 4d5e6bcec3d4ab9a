"""A run without asking: every row is driven on answers from the cache, or made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from orchkit.core.calls import Call, Message, Response, Usage
from orchkit.core.catalog import input_bound
from orchkit.core.drive import begin, prepared, replay
from orchkit.core.plans import Query, Strategy
from orchkit.core.quoting import BYTES_A_TOKEN
from orchkit.runtime.asked import Asked
from orchkit.runtime.executor import Executor
from orchkit.runtime.providers.simulator import Simulator

#: The confidence of what is made up to be as dear as can be; no strategy can trust it.
MADE_UP = float("nan")
#: Stands in what is made up: in a call that quotes it, for an answer as long as can be.
_MARK = "(made up)"


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
        stage.longest = -(-BYTES_A_TOKEN * query.params.max_tokens // len(_MARK)) * _MARK
        replay(begin(strategy, query, executor.catalog), stage.answer)
    return stage.bill


class _Stage:
    """Answers calls from the cache, else by making an answer up; equal calls are billed once."""

    def __init__(self, executor: Executor, simulator: Simulator | None) -> None:
        self.executor, self.simulator = executor, simulator
        self.bill = Bill()
        self.longest = _MARK
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
        messages = tuple(self._stretched(message) for message in call.messages)
        bound = asked.model.bound(messages, call.params.max_tokens)
        cost = None if bound is None else times * bound
        usage = Usage(input_bound(messages), call.params.max_tokens)
        said = f"{asked.key[:7]}{_MARK}"  # no two alike, cut or whole: agreeing would save calls
        return Response(asked.model.name, said, usage, cost=cost, confidence=MADE_UP)

    def _stretched(self, message: Message) -> Message:
        """Return a message with what it quotes of made-up answers at its longest."""
        if _MARK not in message.content:
            return message
        return Message(message.role, message.content.replace(_MARK, self.longest))


def _guess(simulator: Simulator, asked: Asked) -> Response:
    response = simulator.answer(replace(asked.call, model=asked.model.name))
    return replace(response, cost=asked.model.cost(response.usage))
