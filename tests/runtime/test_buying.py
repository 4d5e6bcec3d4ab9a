"""Buying: an attempt is written down before it is sent, and what came of it after."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from orchkit.core.calls import Call, Kind, Message, Params, Response, Usage
from orchkit.core.catalog import Catalog, Model, Rates, Tier
from orchkit.core.plans import Query, Trace
from orchkit.core.strategies import Single
from orchkit.errors import CacheWarning, OrchkitWarning
from orchkit.runtime import scribe
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.executor import Executor
from orchkit.runtime.ledger import Ledger
from orchkit.runtime.limits import Policy
from orchkit.runtime.loop import LOOP
from orchkit.runtime.pacing import Paces
from orchkit.runtime.wire import Quota, Rejection

#: Input is free and a token of output costs one nano-dollar, so `max_tokens` is the worst case.
MODEL = Model("a", "fake", Tier.BASIC, (Rates(0.0, 0.001),))
DEARER = Model("b", "fake", Tier.BASIC, (Rates(0.0, 0.005),))
CATALOG = Catalog({"a": MODEL, "b": DEARER}, ("a",))
QUICK = Policy(base=0.0005, ceiling=0.002, timeout=5, patience=10)
ANSWER = Response("a", "yes", Usage(1, 4))


@dataclass
class Vendor:
    """Does what the test says with each request."""

    act: Callable[[Call], Awaitable[Response]]
    name: str = "fake"
    calls: int = 0
    quotas: dict[str, Quota] = field(default_factory=dict)

    async def complete(self, call: Call) -> Response:
        """Count the call, then act."""
        self.calls += 1
        return await self.act(call)


def saying(*outcomes: Response | Exception) -> Vendor:
    """Return a vendor that gives each outcome once, the last one for ever."""
    left = [*outcomes]

    async def act(_: Call) -> Response:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Vendor(act)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a folder for a cache and a ledger."""
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with closing(Ledger(home / "ledger.db")) as opened:
        yield opened


@pytest.fixture
def cache(home: Path) -> ResponseCache:
    """Give an empty cache."""
    return ResponseCache(home / "cache")


def runner(vendor: Vendor, **known: Any) -> Executor:
    """Return the executor of a run that asks the vendor."""
    return Executor(known.pop("catalog", CATALOG), lambda _: vendor, policy=QUICK, **known)


def ask(executor: Executor, *prompts: str) -> list[Trace]:
    """Ask each prompt once."""
    rows = [(Query((Message("user", p),), Params(max_tokens=10)), Single("a")) for p in prompts]
    return executor.run(rows)


def booked(ledger: Ledger) -> list[tuple[str, int | None]]:
    """Return the state and cost of every attempt."""
    return [(row["state"], row["cost"]) for row in ledger.rows()]


def test_an_attempt_is_on_disk_before_it_is_sent(ledger: Ledger) -> None:
    """When the vendor hears of it, the ledger already holds the worst it can cost."""
    seen = []

    async def act(_: Call) -> Response:
        seen.append([(row["state"], row["reserved"]) for row in ledger.rows()])
        return ANSWER

    ask(runner(Vendor(act), ledger=ledger), "x")
    assert seen == [[("open", 10)]]
    assert booked(ledger) == [("settled", 4)]


def test_what_a_run_is_for_is_written_beside_it(ledger: Ledger) -> None:
    """Category, strategy, model and provider are told of each attempt."""
    ask(runner(saying(ANSWER), ledger=ledger, category="study"), "x")
    (row,) = ledger.rows()
    assert (row["category"], row["strategy"], row["model"], row["provider"]) == (
        "study", "single", "a", "fake",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcomes", "states"),
    [
        ([Rejection(Kind.ServerError, again=True), ANSWER], [("released", 0), ("settled", 4)]),
        ([Rejection(Kind.RateLimited, again=True), ANSWER], [("released", 0), ("settled", 4)]),
        ([Rejection(Kind.BadRequest)], [("released", 0)]),
        ([TimeoutError()], [("presumed", 10)] * 2),
        ([Rejection(Kind.MalformedResponse, again=True, billed=True)], [("presumed", 10)] * 2),
        ([ValueError("a bug")], [("presumed", 10)]),
        ([replace(ANSWER, extra={"usage": "missing"})], [("settled", 10)]),
    ],
    ids=str,
)
def test_each_attempt_is_booked_as_what_it_was(
    ledger: Ledger, outcomes: list[Any], states: list[tuple[str, int]]
) -> None:
    """Refused is released, answered is settled, and what may have been billed is presumed."""
    executor = runner(saying(*outcomes), ledger=ledger)
    ask(executor, "x")
    assert booked(ledger) == states
    assert executor.spent.purse.spent == ledger.spent()


