"""ResponseCache: answers on disk, on diskcache behind a hardened disk.

diskcache alone runs code from a planted row (CVE-2025-69872). Here only text keys and raw bytes
are ever written or read, nothing is pickled, no row names a file, every row carries a digest
over its key and its content, and nothing is evicted.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import stat
import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import diskcache

from orchkit.core.calls import Response, Usage, canonical
from orchkit.errors import CacheWarning, StoreError

_DIGEST = 32
_SETTINGS = {
    "eviction_policy": "none",
    "cull_limit": 0,
    "size_limit": 2**62,
    "sqlite_synchronous": 2,
    "statistics": 0,
    "tag_index": 0,
}
_KEPT = ("text", "latency", "finish", "logprobs", "provider", "extra")
#: What reading a row of any bytes, or writing an answer of any content, can raise.
_MISSHAPEN = (ValueError, KeyError, TypeError, RecursionError)


class _Verbatim(str):
    """A path that diskcache leaves as it is; it expands variables where it finds a mark of one."""

    __slots__ = ()

    def __str__(self) -> str:
        return self

    def __contains__(self, part: object) -> bool:
        return part not in ("$", "%") and super().__contains__(part)  # type: ignore[operator]


class HardenedDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache ships no types
    """Text keys and raw bytes only; a row of any other shape is refused unread."""

    def put(self, key: Any) -> tuple[str, bool]:
        """Take a text key."""
        if type(key) is not str:
            raise TypeError("a cache key is text")
        return key, True

    def get(self, key: Any, raw: Any) -> str:
        """Give back a text key."""
        if not raw or type(key) is not str:
            raise ValueError("this cache holds a key that is not text")
        return key

    def store(  # diskcache dictates the signature
        self,
        value: Any,
        read: bool,
        key: Any = None,  # noqa: ARG002
    ) -> tuple[int, int, None, bytes]:
        """Take bytes, into the row itself."""
        if type(value) is not bytes or read:
            raise TypeError("a cache value is bytes")
        return len(value), diskcache.core.MODE_RAW, None, value

    def fetch(
        self,
        mode: int,
        filename: str | None,
        value: Any,
        read: bool,  # noqa: ARG002
    ) -> bytes:
        """Give back bytes, from the row itself."""
        if mode != diskcache.core.MODE_RAW or filename is not None or type(value) is not bytes:
            raise ValueError("this cache holds a row that is not raw bytes")
        return value

    def remove(self, file_path: str) -> None:
        """Remove nothing: no row of ours owns a file."""


class ResponseCache:
    """Answers by the digest of the whole outgoing request.

    Parameters
    ----------
    folder : path
        Made with mode 0700; its files have mode 0600.

    Raises
    ------
    StoreError
        The folder is a link, writable by others, or no readable cache.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()
        self.damaged = 0
        try:
            _private(self.folder)
            _forget_settings(self.folder)
            place = _Verbatim(self.folder)
            self._cache = diskcache.Cache(place, disk=HardenedDisk, **_SETTINGS)
            for path in self.folder.glob("cache.db*"):
                path.chmod(0o600)
        except (OSError, sqlite3.Error, diskcache.Timeout) as error:
            raise StoreError(
                f"Cannot open the cache in {self.folder}: {error}. Move the folder away, or name "
                "another one with orchkit.use(cache_dir=...)."
            ) from None

    def get(self, key: str) -> Response | None:
        """Return the stored response, marked as cached; None when there is none that is whole."""
        with self._telling("read"):
            try:
                row = self._cache.get(key)
                return None if row is None else _unpacked(key, row)
            except _MISSHAPEN:
                self._put_aside(key)
        return None

    def put(self, key: str, response: Response) -> None:
        """Store a response; it is on disk when this returns."""
        self.put_all([(key, response)])

    def put_all(self, rows: Iterable[tuple[str, Response]]) -> None:
        """Store responses in one transaction; they are on disk when this returns.

        One that cannot be written down is left out with a CacheWarning, and the others are stored.
        """
        packed, left_out = [], []
        for key, response in rows:
            try:
                packed.append((key, _packed(key, response)))
            except _MISSHAPEN as error:
                left_out.append(f"An answer of {response.model!r} is not cached: {error}.")
        with self._telling("write to"), self._cache.transact():
            for key, row in packed:
                self._cache.set(key, row)
        for told in left_out:  # last: where warnings are errors the others are stored, too
            warnings.warn(told, CacheWarning, stacklevel=2)

    def __len__(self) -> int:
        return len(self._cache)

    def close(self) -> None:
        """Close this thread's connection."""
        self._cache.close()

    @contextmanager
    def _telling(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, diskcache.Timeout) as error:
            self._cache.close()  # SQLite may leave a transaction open whose commit failed
            why = str(error) or "it is locked, or cannot be written"
            raise StoreError(f"Cannot {verb} the cache in {self.folder}: {why}.") from None

    def _put_aside(self, key: str) -> None:
        self.damaged += 1
        self._cache.delete(key)
        warnings.warn(
            f"A damaged row of the cache in {self.folder} was dropped; its answer is asked anew.",
            CacheWarning,
            stacklevel=2,
        )


def _private(folder: Path) -> None:
    """Make the folder for its owner alone; refuse one that others can write or that is a link."""
    for path in (*reversed(folder.parents), folder):
        path.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise OSError("it is a symbolic link")
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        raise OSError("it belongs to somebody else")
    if status.st_mode & 0o022:
        raise OSError("others can write to it (chmod 700 it)")


def _forget_settings(folder: Path) -> None:
    """Delete what diskcache would believe of the file: it becomes attributes and pragmas."""
    with closing(sqlite3.connect(folder / "cache.db", timeout=60, isolation_level=None)) as file:
        if file.execute("SELECT 1 FROM sqlite_master WHERE name = 'Settings'").fetchone():
            counters = [*diskcache.core.METADATA]
            marks = ", ".join("?" * len(counters))
            file.execute(f"DELETE FROM Settings WHERE key NOT IN ({marks})", counters)  # noqa: S608


def _packed(key: str, response: Response) -> bytes:
    kept = {name: getattr(response, name) for name in _KEPT}
    body = canonical({**kept, "model": response.model, "usage": asdict(response.usage)})
    return _signature(key, body.encode("ascii")) + body.encode("ascii")


def _unpacked(key: str, row: bytes) -> Response:
    if row[:_DIGEST] != _signature(key, row[_DIGEST:]):
        raise ValueError("digest")
    kept = json.loads(row[_DIGEST:])
    kept["usage"] = Usage(**kept["usage"])
    kept["logprobs"] = tuple(kept["logprobs"])
    return Response(**kept, cached=True)


def _signature(key: str, body: bytes) -> bytes:
    return hashlib.sha256(key.encode("ascii") + b"\0" + body).digest()
