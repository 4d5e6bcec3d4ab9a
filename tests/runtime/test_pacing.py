"""How fast a model is asked: pauses, quotas a minute, and calls at once."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.catalog import Model, Tier
from orchkit.runtime import pacing
from orchkit.runtime.pacing import MINUTE, Pace, Paces, Window
from orchkit.runtime.wire import Quota


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a minute pass in a fifth of a second."""
    monkeypatch.setattr(pacing, "MINUTE", 0.2)


async def sent(pace: Pace, count: int, slots: int = 100, took: float = 0.0) -> list[float]:
    """Return when each of so many requests was sent."""
    room, at = asyncio.Semaphore(slots), list[float]()

    async def one() -> None:
        async with pace.turn(room, 10) as turn:
            at.append(time.monotonic())
            pace.sent(turn)
            await asyncio.sleep(took)
        pace.settle(turn, 5, answered=True)
        pace.answered()

    await asyncio.gather(*(one() for _ in range(count)))
    return at


def run(scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene."""

    async def whole() -> None:
        async with asyncio.timeout(10):
            await scene()

    asyncio.run(whole())


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.floats(0, 40), st.integers(1, 5)), min_size=1, max_size=60),
)
def test_no_minute_ever_holds_more_than_the_quota(
    quota: int, asks: list[tuple[float, int]]
) -> None:
    """Whoever waits as long as told is within the quota in every minute; too much goes alone."""
    window, now, taken = Window(quota), 0.0, list[tuple[float, int]]()
    for pause, amount in asks:
        now += pause
        while (delay := window.delay(amount, now)) > 0:
            now += delay
        window.take(amount, now)
        taken.append((now, amount))
    for at, _ in taken:
        inside = [amount for when, amount in taken if at <= when < at + MINUTE]
        assert sum(inside) <= quota or len(inside) == 1


def test_what_a_request_came_to_counts_instead_of_the_guess() -> None:
    """A request that took less than was guessed leaves the rest to others at once."""
    window = Window(100)
    taken = window.take(90, 0.0)
    assert window.delay(50, 1.0) == MINUTE - 1
    window.settle(taken, 10)
    assert window.delay(50, 1.0) == 0


def test_a_settlement_that_comes_late_changes_nothing() -> None:
    """What has left the window is not counted again when its answer comes at last."""
    window = Window(100)
    slow = window.take(90, 0.0)
    window.delay(1, 100.0)
    window.take(100, 100.0)
    window.settle(slow, 1)
    assert window.delay(1, 101.0) > 0


@pytest.mark.usefixtures("quick")
def test_requests_a_minute_are_waited_for() -> None:
    """Of ten requests under a quota of four, four go at once and four in each next minute."""

    async def scene() -> None:
        at = await sent(Pace(rpm=4), 10)
        assert at[3] - at[0] < 0.1
        assert at[4] - at[0] >= 0.2
        assert at[8] - at[4] >= 0.2

    run(scene)


@pytest.mark.usefixtures("quick")
def test_tokens_a_minute_are_waited_for() -> None:
    """The guess is the worst case, so two requests of at most ten fit twenty tokens at first."""

    async def scene() -> None:
        at = await sent(Pace(tpm=20), 4, took=0.05)
        assert at[1] - at[0] < 0.05
        assert at[3] - at[0] >= 0.2

    run(scene)


@pytest.mark.usefixtures("quick")
def test_a_vendor_that_tells_its_quota_is_kept_to() -> None:
    """What the headers say holds from then on; what the catalog says is not overruled."""

    async def scene() -> None:
        told, listed = Pace(), Pace(rpm=100)
        for pace in (told, listed):
            pace.learn(Quota(requests=2, tokens=None))
        at = await sent(told, 3)
        assert at[2] - at[0] >= 0.2
        at = await sent(listed, 20)
        assert at[-1] - at[0] < 0.2

    run(scene)


def test_a_pause_is_obeyed_by_all_who_wait() -> None:
    """Nobody returns before the longest pause is over, also when a shorter one is ordered later."""

    async def scene() -> None:
        pace, began = Pace(), time.monotonic()
        pace.pause(0.1)
        waiting = asyncio.create_task(sent(pace, 3))
        await asyncio.sleep(0.01)
        pace.pause(0.2)
        pace.pause(0.001)
        assert min(await waiting) - began >= 0.21

    run(scene)


def test_a_paused_model_holds_no_slot() -> None:
    """While one model is paused, another one uses the run's only slot."""

    async def scene() -> None:
        paused, other, room = Pace(), Pace(), asyncio.Semaphore(1)
        paused.pause(0.3)
        began = time.monotonic()

        async def ask(pace: Pace) -> float:
            async with pace.turn(room, 1):
                return time.monotonic() - began

        late, soon = await asyncio.gather(ask(paused), ask(other))
        assert soon < 0.1 < 0.3 <= late

    run(scene)


def test_no_more_calls_at_once_than_allowed() -> None:
    """The catalog's `concurrency` of a model is never exceeded, and all calls get their turn."""

    async def scene() -> None:
        pace, room, peak = Pace(concurrency=3), asyncio.Semaphore(50), 0
        inside = 0

        async def ask() -> None:
            nonlocal inside, peak
            async with pace.turn(room, 1):
                inside += 1
                peak = max(peak, inside)
                await asyncio.sleep(0.001)
                inside -= 1

        await asyncio.gather(*(ask() for _ in range(30)))
        assert peak == 3

    run(scene)


def test_later_means_fewer_at_once_and_answers_more_again() -> None:
    """A pause cuts the calls at once, and only once; answers raise them again."""

    async def scene() -> None:
        pace, room, inside, seen = Pace(), asyncio.Semaphore(50), 0, list[int]()

        async def ask() -> None:
            nonlocal inside
            async with pace.turn(room, 1):
                inside += 1
                seen.append(inside)
                await asyncio.sleep(0.005)
                inside -= 1
            pace.answered()

        first = asyncio.gather(*(ask() for _ in range(10)))
        await asyncio.sleep(0.001)
        for _ in range(5):
            pace.pause(0.01)
        await first
        assert max(seen) == 10
        seen.clear()
        pace.pause(0.001)
        await asyncio.gather(*(ask() for _ in range(20)))
        assert seen[0] == 1
        assert max(seen) < 20

    run(scene)


def test_whoever_gives_up_waiting_leaves_the_turn_to_the_next() -> None:
    """A cancelled call wakes the one behind it."""

    async def scene() -> None:
        pace, room = Pace(concurrency=1), asyncio.Semaphore(5)

        async def ask(took: float = 0.0) -> bool:
            async with pace.turn(room, 1):
                await asyncio.sleep(took)
                return True

        holder = asyncio.create_task(ask(0.05))
        await asyncio.sleep(0)
        second, third = asyncio.create_task(ask()), asyncio.create_task(ask())
        await asyncio.sleep(0.01)
        holder.add_done_callback(lambda _: second.cancel())
        assert await third

    run(scene)


def test_a_streak_of_pauses_is_told_and_ended_by_an_answer() -> None:
    """Pauses that follow each other make the next backoff longer; an answer ends that."""

    async def scene() -> None:
        pace = Pace()
        for streak in (1, 2):
            pace.pause(0.001)
            await asyncio.sleep(0.005)
            assert pace.streak == streak
        pace.answered()
        assert pace.streak == 0

    run(scene)


def test_tokens_beyond_all_measure_do_no_harm() -> None:
    """A vendor's absurd usage counts as the most the request could take."""

    async def scene() -> None:
        pace = Pace(tpm=10**6)
        async with pace.turn(asyncio.Semaphore(1), 100) as turn:
            pass
        pace.settle(turn, 10**400, answered=True)
        assert turn.tokens.amount == 100

    run(scene)


def test_each_model_has_one_pace() -> None:
    """Runs share what they know of a model, and models do not share theirs."""
    paces, a = Paces(), Model("a", "p", Tier.BASIC, rpm=3)
    assert paces.of(a) is paces.of(a)
    assert paces.of(Model("b", "p", Tier.BASIC)) is not paces.of(a)
    assert math.isclose(paces.of(a)._requests.quota, 3)


def test_a_request_counts_until_a_minute_after_it_can_have_arrived() -> None:
    """A slow reply dates its request later, by no more than a second: it may have arrived then."""

    async def scene() -> None:
        pace = Pace(rpm=1)
        async with pace.turn(asyncio.Semaphore(1), 10) as turn:
            pace.sent(turn)
            at = turn.request.at
            await asyncio.sleep(0.05)
        pace.settle(turn, 5, answered=True)
        assert 0.05 <= turn.request.at - at < 1

    run(scene)


def test_a_refused_request_used_no_tokens() -> None:
    """What a vendor did not admit leaves its tokens to the next request."""

    async def scene() -> None:
        pace, room = Pace(tpm=10), asyncio.Semaphore(1)
        async with pace.turn(room, 10) as turn:
            pace.sent(turn)
        pace.settle(turn, 0, answered=False)
        async with asyncio.timeout(1), pace.turn(room, 10):
            pass

    run(scene)


def test_what_was_sent_before_a_quota_was_told_counts_too() -> None:
    """Who learns of a quota after the first burst waits for that burst to leave the window."""

    async def scene() -> None:
        pace, room = Pace(), asyncio.Semaphore(5)
        await sent(pace, 3)
        pace.learn(Quota(requests=3))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), pace.turn(room, 10):
                pass

    run(scene)


def test_what_is_left_of_a_guess_goes_to_the_next_at_once() -> None:
    """Who waits for tokens goes on as soon as an answer has shown how few it took."""

    async def scene() -> None:
        pace, room = Pace(tpm=12), asyncio.Semaphore(2)

        async def ask(took: float) -> float:
            async with pace.turn(room, 10) as turn:
                pace.sent(turn)
                await asyncio.sleep(took)
            pace.settle(turn, 1, answered=True)
            return time.monotonic()

        began = time.monotonic()
        _, second = await asyncio.gather(ask(0.1), ask(0.0))
        assert 0.1 <= second - began < 1

    run(scene)
