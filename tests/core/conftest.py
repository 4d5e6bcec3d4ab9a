"""The six models of the quick reference, what a model may say, and a run by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from orchkit.core.calls import Kind, Message, Response
from orchkit.core.catalog import Catalog, Model, Rates, Tier
from orchkit.core.plans import Query, Strategy, Trace

# A slow machine is no defect of what is tested.
settings.register_profile("orchkit", deadline=None, max_examples=50)
settings.load_profile("orchkit")

SIX = (
    Model("gpt-4o-mini", "openai", Tier.BASIC, (Rates(0.15, 0.60),)),
    Model("claude-haiku-3.5", "anthropic", Tier.INTERMEDIATE, (Rates(0.80, 4.00),)),
    Model("gpt-4o", "openai", Tier.INTERMEDIATE, (Rates(2.50, 10.00),)),
    Model("claude-sonnet-3.5", "anthropic", Tier.ADVANCED, (Rates(3.00, 15.00),)),
    Model("gpt-4", "openai", Tier.ADVANCED, (Rates(30.00, 60.00),)),
    Model("claude-opus-3", "anthropic", Tier.EXPERT, (Rates(15.00, 75.00),)),
)
PROSE = "It depends on what is asked, by whom, of whom, and what for."

answered = st.builds(
    Response,
    st.just("?"),
    st.sampled_from(["42", "It is 42.", "7", "I don't know", "", PROSE]),
    cost=st.sampled_from([0, 1, 1800, None]),
    latency=st.sampled_from([0.0, 0.2, 1.5]),
    finish=st.sampled_from(["stop", "stop", "length"]),
    confidence=st.sampled_from([None, 0.0, 0.59, 0.6, 1.0, math.nan]),
)
kinds = st.just(Kind.BudgetExceeded) | st.sampled_from(Kind)
failed = st.builds(Response.failed, st.just("?"), kinds)
st.register_type_strategy(Response, answered | failed)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """Give the six models of the quick reference, all asked by default."""
    names = tuple(model.name for model in SIX)
    return Catalog({model.name: model for model in SIX}, names, {"mini": "gpt-4o-mini"})


@pytest.fixture(scope="session")
def query() -> Query:
    """Give a basic question."""
    return Query((Message("user", "What is 2+2?"),))


@pytest.fixture(scope="session")
def run(catalog: Catalog, query: Query) -> Callable[..., Trace]:
    """Return a function that runs a strategy by hand; each model says what it is told to."""

    def by_hand(
        strategy: Strategy, replies: Mapping[str, Response], tier: Tier = Tier.BASIC
    ) -> Trace:
        plan = strategy.plan(replace(query, tier=tier), catalog)
        rounds: list[tuple[Response, ...]] = []
        try:
            calls = next(plan)
            while True:
                said = (replace(replies[call.model], model=call.model) for call in calls)
                rounds.append(tuple(said))
                calls = plan.send(rounds[-1])
        except StopIteration as end:
            return Trace(tuple(rounds), end.value)

    return by_hand
