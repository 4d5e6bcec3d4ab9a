"""What holds for every strategy, whatever comes back."""

import asyncio
import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Call, Kind, Response
from orchkit.core.catalog import Catalog, Tier
from orchkit.core.drive import drive, replay
from orchkit.core.plans import Answer, Query, Strategy, Trace
from orchkit.core.strategies import (
    AgreeThenEscalate,
    Cheapest,
    Ensemble,
    Fallback,
    Single,
    Threshold,
    Utility,
)
from orchkit.errors import UnknownModelError

Calls = tuple[Call, ...]
Responses = tuple[Response, ...]
Replies = Mapping[str, Response]
Run = Callable[..., Trace]


class Fixed:
    """A router that says the same of every text: the dearer the better."""

    models_ = ("gpt-4o-mini", "gpt-4o", "gpt-4")

    def __repr__(self) -> str:
        return "Fixed()"

    def predict(self, texts: list[str]) -> list[dict[str, float]]:
        """Return how likely each model is right."""
        return [dict(zip(self.models_, (0.5, 0.7, 0.8), strict=True))] * len(texts)

    def predict_cost(self, texts: list[str]) -> list[dict[str, float]]:
        """Return USD."""
        return [dict(zip(self.models_, (1e-4, 1e-3, 1e-2), strict=True))] * len(texts)


FIXED = Fixed()
EVERY = (
    Single("gpt-4o"),
    Cheapest(),
    Fallback(),
    Fallback(("gpt-4o", "gpt-4"), threshold=1.0),
    Fallback(("gpt-4o", "gpt-4", "mini"), threshold=(0.0, 1.0)),
    Ensemble(),
    Ensemble(2, select="majority"),
    Ensemble(models=("gpt-4", "gpt-4o"), select="weighted"),
    AgreeThenEscalate(),
    AgreeThenEscalate(("gpt-4", "gpt-4o", "mini"), "claude-haiku-3.5"),
    Utility(FIXED, value=0.01),
    Threshold(FIXED, "gpt-4o-mini", "gpt-4o", 0.1),
)
every = pytest.mark.parametrize("strategy", EVERY, ids=repr)
#: Those that judge every answer they take; those that compare answers ask a signal only at last.
judging_all = pytest.mark.parametrize(
    "strategy", [each for each in EVERY if not isinstance(each, AgreeThenEscalate)], ids=repr
)
six = st.lists(st.from_type(Response), min_size=6, max_size=6)
tiers = st.sampled_from(Tier)
# Each law is tried for every strategy, so a few examples of each are many.
few = settings(max_examples=25)


class Recorder:
    """Answers calls with what each model is told to say, and remembers the calls."""

    def __init__(self, replies: Replies) -> None:
        self.replies = replies
        self.asked: list[Calls] = []

    def __call__(self, calls: Calls) -> Responses:
        """Return one response a call, in order."""
        self.asked.append(calls)
        return tuple(replace(self.replies[call.model], model=call.model) for call in calls)

    async def later(self, calls: Calls) -> Responses:
        """Return the same, after others had their turn."""
        await asyncio.sleep(0)
        return self(calls)


def _told(catalog: Catalog, said: list[Response]) -> Replies:
    return dict(zip(catalog.models, said, strict=True))


def _all(catalog: Catalog, response: Response) -> Replies:
    return dict.fromkeys(catalog.models, response)


@every
def test_it_is_a_frozen_value_with_a_name(strategy: Any) -> None:
    """A strategy is a frozen dataclass that can be compared, hashed, and called by a short name."""
    assert is_dataclass(strategy)
    assert isinstance(strategy, Strategy)
    assert type(strategy).__name__.lower().startswith(strategy.name)
    assert replace(strategy) == strategy
    assert hash(replace(strategy)) == hash(strategy)
    with pytest.raises(FrozenInstanceError):
        setattr(strategy, fields(strategy)[0].name, None)


