"""The ledger: every paid attempt, from before it is sent; sqlite, one row an attempt.

An attempt is exactly one of open (sent, or about to be), settled (answered and paid), released
(never billed) and presumed (it may have been billed: the worst case counts as spent). A process
that dies leaves its attempts open; the next to look presumes them. So the ledger never tells
less than was spent. Of each claim only one attempt can be open, in whatever process.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from orchkit.core.calls import Usage
from orchkit.errors import StoreError
from orchkit.runtime.owners import Owners
from orchkit.runtime.private import IMPATIENT, PATIENT, Busy, private_file, private_folder

#: Tells our files from other sqlite files: "orch".
APPLICATION = 0x6F726368
#: What each version added; a ledger of an earlier one is brought up to date when it is opened.
SCHEMAS = (
    """
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    claim TEXT,
    category TEXT NOT NULL,
    strategy TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    reserved INTEGER CHECK (reserved >= 0),
    opened REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'released', 'presumed')),
    cost INTEGER CHECK (cost >= 0),
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    closed REAL,
    digest BLOB NOT NULL,
    CHECK ((state = 'open') = (closed IS NULL))
) STRICT;
CREATE UNIQUE INDEX claimed ON attempts (claim) WHERE state = 'open';
CREATE INDEX owned ON attempts (owner) WHERE state = 'open';
CREATE TABLE hits (
    run TEXT NOT NULL,
    category TEXT NOT NULL,
    strategy TEXT NOT NULL,
    model TEXT NOT NULL,
    at REAL NOT NULL,
    calls INTEGER NOT NULL,
    saved INTEGER,
    digest BLOB NOT NULL
) STRICT;
""",
    """
