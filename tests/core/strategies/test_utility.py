from __future__ import annotations

import math
from typing import Any

import pytest

from orchkit.core.calls import Kind, Response
from orchkit.core.catalog import Catalog
from orchkit.core.plans import Query
from orchkit.core.strategies import Utility
from orchkit.errors import ParameterError, UnknownModelError

MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-4")
REPLIES = {name: Response(name, name) for name in MODELS}


class Told:
    """A router that says what it is told to, and counts how often it is asked."""

    models_ = MODELS

    def __init__(self, right: tuple[float, ...], cost: tuple[float, ...]) -> None:
        self.right, self.cost = right, cost
        self.asked: list[list[str]] = []

    def predict(self, texts: list[str]) -> list[dict[str, float]]:
        """Return how likely each model is right."""
        self.asked.append(texts)
        return [dict(zip(MODELS, self.right, strict=True)) for _ in texts]

    def predict_cost(self, texts: list[str]) -> list[dict[str, float]]:
        """Return USD."""
        return [dict(zip(MODELS, self.cost, strict=True)) for _ in texts]

    def price_for(self, budget: float, models: Any) -> float:
        """Return what money must be worth."""
        return 0.1 / budget


def chosen(run: Any, strategy: Utility) -> str:
    """Return the model whose answer a strategy chose."""
    response = run(strategy, REPLIES).answer.response
    assert response is not None
    return str(response.model)


@pytest.mark.parametrize(
    ("value", "model"),
    [(0.01, "gpt-4o-mini"), (0.1, "gpt-4o"), (10.0, "gpt-4"), (math.inf, "gpt-4")],
)
def test_the_more_a_right_answer_is_worth_the_dearer_the_model(
    run: Any, value: float, model: str
) -> None:
    """It asks the model with the most of probability minus cost by value."""
    assert chosen(run, Utility(Told((0.5, 0.7, 0.8), (0.001, 0.01, 0.1)), value)) == model


def test_of_equals_the_cheaper_is_asked(run: Any) -> None:
    """Where two are worth as much, and where money is no object, the cheaper one is asked."""
    assert chosen(run, Utility(Told((0.5, 0.5, 0.5), (0.2, 0.1, 0.3)), math.inf)) == "gpt-4o"
    assert chosen(run, Utility(Told((0.5, 0.75, 0.5), (0.0, 0.25, 0.5)), 1.0)) == "gpt-4o-mini"


def test_the_next_best_is_asked_where_one_does_not_fit(run: Any) -> None:
    """A model that does not fit the cost limit is passed over; the row keeps the nearest miss."""
    strategy = Utility(Told((0.5, 0.7, 0.8), (0.001, 0.01, 0.1)), math.inf)
    refused = {name: Response.failed(name, Kind.BudgetExceeded, name) for name in MODELS}
    trace = run(strategy, {**REPLIES, "gpt-4": refused["gpt-4"]})
    assert trace.answer.response.model == "gpt-4o"
    assert trace.answer.planned == ("gpt-4", "gpt-4o")
    assert str(run(strategy, refused).failure) == "BudgetExceeded: gpt-4"


def test_a_budget_becomes_a_price(run: Any) -> None:
    """The router says what money must be worth; a half of the budget doubles it."""
    router = Told((0.5, 0.7, 0.8), (0.001, 0.01, 0.1))
    assert Utility(router, budget=0.01).price == pytest.approx(10.0)
    assert Utility(router, budget=0.005).price == pytest.approx(20.0)


def test_the_answer_says_what_was_expected(run: Any) -> None:
    """Quality and cost that were expected of the model are among the row's notes."""
    answer = run(Utility(Told((0.5, 0.7, 0.8), (0.001, 0.01, 0.1)), 0.01), REPLIES).answer
    assert answer.notes == {"expected_quality": 0.5, "expected_cost": 0.001}


def test_what_is_prepared_is_not_asked_again(catalog: Catalog, query: Query) -> None:
    """All texts are put to the router at once, each once, and then known."""
    router = Told((0.5, 0.7, 0.8), (0.001, 0.01, 0.1))
    strategy = Utility(router, 0.01).prepared([query.text, "Why?", "Why?"])
    assert router.asked == [[query.text, "Why?"]]
    assert strategy.prepared(["Why?"]) is strategy
    assert strategy == Utility(router, 0.01)
    next(strategy.plan(query, catalog))
    assert len(router.asked) == 1


def test_only_named_models_are_asked(run: Any) -> None:
    """It chooses among the models it is given; one the router does not know is refused."""
    router = Told((0.5, 0.7, 0.8), (0.001, 0.01, 0.1))
    assert chosen(run, Utility(router, math.inf, models=("gpt-4o-mini", "gpt-4o"))) == "gpt-4o"
    with pytest.raises(UnknownModelError, match="tells nothing of 'gpt-5'"):
        Utility(router, 1.0, models=("gpt-5",)).prepared(["?"])


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({}, "neither is given"),
        ({"value": 1.0, "budget": 1.0}, "both is given"),
        ({"value": 0.0}, "above 0"),
        ({"value": math.nan}, "above 0"),
        ({"budget": True}, "above 0"),
    ],
)
def test_value_and_budget_are_dollars(setting: dict[str, Any], told: str) -> None:
    """Exactly one of them is given, above 0."""
    with pytest.raises(ParameterError, match=told):
        Utility(Told((1, 1, 1), (1, 1, 1)), **setting)


def test_what_is_no_router_is_refused(catalog: Catalog, query: Query) -> None:
    """A router without costs, without rows, or without the method says what is missing."""
    with pytest.raises(ParameterError, match=r"mat\.reprice"):
        Utility(Told((1, 1, 1), (1, math.nan, 1)), 1.0).prepared(["?"])
    with pytest.raises(ParameterError, match="no price_for"):
        Utility(object(), budget=1.0)
    with pytest.raises(ParameterError, match=r"no predict\(texts\)"):
        next(Utility(object(), 1.0).plan(query, catalog))
