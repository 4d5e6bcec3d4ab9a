"""Scribe: group commit. Answers of many calls go to disk together, from one thread.

A call waits until its own answer is on disk, and for nothing else: while one batch is written the
next one gathers, and the event loop goes on. So an answer that was told is never lost, at a
fraction of the syncs.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from orchkit.core.calls import Response
from orchkit.runtime.cache import ResponseCache

#: One thread writes for every run: sqlite takes one writer at a time anyway.
_THREAD = ThreadPoolExecutor(1, "orchkit-scribe")


class Scribe:
    """Writes one run's answers into a cache.

    Parameters
    ----------
    cache : ResponseCache
        Where they go.
    """

    def __init__(self, cache: ResponseCache) -> None:
        self.cache = cache
        self._waiting: list[tuple[str, Response, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    def keep(self, key: str, response: Response) -> asyncio.Future[None]:
        """Have an answer written; the future is done when it is on disk.

        It is written even when nobody waits for it any more, as after an interrupt.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append((key, response, future))
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
            rows = [(key, response) for key, response, _ in batch]
            try:
                await loop.run_in_executor(_THREAD, self.cache.put_all, rows)
            except Exception as error:  # noqa: BLE001 - each waiting call is to hear of it
                _tell([future for *_, future in batch], error)
            else:
                _tell([future for *_, future in batch], None)


async def close(cache: ResponseCache) -> None:
    """Close the cache where it was read and where it was written."""
    cache.close()
    await asyncio.get_running_loop().run_in_executor(_THREAD, cache.close)


def _tell(futures: list[asyncio.Future[None]], error: Exception | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
            future.exception()  # nobody may be waiting for it: that is no leak
