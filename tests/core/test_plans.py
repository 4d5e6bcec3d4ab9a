import math
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Call, Failure, Kind, Message, Params, Response, Usage
from orchkit.core.catalog import Tier
from orchkit.core.plans import UNKNOWN, Answer, Confidence, Query, Strategy, Trace
from orchkit.core.strategies import Single

FINE = Answer(Response("m", "42"))
TALK = (
    Message("system", "Be brief."),
    Message("user", "First?"),
    Message("assistant", "Yes."),
    Message("user", "Second?"),
    Message("user", "Third?"),
    Message("assistant", "No."),
)

rounds = st.lists(
    st.lists(st.from_type(Response), min_size=1, max_size=3).map(tuple), max_size=4
).map(tuple)


def _trace(*rounds: tuple[Response, ...]) -> Trace:
    return Trace(rounds, FINE)


def test_a_query_is_judged_by_what_the_user_last_said() -> None:
    """Neither the system's words nor the assistant's nor earlier turns count."""
    assert Query(TALK).text == "Third?"


@pytest.mark.parametrize("said", [(), TALK[:1]])
def test_a_query_without_a_user_has_no_text(said: tuple[Message, ...]) -> None:
    """Where no user spoke there is nothing to judge by."""
    assert Query(said).text == ""


def test_a_query_is_put_to_a_model_as_it_is() -> None:
    """A call holds the query's messages and parameters; the tier is not the model's business."""
    query = Query(TALK, Params(max_tokens=5), Tier.EXPERT)
    assert query.call("gpt-4o") == Call("gpt-4o", TALK, Params(max_tokens=5))
    assert query.call("gpt-4o", draw=2) == Call("gpt-4o", TALK, Params(max_tokens=5), draw=2)


def test_an_unknown_confidence_ranks_below_none() -> None:
    """Not knowing is below being sure that it is wrong."""
    values = [0.5, math.nan, 0.0, 1.0]
    ranked = sorted((Confidence(value, "s") for value in values), key=lambda sure: sure.rank)
    assert [sure.value for sure in ranked[1:]] == [0.0, 0.5, 1.0]
    assert math.isnan(ranked[0].value)
    assert UNKNOWN.rank == -math.inf


@pytest.mark.parametrize("value", [-1e-9, 1 + 1e-9, math.inf, -math.inf])
def test_a_confidence_is_a_share(value: float) -> None:
    """A value outside [0, 1] is refused at birth, with the name of its signal."""
    with pytest.raises(ValueError, match="mine"):
        Confidence(value, "mine")


@given(st.from_type(Response))
def test_a_response_is_an_answer_or_the_reason_for_none(response: Response) -> None:
    """One response makes an answer; a failed one makes a failure and stands for no answer."""
    answer = Answer.of(response, UNKNOWN, ("m",))
    assert answer.response == (response if response.ok else None)
    assert answer.failure == response.problem
    assert answer.planned == ("m",)


@pytest.mark.parametrize("value", [Query(TALK), UNKNOWN, FINE, Trace((), FINE)])
def test_values_are_frozen(value: object) -> None:
    """What was asked and decided cannot be changed afterwards."""
    first = fields(value)[0].name  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        setattr(value, first, "other")


def test_a_strategy_is_whatever_has_a_name_and_a_plan() -> None:
    """Nothing needs to be inherited from."""

    class Own:
        name = "own"

        def plan(self, query: object, catalog: object) -> object:
            """Plan nothing."""

    assert isinstance(Own(), Strategy)
    assert isinstance(Single("gpt-4o"), Strategy)
    assert not isinstance("cheapest", Strategy)


@given(rounds)
def test_a_trace_lists_its_responses_in_order(rounds: tuple[tuple[Response, ...], ...]) -> None:
    """Responses of a trace are those of its rounds, one after the other."""
    assert list(_trace(*rounds).responses) == [one for round_ in rounds for one in round_]


@given(rounds)
def test_a_cost_is_known_when_every_price_is(rounds: tuple[tuple[Response, ...], ...]) -> None:
    """Costs add up, and one unknown price makes the sum unknown."""
    costs = [response.cost for round_ in rounds for response in round_]
    assert _trace(*rounds).cost == (None if None in costs else sum(costs))


def test_an_unknown_cost_is_not_hidden_by_a_free_one() -> None:
    """Unknown is not zero, and zero is not unknown."""
    free, unknown = Response("m", cost=0), Response("m", cost=None)
    assert _trace((free,)).cost == 0
    assert _trace((free,), (unknown,)).cost is None


def test_rounds_follow_each_other_and_calls_of_a_round_do_not() -> None:
    """The latency of a trace is the sum over rounds of the slowest call."""
    quick, slow = Response("m", latency=0.25), Response("m", latency=1.0)
    assert _trace((quick, slow, quick)).latency == 1.0
    assert _trace((quick,), (slow,), (quick,)).latency == 1.5
    assert _trace().latency == 0.0


@given(rounds)
def test_a_latency_is_between_all_at_once_and_one_by_one(
    rounds: tuple[tuple[Response, ...], ...],
) -> None:
    """A trace takes at least its slowest call, and at most all of them in a row."""
    seconds = [response.latency for round_ in rounds for response in round_]
    latency = _trace(*rounds).latency
    assert max(seconds, default=0) <= latency <= sum(seconds) * (1 + 1e-9)


@pytest.mark.parametrize("order", [(0.5, math.nan), (math.nan, 0.5)])
def test_an_unknown_latency_is_not_skipped(order: tuple[float, float]) -> None:
    """One latency that was not measured makes the whole unknown, wherever it stands."""
    together = tuple(Response("m", latency=seconds) for seconds in order)
    assert math.isnan(_trace(together).latency)
    assert math.isnan(_trace(together[:1], together[1:]).latency)


def test_a_trace_counts_all_tokens() -> None:
    """Usage is the sum over every call, the unchosen ones included."""
    one, other = Response("a", usage=Usage(1, 2, 3, 4)), Response("b", usage=Usage(10, 20))
    assert _trace((one, other), (one,)).usage == Usage(12, 24, 6, 8)
    assert _trace().usage == Usage()


def test_a_trace_is_cached_when_every_call_was() -> None:
    """One bought answer, or no call at all, and the row did not come from the cache."""
    bought = Response("m", "42")
    again = replace(bought, cached=True)
    assert _trace((again,), (again,)).cached
    assert not _trace((again, bought)).cached
    assert not _trace().cached


def test_a_trace_fails_as_its_answer_does() -> None:
    """A failure is told by the answer, else by the chosen response; an answer has none."""
    late = Failure(Kind.Timeout)
    assert Trace((), Answer(None, failure=late)).failure == late
    assert Trace((), Answer(Response.failed("m", Kind.Timeout))).failure == late
    assert Trace((), FINE).failure is None


@pytest.mark.parametrize("response", [None, Response("m")])
def test_a_row_without_an_answer_says_why(response: Response | None) -> None:
    """A strategy or provider that tells neither text nor failure does not make a silent row."""
    assert Trace((), Answer(response)).failure is not None
