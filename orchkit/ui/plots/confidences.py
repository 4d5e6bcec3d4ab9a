"""Confidence: how sure right answers are, and how sure wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from orchkit.lab.pictures.confidences import confidence_spread
from orchkit.ui.plots.canvas import SINGLE, STRATEGY, axes, remember
from orchkit.ui.plots.lettering import legend, note, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOOK: dict[bool, dict[str, Any]] = {
    True: {"color": SINGLE, "fill": True, "alpha": 0.4},
    False: {"color": STRATEGY, "hatch": "////", "linewidth": 1.5},
}


def confidence(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    confidence: str = "confidence",
    correct: str = "quality",
    threshold: float | None = None,
    bins: int = 20,
    simulated: bool = False,
    **artist: Any,
) -> Axes:
    """Draw how confidence is spread over right answers, and over wrong ones.

    The less the two overlap, the better a threshold can tell them apart; the title has the AUROC,
    the chance that a right answer is surer than a wrong one.

    Parameters
    ----------
    frame : DataFrame
        A comparison's results, or any with the two columns, both in [0, 1]. All its rows are drawn
        together: choose one strategy's, ``results[results["strategy"] == "fallback"]``.
    ax : Axes, optional
        Where to draw; a new figure's Axes when None.
    confidence, correct : str
        The columns.
    threshold : float, optional
        Answers of at least this quality are right; without it quality must be 0 or 1.
    bins : int
        How many equal parts of [0, 1].
    simulated : bool
        Says so in the title, as it does where `provider` names the simulator.
    **artist
        Passed to ``Axes.stairs``.

    Returns
    -------
    Axes
        `orchkit.plots.drawn` gives one row a bin, as `lab.pictures.confidence_spread` says.

    Raises
    ------
    ColumnError
        A column is missing, or holds what is not in [0, 1].
    ParameterError
        Quality is graded and no threshold is given, or `bins` is no whole number of 1 or more.

    Examples
    --------
    >>> frame = pd.DataFrame({"confidence": [0.2, 0.6, 0.9], "quality": [0, 1, 1]})
    >>> confidence(frame).get_title()
    'Confidence of right and wrong: AUROC 1.000'
    """
    table = confidence_spread(
        frame, confidence=confidence, correct=correct, threshold=threshold, bins=bins
    )
    ax = axes(ax)
    auroc, answers, unknown = table[["auroc", "answers", "unknown"]].iloc[0]
    told = "undefined" if np.isnan(auroc) else f"{auroc:.3f}"
    name = "Confidence of right and wrong"
    title(ax, f"{name}: AUROC {told}" if answers else name, frame, simulated)
    ax.set_xlabel(f"confidence{f' [{unknown:,.0f} answers unknown]' if unknown else ''}")
    ax.set_ylabel("share of the right, or the wrong, answers")
    if not answers:
        note(ax, "no answer has both a confidence and a quality")
        return remember(ax, table)
    for kind, own in table.groupby("right", sort=False):
        edges = [*own["low"], 1.0]
        label = f"{'right' if kind else 'wrong'} answers (n {own['n'].sum():,})"
        ax.stairs(own["share"], edges, label=label, **{**_LOOK[bool(kind)], **artist})
    ax.set_xlim(0, 1)
    ax.grid(alpha=0.25)
    legend(ax)
    return remember(ax, table)
