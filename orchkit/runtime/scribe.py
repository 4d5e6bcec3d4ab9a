"""Scribe: group commit. What many calls have to write goes to disk together, from one thread.

A call waits for its own words to be on disk, and for nothing else: while one batch is written,
the next one gathers. So every promise of durability holds, at a fraction of the syncs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from orchkit.core.calls import Response
from orchkit.errors import StoreError
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.ledger import Attempt, Begin, End, Ledger

#: What came of a begin: an attempt to send, an answer somebody bought meanwhile, or None: busy.
Begun = Attempt | Response | None


@dataclass(frozen=True, slots=True)
class Word:
    """Something to write: a begin, or an end with the answer worth keeping, if any."""

    begin: Begin | None = None
    end: End | None = None
    keep: Response | None = None


class Scribe:
    """Writes for one ledger and, beside it, one cache.

    Parameters
    ----------
    ledger : Ledger
        Every attempt, before it is sent and after.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._thread = ThreadPoolExecutor(1, "orchkit-scribe")
        self._waiting: list[tuple[Word, ResponseCache | None, asyncio.Future[Begun]]] = []
        self._writing: asyncio.Task[None] | None = None

    def write(self, word: Word, cache: ResponseCache | None) -> asyncio.Future[Begun]:
        """Have a word written; the future is done when it is on disk.

        It is written even when nobody waits any more, as after an interrupt.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Begun] = loop.create_future()
        self._waiting.append((word, cache, future))
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write_all())
        return future

    async def rest(self) -> None:
        """Return when nothing is left to write."""
        while self._writing is not None and not self._writing.done():
            await asyncio.shield(self._writing)

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            words = [(word, cache) for word, cache, _ in batch]
            try:
                begun = await loop.run_in_executor(self._thread, self._commit, words)
            except Exception as error:
                for *_, future in batch:
                    if not future.done():
                        future.set_exception(error)
                        future.exception()  # nobody may be waiting: that is no leak
                continue
            for (*_, future), result in zip(batch, begun, strict=True):
                if not future.done():
                    future.set_result(result)

    def _commit(self, words: Iterable[tuple[Word, ResponseCache | None]]) -> list[Begun]:
        """Keep answers first: a crash in between then presumes an attempt, and loses nothing."""
        words = list(words)
        _keep(words)
        begins = [word.begin for word, _ in words if word.begin]
        attempts = iter(self.ledger.write(begins, [word.end for word, _ in words if word.end]))
        begun = [next(attempts) if word.begin else None for word, _ in words]
        return self._without_bought(words, begun)

    def _without_bought(
        self, words: list[tuple[Word, ResponseCache | None]], begun: list[Attempt | None]
    ) -> list[Begun]:
        """Give the answer instead of the attempt where somebody bought it before our claim."""
        found: list[Begun] = list(begun)
        undone = []
        for place, ((word, cache), attempt) in enumerate(zip(words, begun, strict=True)):
            if attempt and word.begin and word.begin.claim and cache is not None:
                bought = cache.get(attempt.key)
                if bought is not None:
                    found[place] = bought
                    undone.append(End(attempt, "released", release=True))
        if undone:
            self.ledger.write([], undone)
        return found


def _keep(words: list[tuple[Word, ResponseCache | None]]) -> None:
    by_cache: dict[int, tuple[ResponseCache, list[tuple[str, Response]]]] = {}
    for word, cache in words:
        if word.keep is not None and word.end is not None and cache is not None:
            entry = by_cache.setdefault(id(cache), (cache, []))
            entry[1].append((word.end.attempt.key, word.keep))
    for cache, rows in by_cache.values():
        cache.put_all(rows)


__all__ = ["Begun", "Scribe", "StoreError", "Word"]
