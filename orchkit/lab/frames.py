"""The schema: every result column and its dtype; frame -> queries, traces -> frame."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from string import Formatter
from typing import Any, cast

import pandas as pd

from orchkit.core.calls import DEFAULT_MAX_TOKENS, Failure, Kind, Message, Params
from orchkit.core.catalog import NANO, Tier
from orchkit.core.complexity import KeywordRules
from orchkit.core.plans import Query, Trace
from orchkit.errors import ColumnError, ParameterError, did_you_mean

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
ROLES = ("system", "user", "assistant")
#: A prompt above this many bytes is a mistake more often than a wish.
MAX_PROMPT_BYTES = 2 * 2**20
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Asking:
    """How the rows of a frame become queries: everything of ``route`` that is about the question.

    Parameters are those of `orchkit.route`.
    """

    prompt: str = "prompt"
    system: str | None = None
    template: str | None = None
    complexity: Any = None
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    prefix: str = ""

    def __post_init__(self) -> None:
        limit = self.max_tokens
        if limit is not None and (type(limit) is not int or limit < 1):
            raise ParameterError(f"max_tokens is {limit!r}; it must be 1 or more.")
        warm = self.temperature
        if warm is not None and not (isinstance(warm, int | float) and 0 <= warm <= 2):
            raise ParameterError(f"temperature is {warm!r}; it must lie in [0, 2].")

    @property
    def params(self) -> Params:
        """The call's parameters."""
        limit = DEFAULT_MAX_TOKENS if self.max_tokens is None else self.max_tokens
        return Params(self.temperature, limit, self.seed)


def queries(frame: pd.DataFrame, asking: Asking) -> list[Query | Failure]:
    """Return one query a row, or why the row cannot be asked; the frame itself is only read.

    Raises
    ------
    ColumnError
        A column that is needed is missing or stands twice.
    """
    cells = _prompts(frame, asking)
    systems = _systems(frame, asking.system)
    drafts = [_draft(cell, system, asking) for cell, system in zip(cells, systems, strict=True)]
    asked = [draft for draft in drafts if isinstance(draft, Query)]
    tiers = iter(_tiers(frame, asking.complexity, asked, drafts))
    return [
        Query(draft.messages, draft.params, next(tiers)) if isinstance(draft, Query) else draft
        for draft in drafts
    ]


def column(frame: pd.DataFrame, name: object) -> pd.Series[Any]:
    """Return the one column of that name, or say what is there instead."""
    if name not in frame.columns:
        hint = did_you_mean(str(name), map(str, frame.columns))
        raise ColumnError(f"The frame has no column {name!r}. {hint}")
    found: Any = frame[name]  # several columns of one name come as a frame
    if isinstance(found, pd.DataFrame) and found.shape[1] > 1:
        raise ColumnError(
            f"The frame has {found.shape[1]} columns named {name!r}; rename all but one."
        )
    return found.iloc[:, 0] if isinstance(found, pd.DataFrame) else found


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
    table = {name: pd.Series([row[name] for row in rows], dtype="object") for name in COLUMNS}
    return pd.DataFrame(
        {name: table[name].astype(cast("Any", dtype)) for name, dtype in COLUMNS.items()}
    )


