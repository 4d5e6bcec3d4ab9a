from __future__ import annotations

import asyncio
import math
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Call, Failure, Kind, Message, Params, Response, Usage
from orchkit.core.catalog import Catalog, Model, Rates, Tier
from orchkit.core.plans import Answer, Plan, Query, Trace
from orchkit.core.strategies.fallback import Fallback
from orchkit.core.strategies.single import Single
from orchkit.errors import CacheWarning, OrchkitWarning, StoreError
from orchkit.runtime.budget import Purse
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.executor import Executor
from orchkit.runtime.limits import Policy
from orchkit.runtime.spent import Spent
from orchkit.runtime.wire import Rejection

#: Input is free and a token of output costs one nano-dollar, so `max_tokens` is the worst case.
NANO = (Rates(0.0, 0.001),)
MODELS = {name: Model(name, "fake", Tier.BASIC, NANO) for name in ("a", "b", "c")}
CATALOG = Catalog(MODELS, tuple(MODELS))
QUICK = Policy(base=0.0005, ceiling=0.002, timeout=5, patience=10)
ONE = Single("a")
LATER = Rejection(Kind.ServerError, again=True)

Act = Callable[[Call], Awaitable[Response]]


@dataclass
class Fake:
    """A provider that does what the test says, and keeps the book."""

    act: Act | None = None
    name: str = "fake"
    calls: list[Call] = field(default_factory=list)
    flying: int = 0
    peak: int = 0

    async def complete(self, call: Call) -> Response:
        """Note the call, then act."""
        self.calls.append(call)
        self.flying += 1
        self.peak = max(self.peak, self.flying)
        try:
            return await self.act(call) if self.act else said(call)
        finally:
            self.flying -= 1

    @property
    def prompts(self) -> list[str]:
        """What was asked, in order."""
        return [call.messages[-1].content for call in self.calls]


@dataclass(frozen=True)
class Rounds:
    """A strategy that asks so many rounds of so many draws, of models in turn."""

    sizes: tuple[int, ...] = (1,)
    models: tuple[str, ...] = ("a",)
    name: ClassVar[str] = "rounds"

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """Ask, and keep the last answer."""
        draw, last = 0, None
        for place, size in enumerate(self.sizes):
            model = self.models[place % len(self.models)]
            responses = yield tuple(query.call(model, draw=draw + n) for n in range(size))
            draw, last = draw + size, responses[-1]
        return Answer(last)


def said(call: Call, tokens: int = 1, **known: Any) -> Response:
    """Answer a prompt with itself."""
    return Response(call.model, call.messages[-1].content, Usage(0, tokens), **known)


def each_time(*outcomes: Response | Exception | None) -> Act:
    """Return an act that goes through outcomes, None being a good answer; the last one stays."""
    left = list(outcomes)

    async def act(call: Call) -> Response:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Exception):
            raise replace(outcome) if isinstance(outcome, Rejection) else outcome
        return outcome or said(call)

    return act


def query(text: str, max_tokens: int = 10) -> Query:
    """Return a row with this prompt."""
    return Query((Message("user", text),), Params(max_tokens=max_tokens))


def executor(fake: object, **known: Any) -> Executor:
    """Return an executor whose models are all served by one provider."""
    known.setdefault("policy", QUICK)
    return Executor(known.pop("catalog", CATALOG), lambda _: fake, **known)


def ask(
    runner: Executor, prompts: Sequence[str], strategy: Any = ONE, max_tokens: int = 10
) -> list[Trace]:
    """Run one row a prompt."""
    return runner.run([(query(text, max_tokens), strategy) for text in prompts])


def kinds(traces: Sequence[Trace]) -> list[Kind | None]:
    """Return why each row failed."""
    return [trace.failure and trace.failure.kind for trace in traces]


def numbered(count: int) -> list[str]:
    """Return so many different prompts."""
    return [f"prompt {n}" for n in range(count)]


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ResponseCache]:
    """Open a cache of the test's own."""
    with closing(ResponseCache(tmp_path / "cache")) as cache:
        yield cache


def test_answers_come_in_the_order_of_the_rows() -> None:
    """Whoever is quicker, each trace stands where its row stood."""

    async def act(call: Call) -> Response:
        await asyncio.sleep(random.random() / 100)  # noqa: S311 - a test
        return said(call)

    traces = ask(executor(Fake(act), concurrency=16), numbered(64))
    assert [trace.answer.response and trace.answer.response.text for trace in traces] == numbered(
        64
    )


def test_no_rows_no_work() -> None:
    """An empty frame is answered with nothing."""
    assert ask(executor(Fake()), []) == []


@pytest.mark.parametrize("concurrency", [1, 7, 64])
def test_duplicates_are_bought_once(concurrency: int) -> None:
    """Equal rows are one request, whether they follow each other or are under way together."""

    async def act(call: Call) -> Response:
        await asyncio.sleep(0.005)
        return said(call)

    fake = Fake(act)
    traces = ask(executor(fake, concurrency=concurrency), ["x", "y"] * 25)
    assert sorted(fake.prompts) == ["x", "y"]
    assert sum(trace.cached for trace in traces) == 48
    assert {trace.answer.response and trace.answer.response.text for trace in traces} == {"x", "y"}