CREATE TABLE tags (
    run TEXT PRIMARY KEY,
    tags TEXT NOT NULL,
    digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
""",
)
VERSION = len(SCHEMAS)
#: What an attempt is opened with, and what closing it sets; the digest is over all of it.
OPENED = ("id", "run", "owner", "key", "claim", "category", "strategy", "model", "provider",
          "reserved", "opened")  # fmt: skip
CLOSED = ("state", "cost", "input_tokens", "output_tokens", "closed")
_COLUMNS = (*OPENED, *CLOSED, "digest")
_INSERT = (
    f"INSERT INTO attempts ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "  # noqa: S608 - our own names
    "ON CONFLICT (claim) WHERE state = 'open' DO NOTHING"
)
_LEFT = f"SELECT {', '.join(_COLUMNS)} FROM attempts WHERE owner = ? AND state = 'open'"  # noqa: S608 - our own names
_HIT = "INSERT INTO hits VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_TAG = "INSERT INTO tags VALUES (?, ?, ?) ON CONFLICT (run) DO NOTHING"
_CLOSE = (
    f"UPDATE attempts SET {', '.join(f'{name} = ?' for name in (*CLOSED, 'digest'))} "  # noqa: S608 - our own names
    "WHERE id = ? AND state = 'open'"
)


@dataclass(frozen=True, slots=True)
class Begin:
    """An attempt about to be sent. `claim`: nobody else may be buying the same meanwhile."""

    run: str
    category: str
    strategy: str
    key: str
    model: str
    provider: str
    reserved: int | None
    claim: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that is open, as it was opened: the first half of its digest."""

    opened: tuple[str | int | float | None, ...]

    @property
    def claim(self) -> str | None:
        """What only one attempt at a time may buy."""
        claim = self.opened[OPENED.index("claim")]
        return None if claim is None else str(claim)


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ended."""

    attempt: Attempt
    state: str
    cost: int | None = 0
    usage: Usage = Usage()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Hits:
    """Calls of a run that an earlier one had paid for, and the nano-dollars that saved."""

    run: str
    category: str
    strategy: str
    model: str
    calls: int
    saved: int | None
    tags: tuple[str, ...] = ()


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
        self._owed: list[End] = []
        with self._telling("open"):
            private_folder(path.parent)
            self.owners = Owners(path.parent / "owners")
            self._base = _opened(path)
            self._inode = path.stat().st_ino
            self.recover()

    @property
    def there(self) -> bool:
        """Whether the file that was opened is still in its place."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def write(
        self,
        begins: Sequence[Begin] = (),
        ends: Sequence[End] = (),
        hits: Sequence[Hits] = (),
        patient: bool = True,
    ) -> list[Attempt | None]:
        """Record ends, hits and begins in one transaction; on disk when this returns.

        A begin whose claim somebody else holds gives None and records nothing. Raises `Busy`,
        at once when not `patient`, while another process is writing.
        """
        self._base.execute(f"PRAGMA busy_timeout = {PATIENT if patient else IMPATIENT}")
        now = time.time()
        self._owed += ends  # until they are on disk: a full disk may have room again
        with self._telling("write to"), self._transaction() as cursor:
            cursor.executemany(_CLOSE, [_close(end, now) for end in self._owed])
            cursor.executemany(_HIT, [_hit(each, now) for each in hits])
            cursor.executemany(_TAG, _tagged((*begins, *hits)))
            begun = self._begin(cursor, begins, now)
        self._owed.clear()
        return begun

    def recover(self) -> int:
        """Presume every open attempt of processes that are dead; return how many."""
        asked = "SELECT DISTINCT owner FROM attempts WHERE state = 'open' AND owner != ?"
        with self._telling("recover"):
            others = self._base.execute(asked, (self.owners.mine,)).fetchall()
            left = {*(owner for (owner,) in others), *self.owners.others()}
            dead = sorted(owner for owner in left if not self.owners.alive(owner))
            return sum(self._bury(owner) for owner in dead)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield every attempt, oldest first, with its run's tags, joined by commas.

        StoreError when a row is missing or was changed.
        """
        with self._telling("read"), closing(_connected(self.path)) as base:
            base.row_factory = sqlite3.Row  # beside the connection that writes
            base.execute("BEGIN")  # one moment of it, while others write
            told = base.execute("PRAGMA integrity_check").fetchone()[0]
            rows = base.execute("SELECT * FROM attempts ORDER BY id").fetchall()
            tags = self._tags(base)
            last = rows[-1]["id"] if rows else 0
        if told != "ok" or len(rows) != last:
            what = f"{len(rows)} rows of {last}" if told == "ok" else told
            raise StoreError(f"The ledger {self.path} is damaged: {what}. {_REMEDY}")
        for row in rows:
            if row["digest"] != _digest(tuple(row)[:-1]):
                raise StoreError(f"Row {row['id']} of the ledger {self.path} changed. {_REMEDY}")
            yield {**dict(row), "tags": tags.get(row["run"], "")}

    def hits(self) -> list[dict[str, Any]]:
        """Return what the cache answered, one row a run, strategy and model."""
        with self._telling("read"), closing(_connected(self.path)) as base:
            base.row_factory = sqlite3.Row
            base.execute("BEGIN")
            rows = base.execute("SELECT * FROM hits ORDER BY at").fetchall()
            tags = self._tags(base)
        if any(row["digest"] != _digest(tuple(row)[:-1]) for row in rows):
            raise StoreError(f"What the ledger {self.path} says of hits changed. {_REMEDY}")
        return [{**dict(row), "tags": tags.get(row["run"], "")} for row in rows]

    def spent(self) -> int:
        """Return nano-dollars spent for certain or presumed to be, over all time."""
        worth = {"open": "reserved"}
        return sum(row[worth.get(row["state"], "cost")] or 0 for row in self.rows())

    def close(self) -> None:
        """Close the file and let go of the owner's lock."""
        self._base.close()
        self.owners.close()

    def _tags(self, base: sqlite3.Connection) -> dict[str, str]:
        """Return the tags of each run that has some."""
        rows = [tuple(row) for row in base.execute("SELECT * FROM tags")]
        if any(digest != _digest(tuple(told)) for *told, digest in rows):
            raise StoreError(f"What the ledger {self.path} says of tags changed. {_REMEDY}")
        return {run: tags for run, tags, _ in rows}

    def _begin(
        self, cursor: sqlite3.Cursor, begins: Sequence[Begin], now: float
    ) -> list[Attempt | None]:
        if not begins:
            return []
        (last,) = cursor.execute("SELECT max(id) FROM attempts").fetchone()
        number, done = (last or 0) + 1, list[Attempt | None]()
        for begin in begins:
            attempt = _attempt(number, self.owners.mine, begin, now)
            values = (*attempt.opened, "open", None, 0, 0, None)
            cursor.execute(_INSERT, (*values, _digest(values)))
            done.append(attempt if cursor.rowcount else None)
            number += cursor.rowcount
        return done

    def _bury(self, owner: str) -> int:
        """Presume what a dead process left open."""
        with self._transaction() as cursor:
            found = cursor.execute(_LEFT, (owner,)).fetchall()
            if any(digest != _digest(tuple(values)) for *values, digest in found):
                raise OSError(f"a row that {owner} left open changed")
            left = [Attempt(tuple(row[: len(OPENED)])) for row in found]
            ends = [End(each, "presumed", _reserved(each)) for each in left]
            cursor.executemany(_CLOSE, [_close(end, time.time()) for end in ends])
        self.owners.forget(owner)
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

    @contextmanager
    def _telling(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, OverflowError, sqlite3.Error) as error:
            told = f"Cannot {verb} the ledger {self.path}: {error}. {_REMEDY}"
            busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            raise (Busy if busy else StoreError)(told) from None


