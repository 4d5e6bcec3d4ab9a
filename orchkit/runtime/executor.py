"""Executor: calls in, responses out. memo -> cache -> budget -> limits -> provider -> store.

A pool of workers advances rows, each at its own pace; a slow row holds up nobody. Whatever goes
wrong with a call becomes a value its strategy can decide on.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchkit.core.calls import Call, Failure, Kind, Response, Usage
from orchkit.core.catalog import Catalog, Model, input_bound
from orchkit.core.drive import drive
from orchkit.core.plans import Answer, Query, Strategy, Trace
from orchkit.errors import CacheWarning, MisuseError, StoreError
from orchkit.runtime.asked import Asked
from orchkit.runtime.budget import Purse
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.limits import Pace, Policy
from orchkit.runtime.loop import LOOP
from orchkit.runtime.wire import Provider, Rejection

#: A row to run: its query, or why it cannot be asked.
Row = tuple[Query | Failure, Strategy]


@dataclass
class Spent:
    """What a run did, for the progress line: counts, and money in nano-dollars."""

    rows: int = 0
    failed: int = 0
    requests: int = 0
    cached: int = 0
    purse: Purse = field(default_factory=Purse)

    def count(self, trace: Trace) -> None:
        """Take one finished row into account."""
        self.rows += 1
        self.failed += trace.failure is not None
        self.cached += trace.cached


class Executor:
    """Answers rows of one run.

    Parameters
    ----------
    catalog : Catalog
        Names, prices and defaults.
    provider_of : callable
        Gives the provider of a model.
    cache : ResponseCache, optional
        Answers of earlier runs; without one nothing outlives the run.
    purses : sequence of Purse
        Hard caps shared by the rows: the session's, if any; the run's own is ``spent.purse``.
    budget, max_cost : int, optional
        Hard caps in nano-dollars, for the run and for each row.
    concurrency : int
        Requests under way at once.
    """

    def __init__(
        self,
        catalog: Catalog,
        provider_of: Callable[[Model], Provider],
        *,
        cache: ResponseCache | None = None,
        purses: Sequence[Purse] = (),
        budget: int | None = None,
        max_cost: int | None = None,
        concurrency: int = 32,
        policy: Policy | None = None,
    ) -> None:
        self.catalog = catalog
        self.provider_of = provider_of
        self.cache = cache
        self.max_cost = max_cost
        self.concurrency = concurrency
        self.policy = policy or Policy()
        self.spent = Spent(purse=Purse(budget))
        self._purses = (self.spent.purse, *purses)
        self._memo: dict[str, Response] = {}
        self._flying: dict[str, asyncio.Future[Response | None]] = {}
        self._paces: Mapping[str, Pace] = defaultdict(Pace)
        self._stopped: dict[int, Failure] = {}

    def run(self, rows: Sequence[Row], tell: Callable[[Spent], None] | None = None) -> list[Trace]:
        """Return one trace a row, in order. An interrupt stops the spending, then raises."""
        done: list[Trace | None] = [None] * len(rows)
        LOOP.run(lambda: self._pool(rows, done, tell or (lambda _: None)))
        return [trace for trace in done if trace is not None]

    def asked(self, call: Call) -> Asked:
        """Return the call as it would go out; MisuseError when there is nobody to ask."""
        return Asked.of(call, self.catalog, self.provider_of)

    def stored(self, asked: Asked) -> Response | None:
        """Return the answer an earlier run left, at today's prices."""
        found = None if self.cache is None else self.cache.get(asked.key)
        return found and replace(found, model=asked.model.name, cost=asked.model.cost(found.usage))

    async def _pool(
        self, rows: Sequence[Row], done: list[Trace | None], tell: Callable[[Spent], None]
    ) -> None:
        self._slots = asyncio.Semaphore(self.concurrency)
        todo = iter(enumerate(rows))

        async def worker() -> None:
            for index, (query, strategy) in todo:
                done[index] = trace = await self._row(query, strategy)
                self.spent.count(trace)
                tell(self.spent)
                await asyncio.sleep(0)  # a warm cache never waits: let an interrupt in

        workers = min(self.concurrency, max(1, len(rows)))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(worker())
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _row(self, query: Query | Failure, strategy: Strategy) -> Trace:
        if isinstance(query, Failure):
            return Trace((), Answer(None, failure=query), finished=time.time())
        purse = Purse(self.max_cost)

        async def answer(calls: tuple[Call, ...]) -> tuple[Response, ...]:
            if len(calls) == 1:
                return (await self._one(calls[0], purse),)
            return tuple(await asyncio.gather(*(self._one(call, purse) for call in calls)))

        trace = await drive(strategy.plan(query, self.catalog), answer)
        return replace(trace, query=query, finished=time.time())

    async def _one(self, call: Call, purse: Purse) -> Response:
        """Answer one call; the same request is never under way, nor bought, twice in a run."""
        try:
            asked = self.asked(call)
        except MisuseError as error:
            return Response.failed(call.model, Kind.NotFound, str(error))
        while True:
            if known := self._memo.get(asked.key):
                return known.again()
            if (flying := self._flying.get(asked.key)) is None:
                return await self._first(asked, purse)
            if response := await asyncio.shield(flying):
                return response.again()

    async def _first(self, asked: Asked, purse: Purse) -> Response:
        """Answer a call nobody else is asking; tell those who wait for the same."""
        flying = self._flying[asked.key] = asyncio.get_running_loop().create_future()
        response: Response | None = None
        try:
            response = self.stored(asked) or await self._buy(asked, purse)
        finally:
            shared = response if response and not _refused_by_limit(response) else None
            if shared:
                self._memo[asked.key] = shared
            del self._flying[asked.key]
            flying.set_result(shared)
        return response

    async def _buy(self, asked: Asked, purse: Purse) -> Response:
        """Reserve, send, settle; again while that may help."""
        until = time.monotonic() + self.policy.patience
        failed, rebought = 0, 0
        while True:
            if stopped := self._stopped.get(id(asked.provider)):
                return Response.failed(asked.model.name, stopped.kind, stopped.message)
            if not await self._reserve(asked, purse):
                return _refusal(asked)
            outcome = await self._attempt(asked, purse)
            if isinstance(outcome, Response):
                return replace(outcome, attempts=failed + 1)
            ordered = outcome.kind is Kind.RateLimited
            failed += not ordered or outcome.wait is None
            rebought += outcome.billed
            if outcome.terminal:
                self._stopped[id(asked.provider)] = Failure(outcome.kind, outcome.message)
            if self._gives_up(outcome, failed, rebought, until):
                return Response.failed(asked.model.name, outcome.kind, outcome.message)
            await self._wait(asked, outcome, failed)

    async def _reserve(self, asked: Asked, purse: Purse) -> bool:
        """Hold the worst case in the row's purse, the run's and the session's, or in none."""
        held: list[Purse] = []
        for each in (purse, *self._purses):
            if not await each.reserve(asked.bound):
                for other in held:
                    other.settle(asked.bound, 0)
                return False
            held.append(each)
        return True

    async def _attempt(self, asked: Asked, purse: Purse) -> Response | Rejection:
        """Send once. An attempt whose outcome is unknown is presumed spent."""
        charge: int | None = asked.bound
        try:
            response = await self._send(asked)
            charge = response.cost
        except Rejection as no:
            charge = asked.bound if no.billed else 0
            return no
        except TimeoutError:
            return Rejection(Kind.Timeout, again=True, billed=True)
        except Exception as error:
            return Rejection(Kind.ProviderError, f"{type(error).__name__}: {error}"[:300])
        finally:
            for each in (purse, *self._purses):
                each.settle(asked.bound, charge)
        self._keep(asked, response)
        return response

    async def _send(self, asked: Asked) -> Response:
        """Send when the model's pace and a free slot allow, within the time for one attempt."""
        pace = self._paces[asked.model.name]
        await pace.wait()  # not in a slot: other models may use it meanwhile
        async with self._slots:
            await pace.wait()
            self.spent.requests += 1
            started = time.perf_counter()
            async with asyncio.timeout(self.policy.timeout):
                response = await asked.provider.complete(asked.call)
        return self._priced(asked, response, time.perf_counter() - started)

    def _priced(self, asked: Asked, response: Response, seconds: float) -> Response:
        """Give a response its cost, its latency and its origin; unknown usage costs the worst."""
        usage = response.usage
        if response.extra.get("usage") == "missing":
            usage = Usage(input_bound(asked.call.messages), asked.call.params.max_tokens)
        return replace(
            response,
            model=asked.model.name,
            usage=usage,
            cost=asked.model.cost(usage),
            latency=response.latency or seconds,
            provider=asked.provider.name,
        )

    def _keep(self, asked: Asked, response: Response) -> None:
        """Store what is worth buying only once: whole answers, not refusals or stumps."""
        whole = response.ok and response.finish == "stop" and response.text
        if self.cache is None or not whole:
            return
        try:
            self.cache.put(asked.key, response)
        except StoreError as error:
            self.cache = None
            told = f"{error} The run goes on without it; its answers are in the result."
            warnings.warn(told, CacheWarning, stacklevel=2)

    def _gives_up(self, no: Rejection, failed: int, rebought: int, until: float) -> bool:
        too_long = (no.wait or 0) > self.policy.max_wait
        late = time.monotonic() + (no.wait or 0) > until
        worn = failed >= self.policy.attempts or rebought > self.policy.rebuys
        return not no.again or too_long or late or worn

    async def _wait(self, asked: Asked, no: Rejection, failed: int) -> None:
        """Wait before the next attempt; what a vendor ordered holds for its whole model."""
        seconds = no.wait if no.wait is not None else self.policy.backoff(failed)
        if no.kind is Kind.RateLimited:
            self._paces[asked.model.name].pause(seconds)
        await asyncio.sleep(seconds)


def _refused_by_limit(response: Response) -> bool:
    return response.failure is not None and response.failure.kind is Kind.BudgetExceeded


def _refusal(asked: Asked) -> Response:
    dollars = "an unknown amount" if asked.bound is None else f"${asked.bound / 1e9:.6f}"
    told = f"{asked.model.name} may cost {dollars}, more than is left of the limit"
    return Response.failed(asked.model.name, Kind.BudgetExceeded, told)
