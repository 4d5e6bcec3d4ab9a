"""Cost breakdown: what a strategy pays which model, and for answers nobody used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from orchkit.lab.pictures.columns import labels
from orchkit.lab.pictures.spending import cost_parts
from orchkit.ui.money import usd
from orchkit.ui.plots.canvas import LINE, SERIES, axes, remember
from orchkit.ui.plots.lettering import legend, named, names_down, note, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_REST = "other models"
_UNUSED = "////"


def cost_breakdown(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    by: str = "strategy",
    simulated: bool = False,
    **artist: Any,
) -> Axes:
    """Draw what each strategy pays each model, in USD per 1,000 prompts.

    Hatched is what was paid for answers that were not kept: what escalation went past, the
    outvoted members of an ensemble. At the end of a bar stand its sum and the share hatched.

    Parameters
    ----------
    frame : DataFrame
        A comparison's results: strategy, model_used, metadata with the record of every call.
    ax : Axes, optional
        Where to draw; a new figure's Axes when None.
    by : str
        The column whose values are a bar each.
    simulated : bool
        Says so in the title, as it does where `provider` names the simulator.
    **artist
        Passed to ``Axes.barh``.

    Returns
    -------
    Axes
        `orchkit.plots.drawn` gives one row per strategy × model × kept, as
        `lab.pictures.cost_parts` says.

    Raises
    ------
    ColumnError
        A column is missing, or metadata holds no records.

    Examples
    --------
    >>> calls = [{"model": "small", "cost": 0.001}, {"model": "large", "cost": 0.004}]
    >>> row = {"strategy": "fallback", "model_used": "large", "metadata": {"calls": calls}}
    >>> [text.get_text() for text in cost_breakdown(pd.DataFrame([row])).texts]
    ['$5.00, 20 % not kept']
    """
    parts = cost_parts(frame, by=by)
    names = labels(frame[by].dropna().astype(str))
    ax = axes(ax, rows=len(names))
    title(ax, "Where the money goes", frame, simulated)
    ax.set_xlabel("cost [USD per 1,000 prompts]")
    if parts.empty:
        note(ax, "no calls were made")
        return remember(ax, parts)
    names_down(ax, names)
    _draw(ax, _few(parts), names, by, artist)
    _total(ax, parts, names, by)
    ax.grid(axis="x", alpha=0.25)
    legend(ax)
    return remember(ax, parts)


def _few(parts: pd.DataFrame) -> pd.DataFrame:
    """Put the models beyond the colours there are together: those that cost least."""
    cost = parts.groupby("model", sort=False)["cost_per_1k"].sum()
    if len(cost) <= len(SERIES):
        return parts
    kept = cost.nlargest(len(SERIES) - 1).index
    return parts.assign(model=parts["model"].where(parts["model"].isin(kept), _REST))


def _draw(ax: Axes, parts: pd.DataFrame, names: list[str], by: str, artist: dict[str, Any]) -> None:
    """Stack one bar a model: first the answers that were kept, then those that were not."""
    wide = parts.pivot_table(
        index=by, columns=["model", "kept"], values="cost_per_1k", aggfunc="sum", fill_value=0
    ).reindex(names, fill_value=0)
    models = labels(parts["model"])
    left = np.zeros(len(names))
    for kept in (True, False):
        for model, colour in zip(models, SERIES, strict=False):
            if (model, kept) in wide:
                width = wide[model, kept].to_numpy()
                look = {"color": colour, "edgecolor": "white", "height": 0.6}
                look |= {} if kept else {"hatch": _UNUSED, "alpha": 0.75}
                ax.barh(range(len(names)), width, left=left, **{**look, **artist})
                left = left + width
    for model, colour in zip(models, SERIES, strict=False):
        ax.barh(0, 0, color=colour, label=named(model))
    if not parts["kept"].all():
        ax.barh(0, 0, color=LINE, edgecolor="white", hatch=_UNUSED, label="answer not kept")


def _total(ax: Axes, parts: pd.DataFrame, names: list[str], by: str) -> None:
    longest = parts.groupby(by)["cost_per_1k"].sum().max()
    ax.set_xlim(0, 1.45 * longest or 1.0)  # room for what stands at the end of the longest bar
    for row, name in enumerate(names):
        own = parts[parts[by] == name]
        total, unpriced = own["cost_per_1k"].sum(), own["unpriced"].sum()
        lost = own.loc[~own["kept"], "cost_per_1k"].sum()
        told = usd(total) + (f", {lost / total:.0%} not kept".replace("%", " %") if lost else "")
        told += f" + {unpriced:,} calls of unknown price" if unpriced else ""
        ax.annotate(
            told, (total, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8
        )