@every
@few
@given(said=six, tier=tiers)
def test_by_hand_replayed_and_driven_are_one(
    strategy: Strategy, catalog: Catalog, query: Query, run: Run, said: list[Response], tier: Tier
) -> None:
    """The same responses make the same trace by hand, against a recording, and live."""
    told, asked = _told(catalog, said), replace(query, tier=tier)
    by_hand = run(strategy, told, tier)
    replayed = replay(strategy.plan(asked, catalog), Recorder(told))
    driven = asyncio.run(drive(strategy.plan(asked, catalog), Recorder(told).later))
    assert repr(by_hand) == repr(replayed) == repr(driven)


@every
@few
@given(said=six)
def test_a_plan_is_pure(
    strategy: Strategy, catalog: Catalog, query: Query, said: list[Response]
) -> None:
    """The same responses lead to the same calls and the same answer, every time."""
    first, second = Recorder(_told(catalog, said)), Recorder(_told(catalog, said))
    one, other = (replay(strategy.plan(query, catalog), answer) for answer in (first, second))
    assert first.asked == second.asked
    assert repr(one) == repr(other)


@every
@few
@given(said=six, tier=tiers)
def test_the_answer_is_one_that_was_given(
    strategy: Strategy, catalog: Catalog, run: Run, said: list[Response], tier: Tier
) -> None:
    """The chosen response is one of those received, and a failure stands where there is none."""
    trace = run(strategy, _told(catalog, said), tier)
    answer = trace.answer
    assert isinstance(answer, Answer)
    assert (answer.failure is None) == (answer.response is not None)
    assert answer.response is None or answer.response in trace.responses
    assert math.isnan(answer.confidence.value) or 0 <= answer.confidence.value <= 1


@every
@few
@given(said=six, tier=tiers)
def test_models_are_planned_from_the_catalog(
    strategy: Strategy, catalog: Catalog, run: Run, said: list[Response], tier: Tier
) -> None:
    """Planned models and voters are catalog names, and each model is asked at most once."""
    trace = run(strategy, _told(catalog, said), tier)
    asked = [response.model for response in trace.responses]
    assert len(set(asked)) == len(asked) > 0
    assert trace.answer.planned
    assert set(trace.answer.planned) <= set(catalog.models)
    assert set(trace.answer.voters) <= set(asked)


@every
def test_the_chosen_model_was_planned(strategy: Strategy, catalog: Catalog, run: Run) -> None:
    """Whoever answers in place of a model that does not fit stands among those planned."""
    refused = Response.failed("?", Kind.BudgetExceeded)
    told = {**_all(catalog, Response("?", "42")), "gpt-4o-mini": refused}
    answer = run(strategy, told).answer
    assert answer.response is not None
    assert answer.response.model in answer.planned


@every
@pytest.mark.parametrize("kind", Kind)
def test_a_failure_of_every_kind_is_a_value(
    strategy: Strategy, catalog: Catalog, run: Run, kind: Kind
) -> None:
    """However all its calls fail, a plan ends in an answer, and the trace tells the failure."""
    failure = run(strategy, _all(catalog, Response.failed("?", kind, "told"))).failure
    assert str(failure) == f"{kind.name}: told"


@every
def test_where_no_model_answered_there_is_no_response(
    strategy: Strategy, catalog: Catalog, run: Run
) -> None:
    """A failed call is nobody's answer, so that no model is named as having given it."""
    answer = run(strategy, _all(catalog, Response.failed("?", Kind.Timeout))).answer
    assert answer.response is None
    assert answer.failure is not None
    assert answer.failure.kind is Kind.Timeout
    assert answer.confidence.rank <= 0


@every
def test_a_response_that_tells_nothing_is_a_failure(
    strategy: Strategy, catalog: Catalog, query: Query
) -> None:
    """A provider that gives neither text nor failure neither breaks a plan nor passes silently."""
    plan = strategy.plan(query, catalog)
    failure = replay(plan, Recorder(_all(catalog, Response("?")))).failure
    assert failure is not None
    assert failure.kind is not Kind.StrategyError


