"""Executor: calls in, responses out. memo -> cache -> budget -> limits -> ledger -> provider.

A pool of workers advances rows, each at its own pace; a slow row holds up nobody. Whatever goes
wrong with a call becomes a value its strategy can decide on.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

from orchkit.core.calls import Call, Failure, Kind, Response
from orchkit.core.catalog import Catalog, Model
from orchkit.core.drive import Row, begin, drive, prepared
from orchkit.core.plans import Answer, Query, Strategy, Trace
from orchkit.errors import CacheWarning, MisuseError, OrchkitWarning, StoreError, tell
from orchkit.runtime.asked import Asked
from orchkit.runtime.budget import Purse
from orchkit.runtime.buying import Buyer
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.ledger import Hits, Ledger
from orchkit.runtime.limits import Policy
from orchkit.runtime.loop import LOOP
from orchkit.runtime.orders import Order, told
from orchkit.runtime.pacing import Paces
from orchkit.runtime.scribe import Scribe
from orchkit.runtime.spent import Spent
from orchkit.runtime.wire import Provider

#: Seconds a worker may go on without letting others in: a warm cache never waits.
_SHARE = 0.02


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
    ledger : Ledger, optional
        Where every attempt is written down before it is sent; None where nothing is paid.
    purses : sequence of Purse
        Hard caps shared by the rows: the session's, if any; the run's own is ``spent.purse``.
    budget, max_cost : int, optional
        Hard caps in nano-dollars, for the run and for each row.
    concurrency : int
        Requests under way at once.
    policy : Policy, optional
        What one call may take.
    paces : Paces, optional
        How fast each model may be asked, shared by all runs.
    category, tags
        What the run is for, in the ledger: a word, and any number more.
    """

    def __init__(
        self,
        catalog: Catalog,
        provider_of: Callable[[Model], Provider],
        *,
        cache: ResponseCache | None = None,
        ledger: Ledger | None = None,
        purses: Sequence[Purse] = (),
        budget: int | None = None,
        max_cost: int | None = None,
        concurrency: int = 32,
        policy: Policy | None = None,
        paces: Paces | None = None,
        category: str = "orchestration",
        tags: tuple[str, ...] = (),
    ) -> None:
        self.catalog = catalog
        self.max_cost = max_cost
        self.concurrency = concurrency
        self.policy = policy or Policy()
        self.category = category
        self.tags = tags
        self.spent = Spent(purse=Purse(budget))
        self._find_provider = provider_of
        self._providers: dict[str, Provider] = {}
        self._scribe = Scribe(cache, ledger)
        self._buyer = Buyer(
            self.policy,
            (self.spent.purse, *purses),
            concurrency,
            self._scribe,
            paces or Paces(),
            category,
            tags,
        )
        self._memo: dict[str, Response] = {}
        self._flying: dict[str, asyncio.Future[Response | None]] = {}
        self._hits: Counter[tuple[str, str]] = Counter()
        self._saved: dict[tuple[str, str], int | None] = {}

    def run(
        self,
        rows: Sequence[Row],
        tell_progress: Callable[[Spent], None] | None = None,
        done: list[Trace | None] | None = None,
    ) -> list[Trace]:
        """Return one trace a row, in order. An interrupt stops the spending, then raises.

        What was finished by then is in `done`, a list of as many places as there are rows.
        `tell_progress` is called in the calling thread, a few times a second whether or not a row
        was finished, and at the end.
        """
        places: list[Trace | None] = [None] * len(rows) if done is None else done
        ready = prepared(rows)
        look = self._looking(tell_progress or (lambda _: None))
        try:
            LOOP.run(lambda: self._pool(ready, places), look)
        finally:
            self._complain()
        look()
        return [trace for trace in places if trace is not None]

    @property
    def keeps(self) -> bool:
        """Whether answers are kept, so that another run need not buy them."""
        return self._scribe.cache is not None

    @property
    def presumed(self) -> int:
        """Nano-dollars that may have been billed without an answer, so far."""
        return max(0, self.spent.purse.spent - self._buyer.paid)

    def asked(self, call: Call) -> Asked:
        """Return the call as it would go out; MisuseError when there is nobody to ask."""
        return Asked.of(call, self.catalog, self.provider_of)

    def provider_of(self, model: Model) -> Provider:
        """Return who answers for a model in this run; MisuseError when there is nobody."""
        if model.name not in self._providers:
            self._providers[model.name] = self._find_provider(model)
        return self._providers[model.name]

    def stored(self, asked: Asked) -> Response | None:
        """Return the answer an earlier run left, at today's prices."""
        if self._scribe.cache is None:
            return None
        try:
            found = self._scribe.cache.get(asked.key)
        except StoreError as error:
            self._scribe.told.append(f"{error} Its answers are asked anew.")
            self._scribe.cache = None
            return None
        return found and asked.known(found)

    def _looking(self, tell: Callable[[Spent], None]) -> Callable[[], None]:
        """Return what looks who waits, counts the time since it looked last, and tells."""
        spent, looked = self.spent, time.monotonic()

        def look() -> None:
            nonlocal looked
            now = time.monotonic()
            spent.waited += (now - looked) * bool(spent.waits)
            spent.waits, looked = self._buyer.waits.now(), now
            tell(spent)

        return look

    async def _pool(self, rows: Sequence[Row], done: list[Trace | None]) -> None:
        self.spent.expect(rows)
        todo = iter(enumerate(rows))
        rested = time.monotonic()

        async def worker() -> None:
            nonlocal rested
            for index, (query, strategy) in todo:
                turn = self.spent.begin(strategy)
                done[index] = trace = await self._row(query, strategy)
                self.spent.count(trace, strategy, turn, self._buyer.requests)
                if time.monotonic() - rested > _SHARE:
                    await asyncio.sleep(0)
                    rested = time.monotonic()

        workers = min(self.concurrency, max(1, len(rows)))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(worker())
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            await self._scribe.rest(self._counted())

    async def _row(self, query: Query | Failure, strategy: Strategy) -> Trace:
        if isinstance(query, Failure):
            return Trace((), Answer(None, failure=query), finished=time.time())
        purse = Purse(self.max_cost)
        name = str(getattr(strategy, "name", type(strategy).__name__))

        async def answer(calls: tuple[Call, ...]) -> tuple[Response, ...]:
            if len(calls) == 1:
                return (await self._one(calls[0], purse, name),)
            return tuple(await asyncio.gather(*(self._one(call, purse, name) for call in calls)))

        trace = await drive(begin(strategy, query, self.catalog), answer)
        return Trace(trace.rounds, trace.answer, query, time.time())

    async def _one(self, call: Call, purse: Purse, strategy: str) -> Response:
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
                return await self._first(Order(asked, purse, strategy))
            if response := await asyncio.shield(flying):
                return asked.known(response)

    async def _first(self, order: Order) -> Response:
        """Answer a call nobody else is asking; tell those who wait for the same."""
        key = order.asked.key
        if known := self.stored(order.asked):
            self._count_hit(order, known)
            self._memo[key] = known
            return known
        if broken := _unsendable(order.asked):
            return broken
        flying = self._flying[key] = asyncio.get_running_loop().create_future()
        shared: Response | None = None
        try:
            response = await self._buyer.buy(order)
            if not _refused_by_limit(response):
                shared = self._memo[key] = response
        finally:
            del self._flying[key]
            flying.set_result(shared)
        return response

    def _count_hit(self, order: Order, known: Response) -> None:
        place = (order.strategy, order.asked.model.name)
        self._hits[place] += 1
        before = self._saved.get(place, 0)
        unknown = before is None or known.cost is None
        self._saved[place] = None if unknown else (before or 0) + (known.cost or 0)

    def _counted(self) -> list[Hits]:
        """Return what the cache answered in this run, for the ledger."""
        run, category = self._buyer.run, self.category
        return [
            Hits(run, category, *place, calls, self._saved[place], self.tags)
            for place, calls in self._hits.items()
        ]

    def _complain(self) -> None:
        """Warn of what went wrong with the run itself, now that all that could be stored is."""
        told, self._scribe.told = self._scribe.told, []
        if self._scribe.cache is not None:
            told += self._scribe.cache.complaints()
        for each in dict.fromkeys(told):
            tell(each, CacheWarning)
        if self._buyer.overran:
            tell(self._buyer.overran, OrchkitWarning)


def _unsendable(asked: Asked) -> Response | None:
    """Return the failure of a call whose size cannot even be told."""
    try:
        asked.tokens  # noqa: B018 - reading it is the test
    except Exception as error:  # noqa: BLE001 - what cannot be described costs its row only
        return Response.failed(asked.model.name, Kind.ProviderError, told(error))
    return None


def _refused_by_limit(response: Response) -> bool:
    return response.failure is not None and response.failure.kind is Kind.BudgetExceeded
