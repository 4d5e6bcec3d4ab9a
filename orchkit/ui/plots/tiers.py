"""Confusion: which tier prompts have, and which they were taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from orchkit.core.catalog import Tier
from orchkit.lab.pictures.columns import labels
from orchkit.lab.pictures.tiers import tier_counts, weighted_kappa
from orchkit.ui.plots.canvas import axes, remember
from orchkit.ui.plots.lettering import PLAIN, named, note, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def confusion(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    truth: str = "complexity",
    predicted: str = "predicted",
    **artist: Any,
) -> Axes:
    """Draw how many prompts of each tier were taken for which: counts, coloured by share of a row.

    Parameters
    ----------
    frame : DataFrame
        One row a prompt, with the two columns.
    ax : Axes, optional
        Where to draw; a new figure's Axes when None.
    truth, predicted : str
        The columns that hold a prompt's tier, and what it was taken for. Labels that are no tiers
        are drawn too, in the order of the alphabet.
    **artist
        Passed to ``Axes.imshow``.

    Returns
    -------
    Axes
        `orchkit.plots.drawn` gives one row per cell, as `lab.pictures.tier_counts` says.

    Raises
    ------
    ColumnError
        A column is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"complexity": ["basic", "expert"], "predicted": ["basic", "expert"]})
    >>> confusion(frame).get_title()
    'Complexity: 2 prompts, 100 % as labelled, weighted kappa 1.00'
    """
    counts = tier_counts(frame, truth=truth, predicted=predicted)
    ax = axes(ax)
    n = int(counts["n"].sum())
    ax.set_xlabel(f"{named(predicted)} [what it was taken for]", **PLAIN)
    ax.set_ylabel(f"{named(truth)} [what it is]", **PLAIN)
    if not n:
        ax.set_title("Complexity")
        note(ax, "no prompt has both labels")
        return remember(ax, counts)
    _draw(ax, counts, artist)
    title(ax, _told(counts, n, len(frame) - n), frame, simulated=False)
    return remember(ax, counts)


def _told(counts: pd.DataFrame, n: int, left_out: int) -> str:
    right = counts.loc[counts["truth"] == counts["predicted"], "n"].sum() / n
    told = f"Complexity: {n:,} prompt{'s' * (n > 1)}, {100 * right:.0f} % as labelled"
    seen = counts.loc[counts["n"] > 0, ["truth", "predicted"]].to_numpy().ravel()
    if len(set(seen)) > 1 and {*seen} <= {*Tier}:  # else there is no order to weigh by
        told += f", weighted kappa {weighted_kappa(counts):.2f}"
    return told + (f"; {left_out:,} without a label" if left_out else "")


def _draw(ax: Axes, counts: pd.DataFrame, artist: dict[str, Any]) -> None:
    order = labels(counts["truth"])
    share = counts["share"].to_numpy(dtype=float).reshape(len(order), -1)
    n = counts["n"].to_numpy().reshape(len(order), -1)
    look = {"cmap": "Blues", "vmin": 0, "vmax": 1, "aspect": "auto"}
    ax.imshow(np.nan_to_num(share), **{**look, **artist})
    told, size = [named(label, 14) for label in order], 10 if len(order) <= 8 else 7
    slant = 0 if len(order) <= 6 else 90
    ax.set_xticks(range(len(order)), told, rotation=slant, fontsize=size, **PLAIN)
    ax.set_yticks(range(len(order)), told, fontsize=size, **PLAIN)
    for (row, column), count in np.ndenumerate(n):
        if count:
            colour = "white" if share[row, column] > 0.65 else "black"
            text = f"{count:,}\n{100 * share[row, column]:.0f} %"
            ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
