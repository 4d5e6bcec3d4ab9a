"""One function a figure: ``(frame, *, ax=None) -> Axes``; matplotlib is loaded by drawing."""

from orchkit.ui.plots.breakdown import cost_breakdown
from orchkit.ui.plots.calibration import reliability
from orchkit.ui.plots.canvas import SIZE, drawn
from orchkit.ui.plots.confidences import confidence
from orchkit.ui.plots.deferring import deferral
from orchkit.ui.plots.flow import escalation
from orchkit.ui.plots.latencies import latency
from orchkit.ui.plots.spent import spending
from orchkit.ui.plots.tiers import confusion
from orchkit.ui.plots.tradeoff import cost_quality

__all__ = [
    "SIZE",
    "confidence",
    "confusion",
    "cost_breakdown",
    "cost_quality",
    "deferral",
    "drawn",
    "escalation",
    "latency",
    "reliability",
    "spending",
]
