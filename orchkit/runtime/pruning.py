"""What lies in a cache, and forgetting of it: plain SQL over its file, which nothing here trusts.

No value is interpreted before its digest fits; a row that does not is counted as damaged.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchkit.errors import StoreError
from orchkit.runtime.cache import DIGEST, LARGEST, ResponseCache, signature
from orchkit.runtime.hardened import RAW

_PATIENCE = 30.0
_YEAR_10000 = 253_402_300_800
_ROWS = (
    "SELECT rowid, typeof(key) = 'text' AND raw = 1, key, store_time, mode, filename, value"
    " FROM Cache"
)


@dataclass(frozen=True, slots=True)
class Stock:
    """What lies in a cache: whole rows, damaged ones, bytes on disk, and when rows were stored.

    `oldest` and `newest` are seconds since 1970 UTC; None where there is no whole row.
    """

    rows: int = 0
    damaged: int = 0
    bytes: int = 0
    oldest: float | None = None
    newest: float | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: its number, whether its digest fits, when it was stored and by which model."""

    number: int
    whole: bool = False
    stored: float = 0.0
    model: str = ""


def stock(folder: Path) -> Stock:
    """Return what lies in the cache of a folder; nothing where there is none.

    Raises StoreError for a folder or a file that is not safe to open.
    """
    if not _file(folder).is_file():
        return Stock()
    with _opened(folder) as file:
        rows = list(_rows(file))
        _tidy(file)
    times = [row.stored for row in rows if row.whole]
    size = sum(path.stat().st_size for path in folder.glob("cache.db*"))
    oldest, newest = (min(times), max(times)) if times else (None, None)
    return Stock(len(times), len(rows) - len(times), size, oldest, newest)


def prune(folder: Path, *, before: float, model: str | None = None) -> int:
    """Drop answers stored before a moment, of one model or of all; return how many.

    Damaged rows are dropped whatever their age, and counted, too.
    """
    if not _file(folder).is_file():
        return 0
    with _opened(folder) as file:
        file.execute("BEGIN IMMEDIATE")
        doomed = [(row.number,) for row in _rows(file) if _doomed(row, before, model)]
        file.executemany("DELETE FROM Cache WHERE rowid = ?", doomed)
        file.execute("COMMIT")
        _tidy(file)
    return len(doomed)


def _tidy(file: sqlite3.Connection) -> None:
    """Move what waits in the log into the file, and give back the log's room, unless in use."""
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _doomed(row: _Row, before: float, model: str | None) -> bool:
    return not row.whole or (row.stored < before and model in (None, row.model))


def _file(folder: Path) -> Path:
    return folder / "cache.db"


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the file, once the cache itself has found it safe to use."""
    ResponseCache(folder).close()
    try:
        with closing(sqlite3.connect(_file(folder), _PATIENCE, isolation_level=None)) as file:
            file.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
            file.text_factory = bytes  # a key of any bytes can be looked at
            file.execute("PRAGMA trusted_schema = OFF")
            yield file
    except sqlite3.Error as error:
        raise StoreError(f"Cannot use the cache in {folder}: {error}.") from None


def _rows(file: sqlite3.Connection) -> Iterator[_Row]:
    for number, textual, key, stored, mode, filename, value in file.execute(_ROWS):
        shaped = textual and mode == RAW and filename is None and type(value) is bytes
        timed = isinstance(stored, int | float) and 0 <= stored < _YEAR_10000
        signed = shaped and value[:DIGEST] == signature(key, value[DIGEST:])
        model = _model(value[DIGEST:]) if signed and timed else None
        yield _Row(number) if model is None else _Row(number, True, stored, model)


def _model(body: bytes) -> str | None:
    """Return the model an answer names; None where a body under a right digest is none."""
    try:
        told: Any = json.loads(body)["model"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return told if isinstance(told, str) else None
