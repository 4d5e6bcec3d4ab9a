"""Cost and quality: one point a strategy, with its interval and the frontier of single models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from orchkit.lab.summary import ORACLE
from orchkit.ui.money import usd
from orchkit.ui.plots.canvas import LINE, ORACLE_COLOUR, SINGLE, STRATEGY, axes, remember

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

#: Where a point's name may stand, in points from it, the best first.
_PLACES = [(x, y) for y in (6, -13, 20, -27, 34, -41, 48, -55, 62, -69) for x in (8, -8)]


def cost_quality(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    singles: tuple[str, ...] = (),
    simulated: bool = False,
) -> Axes:
    """Draw quality with its 95 % interval against cost, one point a strategy.

    Parameters
    ----------
    frame : DataFrame
        A summary: quality, quality_low, quality_high, cost_per_1k (USD), indexed by strategy.
    ax : Axes, optional
        Where to draw; a new figure's Axes when None.
    singles : tuple of str
        The strategies that are one model each; drawn as squares, joined by their frontier.
    simulated : bool
        Says so in the title.

    Returns
    -------
    Axes

    Examples
    --------
    >>> row = {"quality": 0.8, "quality_low": 0.7, "quality_high": 0.9, "cost_per_1k": 0.2}
    >>> cost_quality(pd.DataFrame([row], index=["cheapest"])).get_xlabel()
    'cost [USD per 1,000 prompts]'
    """
    ax = axes(ax)
    drawn = frame.dropna(subset=["quality", "cost_per_1k"])
    _draw_frontier(ax, drawn[drawn.index.isin(singles)])
    for kind in ("single model", "strategy", ORACLE):
        _draw_points(ax, drawn[[_kind(name, singles) == kind for name in drawn.index]], kind)
    _scale(ax, drawn["cost_per_1k"])
    ax.set_xlabel("cost [USD per 1,000 prompts]")
    ax.set_ylabel("quality [mean score, 95 % interval]")
    ax.set_title("Cost and quality" + (" (SIMULATED answers)" if simulated else ""))
    ax.grid(alpha=0.25)
    if not drawn.empty:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, frameon=False)
    else:
        ax.text(0.5, 0.5, "no quality is known", transform=ax.transAxes, ha="center")
    _annotate(ax, drawn)
    return remember(ax, frame)


def _scale(ax: Axes, cost: pd.Series[float]) -> None:
    """Costs differ by factors: a logarithmic axis in plain dollars, unless something is free."""
    if len(cost) and (cost > 0).all():
        ax.set_xscale("log")
        ax.margins(x=0.2)
        ax.xaxis.set_major_formatter(lambda value, _: usd(value))
        if cost.max() < 12 * cost.min():
            ax.xaxis.set_minor_formatter(lambda value, _: usd(value))


def _kind(name: str, singles: tuple[str, ...]) -> str:
    return ORACLE if name == ORACLE else "single model" if name in singles else "strategy"


def _draw_points(ax: Axes, rows: pd.DataFrame, kind: str) -> None:
    if rows.empty:
        return
    colour, marker = {
        "single model": (SINGLE, "s"),
        "strategy": (STRATEGY, "o"),
        ORACLE: (ORACLE_COLOUR, "*"),
    }[kind]
    spread = np.abs(rows[["quality_low", "quality_high"]].to_numpy().T - rows["quality"].to_numpy())
    ax.errorbar(
        rows["cost_per_1k"],
        rows["quality"],
        yerr=np.nan_to_num(spread),
        fmt=marker,
        color=colour,
        markersize=11 if kind == ORACLE else 7,
        elinewidth=1,
        capsize=3,
        label=kind,
    )


def _draw_frontier(ax: Axes, singles: pd.DataFrame) -> None:
    """Join the single models that no cheaper one matches: what choosing a model alone can do."""
    ranked = singles.sort_values(["cost_per_1k", "quality"], ascending=[True, False])
    best = ranked[ranked["quality"] > ranked["quality"].cummax().shift(fill_value=-1.0)]
    if len(best) > 1:
        line: dict[str, Any] = {"color": LINE, "linestyle": "--", "linewidth": 1}
        ax.plot(best["cost_per_1k"], best["quality"], label="frontier of single models", **line)


def _annotate(ax: Axes, rows: pd.DataFrame) -> None:
    """Name every point, beside it, where the name covers neither a point, a bar nor a name."""
    from matplotlib.patheffects import withStroke

    ax.figure.draw_without_rendering()  # type: ignore[union-attr]  # settles limits and layout
    taken = [_bar_box(ax, row) for _, row in rows.iterrows()]
    for name, row in rows.sort_values("quality", ascending=False).iterrows():
        label = ax.annotate(
            str(name),
            (row["cost_per_1k"], row["quality"]),
            xytext=_PLACES[0],
            textcoords="offset points",
            fontsize=9,
            parse_math=False,
            path_effects=[withStroke(linewidth=3, foreground="white")],
            arrowprops={"arrowstyle": "-", "color": LINE, "linewidth": 0.5, "shrinkB": 4},
        )
        taken.append(_settle(ax, label, taken))


def _settle(ax: Axes, label: Annotation, taken: list[Bbox]) -> Bbox:
    """Move a name to the place around its point that covers least; return the space it takes."""

    def cost(place: tuple[int, int]) -> tuple[bool, int]:
        box = _moved(label, place)
        outside = not (ax.bbox.containsx(box.x0) and ax.bbox.containsx(box.x1))
        outside = outside or not (ax.bbox.containsy(box.y0) and ax.bbox.containsy(box.y1))
        return outside, int(box.count_overlaps(taken))

    return _moved(label, min(_PLACES, key=cost))


def _moved(label: Annotation, place: tuple[int, int]) -> Bbox:
    label.set_position(place)
    label.set_horizontalalignment("left" if place[0] > 0 else "right")
    from matplotlib.text import Text

    label.get_window_extent()  # settles the position
    return Text.get_window_extent(label)  # and this is it without the line to its point


def _bar_box(ax: Axes, row: pd.Series[Any]) -> Bbox:
    """Return the space a point and its error bar take, in pixels."""
    from matplotlib.transforms import Bbox

    low, high = row["quality_low"], row["quality_high"]
    ends = ax.transData.transform([(row["cost_per_1k"], low), (row["cost_per_1k"], high)])
    return Bbox([[ends[0][0] - 5, ends[0][1]], [ends[1][0] + 5, ends[1][1]]])
