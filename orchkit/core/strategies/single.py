"""Single: always the same model, the baseline every study needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchkit.core.catalog import Catalog
from orchkit.core.confidence import Signal, judge
from orchkit.core.plans import Answer, Plan, Query


@dataclass(frozen=True)
class Single:
    """Ask one model.

    Parameters
    ----------
    model : str
        Its catalog name.
    confidence : callable, optional
        A signal ``(query, response) -> float in [0, 1]``; by default the best the response carries.

    Examples
    --------
    >>> import orchkit
    >>> with orchkit.use("simulator"):
    ...     orchkit.run_orchestration("What is 2+2?", strategy=Single("gpt-4o")).model_used
    'gpt-4o'
    """

    model: str
    confidence: Signal | None = None
    name: ClassVar[str] = "single"

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """One round of one call."""
        model = catalog[self.model].name
        (response,) = yield (query.call(model),)
        confidence = yield from judge(self.confidence, query, response)
        return Answer.of(response, confidence, planned=(model,))
