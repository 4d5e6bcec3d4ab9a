"""What was spent: rows of a ledger -> frames by day, strategy and model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from orchkit.core.catalog import NANO
from orchkit.errors import ParameterError, did_you_mean

#: What begins each period: a day, its Monday, the first of its month; one for all.
PERIODS = ("daily", "weekly", "monthly", "all")
#: What can be told apart within a period.
BY = ("strategy", "model", "day", "category")
_ATTEMPTS = (
    "opened", "category", "tags", "strategy", "model", "provider", "state", "cost", "reserved",
    "input_tokens", "output_tokens", "run", "key",
)  # fmt: skip
_HITS = ("at", "category", "tags", "strategy", "model", "calls", "saved", "run")
_BOUGHT = ("calls", "cost", "presumed", "input_tokens", "output_tokens")
_FOUND = ("cached_calls", "saved")
_TOLD = ["calls", "cost", "presumed", "cached_calls", "saved", "input_tokens", "output_tokens"]


def attempts_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return attempts, one row each, oldest first; `cost` and `reserved` in USD, `opened` in UTC.

    What is still open counts as what was reserved for it.
    """
    frame = pd.DataFrame([[row[name] for name in _ATTEMPTS] for row in rows], columns=_ATTEMPTS)
    frame["opened"] = pd.to_datetime(frame["opened"].astype("float64"), unit="s", utc=True)
    frame["cost"] = frame["cost"].where(frame["state"] != "open", frame["reserved"])
    for name in ("cost", "reserved"):
        frame[name] = frame[name].astype("float64") / NANO
    texts = ["category", "tags", "strategy", "model", "provider", "state", "run", "key"]
    return frame.astype(dict.fromkeys(texts, "string"))


def hits_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return what caches answered: one row a run, strategy and model; `saved` in USD."""
    frame = pd.DataFrame([[row[name] for name in _HITS] for row in rows], columns=_HITS)
    frame["at"] = pd.to_datetime(frame["at"].astype("float64"), unit="s", utc=True)
    frame["saved"] = frame["saved"].astype("float64") / NANO
    texts = ["category", "tags", "strategy", "model", "run"]
    return frame.astype(dict.fromkeys(texts, "string"))


def labelled(frame: pd.DataFrame, category: str | None, tag: str | None) -> pd.DataFrame:
    """Return the rows of a category, and those of them that carry a tag; None is any."""
    if category is not None:
        frame = frame[frame["category"] == category]
    if tag is not None:
        tagged = "," + frame["tags"] + ","
        frame = frame[tagged.str.contains(f",{tag},", regex=False).astype(bool)]
    return frame.reset_index(drop=True)


def spending(
    attempts: pd.DataFrame, hits: pd.DataFrame, period: str, by: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Return one row a period, and a value of each column in `by`, of which `BY` tells.

    Columns: calls (paid, or presumed paid), cost (USD, of which `presumed` may have been billed
    without an answer), cached_calls, saved (USD they would have cost), input_tokens,
    output_tokens, cost_without_cache, cache_share in [0, 1]. One unknown price makes a sum NaN.
    """
    first = _earliest(attempts["opened"], hits["at"])
    paid = attempts[attempts["state"] != "released"]
    paid = paid.assign(
        period=_begins(paid["opened"], period, first),
        calls=1,
        presumed=paid["cost"].where(paid["state"] != "settled", 0.0),
    )
    known = hits.assign(period=_begins(hits["at"], period, first), cached_calls=hits["calls"])
    paid["day"], known["day"] = _days(paid["opened"]), _days(known["at"])
    bought, found = (
        frame.groupby(["period", *by], sort=True)[list(names)].agg(_whole)
        for frame, names in ((paid, _BOUGHT), (known, _FOUND))
    )
    places = bought.index.union(found.index)
    told = bought.reindex(places, fill_value=0).join(found.reindex(places, fill_value=0))
    counts = ["calls", "cached_calls", "input_tokens", "output_tokens"]
    told = told[_TOLD].astype(dict.fromkeys(counts, "int64"))
    return told.assign(
        cost_without_cache=told["cost"] + told["saved"],
        cache_share=told["cached_calls"] / (told["cached_calls"] + told["calls"]),
    )


def _earliest(*times: pd.Series) -> Any:
    """Return the first moment of all; NaT where there is none."""
    known = [each.min() for each in times if len(each)]
    return min(known, default=pd.NaT)


def _whole(column: pd.Series) -> Any:
    """Return the sum; one unknown price makes it unknown."""
    return column.sum(skipna=False)


def _begins(times: pd.Series, period: str, first: pd.Timestamp) -> pd.Series:
    """Return the UTC day on which the period of each time begins; of all times, that of `first`."""
    if period not in PERIODS:
        raise ParameterError(f"period is {period!r}. {did_you_mean(str(period), PERIODS)}")
    days = _days(times)
    if period == "weekly":
        days -= pd.to_timedelta(days.dt.day_of_week, unit="D")
    if period == "monthly":
        days -= pd.to_timedelta(days.dt.day - 1, unit="D")
    if period == "all":
        return pd.Series(first.tz_localize(None).floor("D"), index=times.index)
    return days


def _days(times: pd.Series) -> pd.Series:
    days: pd.Series = times.dt.tz_localize(None).dt.normalize()
    return days
