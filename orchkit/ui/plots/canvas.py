"""What every figure shares: its size, its colours, its Axes, and the frame it was drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pandas as pd

from orchkit.errors import MisuseError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe and Ito's palette: told apart with any kind of colour vision.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999", "#000000")
SINGLE, STRATEGY, ORACLE_COLOUR, OTHER, LINE = (PALETTE[at] for at in (0, 1, 2, 4, 6))
#: Of lines told apart by colour, and by marker as well: no two alike among the first 56.
SERIES = (*PALETTE[:6], PALETTE[7])
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
#: Inches, of a figure that is made here.
SIZE = (7.5, 4.8)
_DRAWN: WeakKeyDictionary[Any, pd.DataFrame] = WeakKeyDictionary()


def axes(ax: Axes | None, *, rows: int = 0, lines: int = 0) -> Axes:
    """Return the Axes given, or those of a new figure: of so many bars, over a legend's lines."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    size = sized(rows=rows, lines=lines)
    return plt.subplots(figsize=size, layout="constrained")[1]


def sized(*, rows: int = 0, lines: int = 0) -> tuple[float, float]:
    """Return the inches of a figure of so many bars, over a legend of so many lines."""
    return SIZE[0], max(SIZE[1], 1.4 + 0.5 * min(rows, 40), 4.2 + 0.19 * min(lines, 40))


def settle(ax: Axes) -> None:
    """Lay the figure out, so that what is measured in it is as it will be drawn."""
    ax.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]


def remember(ax: Axes, frame: pd.DataFrame) -> Axes:
    """Keep the frame that was drawn on these Axes, for `drawn`."""
    _DRAWN[ax] = frame.copy()
    return ax


def drawn(ax: Axes) -> pd.DataFrame:
    """Return the frame behind a figure: what was drawn last on these Axes.

    Raises MisuseError for Axes that no function of `orchkit.plots` drew on.

    Examples
    --------
    >>> from orchkit import plots
    >>> row = {"quality": 0.8, "quality_low": 0.7, "quality_high": 0.9, "cost_per_1k": 0.2}
    >>> plots.drawn(plots.cost_quality(pd.DataFrame([row], index=["cheapest"]))).shape
    (1, 4)
    """
    if ax not in _DRAWN:
        raise MisuseError(
            "These Axes were not drawn by orchkit.plots; pass what a figure returned."
        )
    return _DRAWN[ax].copy()
