"""The schema: every result column and its dtype; frame -> queries, traces -> frame."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import islice, repeat
from typing import Any, cast

import numpy as np
import pandas as pd

from orchkit.core.calls import Response
from orchkit.core.catalog import NANO
from orchkit.core.plans import Trace
from orchkit.errors import ColumnError, did_you_mean

#: Result columns in order, with their dtypes.
COLUMNS: Mapping[str, str] = {
    "response": "string",
    "model_used": "string",
    "cost": "float64",
    "latency": "float64",
    "confidence": "float64",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "strategy": "string",
    "fallback_chain": "object",
    "ensemble_models": "object",
    "metadata": "object",
    "timestamp": "datetime64[us, UTC]",
    "provider": "string",
    "cached": "bool",
    "error": "string",
}

#: Rows that are gathered before they become columns.
_PART = 4_096

_SURROGATE = re.compile("[\ud800-\udfff]")


def column(frame: pd.DataFrame, name: object) -> pd.Series[Any]:
    """Return the one column of that name, or say what is there instead."""
    if not isinstance(name, Hashable) or name not in frame.columns:
        hint = did_you_mean(str(name), map(str, frame.columns))
        raise ColumnError(f"The frame has no column {name!r}. {hint}")
    found: Any = frame[name]  # several columns of one name come as a frame
    if isinstance(found, pd.DataFrame) and found.shape[1] > 1:
        raise ColumnError(
            f"The frame has {found.shape[1]} columns named {name!r}; rename all but one."
        )
    return found.iloc[:, 0] if isinstance(found, pd.DataFrame) else found


def missing(cell: Any) -> bool:
    """Whether a cell is one of the many kinds of nothing."""
    if cell is None or type(cell) is str:
        return cell is None
    return bool(pd.api.types.is_scalar(cell) and pd.isna(cell))


def attach(
    frame: pd.DataFrame, traces: Iterable[Trace], strategy: str | Sequence[str], prefix: str = ""
) -> pd.DataFrame:
    """Return a copy of the frame with the result columns; joined by position, never by label."""
    results = results_frame(traces, strategy).add_prefix(prefix)
    refuse_taken(frame, prefix)
    results.index = frame.index
    if isinstance(frame.columns, pd.MultiIndex):
        rest = [""] * (frame.columns.nlevels - 1)
        results.columns = pd.MultiIndex.from_tuples([(name, *rest) for name in results.columns])
    return pd.concat([frame, results], axis=1)


def refuse_taken(frame: pd.DataFrame, prefix: str) -> None:
    """Refuse to overwrite what the frame already holds."""
    heads = frame.columns.get_level_values(0)
    taken = [prefix + name for name in COLUMNS if prefix + name in heads]
    if taken:
        raise ColumnError(
            f"The frame already has the column {taken[0]!r}. Pass prefix= to name the results "
            'otherwise, for instance prefix="orch_".'
        )


def results_frame(traces: Iterable[Trace], strategy: str | Iterable[str]) -> pd.DataFrame:
    """Return the result columns alone, one row a trace; `strategy` is one name, or one a trace.

    No trace is kept: those that are made one by one are gone when the next one is asked for.

    Examples
    --------
    >>> list(results_frame([], "cheapest").columns[:3])
    ['response', 'model_used', 'cost']
    """
    one = isinstance(strategy, str)
    names = repeat(str(strategy)) if one else strategy
    named = zip(traces, names, strict=not one)
    parts = [_part(islice(named, _PART))]
    while len(parts[-1]) == _PART:
        parts.append(_part(islice(named, _PART)))
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _part(named: Iterable[tuple[Trace, str]]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    keep = [column.append for column in columns.values()]
    for trace, name in named:
        for add, cell in zip(keep, _cells(trace, name), strict=True):
            add(cell)
    return pd.DataFrame({name: _column(columns[name], dtype) for name, dtype in COLUMNS.items()})


def _column(values: list[Any], dtype: str) -> Any:
    """Return the values as a column; times are much faster in bulk than one by one."""
    if not dtype.startswith("datetime"):
        return pd.Series(values, dtype=cast("Any", dtype))
    return times(values)


def times(seconds: Iterable[float]) -> pd.Series[Any]:
    """Return seconds since 1970 as times in UTC; NaN as none.

    Examples
    --------
    >>> times([0.5, math.nan]).dt.year.tolist()
    [1970.0, nan]
    """
    microseconds = (1e6 * np.array([*seconds], dtype="float64")).round()
    known = np.isfinite(microseconds)
    # Not pd.to_datetime: where a time is unknown, pandas 2 rounds memory nobody has written to.
    found = np.where(known, microseconds, 0).astype("int64").astype("datetime64[us]")
    found[~known] = np.datetime64("NaT")
    return pd.Series(found).dt.tz_localize("UTC").astype(cast("Any", COLUMNS["timestamp"]))


def record(trace: Trace, strategy: str) -> dict[str, Any]:
    """Return one row of results, by column name."""
    return dict(zip(COLUMNS, _cells(trace, strategy), strict=True))


def _cells(trace: Trace, strategy: str) -> tuple[Any, ...]:
    """Return one row of results, in the order of the columns."""
    answer, usages = trace.answer, [response.usage for response in trace.responses]
    chosen, failure, cost = answer.response, trace.failure, trace.cost
    return (
        shown(chosen.text) if chosen and chosen.text else None,
        chosen.model if chosen else None,
        math.nan if cost is None else cost / NANO,
        trace.latency,
        answer.confidence.value if chosen else math.nan,
        sum([usage.input_tokens for usage in usages]),
        sum([usage.output_tokens for usage in usages]),
        strategy,
        list(answer.planned),
        list(answer.voters),
        metadata(trace),
        trace.finished,
        _provider(trace),
        trace.cached,
        str(failure) if failure else None,
    )


def metadata(trace: Trace) -> dict[str, Any]:
    """Return what else there is to know of a row: complexity, confidence signal, every call."""
    told, raw = vars(_Row(trace)), trace.answer.confidence.raw
    if raw is not None:
        told["raw_confidence"] = raw
    told.update(trace.answer.notes)
    return told


# Dictionaries of the attributes of one class share their keys (PEP 412): they take a third of the
# memory of others, and there is one for every call of every row.


class _Row:
    """What is told of a row; its `__dict__` is what is kept."""

    def __init__(self, trace: Trace) -> None:
        sure, chosen = trace.answer.confidence, trace.answer.response
        self.complexity = trace.query.tier.value if trace.query else None
        self.signal = sure.signal
        self.calibrated = sure.calibrated
        self.rounds = len(trace.rounds)
        self.truncated = chosen is not None and chosen.finish == "length"
        self.calls = [_call(response, n) for n, r in enumerate(trace.rounds) for response in r]


class _Call:
    """What is told of one call of a row; its `__dict__` is what is kept."""

    def __init__(self, response: Response, round_: int) -> None:
        self.round = round_
        self.model = response.model
        self.cost = None if response.cost is None else response.cost / NANO
        self.latency = response.latency
        self.input_tokens = response.usage.input_tokens
        self.output_tokens = response.usage.output_tokens
        self.finish = response.finish
        self.provider = response.provider
        self.cached = response.cached
        self.attempts = response.attempts
        self.error = str(response.failure) if response.failure else None


def _call(response: Response, round_: int) -> dict[str, Any]:
    told = vars(_Call(response, round_))
    told.update(response.extra)
    return told


def _provider(trace: Trace) -> str | None:
    chosen = trace.answer.response
    if chosen and chosen.provider:
        return chosen.provider
    return next((each.provider for each in trace.responses if each.provider), None)


def shown(text: str) -> str:
    """Return the text without lone surrogates, which would stop every writer pandas has."""
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
