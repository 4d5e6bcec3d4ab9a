"""Reliability: whether answers that are 80 % sure are right 80 % of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from orchkit.lab.pictures.calibration import GROUP, judged, reliability_bins, strategies
from orchkit.ui.plots.canvas import LINE, MARKERS, SERIES, axes, remember
from orchkit.ui.plots.lettering import legend, note, short, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Share of the height that the strip of all confidences takes at most.
_STRIP = 0.12


def reliability(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    confidence: str = "confidence",
    correct: str = "quality",
    bins: int = 10,
    by: str | None = None,
    simulated: bool = False,
    **artist: Any,
) -> Axes:
    """Draw quality against confidence, in bins of about equally many answers.

    On the diagonal confidence is a probability; below it there is too much of it. A marker's area
    tells how many answers are in its bin, the strip at the foot how confidences are spread. The
    legend tells the calibration error over these bins, as it is and less what chance alone would
    put there (debiased), and the Brier score.

    Parameters
    ----------
    frame : DataFrame
        A comparison's results, or any with the two columns, both in [0, 1].
    ax : Axes, optional
        Where to draw; a new figure's Axes when None.
    confidence, correct : str
        The columns. Graded quality is drawn as mean score; for a share of right answers give
        ``frame.assign(quality=frame["quality"] >= 0.5)``.
    bins : int
        How many at most.
    by : str, optional
        The column that has a line for each value; the strategy where there are several, as
        their answers to one prompt are no independent evidence.
    simulated : bool
        Says so in the title, as it does where `provider` names the simulator.
    **artist
        Passed to ``Axes.errorbar``.

    Returns
    -------
    Axes
        `orchkit.plots.drawn` gives one row a bin, as `lab.pictures.reliability_bins` says.

    Raises
    ------
    ColumnError
        A column is missing, or holds what is not in [0, 1].
    ParameterError
        `bins` is no whole number of 1 or more.

    Examples
    --------
    >>> frame = pd.DataFrame({"confidence": [0.2, 0.4, 0.8, 0.8], "quality": [0, 1, 1, 1]})
    >>> reliability(frame, bins=2).get_xlabel()
    'confidence [mean of a bin of about equally many answers]'
    """
    by = by or ("strategy" if strategies(frame) > 1 else None)
    table = reliability_bins(frame, confidence=confidence, correct=correct, bins=bins, by=by)
    rows = judged(frame, confidence, correct, by).dropna()
    ax = axes(ax, lines=3 + table[by or GROUP].nunique())
    title(ax, "Confidence and quality", frame, simulated)
    binary = rows["quality"].isin((0, 1)).all()
    ax.set_xlabel("confidence [mean of a bin of about equally many answers]")
    ax.set_ylabel(f"quality [{'share right' if binary else 'mean score'}]")
    if rows.empty:
        note(ax, "no answer has both a confidence and a quality")
        return remember(ax, table)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.05))
    ax.plot([0, 1], [0, 1], "--", color=LINE, linewidth=1, label="confidence is a probability")
    ax.plot([], [], "|", color=LINE, label=f"95 % interval ({'Wilson' if binary else 'normal'})")
    _draw_strip(ax, rows["confidence"].to_numpy())
    for n, (name, own) in enumerate(table.groupby(by or GROUP, sort=False)):
        _draw_group(ax, n, str(name), own, artist)
    ax.grid(alpha=0.25)
    legend(ax, columns=1, fontsize=8)
    return remember(ax, table)


def _draw_group(ax: Axes, n: int, name: str, own: pd.DataFrame, artist: dict[str, Any]) -> None:
    colour, marker = SERIES[n % len(SERIES)], MARKERS[n % len(MARKERS)]
    y = own["quality"].to_numpy()
    spread = np.abs(own[["quality_low", "quality_high"]].to_numpy().T - y)
    look: dict[str, Any] = {"color": colour, "linewidth": 1, "elinewidth": 1, "capsize": 2}
    look |= {"fmt": "-", "label": "_bars"}
    ax.errorbar(own["confidence"], y, yerr=np.nan_to_num(spread), **{**look, **artist})
    area = 15 + 240 * own["n"] / max(own["answers"].iloc[0], 1)
    ax.scatter(own["confidence"], y, area, color=colour, marker=marker, zorder=3)
    ax.plot([], [], f"{marker}-", color=colour, label=_told(name, own.iloc[0]))


def _told(name: str, row: pd.Series[Any]) -> str:
    if not row["answers"]:
        return f"{short(name, 40)}: nothing is known"
    unknown = f", {row['unknown']:,.0f} unknown" if row["unknown"] else ""
    return (
        f"{short(name, 34)} (n {row['answers']:,.0f}{unknown}): "
        f"ECE {row['ece_mass']:.3f} equal-mass, {row['ece_debiased']:.3f} debiased; "
        f"Brier {row['brier']:.3f}"
    )


def _draw_strip(ax: Axes, sure: Any) -> None:
    """Draw how all confidences are spread, in twenty equal parts, along the foot."""
    counts, edges = np.histogram(sure, bins=20, range=(0, 1))
    ax.stairs(
        _STRIP * counts / counts.max(),
        edges,
        fill=True,
        color=LINE,
        alpha=0.35,
        zorder=0,
        label=f"how {len(sure):,} confidences are spread (tallest: {counts.max():,})",
    )
