"""Quality against how much the strong model is asked, beside what a random mix would give."""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchkit.errors import ColumnError, ParameterError
from orchkit.lab.pictures.columns import chosen, labels, numbers, words

#: Columns that may hold what is drawn along, and by what they become it.
AXES = {
    "share": {"share": 1, "share_escalated": 1, "escalation_rate": 1, "escalated": 1},
    "cost": {"cost_per_1k": 1, "cost": 1000},
}
_REMEDY = (
    "Pass what orchkit.metrics.deferral_curve returns, or a sweep: columns quality and one of "
    + ", ".join(name for names in AXES.values() for name in names)
    + "."
)


def deferral_lines(
    frame: pd.DataFrame, *, x: str | None = None, by: str | None = None
) -> pd.DataFrame:
    """Return one row a point of a curve, along `x`.

    Columns: the group's name; share (of prompts, in [0, 1]) or cost_per_1k (USD per 1,000 prompts);
    quality; quality_low, quality_high (NaN where they are not given); mix: the quality of mixing
    the two ends of the curve at random, at the same share or cost. Points without a quality or
    a place are left out.

    Parameters
    ----------
    frame : DataFrame
        A deferral curve (share, quality, cost: USD a prompt) or a sweep (quality, cost_per_1k,
        escalation_rate).
    x : {"share", "cost"}, optional
        The share where there is one, else the cost.
    by : str, optional
        The column that tells curves apart.

    Raises
    ------
    ColumnError
        Quality, or what is drawn along, is missing or out of range.
    ParameterError
        There is no such `x`.

    Examples
    --------
    >>> frame = pd.DataFrame({"share": [0, 0.5, 1], "quality": [0.5, 0.9, 0.7]})
    >>> deferral_lines(frame)["mix"].tolist()
    [0.5, 0.6, 0.7]
    """
    if isinstance(frame, pd.DataFrame) and {"row", "strategy"} <= {*frame.columns}:
        raise ColumnError(f"These are results, a row a prompt, and no curve. {_REMEDY}")
    kind, column = _along(frame, x)
    given = [name for name in ("quality_low", "quality_high") if name in frame]
    rows = chosen(frame, column, "quality", by, *given, remedy=_REMEDY)
    name, high = ("share", 1.0) if kind == "share" else ("cost_per_1k", np.inf)
    table = pd.DataFrame({"group": words(rows[by]) if by else "curve"}, index=rows.index)
    table[name] = AXES[kind][column] * numbers(rows[column], low=0, high=high)
    for each in ("quality", "quality_low", "quality_high"):
        table[each] = numbers(rows[each], low=0, high=1) if each in rows else np.nan
    table = table.dropna(subset=["group", name, "quality"]).sort_values(name, kind="stable")
    lines = [table[table["group"] == label] for label in labels(table["group"])]
    found = [line.assign(mix=_mix(line[name], line["quality"])) for line in lines]
    whole = pd.concat(found) if found else table.assign(mix=np.nan)
    return whole.reset_index(drop=True).rename(columns={"group": by or "group"})


def _along(frame: pd.DataFrame, x: str | None) -> tuple[str, str]:
    """Return what is drawn along, and the column that holds it."""
    if x is not None and x not in AXES:
        raise ParameterError(f"x is {x!r}; it must be 'share' or 'cost'.")
    kinds = AXES if x is None else {x: AXES[x]}
    chosen(frame, "quality", remedy=_REMEDY)
    held = [(kind, name) for kind, names in kinds.items() for name in names if name in frame]
    if held:
        return held[0]
    wanted = ", ".join(name for names in kinds.values() for name in names)
    raise ColumnError(f"The frame has none of the columns {wanted}. {_REMEDY}")


def _mix(place: pd.Series[float], quality: pd.Series[float]) -> pd.Series[float]:
    """Return the line between the first and the last point, at every point."""
    first, last = place.iloc[0], place.iloc[-1]
    if first == last:
        return quality
    part = (place - first) / (last - first)
    return (1 - part) * quality.iloc[0] + part * quality.iloc[-1]
