"""Deferral: quality against the share of prompts that the strong model is asked, or the cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from orchkit.lab.pictures.deferring import deferral_lines
from orchkit.ui.plots.canvas import LINE, MARKERS, SERIES, axes, remember
from orchkit.ui.plots.lettering import legend, note, short, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LABELS = {
    "share": "share of prompts sent to the strong model",
    "cost_per_1k": "cost [USD per 1,000 prompts]",
}
_DASHES = ("-", "--", "-.")


def deferral(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    x: str | None = None,
    by: str | None = None,
    simulated: bool = False,
    **artist: Any,
) -> Axes:
    """Draw quality against the share of prompts sent to the strong model, or against cost.

    The dotted line is what mixing the two ends of a curve at random gives: a score that is worth
    something lies above it.

    Parameters
    ----------
    frame : DataFrame
        What `orchkit.metrics.deferral_curve` returns, or a sweep of thresholds (quality,
        cost_per_1k, escalation_rate); quality_low and _high, where they are there, are a band.
    ax : Axes, optional
        Where to draw; a new figure's Axes when None.
    x : {"share", "cost"}, optional
        What to draw along: the share where there is one, else the cost.
    by : str, optional
        The column that has a curve for each value.
    simulated : bool
        Says so in the title, as it does where `provider` names the simulator.
    **artist
        Passed to ``Axes.plot``.

    Returns
    -------
    Axes
        `orchkit.plots.drawn` gives one row a point, as `lab.pictures.deferral_lines` says.

    Raises
    ------
    ColumnError
        Quality, or what is drawn along, is missing or out of range.
    ParameterError
        There is no such `x`.

    Examples
    --------
    >>> frame = pd.DataFrame({"share": [0, 0.5, 1], "quality": [0.5, 0.9, 0.7]})
    >>> deferral(frame).get_xlabel()
    'share of prompts sent to the strong model'
    """
    table = deferral_lines(frame, x=x, by=by)
    along = "share" if "share" in table else "cost_per_1k"
    group = by or "group"
    ax = axes(ax, lines=1 + table[group].nunique())
    title(ax, "Quality and deferral", frame, simulated)
    ax.set_xlabel(_LABELS[along])
    band = table["quality_low"].notna().any()
    ax.set_ylabel("quality [mean score" + (", 95 % interval]" if band else "]"))
    if table.empty:
        note(ax, "no quality is known")
        return remember(ax, table)
    for n, (name, own) in enumerate(table.groupby(group, sort=False)):
        label = short(str(name), 70) if by else "curve"
        _draw_curve(ax, n, own, along, {"label": label, **artist})
    ax.plot([], [], ":", color=LINE, label="random mix of its ends")
    ax.grid(alpha=0.25)
    legend(ax)
    return remember(ax, table)


def _draw_curve(ax: Axes, n: int, own: pd.DataFrame, along: str, artist: dict[str, Any]) -> None:
    colour, ends = SERIES[n % len(SERIES)], own.iloc[[0, -1]]
    look: dict[str, Any] = {"color": colour, "linestyle": _DASHES[n % len(_DASHES)]}
    look |= {"marker": MARKERS[n % len(MARKERS)], "markevery": max(1, len(own) // 12)}
    ax.plot(own[along], own["quality"], **{**look, "markersize": 5, **artist})
    ax.plot(ends[along], ends["mix"], ":", color=colour, linewidth=1)
    ax.fill_between(
        own[along], own["quality_low"], own["quality_high"], color=colour, alpha=0.15, linewidth=0
    )
