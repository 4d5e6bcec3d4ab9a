import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Kind, Response
from orchkit.core.catalog import Catalog
from orchkit.core.plans import Query, Trace
from orchkit.core.strategies import Fallback
from orchkit.errors import ChainError, ParameterError

Run = Callable[..., Trace]

CHAIN = ("gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5", "claude-opus-3")
REFUSED = Response.failed("?", Kind.BudgetExceeded, "too dear")
LATE = Response.failed("?", Kind.Timeout, "too late")

shares = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.6, 1.0]), st.just(math.nan))
four = st.lists(shares | st.none(), min_size=4, max_size=4)


def _sure(value: float | None) -> Response:
    """Say something this sure; fail at None."""
    return LATE if value is None else Response("?", "Something.", confidence=value)


def _told(*said: Response) -> dict[str, Response]:
    return dict(zip(CHAIN, said, strict=False))


def _asked(trace: Trace) -> list[str]:
    return [response.model for response in trace.responses]


def _rank(value: float | None) -> float:
    return -math.inf if value is None or math.isnan(value) else value


@given(values=four, threshold=st.floats(0, 1) | st.just(0.6))
def test_nobody_is_asked_after_one_was_accepted(
    run: Run, values: list[float | None], threshold: float
) -> None:
    """The chain is gone up in order, one model a round, to the first at or above the threshold."""
    trace = run(Fallback(threshold=threshold), _told(*map(_sure, values)))
    accepted = [n for n, value in enumerate(values) if _rank(value) >= threshold]
    assert _asked(trace) == list(CHAIN[: accepted[0] + 1 if accepted else 4])
    assert {len(round_) for round_ in trace.rounds} == {1}


@given(values=four, threshold=st.floats(0, 1) | st.just(0.6))
def test_the_best_seen_is_returned(run: Run, values: list[float | None], threshold: float) -> None:
    """The answer is the most confident of those seen; of equals, the later model's."""
    trace = run(Fallback(threshold=threshold), _told(*map(_sure, values)))
    seen = list(zip(values, CHAIN, strict=True))[: len(trace.responses)]
    given = [(_rank(value), n, name) for n, (value, name) in enumerate(seen) if value is not None]
    best = trace.answer.response
    assert (best and best.model) == (max(given)[2] if given else None)
    assert best is None or trace.answer.confidence.rank == max(given)[0]


@given(order=st.permutations(CHAIN))
def test_a_chain_is_followed_as_given(run: Run, order: list[str]) -> None:
    """The order of the chain is the caller's, not that of prices."""
    trace = run(Fallback(tuple(order)), _told(*[LATE] * 4))
    assert _asked(trace) == list(trace.answer.planned) == order


def test_the_default_threshold_is_that_of_the_quick_reference() -> None:
    """Escalation is below 0.6 unless told otherwise."""
    assert Fallback().threshold == 0.6


@pytest.mark.parametrize(
    "said",
    [
        Response("?", "Something.", confidence=math.nan),
        Response("?", "Something.", confidence=0.99, finish="length"),
        Response("?", "   "),
        REFUSED,
        LATE,
    ],
)
def test_what_is_no_answer_is_escalated_at_any_threshold(run: Run, said: Response) -> None:
    """A failure, a cut or blank answer, or an unknown confidence is never accepted."""
    trace = run(Fallback(threshold=0.0), _told(said, _sure(0.0)))
    assert _asked(trace) == list(CHAIN[:2])


@pytest.mark.parametrize("said", [_sure(0.59), Response("?", "I don't know.")])
def test_doubt_is_escalated_below_the_threshold(run: Run, said: Response) -> None:
    """A doubtful answer is enough where the threshold says so."""
    assert len(run(Fallback(), _told(said, _sure(0.6))).responses) == 2
    assert len(run(Fallback(threshold=0.0), _told(said)).responses) == 1


def test_models_that_do_not_fit_are_skipped(run: Run) -> None:
    """A model refused for the cost limit is passed over, and the next in the chain is asked."""
    trace = run(Fallback(), _told(_sure(0.1), REFUSED, _sure(0.7)))
    assert _asked(trace) == list(CHAIN[:3])
    assert trace.answer.response == trace.responses[2]
    assert trace.failure is None


def test_a_doubtful_answer_is_better_than_none(run: Run) -> None:
    """When nobody above fits or answers, the doubtful answer is the row's."""
    trace = run(Fallback(), _told(_sure(0.1), REFUSED, LATE, REFUSED))
    assert trace.answer.response == trace.responses[0]
    assert (trace.answer.confidence.value, trace.answer.failure) == (0.1, None)


def test_an_answer_of_unknown_confidence_is_better_than_none(run: Run) -> None:
    """An answer nobody can judge is kept when there is no other."""
    trace = run(Fallback(), _told(_sure(math.nan), LATE, LATE, LATE))
    assert trace.answer.response == trace.responses[0]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ((REFUSED,) * 4, Kind.BudgetExceeded),
        ((LATE, REFUSED, REFUSED, REFUSED), Kind.Timeout),
        ((REFUSED, LATE, REFUSED, REFUSED), Kind.Timeout),
        ((LATE, REFUSED, Response.failed("?", Kind.AuthError), REFUSED), Kind.AuthError),
    ],
)
def test_what_the_row_failed_of(run: Run, said: tuple[Response, ...], told: Kind) -> None:
    """The last vendor's failure is told; the cost limit only where there was nothing else."""
    trace = run(Fallback(), _told(*said))
    assert trace.answer.response is None
    assert trace.failure is not None
    assert trace.failure.kind is told


