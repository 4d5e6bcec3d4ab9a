"""Executor: calls in, responses out. memo -> cache -> budget -> limits -> provider -> store.

A pool of workers advances rows, each at its own pace; a slow row holds up nobody. Whatever goes
wrong with a call becomes a value its strategy can decide on.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from orchkit.core.calls import Call, Failure, Kind, Response
from orchkit.core.catalog import Catalog, Model
from orchkit.core.drive import begin, drive
from orchkit.core.plans import Answer, Query, Strategy, Trace
from orchkit.errors import CacheWarning, MisuseError, StoreError
from orchkit.runtime.asked import Asked
from orchkit.runtime.budget import Purse
from orchkit.runtime.buying import Buyer, told
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.limits import Policy
from orchkit.runtime.loop import LOOP
from orchkit.runtime.scribe import Scribe
from orchkit.runtime.wire import Provider

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

    def count(self, trace: Trace, requests: int) -> None:
        """Take one finished row into account, and the requests of all rows so far."""
        self.rows += 1
        self.requests = requests
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
        self._scribe = None if cache is None else Scribe(cache)
        self.max_cost = max_cost
        self.concurrency = concurrency
        self.spent = Spent(purse=Purse(budget))
        self._buyer = Buyer(policy or Policy(), (self.spent.purse, *purses), concurrency)
        self._memo: dict[str, Response] = {}
        self._flying: dict[str, asyncio.Future[Response | None]] = {}

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
        if self.cache is None:
            return None
        try:
            found = self.cache.get(asked.key)
        except StoreError as error:
            self._lose_cache(error)
            return None
        return found and asked.known(found)

    async def _pool(
        self, rows: Sequence[Row], done: list[Trace | None], tell: Callable[[Spent], None]
    ) -> None:
        todo = iter(enumerate(rows))

        async def worker() -> None:
            for index, (query, strategy) in todo:
                done[index] = trace = await self._row(query, strategy)
                self.spent.count(trace, self._buyer.requests)
                tell(self.spent)
                await asyncio.sleep(0)  # a warm cache never waits: let an interrupt in

        workers = min(self.concurrency, max(1, len(rows)))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(worker())
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            if self._scribe:
                await self._scribe.rest()

    async def _row(self, query: Query | Failure, strategy: Strategy) -> Trace:
        if isinstance(query, Failure):
            return Trace((), Answer(None, failure=query), finished=time.time())
        purse = Purse(self.max_cost)

        async def answer(calls: tuple[Call, ...]) -> tuple[Response, ...]:
            if len(calls) == 1:
                return (await self._one(calls[0], purse),)
            return tuple(await asyncio.gather(*(self._one(call, purse) for call in calls)))

        trace = await drive(begin(strategy, query, self.catalog), answer)
        return replace(trace, query=query, finished=time.time())

    async def _one(self, call: Call, purse: Purse) -> Response:
        """Answer one call; the same request is never under way, nor bought, twice in a run."""
        try:
            asked = self.asked(call)
        except MisuseError as error:
            return Response.failed(call.model, Kind.NotFound, str(error))
        except Exception as error:  # noqa: BLE001 - what cannot be described costs its row only
            return Response.failed(call.model, Kind.ProviderError, told(error))
        while True:
            if known := self._memo.get(asked.key):
                return asked.known(known)
            if (flying := self._flying.get(asked.key)) is None:
                return await self._first(asked, purse)
            if response := await asyncio.shield(flying):
                return asked.known(response)

    async def _first(self, asked: Asked, purse: Purse) -> Response:
        """Answer a call nobody else is asking; tell those who wait for the same."""
        flying = self._flying[asked.key] = asyncio.get_running_loop().create_future()
        shared: Response | None = None
        try:
            response = self.stored(asked)
            if response is None:
                response = await self._buyer.buy(asked, purse)
                await self._keep(asked, response)
            if not _refused_by_limit(response):
                shared = self._memo[asked.key] = response
        finally:
            del self._flying[asked.key]
            flying.set_result(shared)
        return response

    async def _keep(self, asked: Asked, response: Response) -> None:
        """Store what is worth buying only once: whole answers, not refusals or stumps."""
        whole = response.ok and response.finish == "stop" and response.text
        if self._scribe is None or not whole:
            return
        try:
            await self._scribe.keep(asked.key, response)
        except StoreError as error:
            self._lose_cache(error)
        except CacheWarning:  # where warnings are errors: the answer is still one
            pass

    def _lose_cache(self, error: StoreError) -> None:
        """Go on without a store that broke: what was paid for is in the result."""
        self.cache = self._scribe = None
        note = f"{error} The run goes on without it; its answers are in the result."
        warnings.warn(note, CacheWarning, stacklevel=2)


def _refused_by_limit(response: Response) -> bool:
    return response.failure is not None and response.failure.kind is Kind.BudgetExceeded