def test_draws_are_no_duplicates() -> None:
    """Repeated samples of one question are each bought."""
    fake = Fake()
    ask(executor(fake), ["x"], Rounds((3,)))
    assert [call.draw for call in fake.calls] == [0, 1, 2]


def test_a_duplicate_keeps_the_cost_of_what_it_repeats() -> None:
    """Cost belongs to the answer, spend to the run."""
    runner = executor(Fake(), concurrency=1)
    traces = ask(runner, ["x", "x"])
    assert [trace.cost for trace in traces] == [1, 1]
    assert runner.spent.purse.spent == 1


def test_what_one_row_could_not_pay_another_may() -> None:
    """A call that was refused by its own row's limit is still bought for a row that can pay."""

    async def dear(call: Call) -> Response:
        return said(call, tokens=10)

    runner = executor(Fake(dear), max_cost=10, concurrency=1)
    poor, able = runner.run([(query("x"), Fallback(("a", "b"), 1.0)), (query("x"), Single("b"))])
    assert [r.failure and r.failure.kind for r in poor.responses] == [None, Kind.BudgetExceeded]
    assert able.failure is None


def test_two_names_of_one_model_each_keep_their_own() -> None:
    """Rows that share a request still tell their own model's name and price."""
    twin = Model("twin", "fake", Tier.BASIC, (Rates(0.0, 0.005),), id="a")
    catalog = Catalog({**MODELS, "twin": twin}, ())
    fake = Fake()
    runner = executor(fake, catalog=catalog, concurrency=1)
    traces = runner.run([(query("x"), ONE), (query("x"), Single("twin"))])
    answered = [trace.answer.response for trace in traces]
    assert len(fake.calls) == 1
    assert [(r.model, r.cost) for r in answered if r] == [("a", 1), ("twin", 5)]


def test_strategies_of_one_run_share_what_was_bought() -> None:
    """Comparing strategies asks each model each prompt once."""
    fake = Fake()
    runner = executor(fake)
    for strategy in (ONE, Fallback(("a", "b"), 0.0), Rounds((1, 1), ("a", "b"))):
        ask(runner, numbered(5), strategy)
    assert Counter(call.model for call in fake.calls) == {"a": 5, "b": 5}


@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_never_more_than_allowed_are_under_way(concurrency: int) -> None:
    """Rows and the calls of their rounds together keep within the limit, and reach it."""

    async def act(call: Call) -> Response:
        await asyncio.sleep(0.001)
        return said(call)

    fake = Fake(act)
    ask(executor(fake, concurrency=concurrency), numbered(30), Rounds((4, 1)))
    assert fake.peak == concurrency


def test_a_slow_row_holds_up_nobody() -> None:
    """All other rows are through, round after round, before the slow one has its answer."""
    others, finished = Fake(), asyncio.Event()

    async def act(call: Call) -> Response:
        if call.messages[-1].content == "slow":
            await asyncio.wait_for(finished.wait(), 5)
        elif len(others.calls) == 1 + 3 * 20:
            finished.set()
        return said(call)

    others.act = act
    rows = [(query("slow"), ONE), *((query(p), Rounds((1, 1, 1))) for p in numbered(20))]
    assert kinds(executor(others, concurrency=2).run(rows)) == [None] * 21


def test_a_paused_model_holds_up_no_other() -> None:
    """While one model is to be left alone, its waiting calls take no slot from other models."""
    paused = Rejection(Kind.RateLimited, again=True, wait=0.3)

    async def act(call: Call) -> Response:
        await asyncio.sleep(0.001)
        if call.model == "a" and not any(c.model == "a" for c in fake.calls[:-1]):
            raise paused
        return said(call)

    fake = Fake(act)
    rows = [(query("x"), Rounds((5,), ("a",))), (query("y"), Rounds((1,) * 10, ("b",)))]
    executor(fake, concurrency=2).run(rows)
    assert "".join(call.model for call in fake.calls).rindex("b") < 13


@dataclass
class Till(Fake):
    """A provider that charges at random and watches what it may come to charge."""

    seed: int = 0
    billed: int = 0
    open: int = 0
    worst: int = 0
    by_prompt: Counter[str] = field(default_factory=Counter)

    async def complete(self, call: Call) -> Response:
        """Charge for an answer, for a lost one, or not at all."""
        chance = random.Random(call.key + str(self.seed) + str(len(self.calls)))  # noqa: S311
        self.calls.append(call)
        limit = call.params.max_tokens
        self.open += limit
        self.worst = max(self.worst, self.billed + self.open)
        await asyncio.sleep(chance.choice([0, 0, 0.0005]))
        self.open -= limit
        return self._ended(call, chance, chance.random(), limit)

    def _ended(self, call: Call, chance: random.Random, luck: float, limit: int) -> Response:
        if luck < 0.1:
            raise replace(LATER)
        tokens = chance.randint(0, limit)
        self.billed += tokens
        self.by_prompt[call.messages[-1].content] += tokens
        if luck < 0.2:
            raise Rejection(Kind.MalformedResponse, again=True, billed=True)
        if luck < 0.25:
            raise OSError("broken")
        return said(call, tokens)


