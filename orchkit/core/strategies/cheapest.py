"""Cheapest: the prompt's complexity picks the cheapest model able to handle it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchkit.core.calls import Kind, Response
from orchkit.core.catalog import Catalog
from orchkit.core.confidence import Signal, judge
from orchkit.core.plans import Answer, Plan, Query


@dataclass(frozen=True)
class Cheapest:
    """Ask the cheapest available model whose tier is at least the prompt's complexity.

    A model whose worst case does not fit the cost limit is passed over for the next able one by
    price. When no available model is able, the cheapest of the most able ones is asked.

    Parameters
    ----------
    confidence : callable, optional
        A signal ``(query, response) -> float in [0, 1]``; by default the best the response carries.

    Examples
    --------
    >>> import orchkit
    >>> with orchkit.use("simulator"):
    ...     orchkit.run_orchestration("What is 2+2?", strategy=Cheapest()).model_used
    'gpt-4o-mini'
    """

    confidence: Signal | None = None
    name: ClassVar[str] = "cheapest"

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """Ask in rounds of one call, until one fits the cost limit; nearly always the first."""
        able = catalog.cheapest_able(query.tier)
        asked: tuple[str, ...] = ()
        refused: Response | None = None
        for model in able:
            asked = (*asked, model.name)
            (response,) = yield (query.call(model.name),)
            if response.failure is None or response.failure.kind is not Kind.BudgetExceeded:
                break
            refused = refused or response  # the nearest miss tells most
        else:
            response = refused or Response.failed(able[0].name, Kind.BudgetExceeded)
        confidence = yield from judge(self.confidence, query, response)
        return Answer.of(response, confidence, planned=asked)
