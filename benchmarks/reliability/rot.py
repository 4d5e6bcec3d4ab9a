"""R11: flip single random bits in the cache, the ledger and a saved matrix, and read them again.

A flip may be refused, warned of, or make a row a miss; it may never change an answer or a sum
without a word.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

import orchkit
from benchmarks.reliability.killed import MODEL
from benchmarks.reliability.promises import Promises, command, environment
from orchkit.errors import CacheWarning, OrchkitError
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.ledger import Ledger
from orchkit.testing import LoopbackServer

#: Reads a file, and returns what it tells: the same as before, if nothing is wrong.
Reader = Callable[[Path], Any]
SILENT = "silently different"


def main(short: bool) -> int:
    """Flip bits in each file in turn, and count how that ended."""
    rows, flips = (40, 100) if short else (200, 1000)
    promises = Promises()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        files = _written(home, rows)
        for path, reader in files.items():
            found = _flipped(path, reader, flips, Path(folder, "copy"))
            print(f"{path.name}: {path.stat().st_size:,} bytes, {flips:,} flips: {dict(found)}")
            promises.tell(not found[SILENT], f"{path.name}: {SILENT}", found[SILENT])
            told = found["untyped error"]
            promises.tell(not told, f"{path.name}: untyped errors", told)
    return promises.code


def _written(home: Path, rows: int) -> Mapping[Path, Reader]:
    """Write all three files, as orchkit does, and return how each is read."""
    with LoopbackServer({MODEL: (0.15, 0.60)}, answers={"echo": True}) as server:
        task = {"url": server.openai_url, "rows": rows, "point": "", "nth": 0}
        subprocess.run(  # noqa: S603 - a module of this package
            command("killed", json.dumps(task)),
            env=environment(home),
            check=True,
            stdout=subprocess.DEVNULL,
        )
    cache, ledger, matrix = home / "cache" / "cache.db", home / "ledger.db", home / "matrix.parquet"
    for path in (cache, ledger):
        with closing(sqlite3.connect(path)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with orchkit.use("simulator"):
        frame = pd.DataFrame({"prompt": [f"What is number {n}?" for n in range(rows)]})
        frame.orch.record(["gpt-4o-mini", "gpt-4o"], cache=False, progress=False).save(matrix)
    keys = _keys(cache)
    return {
        cache: lambda path: _answers(path.parent, keys),
        ledger: _sums,
        matrix: lambda path: orchkit.ResponseMatrix.load(path).frame,
    }


def _keys(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as file:
        return [key for (key,) in file.execute("SELECT key FROM Cache")]


def _answers(folder: Path, keys: list[str]) -> dict[str, Any]:
    """Return the answers; those that are gone are left out, whether or not there was a word."""
    with closing(ResponseCache(folder)) as cache:
        answers = {key: found for key in keys if (found := cache.get(key))}
        for told in cache.complaints():
            warnings.warn(told, CacheWarning, stacklevel=2)
    return answers


def _sums(path: Path) -> tuple[Any, ...]:
    with closing(Ledger(path)) as ledger:
        return ledger.spent(), [tuple(row.values()) for row in ledger.rows()], ledger.hits()


def _flipped(path: Path, reader: Reader, flips: int, room: Path) -> Counter[str]:
    """Return how often reading the file with one bit flipped ended how."""
    chance, found = random.Random(11), Counter[str]()  # noqa: S311 - places, not secrets
    before = reader(path)
    whole = path.read_bytes()  # after: to open a store may tidy it
    for _ in range(flips):
        spoilt, place = bytearray(whole), chance.randrange(len(whole) * 8)
        spoilt[place // 8] ^= 1 << place % 8
        room.mkdir(mode=0o700)
        (room / path.name).write_bytes(spoilt)
        found[_ended(room / path.name, reader, before)] += 1
        shutil.rmtree(room)
    return found


def _ended(path: Path, reader: Reader, before: Any) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            now = reader(path)
        except OrchkitError as error:
            return f"{type(error).__name__}"
        except Exception as error:  # noqa: BLE001 - what it is, is the question
            print(f"  {path.name}: {type(error).__name__}: {str(error)[:100]}")
            return "untyped error"
    if any(issubclass(warning.category, CacheWarning) for warning in caught):
        return "told" if _no_other(now, before) else SILENT
    return _compared(now, before)


def _compared(now: Any, before: Any) -> str:
    if isinstance(before, pd.DataFrame):
        return "same" if now.equals(before) and (now.dtypes == before.dtypes).all() else SILENT
    if now == before:
        return "same"
    return "a miss" if isinstance(now, dict) and _no_other(now, before) else SILENT


def _no_other(now: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether no answer is another than it was; some may be gone."""
    return all(before[key] == answer for key, answer in now.items())