def test_what_is_presumed_is_told_of_the_row(ledger: Ledger) -> None:
    """Money that may be gone without an answer stands beside the answer, not in its cost."""
    broken = Rejection(Kind.ConnectionFailed, again=True, billed=True)
    (trace,) = ask(runner(saying(broken, ANSWER), ledger=ledger), "x")
    (response,) = trace.responses
    assert (response.cost, response.presumed, response.attempts) == (4, 10, 2)


def test_two_runs_at_once_buy_an_answer_once(ledger: Ledger, cache: ResponseCache) -> None:
    """Whoever comes second waits for the first, in whatever thread or process that is."""
    started = threading.Event()

    async def slow(_: Call) -> Response:
        started.set()
        await asyncio.sleep(0.2)
        return ANSWER

    vendor, traces = Vendor(slow), list[Trace]()

    def run() -> None:
        traces.extend(ask(runner(vendor, ledger=ledger, cache=cache), "x"))

    first, second = threading.Thread(target=run), threading.Thread(target=run)
    first.start()
    started.wait(5)
    second.start()
    first.join()
    second.join()
    assert vendor.calls == 1
    assert sorted(trace.cached for trace in traces) == [False, True]
    assert booked(ledger) == [("settled", 4), ("released", 0)]


def test_a_claim_that_ends_without_an_answer_goes_to_the_next(
    ledger: Ledger, cache: ResponseCache
) -> None:
    """When the first buyer fails, the one who waited buys for itself."""
    started = threading.Event()

    async def slow_no(_: Call) -> Response:
        started.set()
        await asyncio.sleep(0.2)
        raise Rejection(Kind.BadRequest)

    first = threading.Thread(
        target=ask, args=(runner(Vendor(slow_no), ledger=ledger, cache=cache), "x")
    )
    first.start()
    started.wait(5)
    (trace,) = ask(runner(saying(ANSWER), ledger=ledger, cache=cache), "x")
    first.join()
    assert trace.answer.response is not None
    assert not trace.cached


