"""Route prompts over several language models, and measure how well each way of routing does.

>>> import orchkit
>>> df = orchkit.load_dataset("everyday").head(3)
>>> with orchkit.use("simulator"):
...     df.orch.route(strategy="cheapest").shape
(3, 20)
"""

from orchkit.core.calls import Call, Message, Params, Response, Usage
from orchkit.core.catalog import Catalog, Model, Tier
from orchkit.core.complexity import KeywordRules
from orchkit.core.confidence import hard_failure
from orchkit.core.plans import Answer, Confidence, Plan, Query, Strategy
from orchkit.core.strategies import Cheapest, Ensemble, Fallback, Single
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
from orchkit.lab import scoring
from orchkit.lab.datasets import load_dataset
from orchkit.ui import accessor, plots
from orchkit.ui.caching import CacheInfo, cache_info, prune_cache
from orchkit.ui.comparison import Comparison
from orchkit.ui.estimate import Estimate
from orchkit.ui.exporting import to_csv
from orchkit.ui.models import add_model, models, remove_model
from orchkit.ui.recordings import ResponseMatrix
from orchkit.ui.result import Result
from orchkit.ui.using import use
from orchkit.ui.verbs import compare, estimate, last_run, record, route, run_orchestration

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "BudgetError",
    "BudgetExceeded",
    "CacheInfo",
    "CacheWarning",
    "Call",
    "CallError",
    "Catalog",
    "CatalogError",
    "ChainError",
    "Cheapest",
    "ColumnError",
    "Comparison",
    "Confidence",
    "Ensemble",
    "Estimate",
    "Fallback",
    "KeywordRules",
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
    "Query",
    "Response",
    "ResponseMatrix",
    "Result",
    "RetiredModelWarning",
    "Single",
    "StoreError",
    "Strategy",
    "Tier",
    "UnknownModelError",
    "UnknownNameError",
    "Usage",
    "accessor",
    "add_model",
    "cache_info",
    "compare",
    "estimate",
    "hard_failure",
    "last_run",
    "load_dataset",
    "models",
    "plots",
    "prune_cache",
    "record",
    "remove_model",
    "route",
    "run_orchestration",
    "scoring",
    "to_csv",
    "use",
]
