"""One function a figure: ``(frame, *, ax=None) -> Axes``; matplotlib is loaded by drawing."""

from orchkit.ui.plots.canvas import SIZE, drawn
from orchkit.ui.plots.flow import escalation
from orchkit.ui.plots.latencies import latency
from orchkit.ui.plots.spending import cost_breakdown
from orchkit.ui.plots.tiers import confusion
from orchkit.ui.plots.tradeoff import cost_quality

__all__ = [
    "SIZE",
    "confusion",
    "cost_breakdown",
    "cost_quality",
    "drawn",
    "escalation",
    "latency",
]
