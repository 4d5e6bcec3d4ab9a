"""Group commit: answers are on disk when they are told, and a batch takes one sync."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from orchkit.core.calls import Response
from orchkit.errors import StoreError
from orchkit.runtime import scribe
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.scribe import Scribe, Word, close


def keep(key: str) -> Word:
    """Return an answer to be kept."""
    return Word(keep=(key, Response("m", "42")))


@pytest.fixture
def cache(tmp_path: Path) -> ResponseCache:
    """Give an empty cache."""
    return ResponseCache(tmp_path / "cache")


def test_an_answer_is_on_disk_when_its_future_is_done(tmp_path: Path, cache: ResponseCache) -> None:
    """Whoever waited can find the answer with another connection."""

    async def scene() -> None:
        await Scribe(cache).write(keep("k"))
        await close(cache)

    asyncio.run(scene())
    found = ResponseCache(tmp_path / "cache").get("k")
    assert found is not None
    assert found.text == "42"


def test_answers_that_come_together_are_written_together(
    cache: ResponseCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred answers at once take two transactions at the most, not a hundred."""
    sizes = []
    write = cache.put_all

    def counted(rows: Any, patient: bool) -> list[str]:
        sizes.append(len(rows))
        return write(rows)

    monkeypatch.setattr(cache, "put_all", counted)

    async def scene() -> None:
        scribe = Scribe(cache)
        await asyncio.gather(*(scribe.write(keep(str(n))) for n in range(100)))

    asyncio.run(scene())
    assert sum(sizes) == 100
    assert len(sizes) <= 2


def test_what_nobody_waits_for_is_written_all_the_same(cache: ResponseCache) -> None:
    """An interrupt cancels the waiting, not the writing."""

    async def scene() -> None:
        scribe = Scribe(cache)
        scribe.write(keep("k")).cancel()
        await scribe.rest()

    asyncio.run(scene())
    assert cache.get("k") is not None


def test_each_waiting_call_hears_that_the_disk_is_full(
    cache: ResponseCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed batch fails each of its answers, and the next batch is tried anew."""
    write = cache.put_all
    full = iter([True, False])

    def put_all(rows: Any, patient: bool) -> list[str]:
        if next(full):
            raise StoreError("disk full")
        return write(rows)

    monkeypatch.setattr(cache, "put_all", put_all)

    async def scene() -> list[object]:
        scribe = Scribe(cache)
        both = [scribe.write(keep(key)) for key in "ab"]
        told: list[object] = list(await asyncio.gather(*both, return_exceptions=True))
        await scribe.write(keep("c"))
        return told

    assert [type(said) for said in asyncio.run(scene())] == [StoreError, StoreError]
    assert cache.get("c") is not None


def test_a_slow_disk_is_left_to_the_thread(
    cache: ResponseCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a write that held up the loop, the next ones do not, and nothing is lost."""
    hand, writers = scribe._Hand(), list[str]()
    monkeypatch.setattr(scribe, "_HAND", hand)
    write = cache.put_all

    def slow(rows: Any, patient: bool) -> list[str]:
        writers.append(threading.current_thread().name)
        time.sleep(0.03)
        return write(rows)

    monkeypatch.setattr(cache, "put_all", slow)

    async def scene() -> None:
        writing = Scribe(cache)
        for key in "abc":
            await writing.write(keep(key))
        await close(cache)

    asyncio.run(scene())
    assert not writers[0].startswith("orchkit-scribe")
    assert all(name.startswith("orchkit-scribe") for name in writers[1:])
    assert len(writers) == len(cache) == 3