def test_a_ledger_that_takes_no_more_ends_the_spending(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nothing can be written down, nothing is sent; what is there is given back."""

    def full(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    vendor = saying(ANSWER)
    executor = runner(vendor, ledger=ledger, concurrency=1)
    (before,) = ask(executor, "x")
    monkeypatch.setattr(ledger, "_begin", full)
    later = ask(executor, "y", "z")
    assert before.failure is None
    assert [trace.failure and trace.failure.kind for trace in later] == [Kind.StoreFull] * 2
    assert vendor.calls == 1


def test_a_cache_that_takes_no_more_ends_a_paid_run(
    ledger: Ledger, cache: ResponseCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that cannot be kept is given back, and no other one is bought."""

    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(cache._cache, "set", full)
    vendor = saying(ANSWER)
    with pytest.warns(CacheWarning, match="is in the result"):
        first, *others = ask(
            runner(vendor, ledger=ledger, cache=cache, concurrency=1), "x", "y", "z"
        )
    assert first.answer.response is not None
    assert [trace.failure and trace.failure.kind for trace in others] == [Kind.StoreFull] * 2
    assert booked(ledger) == [("settled", 4)]


def test_an_overrun_ends_the_run(ledger: Ledger) -> None:
    """A vendor that bills more than the most a call may cost is paid, and asked nothing more."""
    dear = replace(ANSWER, usage=Usage(1, 5000))
    vendor = saying(dear)
    with pytest.warns(OrchkitWarning, match="a charged more"):
        first, *others = ask(
            runner(vendor, ledger=ledger, budget=10**6, concurrency=1), "x", "y", "z"
        )
    assert first.answer.response is not None
    assert first.answer.response.extra["overrun"]
    assert [trace.failure and trace.failure.kind for trace in others] == [Kind.BudgetOverrun] * 2
    assert booked(ledger) == [("settled", 5000)]


def test_without_a_cap_an_overrun_is_only_told(ledger: Ledger) -> None:
    """Who set no limit has none to exceed."""
    vendor = saying(replace(ANSWER, usage=Usage(1, 5000)))
    traces = ask(runner(vendor, ledger=ledger, concurrency=1), "x", "y")
    assert [trace.failure for trace in traces] == [None, None]


def test_an_answer_of_a_dearer_model_costs_what_that_one_costs(ledger: Ledger) -> None:
    """A vendor that says another model answered is believed where it makes the answer dearer."""
    swapped = replace(ANSWER, extra={"answered_by": "b"})
    (trace,) = ask(runner(saying(swapped), ledger=ledger), "x")
    assert trace.cost == 20


def test_what_a_vendor_allows_is_learnt(ledger: Ledger) -> None:
    """The quota in a reply's headers becomes the pace of the model."""
    vendor, paces = saying(ANSWER), Paces()
    vendor.quotas["a"] = Quota(requests=5)
    ask(runner(vendor, ledger=ledger, paces=paces), "x")
    assert paces.of(MODEL)._requests.quota == 5


def test_a_wait_that_is_too_long_tells_when_it_is_over() -> None:
    """A row that cannot wait says until when it would have had to."""
    hour = Rejection(Kind.RateLimited, again=True, wait=3600)
    (trace,) = ask(runner(saying(hour)), "x")
    assert trace.failure is not None
    assert "UTC" in trace.failure.message


def test_hits_of_the_cache_are_booked(ledger: Ledger, cache: ResponseCache) -> None:
    """What an earlier run bought is told as saved."""
    for _ in range(2):
        ask(runner(saying(ANSWER), ledger=ledger, cache=cache), "x", "y")
    (hit,) = ledger.hits()
    assert (hit["calls"], hit["saved"], hit["strategy"]) == (2, 8, "single")


def test_an_interrupt_presumes_what_is_under_way(ledger: Ledger) -> None:
    """What was sent and never answered counts as spent, and the ledger says so at once."""

    async def scene() -> None:
        async def hang(_: Call) -> Response:
            await asyncio.sleep(60)
            return ANSWER

        executor = runner(Vendor(hang), ledger=ledger)
        rows = [(Query((Message("user", "x"),), Params(max_tokens=10)), Single("a"))]
        run = asyncio.ensure_future(executor._pool(rows, [None]))
        await asyncio.sleep(0.1)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    LOOP.run(scene)
    assert booked(ledger) == [("presumed", 10)]


def test_an_interrupt_while_it_is_written_down_gives_it_back(
    ledger: Ledger, cache: ResponseCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun and never sent is no claim that anybody has to wait for."""
    write, vendor = ledger.write, saying(ANSWER)

    def slow(*words: Any, **more: Any) -> Any:
        time.sleep(0.1)
        return write(*words, **more)

    async def scene() -> None:
        executor = runner(vendor, ledger=ledger, cache=cache)
        rows = [(Query((Message("user", "x"),), Params(max_tokens=10)), Single("a"))]
        run = asyncio.ensure_future(executor._pool(rows, [None]))
        await asyncio.sleep(0.05)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    monkeypatch.setattr(ledger, "write", slow)
    monkeypatch.setattr(scribe._HAND, "_slow_until", math.inf)  # in its thread
    LOOP.run(scene)
    assert (vendor.calls, booked(ledger)) == (0, [("released", 0)])
    (trace,) = ask(runner(vendor, ledger=ledger, cache=cache), "x")
    assert trace.failure is None


def test_a_pause_that_comes_while_it_is_written_down_is_obeyed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that had its turn when the vendor said "later" is not sent before that."""
    write, paces, vendor = ledger.write, Paces(), saying(ANSWER)

    def pausing(begins: Any = (), *words: Any, **more: Any) -> Any:
        if begins and not vendor.calls and not paces.of(MODEL).streak:
            paces.of(MODEL).pause(0.3)
        return write(begins, *words, **more)

    monkeypatch.setattr(ledger, "write", pausing)
    began = time.monotonic()
    ask(runner(vendor, ledger=ledger, paces=paces), "x")
    assert time.monotonic() - began >= 0.3
    assert booked(ledger) == [("released", 0), ("settled", 4)]


@pytest.mark.parametrize(
    "usage",
    [(1, math.nan), (1, -500), (1, 10**30), (2.5, 1), (1, True), (None, 1)],
    ids=str,
)
def test_usage_that_counts_nothing_costs_the_most_it_could(
    ledger: Ledger, usage: tuple[Any, Any]
) -> None:
    """A provider's odd usage neither lifts the cap nor harms another row."""
    odd, good = replace(ANSWER, usage=Usage(*usage)), ANSWER
    executor = runner(saying(odd, good), ledger=ledger, budget=100, concurrency=1)
    traces = ask(executor, "x", "y")
    assert [trace.failure for trace in traces] == [None, None]
    assert [trace.cost for trace in traces] == [10, 4]
    assert executor.spent.purse.spent == ledger.spent() == 14


def test_an_end_that_could_not_be_written_is_written_later(
    ledger: Ledger, cache: ResponseCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk has room again, what was owed to the ledger is paid, and nobody waits."""
    begin, full = ledger._begin, iter([False, True])

    def filling(*words: Any) -> Any:
        if next(full, False):
            raise sqlite3.OperationalError("database or disk is full")
        return begin(*words)

    monkeypatch.setattr(ledger, "_begin", filling)
    vendor = saying(ANSWER)
    with pytest.warns(CacheWarning):
        ask(runner(vendor, ledger=ledger, cache=cache), "x")
    assert booked(ledger) == [("open", None)]
    began = time.monotonic()
    ask(runner(vendor, ledger=ledger, cache=cache), "y")
    assert booked(ledger) == [("settled", 4), ("settled", 4)]
    assert time.monotonic() - began < 5


def test_a_long_wait_holds_up_nobody_who_waits_already() -> None:
    """All rows hear at once that the model wants to be left alone for an hour."""
    hour = Rejection(Kind.RateLimited, again=True, wait=3600)
    began = time.monotonic()
    traces = ask(runner(saying(hour), concurrency=2), *"abcdefgh")
    assert {trace.failure and trace.failure.kind for trace in traces} == {Kind.RateLimited}
    assert time.monotonic() - began < 2


def test_looking_for_somebody_elses_answer_takes_no_quota(
    ledger: Ledger, cache: ResponseCache
) -> None:
    """A run that waits for another's purchase leaves the requests a minute to those who send."""
    limited = Catalog({"a": replace(MODEL, rpm=10)}, ("a",))
    paces, started = Paces(), threading.Event()

    async def slow(_: Call) -> Response:
        started.set()
        await asyncio.sleep(1)
        return ANSWER

    vendor = Vendor(slow)
    settings: dict[str, Any] = {"ledger": ledger, "cache": cache, "paces": paces}
    first = threading.Thread(target=ask, args=(runner(vendor, catalog=limited, **settings), "x"))
    first.start()
    started.wait(5)
    ask(runner(vendor, catalog=limited, **settings), "x")
    first.join()
    assert paces.of(limited["a"])._requests.delay(8, time.monotonic()) == 0


def test_a_provider_that_swallows_an_interrupt_sends_nothing_more() -> None:
    """Whoever catches the cancellation loses its row, and the run ends all the same."""

    async def stubborn(_: Call) -> Response:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.1)
        return ANSWER

    vendor = Vendor(stubborn)

    async def scene() -> None:
        executor = runner(vendor, concurrency=2)
        queries = [Query((Message("user", str(n)),), Params(max_tokens=10)) for n in range(50)]
        rows = [(query, Single("a")) for query in queries]
        run = asyncio.ensure_future(executor._pool(rows, [None] * 50))
        await asyncio.sleep(0.05)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    LOOP.run(scene)
    assert vendor.calls == 2


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), BaseException("odd")])
def test_whatever_a_provider_raises_costs_its_row_alone(
    ledger: Ledger, error: BaseException
) -> None:
    """The loop lives on, the attempt is presumed, and the next row is answered."""
    outcomes = iter([error, None])

    async def act(_: Call) -> Response:
        if raised := next(outcomes):
            raise raised
        return ANSWER

    first, second = ask(runner(Vendor(act), ledger=ledger, concurrency=1), "x", "y")
    assert first.failure is not None
    assert (first.failure.kind, second.failure) == (Kind.ProviderError, None)
    assert booked(ledger) == [("presumed", 10), ("settled", 4)]


def test_another_process_that_holds_the_lock_stops_no_loop(ledger: Ledger, home: Path) -> None:
    """While the ledger is locked by somebody else, the loop goes on and the call waits."""
    other = sqlite3.connect(home / "ledger.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.5, other.execute, ["ROLLBACK"]).start()
    steps = []

    async def scene() -> None:
        executor = runner(saying(ANSWER), ledger=ledger)
        rows = [(Query((Message("user", "x"),), Params(max_tokens=10)), Single("a"))]
        run = asyncio.ensure_future(executor._pool(rows, [None]))
        while not run.done():
            began = time.monotonic()
            await asyncio.sleep(0.01)
            steps.append(time.monotonic() - began)
        await run

    LOOP.run(scene)
    other.close()
    assert len(steps) > 20
    assert max(steps) < 0.3
    assert booked(ledger) == [("settled", 4)]
