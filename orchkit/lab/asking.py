"""Frame -> queries: what each row asks, or why it cannot be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from operator import index
from typing import Any

import pandas as pd

from orchkit.core.calls import DEFAULT_MAX_TOKENS, Failure, Params
from orchkit.core.catalog import Tier
from orchkit.core.complexity import KeywordRules
from orchkit.core.plans import Query, last_said
from orchkit.errors import ParameterError, whole
from orchkit.lab.frames import column
from orchkit.lab.prompting import Messages, drafted, systems
from orchkit.lab.templates import filled

#: Judges texts: one tier each, by name or by rank.
Predict = Callable[[list[str]], Iterable[Any]]
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
        object.__setattr__(self, "temperature", _warmth(self.temperature))
        object.__setattr__(self, "seed", _seed(self.seed))

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
    told = zip(_prompts(frame, asking), systems(frame, asking.system), strict=True)
    drafts = [drafted(cell, system) for cell, system in told]
    tiers = iter(_tiers(frame, asking.complexity, drafts))
    params = asking.params
    return [d if isinstance(d, Failure) else Query(d, params, next(tiers)) for d in drafts]


def _prompts(frame: pd.DataFrame, asking: Asking) -> Sequence[Any]:
    if asking.template is None:
        return column(frame, asking.prompt).tolist()
    return filled(asking.template, frame)


def _warmth(given: Any) -> float | None:
    """Return a temperature of whatever kind of number, or say what it must be."""
    number = isinstance(given, Real) and not isinstance(given, bool)
    if given is not None and not (number and 0 <= given <= 2):
        raise ParameterError(f"temperature is {given!r:.60}; it must be a number in [0, 2].")
    return None if given is None else float(given)


def _seed(given: Any) -> int | None:
    """Return a seed of whatever type of whole number, or say what it must be."""
    number = None if given is None else _integer(given)
    if given is not None and (number is None or not -(2**63) <= number < 2**63):
        raise ParameterError(f"seed is {given!r:.60}; it must be a whole number of 64 bits.")
    return number


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
    return [value if isinstance(value, Tier) else _tier(value) for value in told]


def tier_or_none(value: Any) -> Tier | None:
    """Return the tier of that name, or of that rank from 0 to 3; None when there is none.

    Examples
    --------
    >>> tier_or_none("Expert").value, tier_or_none(0).value, tier_or_none(1.5)
    ('expert', 'basic', None)
    """
    name = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return _TIERS.get(name.lower() if isinstance(name, str) else _integer(name))


def _tier(value: Any) -> Tier:
    tier = tier_or_none(value)
    if tier is None:
        raise ParameterError(
            f"complexity gave {value!r:.60}; a tier is one of {', '.join(Tier)}, or 0 to 3."
        )
    return tier


def _integer(value: Any) -> int | None:
    try:
        return None if isinstance(value, bool) else index(value)
    except TypeError:
        return None
