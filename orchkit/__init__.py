"""Route prompts over several language models, and measure how well each way of routing does.

>>> import orchkit
>>> df = orchkit.load_dataset("everyday").head(3)
>>> with orchkit.use("simulator"):
...     df.orch.route(strategy="cheapest").shape
(3, 20)
"""

from orchkit.core.calls import Call, Failure, Kind, Message, Params, Response, Usage
from orchkit.core.catalog import Catalog, Model, Tier
from orchkit.core.complexity import KeywordRules
from orchkit.core.confidence import Signal, brevity, hard_failure
from orchkit.core.fitted import Fitted
from orchkit.core.judging import Judge
from orchkit.core.plans import Answer, Confidence, Plan, Query, Strategy, Trace
from orchkit.core.signals import (
    LogprobQuantile,
    agrees_with,
    min_logprob,
    p_true,
    self_consistency,
    verbalised,
)
from orchkit.core.strategies import (
    AgreeThenEscalate,
    Cheapest,
    Ensemble,
    Fallback,
    Single,
    Threshold,
    Utility,
)
from orchkit.errors import (
    BudgetError,
    BudgetExceeded,
    CacheWarning,
    CallError,
    CatalogError,
    ChainError,
    ColumnError,
    MatrixError,
    MetricWarning,
    MisuseError,
    NotRecorded,
    OrchkitError,
    OrchkitWarning,
    ParameterError,
    PriceMissingError,
    RetiredModelWarning,
    StoreError,
    UnknownModelError,
    UnknownNameError,
)
from orchkit.lab import metrics, scoring, stats
from orchkit.lab.calibrated import Calibrated
from orchkit.lab.calibration import Calibrator
from orchkit.lab.complexity import ComplexityClassifier
from orchkit.lab.datasets import load_dataset
from orchkit.lab.drifting import Drift
from orchkit.lab.routers import (
    BlendRouter,
    GroupMeanRouter,
    KNNRouter,
    LengthRouter,
    LogisticRouter,
    Router,
)
from orchkit.lab.scoring import Scorer
from orchkit.runtime.wire import Provider, Quota, Rejection
from orchkit.ui import accessor, costs, plots
from orchkit.ui.caching import CacheInfo, cache_info, prune_cache
from orchkit.ui.calibrating import calibrate, confidence_report, confidence_values
from orchkit.ui.comparison import Comparison
from orchkit.ui.displays import dress as _dress
from orchkit.ui.estimate import Estimate
from orchkit.ui.evaluation import RouterEvaluation, evaluate_routers
from orchkit.ui.exporting import to_csv
from orchkit.ui.judging import judge
from orchkit.ui.labelling import label_tiers, outcome_tiers
from orchkit.ui.models import add_model, models, remove_model
from orchkit.ui.readers import read_routellm, read_routerbench, read_zeroeval
from orchkit.ui.recordings import ResponseMatrix
from orchkit.ui.result import Result
from orchkit.ui.using import use
from orchkit.ui.verbs import compare, estimate, last_run, record, route, run_orchestration

__version__ = "0.1.0"
_dress()  # what a notebook shows of strategies and of what was fitted

__all__ = [
    "AgreeThenEscalate",
    "Answer",
    "BlendRouter",
    "BudgetError",
    "BudgetExceeded",
    "CacheInfo",
    "CacheWarning",
    "Calibrated",
    "Calibrator",
    "Call",
    "CallError",
    "Catalog",
    "CatalogError",
    "ChainError",
    "Cheapest",
    "ColumnError",
    "Comparison",
    "ComplexityClassifier",
    "Confidence",
    "Drift",
    "Ensemble",
    "Estimate",
    "Failure",
    "Fallback",
    "Fitted",
    "GroupMeanRouter",
    "Judge",
    "KNNRouter",
    "KeywordRules",
    "Kind",
    "LengthRouter",
    "LogisticRouter",
    "LogprobQuantile",
    "MatrixError",
    "Message",
    "MetricWarning",
    "MisuseError",
    "Model",
    "NotRecorded",
    "OrchkitError",
    "OrchkitWarning",
    "ParameterError",
    "Params",
    "Plan",
    "PriceMissingError",
    "Provider",
    "Query",
    "Quota",
    "Rejection",
    "Response",
    "ResponseMatrix",
    "Result",
    "RetiredModelWarning",
    "Router",
    "RouterEvaluation",
    "Scorer",
    "Signal",
    "Single",
    "StoreError",
    "Strategy",
    "Threshold",
    "Tier",
    "Trace",
    "UnknownModelError",
    "UnknownNameError",
    "Usage",
    "Utility",
    "accessor",
    "add_model",
    "agrees_with",
    "brevity",
    "cache_info",
    "calibrate",
    "compare",
    "confidence_report",
    "confidence_values",
    "costs",
    "estimate",
    "evaluate_routers",
    "hard_failure",
    "judge",
    "label_tiers",
    "last_run",
    "load_dataset",
    "metrics",
    "min_logprob",
    "models",
    "outcome_tiers",
    "p_true",
    "plots",
    "prune_cache",
    "read_routellm",
    "read_routerbench",
    "read_zeroeval",
    "record",
    "remove_model",
    "route",
    "run_orchestration",
    "scoring",
    "self_consistency",
    "stats",
    "to_csv",
    "use",
    "verbalised",
]