runs = given(
    concurrency=st.integers(1, 64),
    cap=st.integers(0, 400),
    limits=st.lists(st.integers(1, 40), min_size=1, max_size=40),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple),
    seed=st.integers(0, 2**16),
)


@settings(deadline=None, max_examples=60)
@runs
def test_the_budget_is_hard(
    concurrency: int, cap: int, limits: list[int], sizes: tuple[int, ...], seed: int
) -> None:
    """At any concurrency the provider is never asked for more than the cap, at no moment."""
    till = Till(seed=seed)
    runner = executor(till, budget=cap, concurrency=concurrency)
    rows = [(query(str(n), limit), Rounds(sizes)) for n, limit in enumerate(limits)]
    traces = runner.run(rows)
    assert till.worst <= cap
    assert till.billed <= runner.spent.purse.spent <= cap
    assert runner.spent.purse.held == 0
    _refused_only_what_cannot_fit(runner, limits, traces)


def _refused_only_what_cannot_fit(runner: Executor, limits: list[int], traces: list[Trace]) -> None:
    for limit, trace in zip(limits, traces, strict=True):
        for response in trace.responses:
            if response.failure and response.failure.kind is Kind.BudgetExceeded:
                assert runner.spent.purse.spent + limit > (runner.spent.purse.cap or 0)


@settings(deadline=None, max_examples=40)
@runs
def test_the_cost_limit_of_a_row_is_hard(
    concurrency: int, cap: int, limits: list[int], sizes: tuple[int, ...], seed: int
) -> None:
    """No row is billed more than its limit, however many calls it makes at once or after errors."""
    till = Till(seed=seed)
    runner = executor(till, max_cost=cap, concurrency=concurrency)
    runner.run([(query(str(n), limit), Rounds(sizes)) for n, limit in enumerate(limits)])
    assert max(till.by_prompt.values(), default=0) <= cap


def test_budgets_of_sessions_and_runs_hold_together() -> None:
    """Two runs that share a session's purse never spend more than it holds, together."""
    session = Purse(30)
    tills = [Till(seed=n) for n in range(2)]
    for till in tills:
        ask(executor(till, purses=[session], budget=25), numbered(40), max_tokens=3)
    assert all(till.billed <= 25 for till in tills)
    assert sum(till.billed for till in tills) <= session.spent <= 30
    assert 30 - session.spent < 3


def test_a_model_that_does_not_fit_is_skipped() -> None:
    """A chain goes on to a model that its row can pay."""
    dear = Model("dear", "fake", Tier.BASIC, (Rates(0.0, 1.0),))
    catalog = Catalog({**MODELS, "dear": dear}, ())
    fake = Fake()
    runner = executor(fake, catalog=catalog, max_cost=10)
    (trace,) = ask(runner, ["x"], Fallback(("dear", "a"), 0.0))
    assert [call.model for call in fake.calls] == ["a"]
    assert trace.failure is None
    assert "dear may cost $0.00001" in str(trace.responses[0].failure)


@pytest.mark.parametrize("limit", [{"budget": 10**15}, {"max_cost": 10**15}], ids=str)
def test_under_a_cap_an_unpriced_model_is_never_asked(limit: dict[str, int]) -> None:
    """Of an unknown price no cap can be kept, however large it is."""
    catalog = Catalog({"a": replace(MODELS["a"], rates=())}, ())
    fake = Fake()
    assert kinds(ask(executor(fake, catalog=catalog, **limit), ["x"])) == [Kind.BudgetExceeded]
    assert not fake.calls


def test_without_a_cap_an_unpriced_model_has_an_unknown_cost() -> None:
    """The answer is there, and its cost is unknown rather than 0."""
    catalog = Catalog({"a": replace(MODELS["a"], rates=())}, ())
    (trace,) = ask(executor(Fake(), catalog=catalog), ["x"])
    assert (trace.failure, trace.cost) == (None, None)


def test_usage_that_is_missing_costs_the_worst_case() -> None:
    """What the vendor does not tell is charged as the dearest it can have been."""
    rates = (Rates(1.0, 2.0, cached=0.1, write=1.25),)
    catalog = Catalog({"a": replace(MODELS["a"], rates=rates)}, ())
    act = each_time(Response("a", "yes", extra={"usage": "missing"}))
    runner = executor(Fake(act), catalog=catalog)
    (trace,) = ask(runner, ["x"])
    bound = catalog["a"].bound(query("x").messages, 10)
    assert (trace.cost, runner.spent.purse.spent) == (bound, bound)


