"""Cost and quality: one point a strategy, with its interval and the frontier of single models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from orchkit.lab.metrics import pareto
from orchkit.lab.pictures.tradeoff import oracle_line, points, zero_router
from orchkit.lab.summary import ORACLE
from orchkit.ui.money import usd
from orchkit.ui.plots.canvas import LINE, ORACLE_COLOUR, SINGLE, STRATEGY, axes, remember, settle
from orchkit.ui.plots.lettering import legend, note, short, title
from orchkit.ui.plots.placing import Box, name_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Of more points than these, single models that others beat have no name, nor has what has no room.
NAMED = 12


def cost_quality(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    singles: tuple[str, ...] = (),
    oracle: pd.DataFrame | None = None,
    simulated: bool = False,
    **artist: Any,
) -> Axes:
    """Draw quality with its 95 % interval against cost, one point a strategy.

    With two single models or more there are two lines: their frontier, as steps, is what
    choosing one of them can do; the zero router, dotted, is what mixing them at random can do, and
    the bar for any router: straight between two models, so bent on a logarithmic axis.

    Parameters
    ----------
    frame : DataFrame
        A summary: quality, quality_low, quality_high, cost_per_1k (USD), indexed by strategy;
        cost_low and cost_high (USD per 1,000 prompts), where they are there, are drawn too.
    ax : Axes, optional
        Where to draw; a new figure's Axes when None.
    singles : tuple of str
        The strategies that are one model each; drawn as squares, joined by their frontier.
    oracle : DataFrame, optional
        The best that choosing a model for each prompt could do, as
        `orchkit.metrics.oracle_frontier` gives it: quality and cost (USD a prompt) or cost_per_1k.
    simulated : bool
        Says so in the title, as it does where `provider` names the simulator.
    **artist
        Passed to ``Axes.errorbar``.

    Returns
    -------
    Axes
        `orchkit.plots.drawn` gives the frame itself.

    Raises
    ------
    ColumnError
        A column is missing, or holds no numbers.

    Examples
    --------
    >>> row = {"quality": 0.8, "quality_low": 0.7, "quality_high": 0.9, "cost_per_1k": 0.2}
    >>> cost_quality(pd.DataFrame([row], index=["cheapest"])).get_xlabel()
    'cost [USD per 1,000 prompts]'
    """
    drawn, reach = points(frame), None if oracle is None else oracle_line(oracle)
    ax = axes(ax)
    _draw_lines(ax, drawn, singles, reach)
    for kind in ("single model", "strategy", ORACLE):
        rows = drawn[[_kind(name, singles) == kind for name in drawn.index]]
        _draw_points(ax, rows, kind, artist)
    scale(ax, drawn["cost_per_1k"])
    ax.set_xlabel("cost [USD per 1,000 prompts]")
    ax.set_ylabel("quality [mean score, 95 % interval]")
    title(ax, "Cost and quality", frame, simulated)
    ax.grid(alpha=0.25)
    if not drawn.empty:
        legend(ax)
    else:
        note(ax, _nothing(frame))
    _annotate(ax, drawn, _told(drawn, singles))
    return remember(ax, frame)


def _nothing(frame: pd.DataFrame) -> str:
    """Return why there is no point."""
    return "no quality is known" if frame["quality"].isna().all() else "no cost is known"


def scale(ax: Axes, cost: pd.Series[float]) -> None:
    """Costs that differ by factors stand on a logarithmic axis, unless something is free.

    No other axis goes far below nothing: a negative cost means nothing.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.margins(x=0.2)
    if len(cost) and cost.min() > 0 and cost.max() > 2 * cost.min():
        ax.set_xscale("log")
        if cost.max() < 12 * cost.min():
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        ax.xaxis.set_major_formatter(lambda value, _: usd(value))
        ax.xaxis.set_minor_formatter(NullFormatter())
    elif len(cost) and cost.min() >= 0 and cost.max() > 0:
        ax.set_xlim(left=max(ax.get_xlim()[0], -0.05 * float(cost.max())))


