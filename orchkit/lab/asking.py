"""Frame -> queries: what each row asks, or why it cannot be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

import pandas as pd

from orchkit.core.calls import DEFAULT_MAX_TOKENS, Failure, Kind, Message, Params
from orchkit.core.catalog import Tier
from orchkit.core.complexity import KeywordRules
from orchkit.core.plans import Query, last_said
from orchkit.errors import ParameterError, whole
from orchkit.lab.frames import column, missing
from orchkit.lab.templates import filled

ROLES = ("system", "user", "assistant")
#: A prompt above this many bytes is a mistake more often than a wish.
MAX_PROMPT_BYTES = 2 * 2**20
#: Judges texts: one tier each, by name or by rank.
Predict = Callable[[list[str]], Iterable[Any]]
Messages = tuple[Message, ...]
_TIERS: Mapping[str | int | None, Tier] = {
    **{tier.value: tier for tier in Tier},
    **{tier.rank: tier for tier in Tier},
}


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
    ParameterError
        The template cannot be filled, or complexity is none.
    """
    told = zip(_prompts(frame, asking), _systems(frame, asking.system), strict=True)
    drafts = [_draft(cell, system) for cell, system in told]
    tiers = iter(_tiers(frame, asking.complexity, drafts))
    params = asking.params
    return [d if isinstance(d, Failure) else Query(d, params, next(tiers)) for d in drafts]


def _prompts(frame: pd.DataFrame, asking: Asking) -> Sequence[Any]:
    if asking.template is None:
        return column(frame, asking.prompt).tolist()
    return filled(asking.template, frame)


def _systems(frame: pd.DataFrame, system: str | None) -> list[Any]:
    if system is not None and system in frame.columns:
        return column(frame, system).tolist()
    return [system] * len(frame)


def _draft(cell: Any, system: Any) -> Messages | Failure:
    """Return what is sent for a cell, or why it cannot be asked."""
    messages = _messages(cell)
    if isinstance(messages, Failure):
        return messages
    if isinstance(system, str) and system.strip():
        messages = (Message("system", system), *messages)
    return _unsendable(messages) or messages


def _messages(cell: Any) -> Messages | Failure:
    if isinstance(cell, str):
        return (Message("user", cell),) if cell.strip() else Failure(Kind.EmptyPrompt)
    if isinstance(cell, list | tuple):
        return _conversation(cell)
    if missing(cell):
        return Failure(Kind.EmptyPrompt)
    return Failure(
        Kind.PromptType,
        f"got {type(cell).__name__}; give text, or a list of {{'role', 'content'}} messages",
    )


def _conversation(cell: Sequence[Any]) -> Messages | Failure:
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


def _unsendable(messages: Messages) -> Failure | None:
    """Return why no wire could carry these messages; None when one can."""
    try:
        size = sum([len(message.content.encode("utf-8")) for message in messages])
    except UnicodeEncodeError:
        return Failure(Kind.PromptEncoding)
    if size > MAX_PROMPT_BYTES:
        return Failure(Kind.PromptTooLong, f"{size:,} bytes; at most {MAX_PROMPT_BYTES:,} are sent")
    return None


def _tiers(
    frame: pd.DataFrame, complexity: Any, drafts: Sequence[Messages | Failure]
) -> list[Tier]:
    """Return the tier of each row that can be asked: predicted all at once, or from a column."""
    if not isinstance(complexity, str):
        texts = [last_said(draft) for draft in drafts if not isinstance(draft, Failure)]
        return predicted(predictor(complexity), texts)
    cells = column(frame, complexity).tolist()
    told = zip(cells, drafts, strict=True)
    return [_tier(cell) for cell, draft in told if not isinstance(draft, Failure)]


def predictor(complexity: Any) -> Predict:
    """Return what judges texts: the method of a classifier, of the keyword rules for None."""
    rules = KeywordRules() if complexity is None else complexity
    predict: Predict | None = getattr(rules, "predict", None)
    if not callable(predict):
        raise ParameterError(
            f"complexity={complexity!r:.60} has no predict(texts). Pass a classifier, or None for "
            "the keyword rules; for a frame the name of a column will do, too."
        )
    return predict


def predicted(predict: Predict, texts: list[str]) -> list[Tier]:
    """Return one tier a text, all judged at once; nothing is judged without texts."""
    told = list(predict(texts)) if texts else []
    if len(told) != len(texts):
        raise ParameterError(
            f"complexity gave {len(told)} tiers for {len(texts)} texts; predict must give one each."
        )
    return [_tier(value) for value in told]


def tier_or_none(value: Any) -> Tier | None:
    """Return the tier of that name, or of that rank from 0 to 3; None when there is none.

    Examples
    --------
    >>> tier_or_none("Expert").value, tier_or_none(0).value, tier_or_none(1.5)
    ('expert', 'basic', None)
    """
    name = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return _TIERS.get(name.lower() if isinstance(name, str) else _rank(name))


def _tier(value: Any) -> Tier:
    tier = tier_or_none(value)
    if tier is None:
        raise ParameterError(
            f"complexity gave {value!r:.60}; a tier is one of {', '.join(Tier)}, or 0 to 3."
        )
    return tier


def _rank(value: Any) -> int | None:
    try:
        return None if isinstance(value, bool) else index(value)
    except TypeError:
        return None
