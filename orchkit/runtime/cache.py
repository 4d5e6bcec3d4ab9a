"""ResponseCache: answers on disk, on diskcache behind a hardened disk.

Every row carries a digest over its key and its content; one that does not fit is dropped and
asked anew. Nothing is evicted. Answers are read past diskcache, which is slow at it, and written
through it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import diskcache

from orchkit.core.calls import Response, Usage, canonical
from orchkit.errors import StoreError
from orchkit.runtime.hardened import RAW, opened
from orchkit.runtime.private import IMPATIENT, PATIENT, Busy, private_file, private_folder

DIGEST = 32
#: Bytes of the largest row that is read; no answer comes near it.
LARGEST = 32 * 2**20
_KEPT = ("text", "latency", "finish", "logprobs", "provider", "extra")
_READ = "SELECT mode, filename, value FROM Cache WHERE key = ? AND raw = 1"
#: What reading a row of any bytes, or writing an answer of any content, can raise.
_MISSHAPEN = (ValueError, KeyError, TypeError, RecursionError)


class ResponseCache:
    """Answers by the digest of the whole outgoing request.

    Parameters
    ----------
    folder : path
        Made with mode 0700; its files have mode 0600.

    Attributes
    ----------
    damaged : int
        Rows found damaged, and dropped, so far.

    Raises
    ------
    StoreError
        The folder is a link, writable by others, or no readable cache.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()
        self.damaged = 0
        self._untold = 0
        self._reading = threading.local()
        with self._telling("open"):
            private_folder(self.folder)
            private_file(self.folder / "cache.db")  # first: what sqlite puts beside it is like it
            self._cache = opened(self.folder)
            self._inode = self._file().st_ino

    @property
    def there(self) -> bool:
        """Whether the file that was opened is still in its place."""
        try:
            return self._file().st_ino == self._inode
        except OSError:
            return False

    def get(self, key: str) -> Response | None:
        """Return the stored response, marked as cached; None when there is none that is whole."""
        with self._telling("read"):
            row = self._reader().execute(_READ, (key,)).fetchone()
            try:
                return None if row is None else _unpacked(key, *row)
            except _MISSHAPEN:
                self.damaged += 1
                self._untold += 1
                self._cache.delete(key)
        return None

    def put(self, key: str, response: Response) -> None:
        """Store a response; it is on disk when this returns."""
        self.put_all([(key, response)])

    def put_all(self, rows: Iterable[tuple[str, Response]], patient: bool = True) -> list[str]:
        """Store responses in one transaction; they are on disk when this returns.

        One that cannot be written down is left out, and told of; the others are stored. Raises
        `Busy`, at once when not `patient`, while another process is writing.
        """
        packed, left_out = [], []
        for key, response in rows:
            try:
                packed.append((key, _packed(key, response)))
            except _MISSHAPEN as error:
                left_out.append(f"An answer of {response.model!r} is not cached: {error}.")
        with self._telling("write to"), self._waiting(patient), self._cache.transact():
            for key, row in packed:
                self._cache.set(key, row)
        return left_out

    def complaints(self) -> list[str]:
        """Return, once, what is to be told of rows that were found damaged."""
        found, self._untold = self._untold, 0
        told = f"{found:,} damaged rows of the cache in {self.folder} were dropped and asked anew."
        return [told] if found else []

    def __len__(self) -> int:
        return len(self._cache)

    def close(self) -> None:
        """Close this thread's connections."""
        self._cache.close()
        if base := getattr(self._reading, "base", None):
            base.close()
            del self._reading.base

    def _reader(self) -> sqlite3.Connection:
        """Return this thread's connection for reading."""
        if not hasattr(self._reading, "base"):
            base = sqlite3.connect(self.folder / "cache.db", timeout=60, isolation_level=None)
            base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)  # a row may be made up, and huge
            base.execute("PRAGMA query_only = ON")
            base.execute("PRAGMA trusted_schema = OFF")
            self._reading.base = base
        kept: sqlite3.Connection = self._reading.base
        return kept

    def _file(self) -> os.stat_result:
        return (self.folder / "cache.db").stat()

    @contextmanager
    def _telling(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (OSError, UnicodeError, sqlite3.Error, diskcache.Timeout) as error:
            if hasattr(self, "_cache"):  # SQLite may leave a transaction open whose commit failed
                self._cache.close()
            why = str(error) or "it is locked, or cannot be written"
            raise (Busy if isinstance(error, diskcache.Timeout) else StoreError)(
                f"Cannot {verb} the cache in {self.folder}: {why}. Move the folder away, or name "
                "another one with orchkit.use(cache_dir=...)."
            ) from None

    @contextmanager
    def _waiting(self, patient: bool) -> Iterator[None]:
        """Wait for the locks of others, or do not; what else diskcache does waits as ever."""
        base = self._cache._con
        base.execute(f"PRAGMA busy_timeout = {PATIENT if patient else IMPATIENT}")
        try:
            yield
        finally:
            base.execute(f"PRAGMA busy_timeout = {PATIENT}")


def _packed(key: str, response: Response) -> bytes:
    kept = {name: getattr(response, name) for name in _KEPT}
    body = canonical({**kept, "model": response.model, "usage": asdict(response.usage)})
    return signature(key.encode("ascii"), body.encode("ascii")) + body.encode("ascii")


def _unpacked(key: str, mode: int, filename: str | None, row: Any) -> Response:
    if mode != RAW or filename is not None or type(row) is not bytes:
        raise TypeError("a row that is not raw bytes")
    if row[:DIGEST] != signature(key.encode("ascii"), row[DIGEST:]):
        raise ValueError("digest")
    kept = json.loads(row[DIGEST:].decode("ascii"))
    kept["usage"] = Usage(**kept["usage"])
    kept["logprobs"] = tuple(kept["logprobs"])
    return Response(**kept, cached=True)


def signature(key: bytes, body: bytes) -> bytes:
    """Return the digest of a row, over its key and its content."""
    return hashlib.sha256(key + b"\0" + body).digest()
