"""The answers on disk: how many, how old, and forgetting of them."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchkit.errors import ParameterError
from orchkit.runtime import pruning
from orchkit.ui.markup import facts, notebook
from orchkit.ui.session import SESSION, home

#: Seconds of a unit of time. A month has no length, so "m" is none.
UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LENGTH = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,9}})?)\s*({'|'.join(UNITS)})", re.ASCII)


@dataclass(frozen=True)
class CacheInfo:
    """The answers kept on disk.

    Parameters
    ----------
    rows : int
        Answers that can be used.
    bytes : int
        What they take on disk.
    folder : Path
        Where they lie.
    oldest, newest : datetime, optional
        When the first and the last of them were stored, in UTC; None where there is none.
    damaged : int
        Rows that do not fit their digest: never used, and dropped when they are met.

    Examples
    --------
    >>> import orchkit
    >>> print(orchkit.cache_info())  # doctest: +ELLIPSIS
    0 answers, 0 B in ...
    """

    rows: int
    bytes: int
    folder: Path
    oldest: datetime | None
    newest: datetime | None
    damaged: int

    def _repr_html_(self) -> str:
        days = {"oldest": self.oldest, "newest": self.newest}
        return notebook(
            facts(
                [
                    ("answers", f"{self.rows:,}"),
                    ("size", _size(self.bytes)),
                    ("folder", self.folder),
                    *((name, f"{day:%Y-%m-%d %H:%M} UTC") for name, day in days.items() if day),
                    ("damaged rows", f"{self.damaged:,}"),
                ]
            )
        )

    def __str__(self) -> str:
        told = f"{counted(self.rows)}, {_size(self.bytes)} in {self.folder}"
        if self.oldest and self.newest:
            told += f", stored {self.oldest:%Y-%m-%d} to {self.newest:%Y-%m-%d}"
        return told + (f"; damaged rows: {self.damaged:,}" if self.damaged else "")


def cache_info() -> CacheInfo:
    """Return what the cache of this session holds.

    Raises
    ------
    StoreError
        The cache cannot be opened or trusted.

    Examples
    --------
    >>> import orchkit
    >>> with orchkit.use("simulator"):
    ...     _ = orchkit.run_orchestration("What is 2+2?")
    >>> info = orchkit.cache_info()
    >>> info.rows, info.damaged, info.folder.name
    (1, 0, 'cache')
    """
    folder = _folder()
    stock = pruning.stock(folder)
    oldest, newest = _moment(stock.oldest), _moment(stock.newest)
    return CacheInfo(stock.rows, stock.bytes, folder, oldest, newest, stock.damaged)


def prune_cache(older_than: str | timedelta, *, model: str | None = None) -> int:
    """Forget answers stored longer ago than that; return how many were dropped.

    Nothing is ever dropped unasked. Rows that are damaged are dropped, too, and counted.

    Parameters
    ----------
    older_than : str or timedelta
        Like ``"30d"``, ``"12h"`` or ``timedelta(days=30)``; ``"0d"`` means every answer.
    model : str, optional
        Only the answers of this model.

    Returns
    -------
    int

    Raises
    ------
    ParameterError
        `older_than` is no length of time.
    StoreError
        The cache cannot be opened or trusted.

    Examples
    --------
    >>> import orchkit
    >>> with orchkit.use("simulator"):
    ...     _ = orchkit.run_orchestration("What is 2+2?")
    >>> orchkit.prune_cache("30d"), orchkit.prune_cache("0d", model="gpt-4o-mini")
    (0, 1)
    """
    before = time.time() - seconds(older_than)
    return pruning.prune(_folder(), before=before, model=model)


def seconds(told: object) -> float:
    """Return a length of time in seconds, or raise ParameterError.

    Examples
    --------
    >>> seconds("30d"), seconds("1.5 h"), seconds(timedelta(minutes=1))
    (2592000.0, 5400.0, 60.0)
    """
    length = told.total_seconds() if isinstance(told, timedelta) else _read(told)
    if not 0 <= length < math.inf:
        raise ParameterError(
            f"older_than is {told!r}; it must be a length of time of 0 or more, with its unit "
            f"({', '.join(UNITS)}), like '30d', or a timedelta."
        )
    return length


def _read(told: object) -> float:
    """Return the seconds a text tells; NaN when it tells none, or a number without a unit."""
    found = _LENGTH.fullmatch(told.strip().lower()) if isinstance(told, str) else None
    return float(found[1]) * UNITS[found[2]] if found else math.nan


def counted(answers: int) -> str:
    """Return how many answers there are, in words.

    Examples
    --------
    >>> counted(1), counted(1234)
    ('1 answer', '1,234 answers')
    """
    return f"{answers:,} answer{'' if answers == 1 else 's'}"


def _folder() -> Path:
    return SESSION.settings.cache_dir or home() / "cache"


def _moment(stored: float | None) -> datetime | None:
    return None if stored is None else datetime.fromtimestamp(stored, UTC)


def _size(size: int) -> str:
    """Return bytes the way they are read.

    Examples
    --------
    >>> _size(999), _size(65536), _size(3 * 10**9)
    ('999 B', '65.5 kB', '3.0 GB')
    """
    scale = min(int(math.log(max(size, 1), 1000)), 4)
    return f"{size} B" if scale == 0 else f"{size / 1000**scale:.1f} {' kMGT'[scale]}B"
