"""Spending: a bar a period, what was paid at the bottom, what the cache saved on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from orchkit.errors import ColumnError
from orchkit.ui.money import usd
from orchkit.ui.plots.canvas import LINE, PALETTE, axes, remember

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PAID, _PRESUMED, _OTHER, _SAVED = "paid", "presumed paid", "other", "saved by the cache"
_NEEDED = ("cost", "presumed", "saved")
#: Parts with a colour of their own, and bars with a date of their own: no more than these.
_MOST, _DATED = 6, 6
#: Share of its period that a bar takes.
_WIDE = 0.85


def spending(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw what was spent in each period, and on top what it would have been without the cache.

    Parameters
    ----------
    frame : DataFrame
        `orchkit.costs.stats` or `report`: cost, presumed and saved (USD), indexed by period, or by
        period and what is told apart. With days among that, each day has its bar.
    ax : Axes, optional
        Where to draw; a new figure's Axes when None.

    Returns
    -------
    Axes
        A period whose cost is unknown, for want of a price, has a question mark and no bar.

    Raises
    ------
    ColumnError
        The frame is none of these.

    Examples
    --------
    >>> day = pd.DatetimeIndex(["2026-03-04"], name="period")
    >>> frame = pd.DataFrame({"cost": 2.0, "presumed": 0.5, "saved": 1.0}, index=day)
    >>> spending(frame).get_title()
    'Spent $2.00, of it presumed $0.50; saved by the cache $1.00'
    """
    _refuse_other(frame)
    ax = axes(ax)
    if frame.empty:
        ax.text(0.5, 0.5, "nothing was spent", transform=ax.transAxes, ha="center")
        ax.set_xticks([])
    else:
        _draw(ax, _parts(frame))
    ax.set_ylabel("cost [USD]")
    ax.yaxis.set_major_formatter(lambda value, _: usd(round(value, 12)))
    ax.set_title(_told(frame), parse_math=False)
    ax.grid(axis="y", alpha=0.25)
    ax.set_axisbelow(True)
    return remember(ax, frame)


def _refuse_other(frame: pd.DataFrame) -> None:
    missing = [name for name in _NEEDED if name not in frame]
    if missing or "period" not in frame.index.names:
        what = f"has no {', '.join(missing)}" if missing else "is not indexed by period"
        raise ColumnError(
            f"the frame {what}; pass what orchkit.costs.stats() or report() returned."
        )


def _parts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return USD, a row a period, a column for each part of its bar, the lowest first."""
    when = "day" if "day" in frame.index.names else "period"
    apart = [name for name in frame.index.names if name not in ("period", "day")]
    flat = frame.reset_index()
    whole = flat.groupby(when)[list(_NEEDED)].agg(_sum)
    if not apart:
        paid = {_PAID: whole["cost"] - whole["presumed"], _PRESUMED: whole["presumed"]}
        return pd.DataFrame({**paid, _SAVED: whole["saved"]})
    flat["part"] = _dearest(flat[apart].astype(str).agg(" · ".join, axis=1), flat["cost"])
    sums = flat.groupby(["part", when], sort=False)["cost"].agg(_sum)
    parts = {str(name): sums.loc[name] for name in _by_cost(flat["part"], flat["cost"])}
    filled = {name: part.reindex(whole.index, fill_value=0.0) for name, part in parts.items()}
    return pd.DataFrame({**filled, _SAVED: whole["saved"]})


def _dearest(named: pd.Series, cost: pd.Series) -> pd.Series:
    """Return names, those of the parts that cost least as one."""
    return named.where(named.isin(_by_cost(named, cost)[:_MOST]), _OTHER)


def _by_cost(named: pd.Series, cost: pd.Series) -> pd.Index[Any]:
    """Return each name, what cost most first, what is no name last."""
    sums = cost.groupby(named).sum().sort_values(ascending=False)
    return sums.index[sums.index != _OTHER].append(sums.index[sums.index == _OTHER])


def _sum(column: pd.Series) -> Any:
    """Return the sum; one unknown makes it unknown."""
    return column.sum(skipna=False)


def _span(periods: pd.DatetimeIndex) -> int:
    """Return how many days the periods seem to take: those of a short month, of a week, or one."""
    if len(periods) == 1:
        return 1
    return 28 if (periods.day == 1).all() else 7 if (periods.day_of_week == 0).all() else 1


def _draw(ax: Axes, parts: pd.DataFrame) -> None:
    from matplotlib.dates import date2num

    periods = pd.DatetimeIndex(parts.index)
    span = _span(periods)
    starts = date2num(periods.to_numpy())  # type: ignore[no-untyped-call]
    middle = starts + span / 2
    known = parts.drop(columns=_SAVED).notna().all(axis=1).to_numpy()
    below = np.zeros(len(parts))
    for name, colour in zip(parts, _colours(parts), strict=True):
        height = np.where(known, parts[name].fillna(0.0), 0.0)
        if height.any():
            style = _style(str(name), colour)
            ax.bar(middle, height, span * _WIDE, bottom=below, label=str(name), **style)
            below += height
    for unknown in middle[~known]:
        ax.text(unknown, 0, "?", ha="center", va="bottom")
    ax.set_xlim(starts[0] - span / 2, starts[-1] + span * 1.5)
    _date(ax, periods, middle, "%Y-%m" if span == 28 else "%Y-%m-%d")
    if below.any():
        legend = ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)


def _colours(parts: pd.DataFrame) -> list[str]:
    return [LINE if name == _OTHER else PALETTE[n % _MOST] for n, name in enumerate(parts)]


def _style(name: str, colour: str) -> dict[str, Any]:
    """Return how a part looks: money that stayed is an outline, money that may be gone hatched."""
    if name == _SAVED:
        return {"facecolor": "none", "edgecolor": LINE, "linestyle": "--"}
    hatch = {"hatch": "///"} if name == _PRESUMED else {}
    return {"facecolor": colour, "edgecolor": "white", "linewidth": 0.5, **hatch}


def _date(ax: Axes, periods: pd.DatetimeIndex, middle: np.ndarray, words: str) -> None:
    """Write each period under its bar, or where they are many, dates along the axis."""
    if len(periods) <= _DATED:
        ax.set_xticks(middle, [f"{each:{words}}" for each in periods])
        return
    ax.xaxis_date()
    from matplotlib.dates import ConciseDateFormatter

    concise = ConciseDateFormatter(ax.xaxis.get_major_locator())  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(concise)


def _told(frame: pd.DataFrame) -> str:
    """Return the sums; an unknown one says so."""
    cost, presumed, saved = (float(frame[name].sum(skipna=False)) for name in _NEEDED)
    more = f", of it presumed {usd(presumed)}" if presumed else ""
    return f"Spent {usd(cost)}{more}; saved by the cache {usd(saved)}"
