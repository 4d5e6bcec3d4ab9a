"""A statement: what was spent as a table to read, with a total under it."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

_SUMMED = ["calls", "cost", "presumed", "cached_calls", "saved", "cost_without_cache"]
_WORDS = {
    "calls": "calls",
    "cost": "cost",
    "presumed": "presumed",
    "cached_calls": "from cache",
    "cache_share": "cache share",
    "saved": "saved",
    "cost_without_cache": "without cache",
}


def statement(table: pd.DataFrame, period: str) -> str:
    """Return the frame of `orchkit.costs.stats` or `report` as a table to read.

    Money is in USD; `cost` is what was paid, or presumed paid, `without cache` what it would have
    been without the cache, and `cache share` the share of calls that the cache answered.

    Examples
    --------
    >>> from orchkit import costs
    >>> statement(costs.stats(), "daily")
    'nothing was spent'
    """
    if table.empty:
        return "nothing was spent"
    rows = table.reset_index()
    names = [name for name in table.index.names if name is not None]
    shown = rows[names].astype(object)
    for name in {"period", "day"} & {*names}:
        shown[name] = [dated(day, period if name == "period" else "daily") for day in rows[name]]
    figures = pd.concat([rows, _total(rows)], ignore_index=True) if len(rows) > 1 else rows
    for name, word in _WORDS.items():
        shown = shown.reindex(figures.index)
        shown[word] = [_FORMATS[name](value) for value in figures[name]]
    if len(rows) > 1:
        shown.loc[len(rows), names] = ["total", *[""] * (len(names) - 1)]
    return shown.to_string(index=False)


def dated(day: pd.Timestamp, period: str) -> str:
    """Return how a period is written.

    Examples
    --------
    >>> day = pd.Timestamp("2026-11-01")
    >>> [dated(day, period) for period in ("daily", "monthly", "all")]
    ['2026-11-01', '2026-11', 'since 2026-11-01']
    """
    before = "since " if period == "all" else ""
    return f"{before}{day:%Y-%m}" if period == "monthly" else f"{before}{day:%Y-%m-%d}"


def _total(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row that sums up all; an unknown price makes its sum unknown."""
    total = rows[_SUMMED].sum(skipna=False)
    total["cache_share"] = total["cached_calls"] / (total["cached_calls"] + total["calls"])
    return total.to_frame().T


def _money(dollars: float) -> str:
    return "unknown" if math.isnan(dollars) else f"${dollars:,.6f}"


def _count(number: float) -> str:
    return f"{int(number):,}"


def _share(share: float) -> str:
    return f"{share:.0%}"


_FORMATS: dict[str, Callable[[float], str]] = {
    **dict.fromkeys(_WORDS, _money),
    "calls": _count,
    "cached_calls": _count,
    "cache_share": _share,
}