def test_usage_that_is_missing_costs_a_duplicate_the_same() -> None:
    """Whoever did not pay for an answer still tells the cost it had."""
    rates = (Rates(1.0, 2.0, write=1.25),)
    catalog = Catalog({"a": replace(MODELS["a"], rates=rates)}, ())
    act = each_time(Response("a", "yes", extra={"usage": "missing"}))
    first, second = ask(executor(Fake(act), catalog=catalog, concurrency=1), ["x", "x"])
    assert first.cost == second.cost


def test_more_than_was_reserved_is_charged_in_full() -> None:
    """A vendor that ignores `max_tokens` is paid what it asks, and the run is stopped."""
    act = each_time(Response("a", "long", Usage(0, 10**6)))
    fake = Fake(act)
    runner = executor(fake, budget=1000, concurrency=1)
    with pytest.warns(OrchkitWarning, match="charged more"):
        told = kinds(ask(runner, numbered(3)))
    assert told == [None, Kind.BudgetOverrun, Kind.BudgetOverrun]
    assert (runner.spent.purse.spent, len(fake.calls)) == (10**6, 1)


@pytest.mark.parametrize(
    ("outcome", "spent"),
    [
        (Rejection(Kind.BadRequest), 0),
        (Rejection(Kind.MalformedResponse, billed=True), 10),
        (OSError("broken"), 10),
        (Response("a", "yes", Usage(0, 4)), 4),
        (Response.failed("a", Kind.Refused, usage=Usage(0, 4)), 4),
    ],
    ids=["refused", "ambiguous", "exception", "answered", "declined"],
)
def test_an_attempt_costs_what_it_may_have_cost(outcome: Response | Exception, spent: int) -> None:
    """A clear no is free, an unclear outcome is presumed spent, an answer costs its usage."""
    runner = executor(Fake(each_time(outcome)))
    ask(runner, ["x"])
    assert runner.spent.purse.spent == spent


@pytest.mark.parametrize(
    ("outcome", "requests"),
    [
        (Rejection(Kind.ServerError, again=True), 4),
        (Rejection(Kind.ConnectionFailed, again=True), 4),
        (Rejection(Kind.ConnectionFailed, again=True, billed=True), 2),
        (Rejection(Kind.MalformedResponse, again=True, billed=True), 2),
        (TimeoutError(), 2),
        (Rejection(Kind.BadRequest), 1),
        (Rejection(Kind.NotFound), 1),
        (Rejection(Kind.PromptTooLong), 1),
        (Rejection(Kind.AuthError, terminal=True), 1),
        (ValueError("mine"), 1),
        (Response.failed("a", Kind.Refused), 1),
        (Response("a", "a stump", finish="length"), 1),
    ],
    ids=str,
)
def test_how_often_a_call_is_sent(outcome: Response | Exception, requests: int) -> None:
    """What may pass is asked again often, what may have been billed once, and the rest never."""
    fake = Fake(each_time(outcome))
    runner = executor(fake, policy=replace(QUICK, attempts=4, rebuys=1))
    ask(runner, ["x"])
    assert len(fake.calls) == runner.spent.requests == requests


def test_ordered_waits_burn_no_attempts() -> None:
    """A vendor that says when to come back is asked until the answer is there."""
    wait = Rejection(Kind.RateLimited, again=True, wait=0.001)
    fake = Fake(each_time(*[wait] * 20, None))
    assert kinds(ask(executor(fake, policy=replace(QUICK, attempts=2)), ["x"])) == [None]
    assert len(fake.calls) == 21


@pytest.mark.parametrize(
    "outcomes", [(None,), (LATER, None), (LATER, LATER, LATER)], ids=["at once", "again", "never"]
)
def test_attempts_tells_the_requests_it_took(outcomes: tuple[Any, ...]) -> None:
    """Each response says how often was asked for it, whether it came or not."""
    fake = Fake(each_time(*outcomes))
    (trace,) = ask(executor(fake, policy=replace(QUICK, attempts=3)), ["x"])
    assert trace.responses[0].attempts == len(fake.calls) == len(outcomes)


def test_attempts_counts_requests_that_were_told_to_wait() -> None:
    """A request that was only told to come back later was a request."""
    wait = Rejection(Kind.RateLimited, again=True, wait=0.001)
    (trace,) = ask(executor(Fake(each_time(wait, wait, None))), ["x"])
    assert trace.responses[0].attempts == 3


def test_a_retry_is_reserved_anew() -> None:
    """A second attempt that no longer fits is not made."""
    lost = Rejection(Kind.MalformedResponse, again=True, billed=True)
    fake = Fake(each_time(lost, None))
    assert kinds(ask(executor(fake, budget=15), ["x"])) == [Kind.BudgetExceeded]
    assert len(fake.calls) == 1


def test_patience_ends() -> None:
    """A call is given up when its waits would outlast the patience for it."""
    wait = Rejection(Kind.RateLimited, again=True, wait=0.05)
    began = time.monotonic()
    runner = executor(Fake(each_time(wait)), policy=replace(QUICK, patience=0.3))
    assert kinds(ask(runner, ["x"])) == [Kind.RateLimited]
    assert time.monotonic() - began < 2


