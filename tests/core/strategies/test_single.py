from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Kind, Response
from orchkit.core.confidence import auto
from orchkit.core.plans import Confidence, Query, Trace
from orchkit.core.strategies import Single

Run = Callable[..., Trace]


@given(said=st.from_type(Response))
def test_one_model_is_asked_once(run: Run, said: Response) -> None:
    """Whatever comes back, nobody else is asked."""
    trace = run(Single("gpt-4o"), {"gpt-4o": said})
    assert [len(round_) for round_ in trace.rounds] == [1]
    assert trace.answer.planned == ("gpt-4o",)


def test_its_answer_is_the_answer(run: Run, query: Query) -> None:
    """The response is the one that came, as sure as the signal of the response says."""
    trace = run(Single("gpt-4o"), {"gpt-4o": Response("?", "42", logprobs=(-0.1,))})
    assert trace.answer.response == trace.responses[0]
    assert trace.answer.confidence == auto(query, trace.responses[0])


def test_its_confidence_is_that_of_its_signal(run: Run) -> None:
    """A signal of one's own takes the place of what the response carries."""

    def length(query: Query, response: Response) -> float:
        return len(response.text or "") / 10

    trace = run(Single("gpt-4o", length), {"gpt-4o": Response("?", "42")})
    assert trace.answer.confidence == Confidence(0.2, "length")


@pytest.mark.parametrize("kind", [Kind.Timeout, Kind.BudgetExceeded])
def test_a_failure_is_not_somebody_elses_turn(run: Run, kind: Kind) -> None:
    """The baseline fails where its model fails."""
    trace = run(Single("gpt-4o"), {"gpt-4o": Response.failed("?", kind)})
    assert trace.failure is not None
    assert trace.failure.kind is kind
