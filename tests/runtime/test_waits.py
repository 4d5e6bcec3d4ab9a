from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from orchkit.core.calls import Call, Kind, Message, Response
from orchkit.core.catalog import Catalog, Model, Tier
from orchkit.core.plans import Query
from orchkit.core.strategies import Single
from orchkit.runtime.executor import Executor
from orchkit.runtime.limits import Policy
from orchkit.runtime.pacing import Pace
from orchkit.runtime.spent import Spent
from orchkit.runtime.waits import Wait, Waits
from orchkit.runtime.wire import Rejection

MODELS = {name: Model(name, "fake", Tier.BASIC) for name in ("a", "b")}
HOLD = Rejection(Kind.RateLimited, again=True, wait=0.8)


class Fake:
    """A provider that refuses as a function says, call by call."""

    name = "fake"

    def __init__(self, refusal: Callable[[int], Rejection | None]) -> None:
        self.refusal, self.calls = refusal, 0

    async def complete(self, call: Call) -> Response:
        """Answer, or raise what there is for the number of the call."""
        self.calls += 1
        if no := self.refusal(self.calls):
            raise no
        return Response(call.model, "yes")


def watched(
    fake: Fake, rows: int, policy: Policy | None = None
) -> tuple[list[tuple[Wait, ...]], Spent]:
    """Return who was seen waiting while so many rows were answered, and what the run did."""
    seen: list[tuple[Wait, ...]] = []
    runner = Executor(Catalog(MODELS, tuple(MODELS)), lambda _: fake, policy=policy)
    asked = [(Query((Message("user", f"{n}"),)), Single("a")) for n in range(rows)]
    runner.run(asked, lambda spent: seen.append(spent.waits))
    return seen, runner.spent


def test_a_call_at_an_open_pace_does_not_wait() -> None:
    """Where nothing holds a model back, a call that asks for its turn is no wait."""
    waits = Waits()
    waits.enter("a", Pace())
    assert waits.now() == ()


def test_calls_of_a_paused_model_wait_together() -> None:
    """They are counted, with the seconds of the pause; who leaves is counted no more."""
    waits, pace = Waits(), Pace()
    places = [waits.enter("a", pace) for _ in range(3)]
    pace.pause(40)
    (wait,) = waits.now()
    assert (wait.model, wait.calls, wait.why) == ("a", 3, Kind.RateLimited)
    assert 39 < wait.seconds <= 40
    for place in places:
        waits.leave(place)
        waits.leave(place)
    assert waits.now() == ()


def test_a_rest_is_a_wait_while_it_lasts() -> None:
    """A failure that is tried again later is named; models are told apart, the longest first."""
    waits = Waits()
    with waits.resting("a", 5, Kind.ServerError), waits.resting("b", 9, Kind.RateLimited):
        assert [(wait.model, wait.why) for wait in waits.now()] == [
            ("b", Kind.RateLimited),
            ("a", Kind.ServerError),
        ]
    assert waits.now() == ()


def test_a_quota_that_is_used_up_is_a_wait() -> None:
    """What the first in line waits for is known, and over when it goes on or is cancelled."""

    async def scene() -> None:
        waits, pace, slots = Waits(), Pace(rpm=1), asyncio.Semaphore(9)
        async with pace.turn(slots, 1) as turn:
            pace.sent(turn)
        waits.enter("a", pace)
        waiting = asyncio.ensure_future(pace.turn(slots, 1).__aenter__())
        await asyncio.sleep(0.01)
        (wait,) = waits.now()
        assert 55 < wait.seconds <= 61
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert waits.now() == ()

    asyncio.run(scene())


def test_a_run_that_only_waits_is_told_so() -> None:
    """While every call waits as its vendor orders, whoever watches sees that, and for how long."""
    began = time.monotonic()
    seen, spent = watched(Fake(lambda number: HOLD if number <= 3 else None), 3)
    told = [waits[0] for waits in seen if waits]
    assert told
    assert {wait.model for wait in told} == {"a"}
    assert max(wait.calls for wait in told) == 3
    assert all(0 < wait.seconds <= 0.8 for wait in told)
    assert 0.2 < spent.waited <= time.monotonic() - began
    assert (spent.waits, spent.rows, spent.failed) == ((), 3, 0)


def test_a_run_without_limits_never_waits() -> None:
    """Nobody is seen waiting where nobody waits."""
    seen, spent = watched(Fake(lambda _: None), 20)
    assert not any(seen)
    assert spent.waited == 0


def test_what_is_tried_again_is_told_as_its_failure() -> None:
    """The rest after a server's error is no rate limit."""
    broken = Rejection(Kind.ServerError, again=True)
    fake = Fake(lambda number: broken if number == 1 else None)
    seen, _ = watched(fake, 1, Slow())
    assert {wait.why for waits in seen for wait in waits} == {Kind.ServerError}


class Slow(Policy):
    """A policy whose backoff is long enough to be seen."""

    def backoff(self, failed: int) -> float:
        """Wait for the same time always."""
        return 0.6


def test_nothing_is_told_after_the_end() -> None:
    """Once a run has returned nobody looks at it any more."""
    told: list[float] = []
    runner = Executor(Catalog(MODELS, tuple(MODELS)), lambda _: Fake(lambda _: None))
    asked = [(Query((Message("user", "x"),)), Single("a"))]
    runner.run(asked, lambda _: told.append(time.monotonic()))
    many = len(told)
    time.sleep(0.6)
    assert len(told) == many > 0