def test_an_attempt_has_a_deadline() -> None:
    """A provider that never answers is left at the deadline, and asked at most once more."""

    async def hang(_: Call) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    fake = Fake(hang)
    began = time.monotonic()
    runner = executor(fake, policy=replace(QUICK, timeout=0.1))
    assert kinds(ask(runner, ["x"])) == [Kind.Timeout]
    assert time.monotonic() - began < 0.2 + 2 * 0.5
    assert (len(fake.calls), fake.flying) == (2, 0)


def test_an_ordered_wait_is_obeyed_for_the_whole_model() -> None:
    """After one row was told to wait, no row asks that model any earlier."""
    told: list[float] = []
    early: list[float] = []

    async def act(call: Call) -> Response:
        if told and time.monotonic() - told[0] < 0.3:
            early.append(time.monotonic() - told[0])
        await asyncio.sleep(0.002)
        if not told and len(fake.calls) >= 5:
            told.append(time.monotonic())
            raise Rejection(Kind.RateLimited, again=True, wait=0.3)
        return said(call)

    fake = Fake(act)
    assert kinds(ask(executor(fake, concurrency=3), numbered(40))) == [None] * 40
    assert told
    assert early == []


def test_a_longer_wait_than_allowed_fails_at_once() -> None:
    """A row is not held for an hour: it fails now, and a chain goes on to its next model."""
    hour = Rejection(Kind.RateLimited, "come back", again=True, wait=3600.0)

    async def act(call: Call) -> Response:
        if call.model == "a":
            raise hour
        return said(call)

    runner = executor(Fake(act), policy=replace(QUICK, patience=10**6))
    began = time.monotonic()
    assert kinds(ask(runner, ["x"])) == [Kind.RateLimited]
    assert kinds(ask(runner, ["y"], Fallback(("a", "b"), 0.0))) == [None]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("wait", [3600.0, math.inf])
def test_a_wait_that_is_too_long_is_obeyed_all_the_same(wait: float) -> None:
    """Rows that come later do not ask a model that wants to be left alone for an hour."""
    fake = Fake(each_time(Rejection(Kind.RateLimited, again=True, wait=wait)))
    traces = ask(executor(fake, concurrency=1), numbered(20))
    assert kinds(traces) == [Kind.RateLimited] * 20
    assert len(fake.calls) == 1


def test_a_wait_of_nothing_is_no_order_to_hurry() -> None:
    """A vendor that says `Retry-After: 0` each time is not asked as fast as the wire allows."""
    fake = Fake(each_time(Rejection(Kind.RateLimited, again=True, wait=0.0)))
    runner = executor(fake, policy=Policy(base=0.1, patience=1))
    assert kinds(ask(runner, ["x"])) == [Kind.RateLimited]
    assert len(fake.calls) <= 40


def test_other_models_are_not_paused() -> None:
    """An order to wait is for one model: another one answers all its rows meanwhile."""
    wait = Rejection(Kind.RateLimited, again=True, wait=0.4)
    fake = Fake(each_time(wait, None))
    rows = [(query("x"), ONE), *((query(p), Single("b")) for p in numbered(10))]
    executor(fake, concurrency=2).run(rows)
    assert "".join(call.model for call in fake.calls) == "a" + 10 * "b" + "a"


@pytest.mark.parametrize("kind", [Kind.AuthError, Kind.QuotaExhausted])
def test_a_refused_key_stops_its_provider(kind: Kind) -> None:
    """After the first refusal the vendor is asked nothing more, and every row says why."""

    async def act(call: Call) -> Response:
        await asyncio.sleep(0.002)
        raise Rejection(kind, "no", terminal=True)

    fake = Fake(act)
    traces = ask(executor(fake, concurrency=4), numbered(60))
    assert kinds(traces) == [kind] * 60
    assert len(fake.calls) <= 4


def test_a_refused_key_also_stops_calls_that_wait_their_turn() -> None:
    """A round of many calls stops at the first refusal like many rows do."""

    async def act(call: Call) -> Response:
        await asyncio.sleep(0.002)
        raise Rejection(Kind.AuthError, "no", terminal=True)

    fake = Fake(act)
    (trace,) = ask(executor(fake, concurrency=2), ["x"], Rounds((10,)))
    assert len(fake.calls) <= 2
    assert {r.failure and r.failure.kind for r in trace.responses} == {Kind.AuthError}


def test_another_vendor_goes_on() -> None:
    """Only the vendor that refused its key is stopped, and only for this run."""
    refusing, good = Fake(each_time(Rejection(Kind.AuthError, terminal=True))), Fake()
    provided = {"a": refusing, "b": good}
    runner = Executor(CATALOG, lambda model: provided[model.name], policy=QUICK)
    assert kinds(ask(runner, numbered(5), Fallback(("a", "b"), 0.0))) == [None] * 5
    refusing.act = None
    assert kinds(ask(executor(refusing), ["x"])) == [None]