def test_the_accepted_answer_is_the_one_returned(run: Run) -> None:
    """A signal that praises a cut answer does not put it before the one that was accepted."""
    praise = {"It is": 0.9, "It is 42.": 0.7}

    def praising(query: Query, response: Response) -> float:
        return praise[response.text or ""]

    cut, whole = Response("?", "It is", finish="length"), Response("?", "It is 42.")
    trace = run(Fallback(confidence=praising), _told(cut, whole))
    assert trace.answer.response == trace.responses[1]


@pytest.mark.parametrize("chain", [["a", "b"], ("a", "b"), "a,b", " a , b "])
def test_a_chain_is_a_tuple_of_names(chain: Any) -> None:
    """A list or a text with commas is the same chain as a tuple, and as good a key."""
    assert Fallback(chain) == Fallback(("a", "b"))
    assert hash(Fallback(chain)) == hash(Fallback(("a", "b")))


@pytest.mark.parametrize(
    "chain", [(), [], "", "a,,b", ("a", " "), ("a", "a"), "a, a", ("a", 1), 5, {"a", "b"}]
)
def test_a_chain_names_models_each_once(chain: Any) -> None:
    """What is no chain is refused when it is written, not when it is run."""
    with pytest.raises(ChainError):
        Fallback(chain)


def test_a_model_under_two_names_is_one_model(catalog: Catalog, query: Query) -> None:
    """A chain with a model and its alias would ask it twice, and is refused before that."""
    with pytest.raises(ChainError):
        next(Fallback(("gpt-4o-mini", "mini")).plan(query, catalog))


@pytest.mark.parametrize("threshold", [-0.01, 1.01, math.nan, math.inf, "0.6", None])
def test_a_threshold_lies_between_0_and_1(threshold: Any) -> None:
    """A threshold no confidence can be compared with is refused, and shown."""
    with pytest.raises(ParameterError, match=f"threshold is {threshold!r}"):
        Fallback(threshold=threshold)


@pytest.mark.parametrize("threshold", [True, False, "0.6", None, -0.1, 1.1, math.nan, 1j])
def test_a_threshold_that_is_no_share_is_refused(threshold: Any) -> None:
    """Only a number from 0 to 1 is one; true and false are no numbers."""
    with pytest.raises(ParameterError, match=r"in \[0, 1\]"):
        Fallback(threshold=threshold)


@pytest.mark.parametrize("threshold", [np.float32(0.5), np.int64(1), Fraction(1, 2), 0])
def test_any_number_is_a_threshold(threshold: Any) -> None:
    """What numpy and the standard library call a number is kept as a float."""
    assert type(Fallback(threshold=threshold).threshold) is float


@given(values=four, hops=st.tuples(*[st.floats(0, 1) | st.sampled_from([0.0, 0.6, 1.0])] * 3))
def test_a_threshold_a_hop_is_each_model_s_own(
    run: Run, values: list[float | None], hops: tuple[float, ...]
) -> None:
    """Each model but the last is accepted at its own threshold, the last as it is."""
    trace = run(Fallback(CHAIN, hops), _told(*map(_sure, values)))
    limits = (*hops, -math.inf)
    accepted = [
        n
        for n, (value, limit) in enumerate(zip(values, limits, strict=True))
        if value is not None and _rank(value) >= limit
    ]
    assert _asked(trace) == list(CHAIN[: accepted[0] + 1 if accepted else 4])
    best = trace.answer.response
    if accepted:
        assert best is not None
        assert best.model == CHAIN[accepted[0]]
    else:
        assert (best is None) == (set(values) == {None})


@given(values=four, threshold=st.floats(0, 1))
def test_one_threshold_for_all_asks_as_the_same_a_hop(
    run: Run, values: list[float | None], threshold: float
) -> None:
    """The same threshold at each hop asks the same models as one threshold for all."""
    told = _told(*map(_sure, values))
    one, each = Fallback(CHAIN, threshold), Fallback(CHAIN, (threshold,) * 3)
    assert _asked(run(one, told)) == _asked(run(each, told))


@pytest.mark.parametrize(
    "given", [[0.5, 0.6], (0.5, 0.6), np.array([0.5, 0.6]), (Fraction(1, 2), np.float64(0.6))]
)
def test_thresholds_a_hop_are_a_tuple_of_floats(given: Any) -> None:
    """In whatever container they come, they are the same strategy, and as good a key."""
    strategy = Fallback(("a", "b", "c"), given)
    assert strategy.threshold == (0.5, 0.6)
    assert set(map(type, strategy.threshold)) == {float}  # type: ignore[arg-type]
    assert hash(strategy) == hash(Fallback(("a", "b", "c"), (0.5, 0.6)))


@pytest.mark.parametrize(
    ("chain", "given"),
    [
        (None, (0.5,)),
        (None, ()),
        (("a", "b"), ()),
        (("a", "b"), (0.5, 0.5)),
        (("a",), (0.5,)),
        (("a", "b"), (1.5,)),
        (("a", "b"), (math.nan,)),
        (("a", "b"), ("0.5",)),
        (("a", "b"), (True,)),
        (("a", "b"), "5"),
        (("a", "b"), ((0.5,),)),
        (("a", "b"), np.array([[0.5]])),
        (("a", "b"), np.array(0.5)),
    ],
    ids=str,
)
def test_thresholds_that_fit_no_chain_are_refused(chain: Any, given: Any) -> None:
    """Each hop of a chain that is named needs a number in [0, 1], and no other has one."""
    with pytest.raises(ParameterError, match="threshold"):
        Fallback(chain, given)


def test_a_chain_of_one_takes_no_threshold(run: Run) -> None:
    """With nothing to escalate to, whatever the one model says is taken."""
    trace = run(Fallback(("gpt-4o-mini",), ()), _told(_sure(0.0)))
    assert trace.answer.response == trace.responses[0]
