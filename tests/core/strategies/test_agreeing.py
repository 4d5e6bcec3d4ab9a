import math
import pickle
from collections.abc import Callable, Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Call, Kind, Response
from orchkit.core.catalog import Catalog
from orchkit.core.confidence import agreement
from orchkit.core.plans import Query, Trace
from orchkit.core.strategies import AgreeThenEscalate
from orchkit.errors import ChainError

Run = Callable[..., Trace]

CHEAP, STRONG = ("gpt-4o-mini", "claude-haiku-3.5"), "gpt-4o"
PAIR = AgreeThenEscalate(CHEAP, STRONG)
PROSE = "It depends on whom one asks and what for, I should say."
CUT = Response("?", "42", finish="length")
LATE = Response.failed("?", Kind.Timeout, "too late")
REFUSED = Response.failed("?", Kind.BudgetExceeded, "too dear")

responses = st.sampled_from(
    [*(Response("?", text) for text in ("42", "It is 42.", "7", PROSE, "")), CUT, LATE, REFUSED]
)


def told(*said: Response | str) -> dict[str, Response]:
    """Return what the two cheap models and the strong one say."""
    each = [Response("?", one) if isinstance(one, str) else one for one in said]
    return dict(zip((*CHEAP, STRONG), each, strict=False))


@given(said=st.tuples(responses, responses, responses))
def test_the_strong_one_is_asked_where_the_cheap_ones_differ(
    run: Run, said: tuple[Response, ...]
) -> None:
    """There is a second round, of the strong model alone, but where all cheap answers agree."""
    trace = run(PAIR, told(*said))
    assert [response.model for response in trace.rounds[0]] == [*CHEAP]
    alike = all(share == 1 for share in agreement(said[:2]))
    assert [[r.model for r in round_] for round_ in trace.rounds[1:]] == [[STRONG]] * (not alike)


@given(said=st.tuples(responses, responses, responses))
def test_the_last_usable_answer_is_taken_where_they_differ(
    run: Run, said: tuple[Response, ...]
) -> None:
    """The strong one's if it can be used, else a cheap one's, else a cut one rather than none."""
    trace = run(PAIR, told(*said))
    if len(trace.rounds) == 1:
        assert trace.answer.response == trace.responses[0]
        return
    usable = [r for r in trace.responses if r.ok and r.finish == "stop" and r.text]
    answered = [r for r in trace.responses if r.ok]
    expected = (usable or answered or [None])[-1]
    assert trace.answer.response == expected
    assert (trace.answer.failure is None) == (expected is not None)


def test_the_first_answer_is_taken_where_they_agree(run: Run) -> None:
    """In whatever words they say the same, the first model's answer is the row's, and certain."""
    trace = run(PAIR, told("The answer is 42.", "42", "7"))
    assert trace.answer.response == trace.responses[0]
    assert (trace.answer.confidence.value, trace.answer.confidence.signal) == (1.0, "agreement")
    assert trace.answer.voters == CHEAP


def test_where_all_three_differ_the_strong_one_is_a_third_sure(run: Run) -> None:
    """The confidence of an answer after a disagreement is the share that say it."""
    assert run(PAIR, told("1", "2", "3")).answer.confidence.value == pytest.approx(1 / 3)
    assert run(PAIR, told("1", "2", "2")).answer.confidence.value == pytest.approx(2 / 3)


def test_free_prose_never_agrees(run: Run) -> None:
    """Answers that come down to nothing are not compared, even word for word the same."""
    trace = run(PAIR, told(PROSE, PROSE, PROSE))
    assert len(trace.rounds) == 2
    assert trace.answer.confidence.signal == "wording"


def test_one_usable_answer_agrees_with_nobody(run: Run) -> None:
    """Where one of the cheap models fails, what is left is no agreement."""
    for failed in (LATE, CUT, Response("?", " ")):
        assert len(run(PAIR, told("42", failed, "42")).rounds) == 2


def test_all_of_more_than_two_must_agree(run: Run) -> None:
    """Of three cheap models, two that agree are not enough."""
    three = AgreeThenEscalate((*CHEAP, STRONG), "claude-opus-3")
    said = {**told("42", "42", "7"), "claude-opus-3": Response("?", "8")}
    assert run(three, said).answer.response == run(three, said).rounds[1][0]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ((REFUSED, REFUSED, REFUSED), Kind.BudgetExceeded),
        ((LATE, LATE, REFUSED), Kind.Timeout),
        ((LATE, REFUSED, REFUSED), Kind.Timeout),
        ((LATE, LATE, Response.failed("?", Kind.AuthError)), Kind.AuthError),
    ],
)
def test_what_the_row_failed_of(run: Run, said: tuple[Response, ...], kind: Kind) -> None:
    """The last vendor's failure is told; the cost limit only where there was nothing else."""
    failure = run(PAIR, told(*said)).failure
    assert failure is not None
    assert failure.kind is kind


