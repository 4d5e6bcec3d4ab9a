"""One event loop in a background thread: asynchronous inside, synchronous outside.

It works the same in a script and where Jupyter already runs a loop, and its clients outlive a run.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from orchkit.errors import MisuseError

T = TypeVar("T")
#: Waiting is cut into slices so that Ctrl-C also reaches a thread that waits on Windows, and so
#: that who waits can look how far it is.
_SLICE = 0.25
#: How long a cancelled run may take to let go of its connections.
_PATIENCE = 5.0


class BackgroundLoop:
    """Runs coroutines to their end on a loop of its own; an interrupt cancels them first."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._owner = 0
        self._lock = threading.Lock()
        self._closers: list[Callable[[], Coroutine[Any, Any, None]]] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def run(
        self, work: Callable[[], Coroutine[Any, Any, T]], look: Callable[[], None] | None = None
    ) -> T:
        """Return what `work()` returns; on an interrupt cancel it, wait for it, and raise.

        Meanwhile `look` is called a few times a second, in the thread that waits; what it raises
        is an interrupt like any other.
        """
        if threading.current_thread() is self._thread:
            raise MisuseError(
                "orchkit was called from within a run (a plan, a confidence): that would wait for "
                "itself for ever. Yield the call from the plan instead."
            )
        ended = threading.Event()
        watched: Future[None] = Future()

        async def supervised() -> T:
            try:
                await asyncio.wrap_future(watched)  # nothing starts that nobody could cancel
                return await work()
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(supervised(), self._running())
        try:
            watched.set_result(None)
            while not future.done():
                wait([future], timeout=_SLICE)
                self._refuse_the_dead()
                if look:
                    look()
            return future.result()
        except BaseException:
            if future.cancel():
                ended.wait(_PATIENCE)
            raise

    def _refuse_the_dead(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            raise RuntimeError("the loop ended in the middle of a run")

    def closing(self, closer: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have `closer` awaited when the interpreter ends."""
        self._closers.append(closer)

    def _forget(self) -> None:
        """Begin anew after a fork: the loop, its thread and what hangs on them are the parent's."""
        self._loop, self._thread, self._closers = None, None, []
        self._lock = threading.Lock()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._loop.is_closed() or self._owner != os.getpid():
                runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
                self._loop, self._owner = runner.get_loop(), os.getpid()
                self._thread = threading.Thread(
                    target=_serve, args=[runner], name="orchkit-loop", daemon=True
                )
                self._thread.start()
                atexit.register(self.close)
            return self._loop

    def close(self) -> None:
        """Close what was registered, then the loop and all that hangs on it."""
        loop, thread, closers = self._loop, self._thread, self._closers
        if loop is None or thread is None or self._owner != os.getpid():
            return
        self._loop, self._closers = None, []
        for closer in closers:
            wait([asyncio.run_coroutine_threadsafe(closer(), loop)], timeout=_PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE)


def _serve(runner: asyncio.Runner) -> None:
    with runner:  # cancels on leaving what still runs: nobody waits for it for ever
        runner.get_loop().run_forever()


LOOP = BackgroundLoop()
