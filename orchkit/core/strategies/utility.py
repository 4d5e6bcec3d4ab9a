"""Utility: the model whose expected quality is worth most of its expected cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, ClassVar, Self

from orchkit.core.calls import Kind, Response
from orchkit.core.catalog import Catalog, model_names
from orchkit.core.confidence import Signal, judge
from orchkit.core.plans import Answer, Plan, Query
from orchkit.core.predicting import among, told
from orchkit.errors import ParameterError

#: Of one text: for each model how likely it is right, and USD to expect.
Forecast = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Utility:
    """Ask the model with the highest expected quality minus what its cost is worth.

    Of equals the cheaper; a model whose worst case does not fit the cost limit is passed over for
    the next best.

    Parameters
    ----------
    router : object
        With ``predict(texts)`` and ``predict_cost(texts)``: frames texts × models of the
        probability to be right and of USD; a fitted `LogisticRouter`, say.
    value : float, optional
        USD that a right answer is worth, above 0: a model is dearer than it is worth where another
        has more of ``probability - cost / value``. Infinite: the best, whatever it costs.
    budget : float, optional
        USD a prompt may cost on average, instead of a value: what money must be worth for the
        router's own training prompts to meet it is worked out by ``router.price_for(budget)``.
    models : tuple of str, optional
        The models to choose among, by the router's names; by default all it tells of.
    confidence : callable, optional
        A signal ``(query, response) -> float in [0, 1]``; by default the best the response carries.
    foreseen : mapping, optional
        Text -> what the router says of it, as `prepared` fills it in.

    Raises
    ------
    ParameterError
        Neither or both of `value` and `budget` are given, one is out of range, or the router does
        not know costs.

    Notes
    -----
    Source: the rule of Dekoninck et al., 2025, arXiv 2410.10347, and CARROT, 2025, arXiv
    2502.03261.

    Examples
    --------
    >>> import orchkit
    >>> class Fixed:
    ...     def predict(self, texts):
    ...         return [{"gpt-4o-mini": 0.8, "gpt-4o": 0.9}] * len(texts)
    ...     def predict_cost(self, texts):
    ...         return [{"gpt-4o-mini": 0.0001, "gpt-4o": 0.002}] * len(texts)
    >>> with orchkit.use("simulator"):
    ...     for value in (0.01, 1.0):
    ...         print(orchkit.run_orchestration("Why?", Utility(Fixed(), value)).model_used)
    gpt-4o-mini
    gpt-4o
    """

    router: Any
    value: float | None = None
    budget: float | None = None
    models: tuple[str, ...] | None = None
    confidence: Signal | None = None
    foreseen: Mapping[str, Forecast] = field(default_factory=dict, compare=False, repr=False)
    price: float = field(init=False, compare=False, repr=False)
    name: ClassVar[str] = "utility"

    def __post_init__(self) -> None:
        if self.models is not None:
            object.__setattr__(self, "models", model_names(self.models))
        object.__setattr__(self, "price", self._price())

    def _price(self) -> float:
        """Return the quality that one USD is worth."""
        if (self.value is None) == (self.budget is None):
            given = "neither" if self.value is None else "both"
            raise ParameterError(f"Give value or budget, in USD; {given} is given.")
        if self.value is not None:
            return 1 / _dollars("value", self.value)
        price = getattr(self.router, "price_for", None)
        if not callable(price):
            raise ParameterError(
                f"router={self.router!r:.60} has no price_for(budget), so it cannot be held to a "
                "budget. Give a value, or one of orchkit's routers."
            )
        found: float = price(_dollars("budget", self.budget), self.models)
        return found

    @property
    def may_ask(self) -> tuple[str, ...]:
        """Every model it may ask, as far as that is known beforehand."""
        told_of: tuple[str, ...] = tuple(getattr(self.router, "models_", ()))
        return told_of if self.models is None else self.models

    def prepared(self, texts: Sequence[str]) -> Self:
        """Return the strategy that has asked its router about all of these texts at once."""
        new = [text for text in dict.fromkeys(texts) if text not in self.foreseen]
        if not new:
            return self
        known = dict(zip(new, self._forecasts(new), strict=True))
        return replace(self, foreseen={**self.foreseen, **known})

    def _forecasts(self, texts: Sequence[str]) -> list[Forecast]:
        right, cost = told(self.router, texts), told(self.router, texts, "predict_cost")
        return [self._joined(*each) for each in zip(right, cost, strict=True)]

    def _joined(self, right: Mapping[str, float], cost: Mapping[str, float]) -> Forecast:
        names = among(self.models, [*right])
        unpriced = [name for name in names if math.isnan(cost.get(name, math.nan))]
        if unpriced:
            raise ParameterError(
                f"{self.router!r:.60} expects no cost of {', '.join(unpriced)}: none was recorded. "
                "Give costs before fitting (mat.reprice), or choose models."
            )
        return {name: (right[name], cost[name]) for name in names}

    def ranked(self, forecast: Forecast) -> list[str]:
        """Return the models, the most useful first; of equals the cheaper, then the first."""

        def order(name: str) -> tuple[float, float]:
            right, cost = forecast[name]
            worth = right - cost * self.price
            return (math.inf if math.isnan(worth) else -worth, cost)

        return sorted(forecast, key=order)

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """Ask in rounds of one call, until one fits the cost limit; nearly always the first."""
        forecast = self.foreseen.get(query.text) or self._forecasts([query.text])[0]
        names = dict(zip(forecast, catalog.distinct(forecast), strict=True))
        asked: tuple[str, ...] = ()
        refused: Response | None = None
        for model in self.ranked(forecast):
            asked = (*asked, names[model])
            (response,) = yield (query.call(names[model]),)
            if response.failure is None or response.failure.kind is not Kind.BudgetExceeded:
                break
            refused = refused or response  # the nearest miss of what is most useful
        response = refused if refused and _unfitting(response) else response
        confidence = yield from judge(self.confidence, query, response)
        right, cost = forecast[model]
        notes = {"expected_quality": right, "expected_cost": cost}
        return replace(Answer.of(response, confidence, asked), notes=notes)


def _unfitting(response: Response) -> bool:
    return response.failure is not None and response.failure.kind is Kind.BudgetExceeded


def _dollars(name: str, given: Any) -> float:
    """Return an amount above 0 of whatever kind of number; true and false are none."""
    if isinstance(given, bool) or not isinstance(given, Real) or not float(given) > 0:
        raise ParameterError(f"{name} is {given!r}; it must be USD, above 0.")
    return float(given)