class Unspeakable(Exception):  # noqa: N818 - it has no better name
    """An exception that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def _spoil(outcome: object) -> Act:
    async def act(call: Call) -> Any:
        if call.messages[-1].content != "prompt 3":
            return said(call)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return act


@pytest.mark.parametrize(
    "outcome",
    [
        ValueError("mine"),
        KeyError(),
        RecursionError(),
        AssertionError(),
        MemoryError(),
        StopAsyncIteration(),
        ExceptionGroup("several", [ValueError()]),
        Unspeakable(),
        asyncio.CancelledError(),
        None,
        "text",
        Response("a", "x", usage=None),  # type: ignore[arg-type]
    ],
    ids=lambda outcome: type(outcome).__name__,
)
def test_whatever_a_provider_does_costs_only_its_row(outcome: object) -> None:
    """An exception or a return value of any kind fails one row, in its place, and no other."""
    traces = ask(executor(Fake(_spoil(outcome)), concurrency=2), numbered(8))
    assert kinds(traces) == [None] * 3 + [Kind.ProviderError] + [None] * 4


@dataclass
class Describing(Fake):
    """A provider that describes its requests badly."""

    described: object = None

    def request(self, call: Call) -> Any:
        """Fail on one prompt, by raising or by returning what has no identity."""
        if call.messages[-1].content != "prompt 3":
            return {"body": call.messages[-1].content}
        if isinstance(self.described, Exception):
            raise self.described
        return self.described


@pytest.mark.parametrize(
    "described",
    [ValueError("mine"), {"body": object()}, {"t": math.nan}],
    ids=["raises", "object", "nan"],
)
def test_a_request_that_cannot_be_described_costs_only_its_row(described: object) -> None:
    """A provider's own `request` may fail like its `complete` may."""
    traces = ask(executor(Describing(described=described), concurrency=2), numbered(8))
    assert kinds(traces) == [None] * 3 + [Kind.ProviderError] + [None] * 4


class Broken:
    """Strategies that are wrong in one way each."""

    name = "broken"

    def __init__(self, way: str) -> None:
        self.plan = getattr(self, way)

    def at_once(self, query: Query, catalog: Catalog) -> Plan:
        """Raise before the first round."""
        raise ValueError("mine")
        yield

    def later(self, query: Query, catalog: Catalog) -> Plan:
        """Raise on a response."""
        yield (query.call("a"),)
        raise ValueError("mine")

    def not_a_plan(self, query: Query, catalog: Catalog) -> Plan:
        """Raise although it is no generator."""
        raise ValueError("mine")

    def nothing(self, query: Query, catalog: Catalog) -> Any:
        """Return no plan at all."""

    def rubbish(self, query: Query, catalog: Catalog) -> Any:
        """Yield what is no round of calls."""
        yield "a"

    def no_answer(self, query: Query, catalog: Catalog) -> Any:
        """Return what is no answer."""
        yield (query.call("a"),)
        return 42

    def not_text(self, query: Query, catalog: Catalog) -> Any:
        """Ask with a content that is no text."""
        yield (Call("a", (Message("user", None),)),)  # type: ignore[arg-type]
        return Answer(None)

    def no_number(self, query: Query, catalog: Catalog) -> Any:
        """Ask at a temperature that is none."""
        yield (replace(query.call("a"), params=Params(math.nan)),)
        return Answer(None)


@pytest.mark.parametrize(
    "way", ["at_once", "later", "not_a_plan", "nothing", "rubbish", "no_answer"]
)
def test_a_wrong_strategy_costs_only_its_row(way: str) -> None:
    """Whatever a strategy does wrong is a failure of its row, with the strategy named as cause."""
    rows: list[Any] = [(query(text), ONE) for text in numbered(5)]
    rows[2] = (query("x"), Broken(way))
    traces = executor(Fake(), concurrency=2).run(rows)
    assert kinds(traces) == [None, None, Kind.StrategyError, None, None]


@pytest.mark.parametrize("way", ["not_text", "no_number"])
def test_a_call_that_cannot_be_sent_costs_only_its_row(way: str) -> None:
    """A strategy that yields an impossible call spoils no other row."""
    rows: list[Any] = [(query(text), ONE) for text in numbered(5)]
    rows[2] = (query("x"), Broken(way))
    traces = executor(Fake(), concurrency=2).run(rows)
    assert [trace.failure is None for trace in traces[:2] + traces[3:]] == [True] * 4
    assert not traces[2].responses or traces[2].responses[0].failure


def test_an_unknown_model_is_an_answer_of_its_own() -> None:
    """A chain that names a model nobody knows goes on to the next one."""
    strategy = Rounds((1, 1), ("nobody", "a"))
    (trace,) = ask(executor(Fake()), ["x"], strategy)
    assert trace.responses[0].failure
    assert trace.responses[0].failure.kind is Kind.NotFound
    assert trace.failure is None


def test_a_row_that_cannot_be_asked_passes_through() -> None:
    """A prompt that is none fails its row without a request."""
    fake = Fake()
    failure = Failure(Kind.EmptyPrompt)
    traces = executor(fake).run([(failure, ONE), (query("x"), ONE)])
    assert kinds(traces) == [Kind.EmptyPrompt, None]
    assert len(fake.calls) == 1


