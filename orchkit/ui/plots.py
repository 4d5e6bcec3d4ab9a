"""One function a figure: ``(frame, *, ax=None) -> Axes``. matplotlib is loaded when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from orchkit.lab.metrics import ORACLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette: told apart with any kind of colour vision.
_STRATEGY, _SINGLE, _ORACLE, _LINE = "#D55E00", "#0072B2", "#009E73", "#999999"
_FIGURE = (7.5, 4.8)


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
    ax = _axes(ax)
    drawn = frame.dropna(subset=["quality", "cost_per_1k"])
    _draw_frontier(ax, drawn[drawn.index.isin(singles)])
    for kind in ("single model", "strategy", ORACLE):
        _draw_points(ax, drawn[[_kind(name, singles) == kind for name in drawn.index]], kind)
    _annotate(ax, drawn)
    if len(drawn) and (drawn["cost_per_1k"] > 0).all():
        ax.set_xscale("log")
        ax.margins(x=0.16)
    ax.set_xlabel("cost [USD per 1,000 prompts]")
    ax.set_ylabel("quality [mean score, 95 % interval]")
    ax.set_title("Cost and quality" + (" (SIMULATED answers)" if simulated else ""))
    ax.grid(alpha=0.25)
    ax.legend(loc="lower right", frameon=False)
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=_FIGURE, layout="constrained")[1]


def _kind(name: str, singles: tuple[str, ...]) -> str:
    return ORACLE if name == ORACLE else "single model" if name in singles else "strategy"


def _draw_points(ax: Axes, rows: pd.DataFrame, kind: str) -> None:
    if rows.empty:
        return
    colour, marker = {
        "single model": (_SINGLE, "s"),
        "strategy": (_STRATEGY, "o"),
        ORACLE: (_ORACLE, "*"),
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
        line: dict[str, Any] = {"color": _LINE, "linestyle": "--", "linewidth": 1}
        ax.plot(best["cost_per_1k"], best["quality"], label="frontier of single models", **line)


def _annotate(ax: Axes, rows: pd.DataFrame) -> None:
    for place, (name, row) in enumerate(rows.sort_values("cost_per_1k").iterrows()):
        above = place % 2 == 0
        ax.annotate(
            str(name),
            (row["cost_per_1k"], row["quality"]),
            xytext=(6, 7 if above else -13),
            textcoords="offset points",
            fontsize=9,
        )
