"""diskcache behind a disk that writes and reads nothing but text keys and raw bytes.

diskcache alone runs code from a planted row (CVE-2025-69872). Here nothing is pickled, no row
names a file, and what the file says of its own settings is not believed.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import diskcache

RAW = diskcache.core.MODE_RAW
_SETTINGS = {
    "eviction_policy": "none",
    "cull_limit": 0,
    "size_limit": 2**62,
    "sqlite_synchronous": 2,
    "statistics": 0,
    "tag_index": 0,
}


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
        return len(value), RAW, None, value

    def fetch(
        self,
        mode: int,
        filename: str | None,
        value: Any,
        read: bool,  # noqa: ARG002
    ) -> bytes:
        """Give back bytes, from the row itself."""
        if mode != RAW or filename is not None or type(value) is not bytes:
            raise ValueError("this cache holds a row that is not raw bytes")
        return value

    def remove(self, file_path: str) -> None:
        """Remove nothing: no row of ours owns a file."""


def opened(folder: Path) -> diskcache.Cache:
    """Return the diskcache of a folder, made if need be."""
    _forget_settings(folder)
    return diskcache.Cache(_Verbatim(folder), disk=HardenedDisk, **_SETTINGS)


def _forget_settings(folder: Path) -> None:
    """Delete what diskcache would believe of the file: it becomes attributes and pragmas."""
    with closing(sqlite3.connect(folder / "cache.db", timeout=60, isolation_level=None)) as file:
        if file.execute("SELECT 1 FROM sqlite_master WHERE name = 'Settings'").fetchone():
            counters = [*diskcache.core.METADATA]
            marks = ", ".join("?" * len(counters))
            file.execute(f"DELETE FROM Settings WHERE key NOT IN ({marks})", counters)  # noqa: S608 - marks only
