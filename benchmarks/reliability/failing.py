"""A disk that fails at the n-th call: sqlite connections that raise what a broken disk makes them.

Counted are opening, each statement (``COMMIT`` among them) and each commit, over all files.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: What sqlite says of a disk that is full, broken or read-only, and of a file that is locked.
ERRORS = {
    "ENOSPC": "database or disk is full",
    "EIO": "disk I/O error",
    "EROFS": "attempt to write a readonly database",
    "BUSY": "database is locked",
}
#: What a disk that is full or read-only, or a file that is locked, goes on refusing.
_WRITES = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE", "CREATE", "COMMIT", "REPLACE", "DROP")


class Faulty:
    """Counts calls and raises at the n-th; where it lasts, at every write (EIO: call) after it."""

    def __init__(self, error: str = "", nth: int = 0, lasting: bool = False) -> None:
        self.error, self.nth, self.lasting = error, nth, lasting
        self.calls = self.raised = 0
        self._lock = threading.Lock()

    def check(self, statement: str) -> None:
        """Count one call, and fail if its time has come."""
        with self._lock:
            self.calls += 1
            if self.calls == self.nth or self._goes_on(statement.lstrip().upper()):
                self.raised += 1
                raise sqlite3.OperationalError(ERRORS[self.error])

    def _goes_on(self, statement: str) -> bool:
        refused = self.error == "EIO" or statement.startswith(_WRITES)
        return self.lasting and 0 < self.nth < self.calls and refused


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, *args: Any) -> Any:
        self.connection.faulty.check(sql)  # type: ignore[attr-defined]
        return super().execute(sql, *args)

    def executemany(self, sql: str, *args: Any) -> Any:
        self.connection.faulty.check(sql)  # type: ignore[attr-defined]
        return super().executemany(sql, *args)

    def executescript(self, sql: str) -> Any:
        self.connection.faulty.check(sql)  # type: ignore[attr-defined]
        return super().executescript(sql)


class _Connection(sqlite3.Connection):
    faulty: Faulty

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, sql: str, *args: Any) -> Any:
        return self.cursor().execute(sql, *args)

    def executemany(self, sql: str, *args: Any) -> Any:
        return self.cursor().executemany(sql, *args)

    def executescript(self, sql: str) -> Any:
        return self.cursor().executescript(sql)

    def commit(self) -> None:
        self.faulty.check("COMMIT")
        super().commit()


@contextmanager
def failing(faulty: Faulty) -> Iterator[Faulty]:
    """Have every connection that this process opens meanwhile fail as told."""
    connect = sqlite3.connect
    factory = type("Connection", (_Connection,), {"faulty": faulty})

    def opened(*args: Any, **options: Any) -> sqlite3.Connection:
        faulty.check("OPEN")
        return connect(*args, **{**options, "factory": factory})

    sqlite3.connect = opened  # type: ignore[assignment]
    try:
        yield faulty
    finally:
        sqlite3.connect = connect
