"""What the money went to: cost by strategy and model, and for which answers it was not needed."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pandas as pd

from orchkit.lab.pictures.columns import chosen, labels, records, words

#: Columns of `cost_parts`.
PARTS = ("strategy", "model", "kept", "prompts", "calls", "unpriced", "cost_per_1k")


def cost_parts(frame: pd.DataFrame, *, by: str = "strategy") -> pd.DataFrame:
    """Return one row per strategy × model × whether its answer was the one that was kept.

    `kept` is False for a call whose answer was not chosen: what escalation went past, the
    outvoted members of an ensemble, calls that failed, and calls that only judged an answer.
    `prompts` counts the strategy's rows, `calls` the calls, `unpriced` those of unknown cost, which
    are not in `cost_per_1k`: USD per 1,000 prompts.

    Raises
    ------
    ColumnError
        strategy, model_used or metadata is missing, or metadata holds no records.

    Examples
    --------
    >>> calls = [{"model": "small", "cost": 0.001}, {"model": "large", "cost": 0.004}]
    >>> row = {"strategy": "fallback", "model_used": "large", "metadata": {"calls": calls}}
    >>> cost_parts(pd.DataFrame([row]))[["model", "kept", "cost_per_1k"]].values.tolist()
    [['small', False, 1.0], ['large', True, 4.0]]
    """
    rows = chosen(frame, by, "model_used", "metadata")
    rows[by], rows["calls"] = words(rows[by]), records(rows["metadata"])
    found = []
    for label in labels(rows[by]):
        own = rows[rows[by] == label]
        parts: dict[tuple[str, bool], list[float]] = defaultdict(list)
        for used, calls in zip(own["model_used"], own["calls"], strict=True):
            for call, kept in zip(calls, kept_calls(calls, used), strict=True):
                parts[str(call["model"]), kept].append(_dollars(call))
        found += [
            (label, *part, len(own), *_sums(costs, len(own))) for part, costs in parts.items()
        ]
    return pd.DataFrame(found, columns=[by, *PARTS[1:]])


def kept_calls(calls: list[dict[str, Any]], used: Any) -> list[bool]:
    """Return for each call of a row whether it gave the row's answer: at most one did.

    Examples
    --------
    >>> kept_calls([{"model": "a", "error": "Timeout"}, {"model": "b"}, {"model": "b"}], "b")
    [False, True, False]
    """
    gave = (n for n, call in enumerate(calls) if not call.get("error") and call["model"] == used)
    first = next(gave, None) if isinstance(used, str) else None
    return [n == first for n in range(len(calls))]


def _dollars(call: dict[str, Any]) -> float:
    cost = call.get("cost")
    return math.nan if cost is None else float(cost)


def _sums(costs: list[float], prompts: int) -> tuple[int, int, float]:
    priced = [cost for cost in costs if not math.isnan(cost)]
    return len(costs), len(costs) - len(priced), 1000 * math.fsum(priced) / prompts