def test_a_second_run_asks_nothing(cache: ResponseCache) -> None:
    """What an earlier run bought is answered as it was, marked as cached, and costs no money."""
    first = ask(executor(Fake(), cache=cache), numbered(20))
    fake = Fake()
    runner = executor(fake, cache=cache, budget=0)
    second = ask(runner, numbered(20))
    assert not fake.calls
    assert (runner.spent.requests, runner.spent.purse.spent, runner.spent.cached) == (0, 0, 20)
    for old, new in zip(first, second, strict=True):
        assert (new.cached, new.cost, new.usage, new.latency) == (
            True,
            old.cost,
            old.usage,
            old.latency,
        )


@pytest.mark.parametrize(
    "outcome",
    [
        Response.failed("a", Kind.Refused, finish="refusal"),
        Response.failed("a", Kind.EmptyAnswer),
        Response("a", "I will not", finish="refusal"),
        Response("a", "a stump", finish="length"),
        Response("a", ""),
        Rejection(Kind.BadRequest),
        Rejection(Kind.MalformedResponse, billed=True),
        ValueError("mine"),
    ],
    ids=["declined", "empty", "refusal", "truncated", "blank", "rejected", "malformed", "error"],
)
def test_only_whole_answers_are_kept(cache: ResponseCache, outcome: Response | Exception) -> None:
    """A refusal, a stump, an empty answer and a failure are asked for again by the next run."""
    ask(executor(Fake(each_time(outcome)), cache=cache), ["x"])
    fake = Fake()
    assert kinds(ask(executor(fake, cache=cache), ["x"])) == [None]
    assert (len(cache), len(fake.calls)) == (1, 1)


def test_a_cached_answer_costs_what_it_would_today(cache: ResponseCache) -> None:
    """When a price changes, what was bought before is priced anew."""
    ask(executor(Fake(), cache=cache), ["x"])
    dearer = Catalog({"a": replace(MODELS["a"], rates=(Rates(0.0, 0.007),))}, ())
    (trace,) = ask(executor(Fake(), cache=cache, catalog=dearer), ["x"])
    assert trace.cost == 7


def test_what_was_bought_before_an_interrupt_is_kept(cache: ResponseCache) -> None:
    """The cache is the checkpoint: a run that breaks off is resumed by running it again."""

    async def act(call: Call) -> Response:
        if len(fake.calls) > 10:
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()
        return said(call)

    fake, again = Fake(act), Fake()
    with pytest.raises(KeyboardInterrupt):
        ask(executor(fake, cache=cache, concurrency=1), numbered(20))
    ask(executor(again, cache=cache, concurrency=1), numbered(20))
    assert again.prompts == numbered(20)[10:]


class Failing:
    """A cache on a disk that breaks."""

    def __init__(self, *ways: str) -> None:
        self.ways = ways

    def get(self, key: str) -> Response | None:
        """Find nothing, or fail."""
        if "get" in self.ways:
            raise StoreError("disk I/O error")
        return None

    def put_all(self, rows: object, patient: bool) -> None:
        """Fail."""
        raise StoreError("disk full")

    def complaints(self) -> list[str]:
        """Have none."""
        return []


@pytest.mark.parametrize("way", ["put", "get"])
def test_a_disk_that_breaks_costs_a_warning_and_no_answer(way: str) -> None:
    """The run goes on without its cache, says so once, and gives back what it bought."""
    runner = executor(Fake(), cache=Failing(way), concurrency=1)
    with pytest.warns(CacheWarning) as told:
        traces = ask(runner, numbered(10))
    assert kinds(traces) == [None] * 10
    assert len(told) == 1


@pytest.mark.parametrize(
    "known",
    [{"logprobs": (-math.inf,)}, {"logprobs": (math.nan,)}, {"extra": {"raw": object()}}],
    ids=["infinite", "nan", "object"],
)
def test_an_answer_that_cannot_be_stored_is_still_one(
    cache: ResponseCache, known: dict[str, Any]
) -> None:
    """What is said beside the text may be unfit for a file, and then costs no row its answer."""

    async def act(call: Call) -> Response:
        return said(call, **known)

    with pytest.warns(CacheWarning, match="not cached"):
        traces = ask(executor(Fake(act), cache=cache), numbered(3))
    assert kinds(traces) == [None] * 3


@pytest.fixture
def interrupt() -> Iterator[threading.Event]:
    """Give an event that, once set, sends the waiting main thread what Ctrl-C sends."""
    event, over = threading.Event(), threading.Event()

    def wait_and_interrupt() -> None:
        event.wait(20)
        if not over.wait(0.1):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=wait_and_interrupt)
    thread.start()
    yield event
    over.set()
    event.set()
    thread.join()


