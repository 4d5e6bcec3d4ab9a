"""R4: kill -9 at random moments and at every named instant, then to the end: who bought again.

An answer is committed when it stands in ``cache.db`` after the kill, read with sqlite alone. What
was bought, and when, the server's book says.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.reliability.killed import CONCURRENCY, MODEL, POINTS
from benchmarks.reliability.promises import Promises, command, environment
from orchkit.errors import StoreError
from orchkit.runtime.ledger import Ledger
from orchkit.testing import LoopbackServer
from orchkit.testing.book import Book

_DIGEST = 32
_LATENCY = 0.03


@dataclass
class Tally:
    """What the kills left behind."""

    points: Counter[str] = field(default_factory=Counter)
    unsound: list[str] = field(default_factory=list)
    #: Of each kill: how many requests the book held, and which prompts were in the cache.
    committed: list[tuple[int, frozenset[str]]] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """How many there were."""
        return len(self.committed)


def main(short: bool) -> int:
    """Kill, resume, and compare with the book."""
    rows, randoms = (400, 6) if short else (3000, 50)
    with tempfile.TemporaryDirectory() as folder:
        home, promises = Path(folder, "home"), Promises()
        with LoopbackServer({MODEL: (0.15, 0.60)}, latency=_LATENCY, answers={"echo": True}) as one:
            tally = _killed(one, home, rows, randoms)
            last = _resumed(one, home, rows)
            book = _settled(one)
        _judge(promises, tally, book, last, rows, home)
    return promises.code


def _killed(server: LoopbackServer, home: Path, rows: int, randoms: int) -> Tally:
    """Kill at each instant and at random moments; the report, which comes last, last."""
    chance, tally = random.Random(4), Tally()  # noqa: S311 - moments, not secrets
    points = [name for name in POINTS if name != "reporting"]
    moments = points + [""] * randoms
    chance.shuffle(moments)
    for point in (*moments, "reporting"):
        _kill(server, home, rows, point, chance, tally)
    return tally


def _kill(
    server: LoopbackServer, home: Path, rows: int, point: str, chance: random.Random, tally: Tally
) -> None:
    """Run until the kill, and look at what it left."""
    nth = 1 if point in ("reporting", "mid-commit") else chance.randint(1, 3 * CONCURRENCY)
    with _child(server, home, rows, point, nth) as child:
        if point:
            child.wait(timeout=300)
        else:
            _at_random(child, chance)
    if child.returncode != -signal.SIGKILL:
        raise RuntimeError(f"the process was to be killed at {point!r} but ended before")
    tally.points[point or "at random"] += 1
    before = len(_settled(server).entries)
    committed, unsound = _looked_into(home)
    tally.unsound += unsound
    tally.committed.append((before, committed))


@contextmanager
def _child(
    server: LoopbackServer, home: Path, rows: int, point: str, nth: int
) -> Iterator[subprocess.Popen[str]]:
    task = {"url": server.openai_url, "rows": rows, "point": point, "nth": nth}
    with subprocess.Popen(  # noqa: S603 - a module of this package
        command("killed", json.dumps(task)),
        env={**environment(home)},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _at_random(child: subprocess.Popen[str], chance: random.Random) -> None:
    """Kill at a random moment: of five, four while it buys and one at any time since its start."""
    if chance.random() < 0.2:
        time.sleep(chance.uniform(0, 2))
    else:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.uniform(0, 0.25))
    child.kill()
    child.wait()


def _resumed(server: LoopbackServer, home: Path, rows: int) -> dict[str, object]:
    """Run to the end; return what the last process says of its frame."""
    with _child(server, home, rows, "", 0) as child:
        told, _ = child.communicate(timeout=600)
    ended: dict[str, object] = json.loads(told.splitlines()[-1])
    return ended


def _settled(server: LoopbackServer) -> Book:
    """Return the book once nothing is in flight any more."""
    while True:
        book = server.book()
        if all(entry.finished is not None for entry in book.entries):
            return book
        time.sleep(_LATENCY)


def _looked_into(home: Path) -> tuple[frozenset[str], list[str]]:
    """Return the prompts with an answer in the cache, and what is unsound; on a copy, untouched."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "copy")
        if not home.exists():
            return frozenset(), []
        shutil.copytree(home, copy)
        unsound = [note for path in sorted(copy.rglob("*.db")) for note in _unsound(path)]
        return _committed(copy / "cache" / "cache.db"), unsound


def _committed(path: Path) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    with closing(sqlite3.connect(path)) as file:
        if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'Cache'").fetchone():
            return frozenset()
        values = [value for (value,) in file.execute("SELECT value FROM Cache")]
    return frozenset(json.loads(value[_DIGEST:])["text"] for value in values)


def _unsound(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as file:
        ((told,),) = file.execute("PRAGMA integrity_check(1)")
    return [] if told == "ok" else [f"{path.name}: {told}"]


def _bought_again(book: Book, tally: Tally) -> tuple[int, int]:
    """Return how many answers were bought again, and how many of those had been committed."""
    billed = [entry for entry in book.entries if entry.billed_nano]
    committed = {
        entry.seq
        for before, prompts in tally.committed
        for entry in billed
        if entry.seq >= before and entry.prompt in prompts
    }
    return len(billed) - len({entry.prompt for entry in billed}), len(committed)


def _judge(
    promises: Promises,
    tally: Tally,
    book: Book,
    last: dict[str, object],
    rows: int,
    home: Path,
) -> None:
    again, committed = _bought_again(book, tally)
    presumed, fit, spent = _ledger(home)
    bound = CONCURRENCY * tally.kills
    _, unsound = _looked_into(home)
    tell = promises.tell
    print(f"{rows:,} prompts, {tally.kills} kills: {dict(sorted(tally.points.items()))}")
    print(
        f"{book.requests:,} requests; ${book.billed_nano / 1e9:.6f} billed, ${spent / 1e9:.6f} kept"
    )
    tell(last["answered"] == rows, "every row is answered with its own answer", last)
    tell(committed == 0, "committed answers bought again", committed)
    tell(again <= presumed, "bought again <= presumed rows", f"{again} <= {presumed}")
    tell(presumed <= bound, "presumed rows <= concurrency x kills", f"{presumed} <= {bound}")
    found = tally.unsound + unsound
    tell(not found, "integrity_check after each kill and at the end", found[:3] or "ok")
    tell(fit == "", "every digest of the ledger fits", fit or "ok")
    tell(
        spent >= book.billed_nano, "ledger >= server", f"{spent:,} >= {book.billed_nano:,} nano-USD"
    )


def _ledger(home: Path) -> tuple[int, str, int]:
    """Return the presumed rows, what does not fit, and the money, as the ledger has them."""
    ledger = Ledger(home / "ledger.db")
    try:
        states = Counter(row["state"] for row in ledger.rows())
    except StoreError as error:
        return 0, str(error), ledger.spent()
    return states["presumed"], "", ledger.spent()
