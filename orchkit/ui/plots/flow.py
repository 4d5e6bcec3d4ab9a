"""Escalation: how prompts went down a chain, hop by hop."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd

from orchkit.lab.pictures.flow import OUTCOMES, chain_flow
from orchkit.ui.plots.canvas import LINE, PALETTE, axes, remember, settle
from orchkit.ui.plots.lettering import PLAIN, legend, note, short, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: How each outcome looks and is called.
_LOOK: dict[str, dict[str, Any]] = {
    "accepted": {"color": PALETTE[2], "label": "answered here"},
    "earlier": {"color": PALETTE[4], "hatch": "....", "label": "earlier answer kept"},
    "failed": {"color": PALETTE[7], "hatch": "xxxx", "label": "no answer"},
    "escalated": {"color": PALETTE[5], "hatch": "////", "label": "escalated"},
}
_HEIGHT = 0.36


def escalation(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    strategy: str | None = None,
    simulated: bool = False,
    **artist: Any,
) -> Axes:
    """Draw how prompts went down the chain of a strategy: one bar a hop, narrowing.

    Parameters
    ----------
    frame : DataFrame
        Results of a fallback: strategy, model_used, fallback_chain, metadata; quality, if known.
    ax : Axes, optional
        Where to draw; a new figure's Axes when None.
    strategy : str, optional
        Which one, where the frame holds several that escalate.
    simulated : bool
        Says so in the title, as it does where `provider` names the simulator.
    **artist
        Passed to ``Axes.barh``.

    Returns
    -------
    Axes
        `orchkit.plots.drawn` gives one row a hop, as `lab.pictures.chain_flow` says.

    Raises
    ------
    ColumnError
        A column is missing.
    ParameterError
        No strategy of the frame has a chain of two models, or several have and none is named.

    Examples
    --------
    >>> row = {"strategy": "fallback", "model_used": "b", "fallback_chain": ["a", "b"]}
    >>> row["metadata"] = {"calls": [{"model": "a"}, {"model": "b"}]}
    >>> [text.get_text() for text in escalation(pd.DataFrame([row])).texts]
    ['1  a: asked 1 (100 %), 1 escalated (100 %)', '2  b: asked 1 (100 %), 1 answered here (100 %)']
    """
    from matplotlib.ticker import MaxNLocator

    flow = chain_flow(frame, strategy=strategy)
    ax = axes(ax, rows=2 * len(flow) - 2)
    title(ax, f"Down the chain of {short(flow['strategy'].iloc[0], 44)}", frame, simulated)
    ax.set_xlabel("prompts [shares are of all]")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if not flow["asked"].any():
        note(ax, "no prompt was asked")
        return remember(ax, flow)
    settle(ax)
    total = int(flow["asked"].iloc[0])
    for row, (_, hop) in enumerate(flow.iterrows()):
        _draw_hop(ax, row, hop, total, artist)
        _tell_hop(ax, row, hop, total)
    ax.set_xlim(0, total)
    ax.set_ylim(len(flow) - 0.55, -0.9)
    ax.set_yticks([])
    shown = [name for name in OUTCOMES if flow[name].any()]
    for name in shown:
        ax.barh(0, 0, edgecolor="white", **_LOOK[name])
    legend(ax, columns=4)
    return remember(ax, flow)


def _draw_hop(ax: Axes, row: int, hop: pd.Series[Any], total: int, artist: dict[str, Any]) -> None:
    """Draw the bar of a hop, right-aligned, and the band from its escalated to the next."""
    left = total - hop["asked"]
    for name in OUTCOMES:
        look = {key: value for key, value in _LOOK[name].items() if key != "label"}
        look |= {"height": _HEIGHT, "edgecolor": "white"}
        ax.barh(row, hop[name], left=left, **{**look, **artist})
        left += hop[name]
    if hop["escalated"]:
        ends = [row + _HEIGHT / 2, row + 1 - _HEIGHT / 2]
        ax.fill_betweenx(ends, total - hop["escalated"], total, color=LINE, alpha=0.18, linewidth=0)


def _tell_hop(ax: Axes, row: int, hop: pd.Series[Any], total: int) -> None:
    """Write the numbers of a hop above its bar."""
    from matplotlib.patheffects import withStroke

    parts = [f"asked {_count(hop['asked'], total)}"]
    for name in OUTCOMES:
        if hop[name]:
            mean = hop["quality"] if name == "accepted" else float("nan")
            quality = "" if pd.isna(mean) else f", quality {mean:.2f}"
            parts.append(
                f"{hop[name]:,} {_LOOK[name]['label']} ({_percent(hop[name], total)}{quality})"
            )
    parts = [part.replace(" ", "\xa0") for part in parts]  # lines break between, not within them
    told = f"{hop['hop']}  {short(hop['model'], 40)}: {', '.join(parts)}"
    wide = max(30, int(ax.get_window_extent().width / ax.figure.dpi * 15))  # letters at this size
    ax.annotate(
        textwrap.fill(told, wide, subsequent_indent="    ").replace("\xa0", " "),
        (0, row - _HEIGHT / 2),
        xytext=(2, 3),
        textcoords="offset points",
        fontsize=9,
        path_effects=[withStroke(linewidth=3, foreground="white")],
        **PLAIN,
    )


def _count(n: int, total: int) -> str:
    return f"{n:,} ({_percent(n, total)})"


def _percent(n: int, total: int) -> str:
    return f"{100 * n / total:.0f} %"