def record(trace: Trace, strategy: str) -> dict[str, Any]:
    """Return one row of results, by column name."""
    answer, usage = trace.answer, trace.usage
    chosen = answer.response
    return {
        "response": _shown(chosen.text) if chosen and chosen.text else pd.NA,
        "model_used": chosen.model if chosen else pd.NA,
        "cost": math.nan if trace.cost is None else trace.cost / NANO,
        "latency": trace.latency,
        "confidence": answer.confidence.value if chosen else math.nan,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "strategy": strategy,
        "fallback_chain": list(answer.planned),
        "ensemble_models": list(answer.voters),
        "metadata": metadata(trace),
        "timestamp": _moment(trace.finished),
        "provider": _provider(trace),
        "cached": trace.cached,
        "error": str(trace.failure) if trace.failure else pd.NA,
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


def _provider(trace: Trace) -> Any:
    chosen = trace.answer.response
    told = [chosen.provider] if chosen else []
    told += [response.provider for response in trace.responses]
    return next((name for name in told if name), pd.NA)


def _moment(seconds: float) -> Any:
    return pd.NaT if math.isnan(seconds) else datetime.fromtimestamp(seconds, UTC)


def _shown(text: str) -> str:
    """Replace lone surrogates, which would stop every writer pandas has."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _prompts(frame: pd.DataFrame, asking: Asking) -> list[Any]:
    if asking.template is None:
        return column(frame, asking.prompt).tolist()
    names = [name for _, name, _, _ in Formatter().parse(asking.template) if name is not None]
    if not names:
        raise ParameterError("The template names no column; write it like 'Translate {text}'.")
    columns = {name: column(frame, name).tolist() for name in names}
    return [
        _filled(asking.template, {name: cells[row] for name, cells in columns.items()})
        for row in range(len(frame))
    ]


def _filled(template: str, cells: Mapping[str, Any]) -> Any:
    """Return the template with this row's cells; missing as soon as one of them is."""
    return None if any(_missing(cell) for cell in cells.values()) else template.format(**cells)


def _systems(frame: pd.DataFrame, system: str | None) -> list[Any]:
    if system is not None and system in frame.columns:
        return column(frame, system).tolist()
    return [system] * len(frame)


def _draft(cell: Any, system: Any, asking: Asking) -> Query | Failure:
    """Return the query of a cell with its tier still open, or why it cannot be asked."""
    messages = _messages(cell)
    if isinstance(messages, Failure):
        return messages
    if isinstance(system, str) and system.strip():
        messages = (Message("system", system), *messages)
    return _sendable(messages) or Query(messages, asking.params)


def _messages(cell: Any) -> tuple[Message, ...] | Failure:
    if isinstance(cell, str):
        return (Message("user", cell),) if cell.strip() else Failure(Kind.EmptyPrompt)
    if isinstance(cell, list | tuple):
        return _conversation(cell)
    if _missing(cell):
        return Failure(Kind.EmptyPrompt)
    return Failure(
        Kind.PromptType,
        f"got {type(cell).__name__}; give text, or a list of {{'role', 'content'}} messages",
    )


def _conversation(cell: Sequence[Any]) -> tuple[Message, ...] | Failure:
    if not cell:
        return Failure(Kind.EmptyPrompt)
    for turn in cell:
        said = turn.get("content") if isinstance(turn, dict) else None
        if not isinstance(said, str) or turn.get("role") not in ROLES:
            told = f"a message is a dict of role (one of {', '.join(ROLES)}) and content (text)"
            return Failure(Kind.PromptType, told)
    messages = tuple(Message(turn["role"], turn["content"]) for turn in cell)
    blank = not any(m.content.strip() for m in messages if m.role == "user")
    return Failure(Kind.EmptyPrompt) if blank else messages


def _sendable(messages: Sequence[Message]) -> Failure | None:
    """Return why no wire could carry these messages; None when one can."""
    try:
        size = sum(len(message.content.encode("utf-8")) for message in messages)
    except UnicodeEncodeError:
        return Failure(Kind.PromptEncoding)
    if size > MAX_PROMPT_BYTES:
        return Failure(Kind.PromptTooLong, f"{size:,} bytes; at most {MAX_PROMPT_BYTES:,} are sent")
    return None


def _tiers(
    frame: pd.DataFrame, complexity: Any, asked: Sequence[Query], drafts: Sequence[object]
) -> list[Tier]:
    """Return the tier of each query that can be asked: predicted all at once, or from a column."""
    if isinstance(complexity, str):
        cells = column(frame, complexity).tolist()
        told = [c for c, draft in zip(cells, drafts, strict=True) if isinstance(draft, Query)]
    else:
        predict = _predictor(complexity)
        told = list(predict([query.text for query in asked])) if asked else []
    return [_tier(value) for value in told]


def _predictor(complexity: Any) -> Callable[[list[str]], Any]:
    rules = KeywordRules() if complexity is None else complexity
    predict: Callable[[list[str]], Any] | None = getattr(rules, "predict", None)
    if predict is None:
        raise ParameterError(
            f"complexity={complexity!r:.60} has no predict(texts). Pass a column name, "
            "a classifier, or None for the keyword rules."
        )
    return predict


def _tier(value: Any) -> Tier:
    try:
        return Tier(str(value).lower()) if not isinstance(value, int) else list(Tier)[value]
    except (ValueError, IndexError):
        raise ParameterError(
            f"complexity gave {value!r}; a tier is one of {', '.join(Tier)}, or 0 to 3."
        ) from None


def tier_or_none(value: Any) -> Tier | None:
    """Return the tier a cell names; None when it names none."""
    try:
        return _tier(value)
    except ParameterError:
        return None


def _missing(cell: Any) -> bool:
    return (
        cell is None
        or cell is pd.NA
        or cell is pd.NaT
        or (isinstance(cell, float) and math.isnan(cell))
    )


def as_json(row: Mapping[str, Any]) -> str:
    """Return a result row as JSON text: missing is null, times are ISO 8601."""
    return json.dumps(row, ensure_ascii=False, indent=2, default=str)
