"""Traces of single models -> the long table of a matrix, failed calls included."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from orchkit.core.calls import Failure, Message
from orchkit.core.catalog import NANO
from orchkit.core.plans import Query, Trace
from orchkit.errors import MatrixError
from orchkit.lab.experiment import reference_text
from orchkit.lab.frames import column, missing, shown, times
from orchkit.lab.longtable import COLUMNS
from orchkit.lab.prompting import Messages, drafted

#: What an index may hold to name prompts: one plain value a row, that a file can keep.
_PLAIN = {"integer", "string", "datetime64", "date"}
#: When an answer was given, in a recording.
RECORDED_AT = "recorded_at"
#: What a recording has beside the columns of every matrix; the first two only where they tell.
_MORE = ("messages", "error", "provider", RECORDED_AT)


def long_table(
    traces: Iterable[Trace],
    models: Sequence[str],
    queries: Sequence[Query | Failure],
    frame: pd.DataFrame,
    quality: Callable[[int, Trace], float],
    reference: str = "reference",
) -> pd.DataFrame:
    """Return one row a model and prompt, models first: what it answered, or the `error`.

    `prompt_id` is the frame's index where that tells its rows apart, else the row's position.
    `prompt` is what the user last said, `messages` all of a longer conversation, as JSON. A cell
    without an answer has neither quality nor cost: replayed, it is not recorded. `recorded_at` is
    when the run had the answer (UTC), which its vendor may have given the cache earlier. Other
    columns of the frame are kept where they hold plain values: what groups and clusters are named
    by.
    """
    ids, right = prompt_ids(frame), _references(frame, reference)
    rows = [
        {
            "prompt_id": ids[place],
            **_asked(queries[place]),
            "model": models[number // len(queries)],
            **_answered(trace, quality(place, trace)),
            "reference": right[place],
        }
        for number, trace in enumerate(traces)
        for place in [number % len(queries)]
    ]
    table = pd.DataFrame(rows, columns=[*COLUMNS, *_MORE])
    table[RECORDED_AT] = times(table[RECORDED_AT])
    for name in _kept(frame):
        table[name] = np.tile(frame[name].to_numpy(), len(models))
    return table.drop(columns=[name for name in _MORE[:2] if table[name].isna().all()])


def _kept(frame: pd.DataFrame) -> list[str]:
    """Return the frame's other columns that hold one plain value a row, which a file can keep."""
    if frame.columns.nlevels > 1 or not frame.columns.is_unique:
        return []
    return [
        name
        for name in frame.columns
        if isinstance(name, str)
        and name not in (*COLUMNS, *_MORE)
        and infer_dtype(frame[name], skipna=True) in (*_PLAIN, "boolean", "floating", "categorical")
    ]


def prompt_ids(frame: pd.DataFrame) -> list[Any]:
    """Return a name for each row: its label where labels are plain and distinct, or its position.

    Examples
    --------
    >>> prompt_ids(pd.DataFrame(index=["a", "b"])), prompt_ids(pd.DataFrame(index=["a", "a"]))
    (['a', 'b'], [0, 1])
    """
    index = frame.index
    plain = index.nlevels == 1 and not index.hasnans and index.inferred_type in _PLAIN
    return index.tolist() if plain and index.is_unique else list(range(len(frame)))


def as_json(messages: Messages) -> str | None:
    """Return a conversation as JSON text; None for a single prompt, which is its own text."""
    if len(messages) == 1 and messages[0].role == "user":
        return None
    turns = [{"role": said.role, "content": said.content} for said in messages]
    return json.dumps(turns, ensure_ascii=False)


def conversation(prompt: Any, messages: Any) -> Messages:
    """Return what was asked of a recorded prompt; MatrixError where `messages` are none.

    Examples
    --------
    >>> conversation("Why?", None)
    (Message(role='user', content='Why?'),)
    """
    if missing(messages):
        return (Message("user", "" if missing(prompt) else str(prompt)),)
    try:
        turns = drafted(json.loads(messages), None)
    except (TypeError, ValueError, RecursionError):
        turns = drafted(None, None)
    if isinstance(turns, Failure):
        raise MatrixError(
            f"messages holds {messages!r:.60}; it must be JSON of role and content, like "
            '[{"role": "user", "content": "Why?"}], or nothing.'
        )
    return turns


def _asked(query: Query | Failure) -> dict[str, Any]:
    if isinstance(query, Failure):
        return {"prompt": None, "messages": None}
    return {"prompt": shown(query.text), "messages": as_json(query.messages)}


def _answered(trace: Trace, quality: float) -> dict[str, Any]:
    response, failure = trace.answer.response, trace.failure
    if response is None or failure:
        return {"error": str(failure)}
    return {
        "response": shown(response.text) if response.text is not None else None,
        "quality": quality,
        "cost": math.nan if response.cost is None else response.cost / NANO,
        "input_tokens": response.usage.input_tokens,
        "output_tokens": response.usage.output_tokens,
        "latency": response.latency,
        "confidence": trace.answer.confidence.value,
        "finish_reason": response.finish,
        "provider": response.provider,
        RECORDED_AT: trace.finished,
    }


def _references(frame: pd.DataFrame, reference: str) -> list[str | None]:
    if reference not in frame.columns:
        return [None] * len(frame)
    cells = column(frame, reference).tolist()
    return [None if missing(cell) else reference_text(cell) for cell in cells]
