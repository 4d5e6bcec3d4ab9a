"""One function a figure: ``(frame, *, ax=None) -> Axes``; matplotlib is loaded by drawing."""

from orchkit.ui.plots.canvas import SIZE, drawn
from orchkit.ui.plots.spending import spending
from orchkit.ui.plots.tradeoff import cost_quality

__all__ = ["SIZE", "cost_quality", "drawn", "spending"]
