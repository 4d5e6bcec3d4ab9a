"""Scribe: group commit. What many calls have to write goes to disk together, by one hand.

A call waits for its own words to be on disk. While the disk is quick they are written at once,
which is cheaper than to wake a thread; when it is not, one thread writes for everybody, the next
batch gathers meanwhile, and the event loop goes on.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from orchkit.core.calls import Response
from orchkit.errors import StoreError
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.ledger import Attempt, Begin, End, Hits, Ledger
from orchkit.runtime.private import Busy

T = TypeVar("T")
#: What came of a begin: an attempt to send; an answer bought meanwhile; None: being bought.
Begun = Attempt | Response | None


#: Seconds of a write that holds up the event loop too long, and how long it is then let alone.
_SLOW, _REST = 0.02, 1.0


class _Hand:
    """Writes for everybody, one thing at a time: sqlite takes one writer anyway."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)  # threads do not survive a fork

    def renew(self) -> None:
        self._pool = ThreadPoolExecutor(1, "orchkit-scribe")
        self._under_way = 0
        self._slow_until = 0.0

    async def write(self, work: Callable[[bool], T]) -> T:
        """Work here while that is quick and nobody else writes, or else, patiently, in the thread.

        `work` is told whether to be patient, and raises `Busy` when it is not and has to wait.
        """
        started = time.monotonic()
        if self._under_way or started < self._slow_until:
            return await self.behind(partial(work, True))
        try:
            done = work(False)
        except Busy:
            self._slow_until = started + _REST
            return await self.behind(partial(work, True))
        if time.monotonic() - started > _SLOW:
            self._slow_until = started + _REST
        return done

    async def behind(self, work: Callable[[], T]) -> T:
        """Work in the thread."""
        working = asyncio.get_running_loop().run_in_executor(self._pool, work)
        self._under_way += 1
        working.add_done_callback(self._end)  # also when nobody waits for it any more
        return await asyncio.shield(working)

    def _end(self, _: object) -> None:
        self._under_way -= 1


_HAND = _Hand()


@dataclass(frozen=True, slots=True)
class Word:
    """Something to write; what is given is written together.

    Parameters
    ----------
    begin, end : Begin, End
        Of an attempt, into the ledger.
    keep : tuple of key and Response
        An answer worth keeping, into the cache.
    """

    begin: Begin | None = None
    end: End | None = None
    keep: tuple[str, Response] | None = None


class Scribe:
    """Writes for one run.

    Parameters
    ----------
    cache : ResponseCache, optional
        Answers.
    ledger : Ledger, optional
        Every paid attempt, before it is sent and after; None where nothing is paid.

    Attributes
    ----------
    told : list of str
        What could not be written as it was meant to be, for whoever ends the run.
    """

    def __init__(self, cache: ResponseCache | None = None, ledger: Ledger | None = None) -> None:
        self.cache = cache
        self.ledger = ledger
        self.told: list[str] = []
        self._waiting: list[tuple[Word, asyncio.Future[Begun]]] = []
        self._writing: asyncio.Task[None] | None = None

    def write(self, word: Word) -> asyncio.Future[Begun]:
        """Have a word written; the future is done when it is on disk.

        It is written even when nobody waits for it any more, as after an interrupt.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Begun] = loop.create_future()
        self._waiting.append((word, future))
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write_all())
        return future

    async def rest(self, hits: Sequence[Hits] = ()) -> None:
        """Return when nothing is left to write, having noted what the cache answered."""
        while self._writing is not None and not self._writing.done():
            await asyncio.shield(self._writing)
        ledger = self.ledger
        if ledger is not None and hits:
            try:
                await _HAND.write(lambda patient: ledger.write(hits=hits, patient=patient))
            except StoreError as error:  # what was answered is there all the same
                self.told.append(str(error))

    async def recover(self) -> None:
        """Presume what processes that died meanwhile left open, and so free their claims."""
        if self.ledger is not None:
            await _HAND.behind(self.ledger.recover)

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            words = [word for word, _ in batch]
            done = await _HAND.write(partial(self._commit, words))
            for (_, future), result in zip(batch, done, strict=True):
                _tell(future, result)

    def _commit(self, words: list[Word], patient: bool) -> list[Begun | Exception]:
        """Keep answers first: a crash in between then presumes an attempt, and loses nothing."""
        kept = self._keep(words, patient)
        begun = self._book(words, patient)
        return [_worst(word, kept, result) for word, result in zip(words, begun, strict=True)]

    def _keep(self, words: list[Word], patient: bool) -> Exception | None:
        rows = [word.keep for word in words if word.keep]
        if self.cache is None or not rows:
            return None
        try:
            self.told += self.cache.put_all(rows, patient)
        except Exception as error:
            if isinstance(error, Busy) and not patient:
                raise
            return error
        return None

    def _book(self, words: list[Word], patient: bool) -> Sequence[Begun | Exception]:
        if self.ledger is None:
            return [None for _ in words]
        begins = [word.begin for word in words if word.begin]
        ends = [word.end for word in words if word.end]
        try:
            begun = iter(self.ledger.write(begins, ends, patient=patient))
            return self._unless_bought([next(begun) if word.begin else None for word in words])
        except Exception as error:
            if isinstance(error, Busy) and not patient:
                raise
            return [error for _ in words]

    def _unless_bought(self, begun: list[Attempt | None]) -> list[Begun]:
        """Give the answer instead of the attempt where somebody bought it before our claim."""
        cache, ledger = self.cache, self.ledger
        if cache is None or ledger is None:
            return [*begun]
        claims = [attempt.claim if attempt else None for attempt in begun]
        try:
            bought = [cache.get(claim) if claim else None for claim in claims]
        except StoreError:  # what is begun is begun
            return [*begun]
        ends = [End(a, "released") for a, found in zip(begun, bought, strict=True) if a and found]
        if ends:
            ledger.write((), ends)
        return [found or attempt for attempt, found in zip(begun, bought, strict=True)]


async def close(store: ResponseCache | Ledger) -> None:
    """Close a store where it was read and where it was written."""
    with suppress(RuntimeError):  # at the interpreter's end there are no threads any more
        await _HAND.behind(store.close)
    store.close()


def _worst(word: Word, kept: Exception | None, begun: Begun | Exception) -> Begun | Exception:
    """Return what a call is to hear: that its answer was not kept, that nothing could be booked."""
    return kept if kept is not None and word.keep else begun


def _tell(future: asyncio.Future[Begun], result: Begun | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
        future.exception()  # nobody may be waiting for it: that is no leak
    else:
        future.set_result(result)
