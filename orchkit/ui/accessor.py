"""``df.orch``: stateless; each method is the function of the same name with the frame put first."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import pandas as pd

from orchkit.ui import exporting, judging, labelling, verbs

P = ParamSpec("P")
T = TypeVar("T")


def _method(
    verb: Callable[Concatenate[pd.DataFrame, P], T],
) -> Callable[Concatenate[OrchAccessor, P], T]:
    """Return the verb as a method: same signature, same words."""

    @wraps(verb)
    def method(self: OrchAccessor, /, *args: P.args, **options: P.kwargs) -> T:
        return verb(self._frame, *args, **options)

    return method


@pd.api.extensions.register_dataframe_accessor("orch")
class OrchAccessor:
    """Route the prompts of a frame, and measure: ``df.orch.route()`` is ``orchkit.route(df)``.

    Methods
    -------
    route(strategy="cheapest", ...)
        Answer every prompt by one strategy: a copy of the frame with result columns.
    compare(strategies, ...)
        Answer by several strategies and measure them against each other: a `Comparison`.
    estimate(strategy, ...)
        What that would cost, before spending: an `Estimate`.
    record(models, ...)
        Ask every model every prompt once: a `ResponseMatrix`, on which strategies are replayed.
    judge(model, ...)
        Have a model grade the answers of what `route` returned.
    label_tiers(model, ...)
        Have a model say how hard the prompts are.
    to_csv(path, ...)
        Write the frame so that no answer becomes a formula in a spreadsheet.

    Notes
    -----
    Type checkers know nothing of accessors; to them, write ``orchkit.route(df)``, which is the
    same.

    Examples
    --------
    >>> import orchkit, pandas as pd
    >>> df = pd.DataFrame({"prompt": ["What is 2+2?", "Explain tides"]})
    >>> with orchkit.use("simulator"):
    ...     df.orch.route("cheapest")["model_used"].tolist()
    ['gpt-4o-mini', 'claude-haiku-3.5']
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    route = _method(verbs.route)
    compare = _method(verbs.compare)
    estimate = _method(verbs.estimate)
    record = _method(verbs.record)
    judge = _method(judging.judge)
    label_tiers = _method(labelling.label_tiers)
    to_csv = _method(exporting.to_csv)  # type: ignore[arg-type]  # its **kwargs could hold a df
