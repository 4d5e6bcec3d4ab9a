"""Who is alive: each process holds a lock on a file of its own for as long as it lives.

The operating system lets go of the lock when the process dies, however it dies.
"""

from __future__ import annotations

import math
import time
import uuid
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

_MODE = 0o600
#: Seconds until a lock file that nobody holds is one of the dead.
_GRACE = 60.0


class Owners:
    """The processes that share a folder; `mine` is this one's name there.

    Parameters
    ----------
    folder : Path
        Made with mode 0700.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.mine = uuid.uuid4().hex
        self._lock = FileLock(self._path(self.mine), mode=_MODE, thread_local=False)
        self._lock.acquire(timeout=0)

    def alive(self, owner: str) -> bool:
        """Whether the process of that name still runs."""
        if owner == self.mine:
            return True
        path = self._path(owner)
        if not path.exists():
            return False
        try:
            with FileLock(path, mode=_MODE).acquire(timeout=0):
                return False
        except Timeout:
            return True

    def forget(self, owner: str) -> None:
        """Take away what a dead process left."""
        with suppress(OSError):
            self._path(owner).unlink()

    def others(self) -> list[str]:
        """Return who else has, or had, a lock here for a while.

        Whoever is just beginning has made its file and may not have locked it yet.
        """
        before = time.time() - _GRACE
        return [
            path.stem
            for path in self.folder.glob("*.lock")
            if path.stem != self.mine and _made(path) < before
        ]

    def close(self) -> None:
        """Let go of this process's lock."""
        self._lock.release(force=True)
        self.forget(self.mine)

    def _path(self, owner: str) -> Path:
        # An owner is read from a file: it may be no path of its own choosing.
        return self.folder / f"{uuid.UUID(hex=owner).hex}.lock"


def _made(path: Path) -> float:
    """Return when a file was made; never, when it is gone by now."""
    try:
        return path.stat().st_mtime
    except OSError:
        return math.inf
