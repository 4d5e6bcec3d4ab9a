"""Route prompts over several language models, and measure how well each way of routing does.

Importing orchkit gives every DataFrame an ``.orch``. Start with a frame that has a column of
prompts; with a column of right answers, too, strategies are compared by quality and cost::

    df = orchkit.load_dataset("everyday")  # prompt, reference, scorer, complexity, kind
    out = df.orch.route(strategy="cheapest")  # a copy of df with answers, costs, latencies
    cmp = df.orch.compare(["cheapest", "fallback", "gpt-4o"])  # a table with verdicts
    mat = df.orch.record(["gpt-4o-mini", "gpt-4o"])  # then replay strategies without spending

Without a key, answers come from a simulator that says so. ``help`` tells more of every name here.

**From a frame** (``df.orch.x(...)`` is ``orchkit.x(df, ...)``): `route`, `compare`, `estimate`,
`record`, `judge`, `label_tiers`, `to_csv`; of one prompt `run_orchestration`; of the last run
`last_run`; prompts to begin with: `load_dataset`.

**What they return**: `Comparison`, `Estimate`, `ResponseMatrix`, `Result`. Over a recording or a
comparison, `dashboard` moves thresholds and prices by hand.

**Strategies**: `Single`, `Cheapest`, `Fallback`, `Ensemble`, `AgreeThenEscalate`, and by a router
`Threshold` and `Utility`. Tuned by ``.fit(matrix)``, they remember it as `Fitted`. One of your own
is any object that follows `Strategy`: its `Plan` turns a `Query` into `Call`s and their `Response`s
into an `Answer`; `Trace` is how that went. What they are made of: `Confidence`, `Failure`, `Kind`,
`Message`, `Params`, `Usage`.

**Recordings**: `ResponseMatrix` (``from_long``, ``from_wide``, ``save``, ``load``, ``route``,
``compare``, ``sweep``, ``frontier``, ``reprice``); other people's: `read_routellm`,
`read_routerbench`, `read_zeroeval`.

**Confidence**: signals (`Signal`) that cost nothing: `brevity`, `min_logprob`, `LogprobQuantile`,
`hard_failure`; that ask: `agrees_with`, `self_consistency`, `verbalised`, `p_true`; a model as
`Judge`. Fitted to outcomes: `calibrate`, `Calibrated`, `Calibrator`, `Drift`; looked at:
`confidence_report`, `confidence_values`.

**Learned**: `ComplexityClassifier`, beside the `KeywordRules`; `outcome_tiers`, `Tier`. Routers
(`Router`): `LengthRouter`, `KNNRouter`, `LogisticRouter`, `GroupMeanRouter`, `BlendRouter`;
measured by `evaluate_routers`, `RouterEvaluation`.

**Where answers come from**: `use`; models and prices: `models`, `add_model`, `remove_model`,
`Model`, `Catalog`; a vendor of your own: `Provider`, `Quota`, `Rejection`.

**Money**: `costs`, the ledger; `cache_info`, `prune_cache`, `CacheInfo`; limits are ``max_cost=``
and ``budget=`` of every run, and of `use`.

**Measures and figures**: `metrics`, `stats`, `scoring` (`Scorer`), `plots`; the frames' `accessor`.

**What goes wrong** is an `OrchkitError`, told in `orchkit.errors`, or an `OrchkitWarning`; a row
that fails says why in its column ``error``.

Examples
--------
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
from orchkit.ui.dashboard import dashboard
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
    "dashboard",
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


def __getattr__(name: str) -> object:
    """Return `orchkit.testing`, which is loaded when it is asked for."""
    if name != "testing":
        raise AttributeError(f"module 'orchkit' has no attribute {name!r}")
    import importlib

    return importlib.import_module("orchkit.testing")


def __dir__() -> list[str]:
    """Return what Tab completes: the public names alone."""
    return [*__all__, "__all__", "__doc__", "__version__"]
