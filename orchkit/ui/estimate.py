"""What a run would cost: driven through the same strategy, on answers nobody is asked for."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

from orchkit.core.calls import Failure, Response
from orchkit.core.catalog import NANO
from orchkit.core.confidence import Signal
from orchkit.core.plans import Query, Strategy
from orchkit.runtime.executor import Executor
from orchkit.runtime.providers.simulator import Known, Simulator
from orchkit.runtime.rehearsal import Bill, rehearse
from orchkit.ui.markup import facts, notebook
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
        Calls at the very most, each counted once.
    rebuys : int
        How often the worst case buys a call again because its outcome was unknown.
    strategies : int
        How many ways each prompt is answered; a call that several of them make is counted once.

    Notes
    -----
    The worst case drives the strategy on answers whose confidence is unknown. Each call is charged
    for the longest prompt its bytes allow and an answer of ``max_tokens``, and again for every
    re-buy; what a vendor refuses is free. It cannot see a strategy of one's own that asks more for
    another reason than doubt, say the words of an answer: only `max_cost` and `budget` bound that.

    Examples
    --------
    >>> import orchkit
    >>> with orchkit.use("simulator"):
    ...     est = orchkit.load_dataset("everyday").head(10).orch.estimate("gpt-4o", cache=False)
    >>> est.rows, est.calls, est.expected_cost < est.worst_cost
    (10, 10, True)
    """

    rows: int
    refused: int
    calls: int
    cached: int
    expected_cost: float
    worst_cost: float
    worst_calls: int
    rebuys: int = 0
    strategies: int = 1

    def __str__(self) -> str:
        times = f" × {self.strategies:,} strategies" if self.strategies != 1 else ""
        return (
            f"{self.rows:,} rows{times}, about {self.calls:,} calls (at most {self.worst_calls:,}; "
            f"{self.cached:,} need not be bought): expect {usd(self.expected_cost)} by the "
            f"simulator's guess, at most {usd(self.worst_cost)} {self._bound()}"
            + (f"; {self.refused:,} rows cannot be asked" if self.refused else "")
        )

    def _bound(self) -> str:
        """Return in which case it costs the most."""
        return f"if no answer is trusted and each is charged in full{_again(self.rebuys)}"

    def _repr_html_(self) -> str:
        told = [
            (
                "prompts",
                f"{self.rows:,}{f' × {self.strategies:,} strategies' * (self.strategies > 1)}",
            ),
            ("calls", f"about {self.calls:,}, at most {self.worst_calls:,}"),
            ("need not be bought", f"{self.cached:,}"),
            ("USD to expect", f"{usd(self.expected_cost)} by the simulator's guess"),
            ("USD at most", f"{usd(self.worst_cost)} {self._bound()}"),
        ]
        refused = [("cannot be asked", f"{self.refused:,} rows")] if self.refused else []
        return notebook(facts([*told, *refused]))


def _again(rebuys: int) -> str:
    times = {0: "", 1: ", and once again after a lost reply"}
    return times.get(rebuys, f", and {rebuys} times again after lost replies")


def estimate_traces(
    queries: Sequence[Query | Failure],
    strategies: Sequence[Strategy],
    executor: Executor,
    known: Mapping[str, Known],
) -> Estimate:
    """Return the estimate of running each of `strategies` over `queries`."""
    asked = [query for query in queries if isinstance(query, Query)]
    expected = rehearse(asked, strategies, executor, Simulator(executor.catalog, known))
    worst = rehearse(asked, [_doubting(one) for one in strategies], executor, None)
    return Estimate(
        rows=len(asked),
        refused=len(queries) - len(asked),
        calls=expected.calls,
        cached=expected.free,
        expected_cost=_dollars(expected),
        worst_cost=_dollars(worst),
        worst_calls=worst.calls,
        rebuys=executor.policy.rebuys,
        strategies=len(strategies),
    )


def _dollars(bill: Bill) -> float:
    return math.nan if bill.cost is None else bill.cost / NANO


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
