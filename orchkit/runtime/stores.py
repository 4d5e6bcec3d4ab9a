"""The caches and ledgers of this process: each opened once, and closed when the process ends."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

from orchkit.runtime import scribe
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.ledger import Ledger
from orchkit.runtime.loop import LOOP


class Stores:
    """Opens what is asked for; again, when its file was taken away meanwhile."""

    def __init__(self) -> None:
        self._caches: dict[Path, ResponseCache] = {}
        self._ledgers: dict[Path, Ledger] = {}
        self._lock = threading.Lock()
        self._abandoned: list[Any] = []

    def cache(self, folder: Path) -> ResponseCache:
        """Return the cache in a folder."""
        with self._lock:
            found = self._caches.get(folder)
            if found is None or not found.there:
                self._caches[folder] = found = ResponseCache(folder)
                LOOP.closing(partial(scribe.close, found))
            return found

    def ledger(self, path: Path) -> Ledger:
        """Return the ledger in a file."""
        with self._lock:
            found = self._ledgers.get(path)
            if found is None or not found.there:
                self._ledgers[path] = found = Ledger(path)
                LOOP.closing(partial(scribe.close, found))
            return found

    def forget(self) -> None:
        """Open everything anew, after a fork; what was open is the parent's, and left alone."""
        self._abandoned.append((self._caches, self._ledgers))
        self._caches, self._ledgers, self._lock = {}, {}, threading.Lock()
