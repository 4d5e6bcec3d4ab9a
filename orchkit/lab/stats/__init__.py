"""``orchkit.stats``: how sure one can be of what was measured, on the same prompts throughout."""

from orchkit.lab.stats.areas import auroc_interval
from orchkit.lab.stats.bootstrap import bootstrap, ratio_interval
from orchkit.lab.stats.guarantees import conformal_threshold, least_escalation
from orchkit.lab.stats.intervals import clopper_pearson, mean_interval, standard_error, wilson
from orchkit.lab.stats.multiplicity import benjamini_hochberg, holm
from orchkit.lab.stats.paired import PairedDifference, paired_bootstrap
from orchkit.lab.stats.percentiles import Interval
from orchkit.lab.stats.planning import detectable, sample_size
from orchkit.lab.stats.rights import McNemar, mcnemar, tango
from orchkit.lab.stats.verdicts import Verdict, noninferior

__all__ = [
    "Interval",
    "McNemar",
    "PairedDifference",
    "Verdict",
    "auroc_interval",
    "benjamini_hochberg",
    "bootstrap",
    "clopper_pearson",
    "conformal_threshold",
    "detectable",
    "holm",
    "least_escalation",
    "mcnemar",
    "mean_interval",
    "noninferior",
    "paired_bootstrap",
    "ratio_interval",
    "sample_size",
    "standard_error",
    "tango",
    "wilson",
]