def test_a_signal_of_one_s_own_judges_what_cannot_be_compared(run: Run) -> None:
    """It may ask again, is put to the chosen answer alone, and never to one that was compared."""
    seen: list[str] = []

    def steady(query: Query, first: Response) -> Generator[tuple[Call, ...], Any, float]:
        seen.append(first.model)
        (again,) = yield (query.call(first.model, draw=1),)
        return 0.25 if again.text == first.text else 0.0

    asking = AgreeThenEscalate(CHEAP, STRONG, confidence=steady)
    assert run(asking, told(PROSE, PROSE, PROSE)).answer.confidence.value == 0.25
    run(asking, told("1", "2", "3"))
    assert seen == [STRONG]


@pytest.mark.parametrize(
    ("strategy", "asked"),
    [
        (AgreeThenEscalate(), ("gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5")),
        (AgreeThenEscalate(then="gpt-4"), ("gpt-4o-mini", "claude-haiku-3.5", "gpt-4")),
        (AgreeThenEscalate(("mini", "gpt-4o")), ("gpt-4o-mini", "gpt-4o", "claude-sonnet-3.5")),
        (
            AgreeThenEscalate(("claude-opus-3", "gpt-4")),
            ("claude-opus-3", "gpt-4", "gpt-4o-mini"),
        ),
    ],
    ids=repr,
)
def test_who_is_asked_by_default(run: Run, strategy: Any, asked: tuple[str, ...]) -> None:
    """The ensemble of two, and the next above them in the chain; below where none is above."""
    trace = run(strategy, dict.fromkeys((*asked, "x"), Response("?", PROSE)))
    assert tuple(response.model for response in trace.responses) == asked
    assert trace.answer.planned == asked


def _without(catalog: Catalog, *pool: str) -> Catalog:
    return Catalog(catalog.models, pool)


def test_with_too_few_models_it_says_what_to_name(catalog: Catalog, query: Query) -> None:
    """With one model nobody can agree, with two nobody is left to ask."""
    with pytest.raises(ChainError, match="Only gpt-4o can be asked"):
        next(AgreeThenEscalate().plan(query, _without(catalog, "gpt-4o")))
    with pytest.raises(ChainError, match="No model is left to escalate to"):
        next(AgreeThenEscalate().plan(query, _without(catalog, "gpt-4o-mini", "gpt-4o")))


@pytest.mark.parametrize(
    "given",
    [
        {"models": ("a",)},
        {"models": ()},
        {"models": ("a", "a")},
        {"models": ("a", "b"), "then": "a"},
        {"models": ("a", "b"), "then": ""},
        {"then": 5},
        {"then": " "},
        {"models": 7},
    ],
    ids=str,
)
def test_what_is_no_pair_is_refused(given: dict[str, Any]) -> None:
    """Fewer than two, one twice, or what is no name is refused when it is written."""
    with pytest.raises(ChainError):
        AgreeThenEscalate(**given)


def test_an_alias_of_a_cheap_one_is_not_the_strong_one(catalog: Catalog, query: Query) -> None:
    """A model that would be asked twice under two names is refused before it is asked at all."""
    with pytest.raises(ChainError):
        next(AgreeThenEscalate(("gpt-4o-mini", "gpt-4o"), "mini").plan(query, catalog))


def test_names_are_trimmed() -> None:
    """Names in any container and with blanks around them are the same pair."""
    assert AgreeThenEscalate(["a ", "b"], " c ") == AgreeThenEscalate("a, b", "c")  # type: ignore[arg-type]


def test_it_survives_a_pickle_and_its_own_text() -> None:
    """It comes back equal from a pickle and from its representation, and is as good a key."""
    assert pickle.loads(pickle.dumps(PAIR)) == PAIR  # noqa: S301 - our own
    assert eval(repr(PAIR)) == PAIR  # noqa: S307 - our own
    assert hash(PAIR) == hash(AgreeThenEscalate(CHEAP, STRONG))


def test_an_unknown_confidence_is_unknown(run: Run) -> None:
    """Where the recording says that nothing is known, nothing is claimed."""
    silent = Response("?", PROSE, confidence=math.nan)
    assert math.isnan(run(PAIR, told(PROSE, PROSE, silent)).answer.confidence.value)