def _kind(name: str, singles: tuple[str, ...]) -> str:
    return ORACLE if name == ORACLE else "single model" if name in singles else "strategy"


def _draw_points(ax: Axes, rows: pd.DataFrame, kind: str, artist: dict[str, Any]) -> None:
    if rows.empty:
        return
    colour, marker = {
        "single model": (SINGLE, "s"),
        "strategy": (STRATEGY, "o"),
        ORACLE: (ORACLE_COLOUR, "*"),
    }[kind]
    look: dict[str, Any] = {"fmt": marker, "color": colour, "elinewidth": 1, "capsize": 3}
    look |= {"markersize": 11 if kind == ORACLE else 7, "label": kind}
    look |= {"yerr": _spread(rows, "quality", ("quality_low", "quality_high"))}
    look |= {"xerr": _spread(rows, "cost_per_1k", ("cost_low", "cost_high"))}
    ax.errorbar(rows["cost_per_1k"], rows["quality"], **{**look, **artist})


def _spread(rows: pd.DataFrame, middle: str, ends: tuple[str, str]) -> Any:
    """Return how far an interval reaches to both sides; nothing where it is unknown."""
    reach = np.abs(rows[list(ends)].to_numpy().T - rows[middle].to_numpy())
    return np.nan_to_num(reach) if np.isfinite(reach).any() else None


def _draw_lines(
    ax: Axes, drawn: pd.DataFrame, singles: tuple[str, ...], reach: pd.DataFrame | None
) -> None:
    """Draw what single models can do alone and mixed, and what could have been chosen."""
    models = drawn[drawn.index.isin(singles)]
    if len(models) > 1:
        best = models[pareto(models["cost_per_1k"], models["quality"])].sort_values("cost_per_1k")
        look: dict[str, Any] = {"color": LINE, "linewidth": 1.3, "zorder": 1}
        steps: dict[str, Any] = {"drawstyle": "steps-post", "linestyle": "--"}
        if len(best) > 1:
            told = "frontier of single models"
            ax.plot(best["cost_per_1k"], best["quality"], label=told, **look, **steps)
        mixed = zero_router(models, drawn["cost_per_1k"].max())
        ax.plot(mixed["cost_per_1k"], mixed["quality"], ":", label="zero router", **look)
    if reach is not None and len(reach):
        line: dict[str, Any] = {"color": ORACLE_COLOUR, "linestyle": "-.", "linewidth": 1}
        ax.plot(reach["cost_per_1k"], reach["quality"], label="oracle's frontier", **line)


def _told(rows: pd.DataFrame, singles: tuple[str, ...]) -> pd.DataFrame:
    """Return the points to name: of many, not the single models that others beat."""
    if len(rows) <= NAMED:
        return rows
    alone = rows.index.isin(singles)
    beaten = alone.copy()
    beaten[alone] = ~pareto(rows.loc[alone, "cost_per_1k"], rows.loc[alone, "quality"])
    return rows[~beaten]


def _annotate(ax: Axes, rows: pd.DataFrame, named: pd.DataFrame) -> None:
    """Name points, each beside it, where the name covers neither a point, a bar nor a name."""
    settle(ax)
    width = 46 if len(rows) <= 8 else 24
    told = named.sort_values("quality", ascending=False)
    at = zip(told.index, told["cost_per_1k"], told["quality"], strict=True)
    name_points(
        ax,
        [(short(name, width), x, y) for name, x, y in at],
        [_bar_box(ax, row) for _, row in rows.iterrows()],
        drop=len(rows) > NAMED,
    )


def _bar_box(ax: Axes, row: pd.Series[Any]) -> Box:
    """Return the space a point and its error bar take, in pixels."""
    cost, ends = row["cost_per_1k"], row[["quality_low", "quality_high"]].fillna(row["quality"])
    (left, low), (right, high) = ax.transData.transform([(cost, end) for end in ends])
    return left - 5, low - 5, right + 5, high + 5
