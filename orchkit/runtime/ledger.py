"""The ledger: every paid attempt, from before it is sent; sqlite, one row an attempt.

An attempt is exactly one of open (sent, or about to be), settled (answered and paid), released
(never billed) and presumed (it may have been billed: the worst case counts as spent). A process
that dies leaves its attempts open; the next to look presumes them. So the ledger never tells
less than was spent.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from orchkit.core.calls import Usage
from orchkit.errors import StoreError
from orchkit.runtime.owners import Owners

VERSION = 1
SCHEMA = """
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    opened REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'released', 'presumed')),
    cost INTEGER NOT NULL CHECK (cost >= 0),
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    closed REAL,
    digest BLOB NOT NULL
) STRICT;
CREATE INDEX open_attempts ON attempts (owner) WHERE state = 'open';
CREATE TABLE claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    strategy TEXT NOT NULL,
    category TEXT NOT NULL,
    tags TEXT NOT NULL,
    started REAL NOT NULL,
    rows INTEGER NOT NULL,
    hits INTEGER NOT NULL,
    saved INTEGER NOT NULL
) STRICT;
"""
#: What an attempt is opened with, and what closing it sets; the digest is over all of it.
OPENED = ("run", "owner", "key", "model", "provider", "reserved", "opened")
CLOSED = ("state", "cost", "input_tokens", "output_tokens", "closed")


@dataclass(frozen=True, slots=True)
class Begin:
    """An attempt about to be sent. `claim`: nobody else may be buying the same meanwhile."""

    run: str
    key: str
    model: str
    provider: str
    reserved: int
    claim: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ended. `release`: the claim to let go of, if any."""

    attempt: Attempt
    state: str
    cost: int = 0
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    release: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that is open, with what its digest is made of."""

    id: int
    opened: tuple[str | int | float, ...]

    @property
    def key(self) -> str:
        """The identity of what it buys."""
        return str(self.opened[OPENED.index("key")])


class Ledger:
    """One sqlite file, shared by every process of this home.

    Parameters
    ----------
    path : Path
        Made with mode 0600 in a folder of mode 0700.

    Raises
    ------
    StoreError
        The file is no ledger, is newer than this orchkit, or a row of it was changed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.owners = Owners(path.parent / "owners")
            self._base = _opened(path)
            self.recover()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"Cannot open the ledger {path}: {error}. Nothing is spent without it; move the "
                "file away, or set ORCHKIT_HOME to another folder."
            ) from None

    def write(self, begins: Sequence[Begin], ends: Sequence[End]) -> list[Attempt | None]:
        """Record ends and begins in one transaction; on disk when this returns.

        A begin that claims a key somebody else is buying gives None and records nothing.
        """
        with self._transaction() as cursor:
            now = time.time()
            for end in ends:
                self._end(cursor, end, now)
            return [self._begin(cursor, begin, now) for begin in begins]

    def recover(self) -> int:
        """Presume every open attempt of owners that are dead; return how many."""
        open_owners = self._base.execute(
            "SELECT owner FROM attempts WHERE state = 'open' UNION SELECT owner FROM claims"
        )
        dead = [owner for (owner,) in open_owners.fetchall() if not self.owners.alive(owner)]
        return sum(self._bury(owner) for owner in dead)

    def rows(self) -> Iterator[sqlite3.Row]:
        """Yield every attempt, oldest first; StoreError at one whose digest does not fit."""
        for row in self._base.execute("SELECT * FROM attempts ORDER BY id"):
            opened, closed = (tuple(row[name] for name in half) for half in (OPENED, CLOSED))
            if row["digest"] != _digest(row["id"], opened, closed):
                raise StoreError(f"Row {row['id']} of the ledger {self.path} was changed.")
            yield row

    def spent(self) -> int:
        """Return nano-dollars spent for certain or presumed to be, over all time."""
        return sum(
            row["reserved"] if row["state"] == "open" else row["cost"] for row in self.rows()
        )

    def close(self) -> None:
        """Close the file and let go of the owner's lock."""
        self._base.close()
        self.owners.close()

    def _begin(self, cursor: sqlite3.Cursor, begin: Begin, now: float) -> Attempt | None:
        owner = self.owners.mine
        if begin.claim:
            cursor.execute("INSERT OR IGNORE INTO claims VALUES (?, ?)", (begin.key, owner))
            if not cursor.rowcount:
                return None
        opened = (
            begin.run, owner, begin.key, begin.model, begin.provider, begin.reserved, now,
        )  # fmt: skip
        closed = ("open", begin.reserved, 0, 0, None)
        cursor.execute(_INSERT, (*opened, *closed, b""))
        attempt = Attempt(int(cursor.lastrowid or 0), opened)
        cursor.execute(_SIGN, (_digest(attempt.id, opened, closed), attempt.id))
        return attempt

    def _end(self, cursor: sqlite3.Cursor, end: End, now: float) -> None:
        tokens = (end.usage.input_tokens, end.usage.output_tokens)
        closed = (end.state, end.cost, *tokens, now)
        digest = _digest(end.attempt.id, end.attempt.opened, closed)
        cursor.execute(_CLOSE, (*closed, digest, end.attempt.id))
        if end.release:
            owned = (end.attempt.key, self.owners.mine)
            cursor.execute("DELETE FROM claims WHERE key = ? AND owner = ?", owned)

    def _bury(self, owner: str) -> int:
        """Presume what a dead owner left open, and let go of its claims."""
        with self._transaction() as cursor:
            cursor.execute("SELECT * FROM attempts WHERE owner = ? AND state = 'open'", (owner,))
            left = cursor.fetchall()
            now = time.time()
            for row in left:
                attempt = Attempt(row["id"], tuple(row[name] for name in OPENED))
                self._end(cursor, End(attempt, "presumed", row["reserved"]), now)
            cursor.execute("DELETE FROM claims WHERE owner = ?", (owner,))
        return len(left)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        cursor = self._base.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            if self._base.in_transaction:
                cursor.execute("ROLLBACK")
            raise


_INSERT = (
    f"INSERT INTO attempts ({', '.join((*OPENED, *CLOSED))}, digest) "  # noqa: S608 - our own names
    f"VALUES ({', '.join('?' * (len(OPENED) + len(CLOSED) + 1))})"
)
_SIGN = "UPDATE attempts SET digest = ? WHERE id = ?"
_CLOSE = f"UPDATE attempts SET {', '.join(f'{n} = ?' for n in CLOSED)}, digest = ? WHERE id = ?"  # noqa: S608 - our own names


def _digest(number: int, opened: Iterable[object], closed: Iterable[object]) -> bytes:
    told = repr((number, tuple(opened), tuple(closed)))
    return hashlib.sha256(told.encode("utf-8")).digest()


def _opened(path: Path) -> sqlite3.Connection:
    """Return the file as a connection, made or checked; used from one thread at a time."""
    with FileLock(path.with_suffix(".lock"), mode=0o600):  # two processes may start at once
        if not path.exists():
            path.touch(mode=0o600)
        if path.is_symlink() or path.stat().st_mode & 0o077:
            raise OSError("it is a link, or others can read it (chmod 600 it)")
        base = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        base.row_factory = sqlite3.Row
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = FULL")
        (version,) = base.execute("PRAGMA user_version").fetchone()
        if version == 0:
            base.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        elif version != VERSION:
            raise OSError(f"its schema is {version}; this orchkit knows {VERSION}")
    return base
