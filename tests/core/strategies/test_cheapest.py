from collections.abc import Callable, Mapping
from itertools import dropwhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Kind, Response
from orchkit.core.catalog import Catalog, Tier
from orchkit.core.plans import Trace
from orchkit.core.strategies import Cheapest

Run = Callable[..., Trace]

BY_PRICE = (
    "gpt-4o-mini",
    "claude-haiku-3.5",
    "gpt-4o",
    "claude-sonnet-3.5",
    "claude-opus-3",
    "gpt-4",
)
MODELS = {
    Tier.BASIC: "gpt-4o-mini",
    Tier.INTERMEDIATE: "claude-haiku-3.5",
    Tier.ADVANCED: "claude-sonnet-3.5",
    Tier.EXPERT: "claude-opus-3",
}
REFUSED = Response.failed("?", Kind.BudgetExceeded)
FINE = Response("?", "42")


def _fitting(fits: Mapping[str, bool]) -> dict[str, Response]:
    return {name: FINE if fits[name] else REFUSED for name in BY_PRICE}


@pytest.mark.parametrize("tier", Tier)
def test_a_tier_is_answered_by_its_cheapest_model(run: Run, tier: Tier) -> None:
    """Each complexity goes to the model the quick reference names, and to no other."""
    trace = run(Cheapest(), dict.fromkeys(BY_PRICE, FINE), tier)
    assert [response.model for response in trace.responses] == [MODELS[tier]]
    assert trace.answer.response == trace.responses[0]
    assert trace.answer.planned == (MODELS[tier],)


@given(
    tier=st.sampled_from(Tier), fits=st.fixed_dictionaries(dict.fromkeys(BY_PRICE, st.booleans()))
)
def test_a_model_that_does_not_fit_is_passed_over(
    run: Run, catalog: Catalog, tier: Tier, fits: dict[str, bool]
) -> None:
    """Models refused for the cost limit are skipped for the next able one by price."""
    able = [name for name in BY_PRICE if catalog[name].tier >= tier]
    fitting = list(dropwhile(lambda name: not fits[name], able))
    trace = run(Cheapest(), _fitting(fits), tier)
    asked = [response.model for response in trace.responses]
    assert asked == able[: len(able) - len(fitting) + 1]
    assert (trace.failure is None) == bool(fitting)


@pytest.mark.parametrize("tier", Tier)
def test_if_none_fits_the_limit_is_told(run: Run, tier: Tier) -> None:
    """A row that no able model fits fails of its cost limit, and nobody unable is asked."""
    trace = run(Cheapest(), dict.fromkeys(BY_PRICE, REFUSED), tier)
    assert trace.failure is not None
    assert trace.failure.kind is Kind.BudgetExceeded


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.BudgetExceeded])
def test_another_failure_is_not_passed_over(run: Run, kind: Kind) -> None:
    """After any other failure nobody dearer is asked: that is what Fallback is for."""
    trace = run(Cheapest(), dict.fromkeys(BY_PRICE, Response.failed("?", kind)))
    assert [response.model for response in trace.responses] == ["gpt-4o-mini"]


def test_a_doubtful_answer_is_kept(run: Run) -> None:
    """Confidence is told, not acted upon."""
    trace = run(Cheapest(), dict.fromkeys(BY_PRICE, Response("?", "I don't know.")))
    assert len(trace.responses) == 1
    assert trace.answer.confidence.value == 0.2