def test_an_interrupt_stops_the_spending(interrupt: threading.Event) -> None:
    """After Ctrl-C no request is sent, none is left under way, and nothing stays held."""

    async def act(call: Call) -> Response:
        await asyncio.sleep(0.001)
        if len(fake.calls) == 20:
            interrupt.set()
        if len(fake.calls) >= 20:
            await asyncio.Event().wait()
        return said(call)

    fake, session = Fake(act), Purse(10**6)
    runner = executor(fake, purses=[session], concurrency=4)
    with pytest.raises(KeyboardInterrupt):
        ask(runner, numbered(200))
    sent = len(fake.calls)
    time.sleep(0.05)
    assert len(fake.calls) == sent
    assert fake.flying == 0
    assert (runner.spent.purse.held, session.held) == (0, 0)


def test_requests_cut_off_by_an_interrupt_are_presumed_spent(interrupt: threading.Event) -> None:
    """A vendor may bill what nobody waited for, so a session's budget counts it."""

    async def act(call: Call) -> Response:
        if len(fake.calls) == 4:
            interrupt.set()
        await asyncio.Event().wait()
        raise AssertionError

    fake, session = Fake(act), Purse(10**6)
    with pytest.raises(KeyboardInterrupt):
        ask(executor(fake, purses=[session], concurrency=4), numbered(10))
    assert session.spent == 4 * 10


def test_requests_that_were_never_sent_are_not_presumed_spent(interrupt: threading.Event) -> None:
    """Calls that only waited for their turn when Ctrl-C came cost the session nothing."""
    hold = Rejection(Kind.RateLimited, again=True, wait=30.0)

    async def act(call: Call) -> Response:
        await asyncio.sleep(0.001)
        interrupt.set()
        raise hold

    fake, session = Fake(act), Purse(10**6)
    runner = executor(fake, purses=[session], concurrency=1, policy=replace(QUICK, patience=100))
    with pytest.raises(KeyboardInterrupt):
        ask(runner, ["x"], Rounds((5,)))
    assert (len(fake.calls), session.spent) == (1, 0)


def test_an_interrupt_while_waiting_for_money_leaves_nothing_held(
    interrupt: threading.Event,
) -> None:
    """What was reserved in one purse is given back when the wait for the next one is cut off."""
    first, second = Purse(100), Purse(10)

    async def act(call: Call) -> Response:
        interrupt.set()
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(KeyboardInterrupt):
        ask(executor(Fake(act), purses=[first, second], concurrency=3), numbered(3))
    assert (first.held, second.held) == (0, 0)


def test_the_next_run_after_an_interrupt_works(interrupt: threading.Event) -> None:
    """An executor that was interrupted can be run again, also for what was under way."""

    async def act(call: Call) -> Response:
        interrupt.set()
        await asyncio.Event().wait()
        raise AssertionError

    fake = Fake(act)
    runner = executor(fake)
    with pytest.raises(KeyboardInterrupt):
        ask(runner, numbered(3))
    fake.act = None
    assert kinds(ask(runner, numbered(3))) == [None] * 3


def test_progress_is_told_at_the_end() -> None:
    """Rows, failures, requests and cached rows are counted, and nothing is counted twice."""
    seen: list[tuple[int, int, int, int]] = []

    def tell(spent: Spent) -> None:
        seen.append((spent.rows, spent.failed, spent.requests, spent.cached))

    act = _spoil(ValueError())
    rows = [(query(text), ONE) for text in ("prompt 1", "prompt 1", "prompt 3")]
    executor(Fake(act), concurrency=1).run(rows, tell)
    assert seen[-1] == (3, 1, 2, 1)


def test_progress_is_told_while_nothing_finishes() -> None:
    """Who watches is told a few times a second, in the thread that waits, in rising counts."""
    seen: list[tuple[int, int]] = []

    async def act(call: Call) -> Response:
        await asyncio.sleep(0.5)
        return said(call)

    rows = [(query(text), ONE) for text in numbered(3)]
    executor(Fake(act), concurrency=1).run(
        rows, lambda spent: seen.append((spent.rows, threading.get_ident()))
    )
    counts = [rows for rows, _ in seen]
    assert counts == sorted(counts)
    assert counts.count(0) >= 1
    assert len(counts) >= 5
    assert {thread for _, thread in seen} == {threading.get_ident()}


def test_latency_is_measured_where_it_is_not_told() -> None:
    """A provider's own measure is kept, else the last attempt is timed."""

    async def act(call: Call) -> Response:
        await asyncio.sleep(0.02)
        return said(call, latency=9.0 if call.model == "b" else 0.0)

    runner = executor(Fake(act))
    (timed,), (told,) = ask(runner, ["x"]), ask(runner, ["x"], Single("b"))
    assert 0.015 < timed.latency < 2
    assert told.latency == 9.0


def test_a_trace_holds_its_query_and_its_end() -> None:
    """When the row was answered is a time of day, and what was asked stays with it."""
    (trace,) = ask(executor(Fake()), ["x"])
    assert trace.query == query("x")
    assert trace.finished == pytest.approx(time.time(), abs=60)
    assert trace.responses[0].provider == "fake"
