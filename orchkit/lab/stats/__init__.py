"""``orchkit.stats``: how sure one can be of what was measured, on the same prompts throughout."""

from orchkit.lab.stats.bootstrap import Interval, bootstrap, ratio_interval
from orchkit.lab.stats.guarantees import conformal_threshold, least_escalation
from orchkit.lab.stats.intervals import clopper_pearson, mean_interval, tango, wilson
from orchkit.lab.stats.paired import PairedDifference, paired_bootstrap
from orchkit.lab.stats.verdicts import Verdict, noninferior

__all__ = [
    "Interval",
    "PairedDifference",
    "Verdict",
    "bootstrap",
    "clopper_pearson",
    "conformal_threshold",
    "least_escalation",
    "mean_interval",
    "noninferior",
    "paired_bootstrap",
    "ratio_interval",
    "tango",
    "wilson",
]