_REMEDY = "Nothing is spent without it; move the file away, or set ORCHKIT_HOME to another folder."


def _attempt(number: int, owner: str, begin: Begin, now: float) -> Attempt:
    claim = begin.key if begin.claim else None
    about = (begin.category, begin.strategy, begin.model, begin.provider, begin.reserved)
    return Attempt((number, begin.run, owner, begin.key, claim, *about, now))


def _hit(hits: Hits, now: float) -> tuple[object, ...]:
    told = (hits.run, hits.category, hits.strategy, hits.model, now, hits.calls, hits.saved)
    return (*told, _digest(told))


def _tagged(told: Sequence[Begin | Hits]) -> list[tuple[object, ...]]:
    """Return a row for each run that has tags."""
    runs = {each.run: ",".join(each.tags) for each in told if each.tags}
    return [(*row, _digest(row)) for row in runs.items()]


def _reserved(attempt: Attempt) -> int | None:
    reserved = attempt.opened[OPENED.index("reserved")]
    return None if reserved is None else int(reserved)


def _close(end: End, now: float) -> tuple[object, ...]:
    closed = (end.state, end.cost, end.usage.input_tokens, end.usage.output_tokens, now)
    return (*closed, _digest((*end.attempt.opened, *closed)), end.attempt.opened[0])


def _digest(values: tuple[object, ...]) -> bytes:
    return hashlib.sha256(ascii(values).encode("ascii")).digest()


def _connected(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    base.execute("PRAGMA trusted_schema = OFF")
    return base


def _opened(path: Path) -> sqlite3.Connection:
    """Return the file as a connection: made, or checked and brought up to date.

    It is used from one thread at a time.
    """
    with FileLock(path.with_suffix(".lock"), mode=0o600):  # two processes may start at once
        private_file(path)
        base = _connected(path)
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = FULL")
        version = _version(base)
        if _shape(base) != _expected(version):
            raise OSError("it holds other tables, indices or triggers than a ledger")
        if version < VERSION:
            base.executescript(f"BEGIN IMMEDIATE; {''.join(SCHEMAS[version:])} {_STAMP} COMMIT;")
    return base


def _version(base: sqlite3.Connection) -> int:
    """Return which version of a ledger the file is; 0 where nothing is in it yet."""
    application, version = (base.execute(f"PRAGMA {name}").fetchone()[0] for name in _VERSIONS)
    if application == version == 0:
        return 0
    if application != APPLICATION or not 1 <= version <= VERSION:
        raise OSError(f"it is no ledger of version {VERSION} or before, but {version}")
    return int(version)


def _shape(base: sqlite3.Connection) -> list[tuple[str, ...]]:
    return base.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()


@cache
def _expected(version: int) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as base:
        base.executescript("".join(SCHEMAS[:version]))
        return _shape(base)


_VERSIONS = ("application_id", "user_version")
_STAMP = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
