"""S6: under umask 000 every folder is 0700 and every file 0600; what others can write is refused.

Looked at while a run is under way (``-wal``, ``-shm``, locks) and after it.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.reliability.killed import MODEL
from benchmarks.reliability.promises import Promises, command, environment
from orchkit.errors import StoreError
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.ledger import Ledger
from orchkit.testing import LoopbackServer

_FOLDER, _FILE = 0o700, 0o600
_OPEN = (0o777, 0o770, 0o720, 0o702)


def main(short: bool) -> int:
    """Look at the modes of a home while it is used, and open it to others."""
    promises, rows = Promises(), 100 if short else 1000
    before = os.umask(0)
    try:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder, "made", "home")
            seen = _while_running(home, rows)
            wrong = sorted({f"{path} {mode:04o}" for path, mode in seen if not _private(mode)})
            names = sorted({_kind(path) for path, _ in seen})
            print(f"{len(seen):,} looks at {', '.join(names)}")
            promises.tell(not wrong, "0700 and 0600 under umask 000, others", wrong or 0)
            wanted = {"cache.db-wal", "cache.db-shm", "ledger.db-wal", "ledger.db-shm", "*.lock"}
            promises.tell(wanted <= {*names}, "seen while open", sorted(wanted - {*names}) or "all")
            let_in = list(_let_in(home))
            promises.tell(not let_in, f"{4 * len(_OPEN)} stores others can write, opened", let_in)
    finally:
        os.umask(before)
    return promises.code


def _while_running(home: Path, rows: int) -> list[tuple[str, int]]:
    """Return what was seen of the home, with modes, until the process is gone and after."""
    seen: list[tuple[str, int]] = []
    with LoopbackServer({MODEL: (0.15, 0.60)}, latency=0.02, answers={"echo": True}) as server:
        task = {"url": server.openai_url, "rows": rows, "point": "", "nth": 0}
        with subprocess.Popen(  # noqa: S603 - a module of this package
            command("killed", json.dumps(task)), env=environment(home), stdout=subprocess.PIPE
        ) as child:
            while child.poll() is None:
                seen += _modes(home.parent)
                time.sleep(0.005)
    return [*seen, *_modes(home.parent)]


def _modes(folder: Path) -> Iterator[tuple[str, int]]:
    for path in (folder, *folder.rglob("*")):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:  # it was there a moment ago
            continue
        yield str(path.relative_to(folder.parent)), mode


def _private(mode: int) -> bool:
    wanted = _FOLDER if stat.S_ISDIR(mode) else _FILE
    return stat.S_IMODE(mode) == wanted and not stat.S_ISLNK(mode)


def _kind(path: str) -> str:
    """Return the name of a file; of locks, which have random names, their ending."""
    return "*.lock" if "owners/" in path else Path(path).name


def _let_in(home: Path) -> Iterator[str]:
    """Yield each store that was opened although others can write to its folder or its file."""
    for mode in _OPEN:
        for path in (home / "cache", home / "cache" / "cache.db", home, home / "ledger.db"):
            kept = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode)
            if _opens(home, path):
                yield f"{path.relative_to(home.parent)} {mode:04o}"
            path.chmod(kept)


def _opens(home: Path, path: Path) -> bool:
    try:
        store = ResponseCache(home / "cache") if "cache" in path.parts else _ledger(home)
    except StoreError:
        return False
    store.close()
    return True


def _ledger(home: Path) -> Ledger:
    return Ledger(home / "ledger.db")
