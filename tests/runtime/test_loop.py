from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchkit.runtime.loop import BackgroundLoop


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[asyncio.AbstractEventLoop]]:
    """List the event loops that the test makes, and see that none of them outlives it."""
    made: list[asyncio.AbstractEventLoop] = []
    make = asyncio.new_event_loop
    monkeypatch.setattr(asyncio, "new_event_loop", lambda: made.append(make()) or made[-1])
    yield made
    for each in made:
        assert _within(5, lambda loop=each: not loop.is_running())
        each.close()


@pytest.fixture
def loop(made: list[asyncio.AbstractEventLoop]) -> Iterator[BackgroundLoop]:
    """Give a loop of the test's own."""
    loop = BackgroundLoop()
    yield loop
    loop.close()


async def _forty_two() -> int:
    await asyncio.sleep(0)
    return 42


class Work:
    """Work that never ends by itself, and tells when it begins and when it is cancelled."""

    def __init__(self) -> None:
        self.begun, self.cancelled = threading.Event(), threading.Event()

    async def __call__(self) -> None:
        """Wait to be cancelled, then take a moment to clean up."""
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            self.cancelled.set()

    def interrupt(self) -> None:
        """Send the waiting main thread what Ctrl-C sends, once the work is under way."""
        self.begun.wait(5)
        time.sleep(0.1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@pytest.fixture
def interrupted() -> Iterator[Work]:
    """Give work that is interrupted as soon as it has begun."""
    work = Work()
    thread = threading.Thread(target=work.interrupt)
    thread.start()
    yield work
    thread.join()


def test_the_result_comes_back(loop: BackgroundLoop) -> None:
    """What the coroutine returns is what `run` returns."""
    assert loop.run(_forty_two) == 42


def test_it_works_where_a_loop_is_running(loop: BackgroundLoop) -> None:
    """Inside a running event loop, as in Jupyter, waiting is synchronous all the same."""

    async def cell() -> int:
        return loop.run(_forty_two)

    assert asyncio.run(cell()) == 42


def test_an_exception_passes_through(loop: BackgroundLoop) -> None:
    """The very exception that was raised inside arrives outside, and the loop lives on."""
    error = KeyError("mine")

    async def fail() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        loop.run(fail)
    assert caught.value is error
    assert loop.run(_forty_two) == 42


def test_an_interrupt_cancels_the_work_and_raises(loop: BackgroundLoop, interrupted: Work) -> None:
    """Ctrl-C while waiting raises only after the work has been cancelled and has cleaned up."""
    with pytest.raises(KeyboardInterrupt):
        loop.run(interrupted)
    assert interrupted.cancelled.is_set()


def test_an_interrupt_is_answered_soon(loop: BackgroundLoop, interrupted: Work) -> None:
    """Nobody waits for more than two seconds after Ctrl-C."""
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        loop.run(interrupted)
    assert time.monotonic() - began < 2


def test_the_loop_is_usable_after_an_interrupt(loop: BackgroundLoop, interrupted: Work) -> None:
    """The next run after Ctrl-C works as if nothing had happened."""
    with pytest.raises(KeyboardInterrupt):
        loop.run(interrupted)
    assert loop.run(_forty_two) == 42


def test_who_waits_looks_meanwhile(loop: BackgroundLoop) -> None:
    """The thread that waits looks a few times a second, and never once the work is done."""
    looked: list[int] = []

    async def work() -> int:
        await asyncio.sleep(0.8)
        return 42

    assert loop.run(work, lambda: looked.append(threading.get_ident())) == 42
    many = len(looked)
    assert many >= 2
    assert set(looked) == {threading.get_ident()}
    time.sleep(0.4)
    assert len(looked) == many


def test_what_a_look_raises_cancels_the_work(loop: BackgroundLoop) -> None:
    """An interrupt may come while one looks, too."""
    waiting = Work()

    def look() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.run(waiting, look)
    assert waiting.cancelled.is_set()


def test_runs_of_several_threads_share_the_loop(loop: BackgroundLoop) -> None:
    """Threads run side by side on one and the same event loop."""
    together = threading.Barrier(4, timeout=5)

    async def where() -> int:
        await asyncio.to_thread(together.wait)
        return id(asyncio.get_running_loop())

    with ThreadPoolExecutor(4) as pool:
        places = set(pool.map(lambda _: loop.run(where), range(4)))
    assert len(places) == 1


def test_closing_awaits_what_was_registered(loop: BackgroundLoop) -> None:
    """Closers run on the loop that their connections live on, once, even if one of them fails."""
    seen: list[object] = []

    async def where() -> object:
        return asyncio.get_running_loop()

    async def fail() -> None:
        raise OSError("already gone")

    async def closer() -> None:
        seen.append(asyncio.get_running_loop())

    home = loop.run(where)
    loop.closing(fail)
    loop.closing(closer)
    loop.close()
    loop.close()
    assert seen == [home]


def test_closing_lets_go_of_everything(
    loop: BackgroundLoop, made: list[asyncio.AbstractEventLoop]
) -> None:
    """A closed loop's sockets are closed as well, so that nothing is left for the collector."""
    loop.run(_forty_two)
    loop.close()
    assert _within(1, made[0].is_closed)


def test_a_closed_loop_can_be_used_again(loop: BackgroundLoop) -> None:
    """After closing, the next run starts a new loop."""
    loop.run(_forty_two)
    loop.close()
    assert loop.run(_forty_two) == 42


SCRIPT = """
import asyncio, os
from orchkit.runtime.loop import LOOP

async def say(text):
    print(text, flush=True)

LOOP.run(lambda: say("parent"))
LOOP.closing(lambda: say("closed"))
if os.fork() == 0:
    LOOP.run(lambda: say("child"))
    os._exit(0)
os.wait()
"""


def test_a_forked_child_has_a_loop_and_the_parent_closes_its_own(
    elsewhere: Callable[..., str],
) -> None:
    """A fork loses the thread and gets a new one; closers are awaited when the interpreter ends."""
    # Newer Pythons warn of any fork beside a thread.
    told = elsewhere(SCRIPT, PYTHONWARNINGS="ignore::DeprecationWarning")
    assert told.split() == ["parent", "child", "closed"]
