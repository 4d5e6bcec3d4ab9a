"""``orchkit.metrics``: arrays in, floats or frames out; a variant is named in the call.

What is undefined is NaN with a `MetricWarning` that says why, never a silent number; rows that a
metric cannot count are told of, or counted in a frame's ``.attrs``.

====================  ===========================================================================
points                `pareto`, `hull`, `hull_value` (the Zero router), `aiq`, `qnc`
two models            `deferral_curve`, `pgr`, `apgr`, `cpt`, `cost_apgr`
many models           `utility_curve`
the truth             `oracle_frontier`, `regret`, `model_recall`
calibration           `calibration_bins`, `ece`, `brier`, `brier_parts`
ranking by confidence `auroc`, `risk_coverage`, `aurc`, `e_aurc`, `augrc`
others' scores        `routerarena_score`, `routerarena_optimality`, `relative_gain`,
                      `pareto_distance`, `ibc_lift`
====================  ===========================================================================
"""

from orchkit.lab.metrics.budgets import aiq, qnc
from orchkit.lab.metrics.calibration import brier, brier_parts, calibration_bins, ece
from orchkit.lab.metrics.composite import (
    ibc_lift,
    pareto_distance,
    relative_gain,
    routerarena_optimality,
    routerarena_score,
)
from orchkit.lab.metrics.deferral import deferral_curve
from orchkit.lab.metrics.frontier import hull, hull_value, pareto
from orchkit.lab.metrics.oracles import model_recall, oracle_frontier, regret
from orchkit.lab.metrics.recovery import apgr, cost_apgr, cpt, pgr
from orchkit.lab.metrics.selection import augrc, aurc, auroc, e_aurc, risk_coverage
from orchkit.lab.metrics.utilities import utility_curve

__all__ = [
    "aiq",
    "apgr",
    "augrc",
    "aurc",
    "auroc",
    "brier",
    "brier_parts",
    "calibration_bins",
    "cost_apgr",
    "cpt",
    "deferral_curve",
    "e_aurc",
    "ece",
    "hull",
    "hull_value",
    "ibc_lift",
    "model_recall",
    "oracle_frontier",
    "pareto",
    "pareto_distance",
    "pgr",
    "qnc",
    "regret",
    "relative_gain",
    "risk_coverage",
    "routerarena_optimality",
    "routerarena_score",
    "utility_curve",
]
