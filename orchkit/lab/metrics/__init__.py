"""``orchkit.metrics``: arrays in, floats or frames out; a variant is named in the call.

What is undefined is NaN with a `MetricWarning` that says why, never a silent number.
"""

from orchkit.lab.metrics.calibration import brier, brier_parts, calibration_bins, ece
from orchkit.lab.metrics.deferral import deferral_curve
from orchkit.lab.metrics.frontier import aiq, hull, hull_value, pareto, qnc
from orchkit.lab.metrics.oracles import oracle_frontier

__all__ = [
    "aiq",
    "brier",
    "brier_parts",
    "calibration_bins",
    "deferral_curve",
    "ece",
    "hull",
    "hull_value",
    "oracle_frontier",
    "pareto",
    "qnc",
]
