"""Latency: one row a strategy, its quantiles in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from orchkit.lab.pictures.latencies import latency_quantiles
from orchkit.ui.plots.canvas import ORACLE_COLOUR, SINGLE, STRATEGY, axes, remember
from orchkit.ui.plots.lettering import legend, names_down, note, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def latency(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    by: str = "strategy",
    simulated: bool = False,
    **artist: Any,
) -> Axes:
    """Draw how long answers took: median, middle half, 5 to 95 % of each strategy.

    Parameters
    ----------
    frame : DataFrame
        A comparison's results: strategy, latency (seconds); rows with an error are left out.
    ax : Axes, optional
        Where to draw; a new figure's Axes when None.
    by : str
        The column whose values are a row each.
    simulated : bool
        Says so in the title, as it does where `provider` names the simulator.
    **artist
        Passed to ``Axes.barh``, which draws the middle half.

    Returns
    -------
    Axes
        `orchkit.plots.drawn` gives its quantiles, as `lab.pictures.latency_quantiles` says.

    Raises
    ------
    ColumnError
        A column is missing, or a latency is no number of 0 or more.

    Examples
    --------
    >>> frame = pd.DataFrame({"strategy": ["a", "a"], "latency": [1.0, 3.0]})
    >>> latency(frame).get_xlabel()
    'latency [s]'
    """
    table = latency_quantiles(frame, by=by)
    ax = axes(ax, rows=len(table))
    title(ax, "Latency of answers", frame, simulated)
    ax.set_xlabel("latency [s]")
    if not table["n"].any():
        note(ax, "no latency is known")
        return remember(ax, table)
    names_down(ax, table[by])
    _draw(ax, table, artist)
    _scale(ax, table)
    ax.grid(axis="x", alpha=0.25)
    legend(ax)
    return remember(ax, table)


def _draw(ax: Axes, table: pd.DataFrame, artist: dict[str, Any]) -> None:
    rows = range(len(table))
    ax.hlines(rows, table["p5"], table["p95"], color=SINGLE, label="5 to 95 %")
    half = {"height": 0.32, "color": SINGLE, "alpha": 0.45, "label": "middle half"}
    ax.barh(rows, table["p75"] - table["p25"], left=table["p25"], **{**half, **artist})
    mark: dict[str, Any] = {"linestyle": "none", "zorder": 3}
    ax.plot(table["p50"], rows, "o", color=STRATEGY, label="median (p50)", **mark)
    edge: dict[str, Any] = {"markersize": 13, "markeredgewidth": 2.5}
    ax.plot(table["p95"], rows, "|", color=ORACLE_COLOUR, label="95 % (p95)", **edge, **mark)
    at: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 8}
    for row, (n, p50, p95) in enumerate(table[["n", "p50", "p95"]].itertuples(index=False)):
        ax.annotate(f"{p50:.2f} / {p95:.2f} s" if n else "unknown", (1.01, row), **at)
    ax.annotate("p50 / p95", (1.01, 1), **{**at, "xycoords": "axes fraction"})


def _scale(ax: Axes, table: pd.DataFrame) -> None:
    """Latencies that differ by factors stand on a logarithmic axis, in plain seconds."""
    low, high = table["p5"].min(), table["p95"].max()
    if low > 0 and high > 12 * low:
        from matplotlib.ticker import LogLocator, NullFormatter

        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.set_xlim(left=0)
