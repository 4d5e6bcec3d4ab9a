"""The schema: every result column and its dtype; frame -> queries, traces -> frame."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

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
    return bool(pd.api.types.is_scalar(cell) and pd.isna(cell))


def attach(
    frame: pd.DataFrame, traces: Sequence[Trace], strategy: str | Sequence[str], prefix: str = ""
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


def results_frame(traces: Sequence[Trace], strategy: str | Sequence[str]) -> pd.DataFrame:
    """Return the result columns alone, one row a trace.

    Examples
    --------
    >>> list(results_frame([], "cheapest").columns[:3])
    ['response', 'model_used', 'cost']
    """
    names = [strategy] * len(traces) if isinstance(strategy, str) else strategy
    rows = [record(trace, name) for trace, name in zip(traces, names, strict=True)]
    return pd.DataFrame(
        {name: _column([row[name] for row in rows], dtype) for name, dtype in COLUMNS.items()}
    )


def _column(values: list[Any], dtype: str) -> Any:
    """Return the values as a column; times are much faster in bulk than one by one."""
    if not dtype.startswith("datetime"):
        return pd.Series(values, dtype=cast("Any", dtype))
    microseconds = (1e6 * np.array(values, dtype="float64")).round()
    return pd.Series(pd.to_datetime(microseconds, unit="us", utc=True)).astype(cast("Any", dtype))


def record(trace: Trace, strategy: str) -> dict[str, Any]:
    """Return one row of results, by column name."""
    answer, usages = trace.answer, [response.usage for response in trace.responses]
    chosen, failure, cost = answer.response, trace.failure, trace.cost
    return {
        "response": shown(chosen.text) if chosen and chosen.text else None,
        "model_used": chosen.model if chosen else None,
        "cost": math.nan if cost is None else cost / NANO,
        "latency": trace.latency,
        "confidence": answer.confidence.value if chosen else math.nan,
        "input_tokens": sum([usage.input_tokens for usage in usages]),
        "output_tokens": sum([usage.output_tokens for usage in usages]),
        "strategy": strategy,
        "fallback_chain": list(answer.planned),
        "ensemble_models": list(answer.voters),
        "metadata": metadata(trace),
        "timestamp": trace.finished,
        "provider": _provider(trace),
        "cached": trace.cached,
        "error": str(failure) if failure else None,
    }


def metadata(trace: Trace) -> dict[str, Any]:
    """Return what else there is to know of a row: complexity, confidence signal, every call."""
    sure, query = trace.answer.confidence, trace.query
    truncated = trace.answer.response is not None and trace.answer.response.finish == "length"
    return {
        "complexity": query.tier.value if query else None,
        "signal": sure.signal,
        "calibrated": sure.calibrated,
        "rounds": len(trace.rounds),
        "truncated": truncated,
        "calls": [_call(response, n) for n, r in enumerate(trace.rounds) for response in r],
        **trace.answer.notes,
    }


def _call(response: Any, round_: int) -> dict[str, Any]:
    return {
        "round": round_,
        "model": response.model,
        "cost": None if response.cost is None else response.cost / NANO,
        "latency": response.latency,
        "input_tokens": response.usage.input_tokens,
        "output_tokens": response.usage.output_tokens,
        "finish": response.finish,
        "provider": response.provider,
        "cached": response.cached,
        "attempts": response.attempts,
        "error": str(response.failure) if response.failure else None,
        **response.extra,
    }


def _provider(trace: Trace) -> str | None:
    chosen = trace.answer.response
    if chosen and chosen.provider:
        return chosen.provider
    return next((each.provider for each in trace.responses if each.provider), None)


def shown(text: str) -> str:
    """Return the text without lone surrogates, which would stop every writer pandas has."""
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
