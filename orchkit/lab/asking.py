"""Frame -> queries: what each row asks, or why it cannot be asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

import pandas as pd

from orchkit.core.calls import DEFAULT_MAX_TOKENS, Failure, Kind, Message, Params
from orchkit.core.catalog import Tier
from orchkit.core.complexity import KeywordRules
from orchkit.core.plans import Query
from orchkit.errors import ParameterError, whole
from orchkit.lab.frames import column

ROLES = ("system", "user", "assistant")


#: A prompt above this many bytes is a mistake more often than a wish.
MAX_PROMPT_BYTES = 2 * 2**20


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

    def __post_init__(self) -> None:
        if self.max_tokens is not None:
            object.__setattr__(self, "max_tokens", whole("max_tokens", self.max_tokens))
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