@every
def test_a_cut_answer_is_better_than_none(strategy: Strategy, catalog: Catalog, run: Run) -> None:
    """Where every answer was cut short, one of them is kept, at no confidence."""
    answer = run(strategy, _all(catalog, Response("?", "It is", finish="length"))).answer
    assert answer.response is not None
    assert answer.confidence.value == 0.0


@every
@pytest.mark.parametrize(
    "response", [Response.failed("?", Kind.RateLimited), Response("?", "4", finish="length")]
)
def test_a_signal_judges_usable_answers_only(
    strategy: Any, catalog: Catalog, query: Query, response: Response
) -> None:
    """A signal of one's own never sees a hard failure, so that it may rely on a whole text."""
    seen: list[Response] = []

    def words(query: Query, response: Response) -> float:
        seen.append(response)
        return 1.0

    judging = replace(strategy, confidence=words)
    replay(judging.plan(query, catalog), Recorder(_all(catalog, response)))
    assert seen == []


@judging_all
def test_a_signal_may_ask_again(strategy: Any, catalog: Catalog, query: Query) -> None:
    """A signal that is a plan has its calls made as part of the strategy's plan."""

    def steady(query: Query, first: Response) -> Generator[Calls, Responses, float]:
        (second,) = yield (query.call(first.model, draw=1),)
        return float(second.text == first.text)

    recorder = Recorder(_all(catalog, Response("?", "42")))
    trace = replay(replace(strategy, confidence=steady).plan(query, catalog), recorder)
    calls = [call for calls in recorder.asked for call in calls]
    first, second = ({call.model for call in calls if call.draw == draw} for draw in (0, 1))
    assert first == second
    assert trace.answer.confidence.value == 1.0


@every
def test_the_query_goes_out_as_it_came(strategy: Strategy, catalog: Catalog, query: Query) -> None:
    """Every call holds the messages and parameters of the query."""
    recorder = Recorder(_all(catalog, Response.failed("?", Kind.Timeout)))
    replay(strategy.plan(query, catalog), recorder)
    calls = [call for calls in recorder.asked for call in calls]
    assert calls == [query.call(call.model) for call in calls]


@pytest.mark.parametrize(
    "strategy", [Cheapest(), Fallback(), Ensemble(), AgreeThenEscalate()], ids=repr
)
def test_defaults_need_a_model(strategy: Strategy, catalog: Catalog, query: Query) -> None:
    """With no model to ask, the first step says so, before anything is sent."""
    with pytest.raises(UnknownModelError, match="No model is available"):
        next(strategy.plan(query, replace(catalog, pool=())))


@pytest.mark.parametrize(
    "strategy",
    [
        Single("gpt-5o"),
        Fallback(("mini", "gpt-5o")),
        Ensemble(models=("gpt-5o",)),
        AgreeThenEscalate(("mini", "gpt-5o")),
        AgreeThenEscalate(("mini", "gpt-4o"), "gpt-5o"),
    ],
)
def test_a_model_nobody_knows_shows_before_anything_is_sent(
    strategy: Strategy, catalog: Catalog, query: Query
) -> None:
    """A chain with a wrong name is refused at its first step, wherever the name stands."""
    with pytest.raises(UnknownModelError, match="'gpt-5o'"):
        next(strategy.plan(query, catalog))


@pytest.mark.parametrize(
    "strategy", [Single("mini"), Fallback(("mini",)), Ensemble(models=("mini",))]
)
def test_a_model_is_asked_under_its_catalog_name(
    strategy: Strategy, catalog: Catalog, query: Query
) -> None:
    """Another spelling of a model asks the model of the catalog."""
    assert next(strategy.plan(query, catalog)) == (query.call("gpt-4o-mini"),)
