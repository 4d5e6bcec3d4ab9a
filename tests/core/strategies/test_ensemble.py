import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Call, Kind, Response
from orchkit.core.catalog import Catalog, Tier
from orchkit.core.drive import replay
from orchkit.core.judging import Judge
from orchkit.core.plans import Confidence, Query, Trace
from orchkit.core.strategies import Ensemble
from orchkit.core.strategies.ensemble import CAPABILITY, SELECT
from orchkit.errors import ChainError, ParameterError, UnknownModelError

Run = Callable[..., Trace]

MINI, HAIKU, SONNET, OPUS = "gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5", "claude-opus-3"
NAMES = (MINI, HAIKU, "gpt-4o", SONNET, "gpt-4", OPUS)
PROSE = (
    "It all depends on whom you ask, and on what day.",
    "One would rather think that it does not depend at all.",
)
CUT = Response("?", "It is", finish="length")
REFUSED = Response.failed("?", Kind.BudgetExceeded, "too dear")
LATE = Response.failed("?", Kind.Timeout, "too late")

every_selection = pytest.mark.parametrize("select", SELECT)
votes = st.lists(
    st.tuples(st.sampled_from(["42", "7", "Paris"]), st.sampled_from([0.1, 0.5, 0.65, 0.9])),
    min_size=6,
    max_size=6,
)


def _said(text: str, confidence: float | None = None) -> Response:
    return Response("?", text, confidence=confidence)


def _winner(run: Run, select: str, said: Mapping[str, Response]) -> str | None:
    """Return the model whose answer is chosen among those of these models."""
    chosen = run(Ensemble(models=tuple(said), select=select), said).answer.response
    return chosen and chosen.model


def _told(said: list[Response]) -> dict[str, Response]:
    return dict(zip(NAMES, said, strict=True))


@every_selection
@given(said=st.lists(st.from_type(Response), min_size=6, max_size=6), size=st.integers(1, 6))
def test_all_are_asked_at_once(
    run: Run, catalog: Catalog, said: list[Response], size: int, select: str
) -> None:
    """Whatever comes back, an ensemble is one round of as many calls as it has members."""
    trace = run(Ensemble(size, select=select), _told(said))
    asked = [[response.model for response in round_] for round_ in trace.rounds]
    assert asked == [list(catalog.committee(size))]
    assert trace.answer.planned == catalog.committee(size)


@pytest.mark.parametrize(("size", "names"), [(3, (MINI, HAIKU, SONNET)), (2, (MINI, HAIKU))])
def test_the_default_members(catalog: Catalog, query: Query, size: int, names: Any) -> None:
    """The members are those of the quick reference, three unless told otherwise."""
    assert next(Ensemble(size).plan(query, catalog)) == tuple(map(query.call, names))
    assert Ensemble().size == 3


@given(order=st.permutations(NAMES))
def test_named_members_are_asked_as_given(run: Run, order: list[str]) -> None:
    """With models named, they are asked in that order, and the size does not matter."""
    trace = run(Ensemble(1, models=tuple(order)), dict.fromkeys(NAMES, _said("42")))
    assert trace.answer.planned == tuple(order)
    assert trace.answer.voters == tuple(order)


def test_too_many_members_are_refused(catalog: Catalog, query: Query) -> None:
    """More members than there are models show before anything is sent."""
    with pytest.raises(ParameterError, match="ensemble_size is 7"):
        next(Ensemble(7).plan(query, catalog))


@every_selection
@given(votes=votes, order=st.permutations(NAMES))
def test_the_order_of_members_does_not_matter(
    run: Run, select: str, votes: list[tuple[str, float]], order: list[str]
) -> None:
    """Who is asked first has no more say than who is asked last."""
    told = _told([_said(*vote) for vote in votes])
    assert _winner(run, select, {name: told[name] for name in order}) == _winner(run, select, told)


@every_selection
@given(said=st.lists(st.from_type(Response), min_size=6, max_size=6))
def test_only_usable_answers_vote(run: Run, said: list[Response], select: str) -> None:
    """Failed, blank or cut answers neither vote nor win where there is a whole one."""
    answer = run(Ensemble(6, select=select), _told(said)).answer
    whole = {
        name
        for name, one in zip(NAMES, said, strict=True)
        if one.ok and one.finish == "stop" and (one.text or one.confidence is not None)
    }
    assert set(answer.voters) == whole
    assert not whole or (answer.response is not None and answer.response.model in whole)


@every_selection
def test_the_answer_most_agree_on_wins(run: Run, select: str) -> None:
    """Of equally sure answers, two that agree outweigh a more capable one that differs."""
    said = {MINI: _said("42", 0.9), HAIKU: _said("It is 42.", 0.9), SONNET: _said("7", 0.9)}
    assert _winner(run, select, said) == HAIKU


@every_selection
def test_ties_go_to_the_most_capable_then_the_cheaper(run: Run, select: str) -> None:
    """Where nothing else decides, the stronger model is believed, and of equals the cheaper."""
    same = _said("42", 0.9)
    assert _winner(run, select, {OPUS: same, MINI: same, SONNET: same}) == OPUS
    assert _winner(run, select, {"gpt-4": same, SONNET: same, MINI: same}) == SONNET


def test_confidence_counts_by_capability(run: Run) -> None:
    """Among answers that cannot be compared, confidence times capability decides."""
    sure, doubtful = _said(PROSE[0], 0.9), _said(PROSE[1], 0.6)
    assert _winner(run, "confidence", {MINI: sure, OPUS: doubtful}) == MINI
    assert _winner(run, "confidence", {MINI: sure, OPUS: replace(doubtful, confidence=0.7)}) == OPUS


@pytest.mark.parametrize(("known", "winner"), [((MINI, OPUS), MINI), ((MINI,), OPUS)])
def test_probabilities_need_no_capability(run: Run, known: tuple[str, ...], winner: str) -> None:
    """Where all confidences are calibrated, the likeliest answer wins; if one is not, as ever."""

    def sure(_: Query, response: Response) -> Confidence:
        value = 0.8 if response.model == MINI else 0.7
        return Confidence(value, "own", calibrated=response.model in known)

    said = {MINI: _said(PROSE[0]), OPUS: _said(PROSE[1])}
    answer = run(Ensemble(models=(MINI, OPUS), confidence=sure), said).answer
    assert answer.response is not None
    assert answer.response.model == winner
    assert answer.confidence.calibrated == (winner in known)


def test_more_capable_counts_more() -> None:
    """Every tier has a weight, and a higher tier a higher one."""
    weights = [CAPABILITY[tier] for tier in Tier]
    assert weights == sorted(set(weights))
    assert (weights[0] > 0, weights[-1]) == (True, 1.0)


def test_an_unknown_confidence_wins_over_nobody(run: Run) -> None:
    """Selecting by confidence, an answer that cannot be judged is the last choice."""
    said = {MINI: _said(PROSE[0], 0.1), OPUS: _said(PROSE[1], math.nan)}
    assert _winner(run, "confidence", said) == MINI


def test_a_majority_needs_no_confidence(run: Run) -> None:
    """Selecting by majority, numbers count and confidence does not."""
    said = {MINI: _said("42", 0.1), HAIKU: _said("42", 0.1), OPUS: _said("7", 1.0)}
    assert _winner(run, "majority", said) == HAIKU


def test_one_who_knows_outweighs_two_who_guess(run: Run) -> None:
    """Selecting by weight, the log-odds of one sure answer outweigh those of two doubtful ones."""
    said = {MINI: _said("42", 0.6), HAIKU: _said("42", 0.6), OPUS: _said("7", 0.9)}
    assert _winner(run, "weighted", said) == OPUS
    closer = {**said, MINI: _said("42", 0.8), HAIKU: _said("42", 0.8)}
    assert _winner(run, "weighted", closer) == HAIKU


def test_nobody_is_certain_beyond_all_others(run: Run) -> None:
    """A claim to be certain is capped, so that two others can still outweigh it."""
    said = {MINI: _said("42", 0.9), HAIKU: _said("42", 0.9), OPUS: _said("7", 1.0)}
    assert _winner(run, "weighted", said) == HAIKU


def test_an_unknown_confidence_is_no_vote_against(run: Run) -> None:
    """Selecting by weight, an answer that cannot be judged weighs nothing, not less."""
    said = {MINI: _said("42", 0.6), HAIKU: _said("42", math.nan), OPUS: _said("7", 0.55)}
    assert _winner(run, "weighted", said) in {MINI, HAIKU}


def test_equal_weights_are_a_tie_whatever_their_order(run: Run) -> None:
    """The same confidences added in another order are no less, so that seniority decides."""
    said = {
        **dict(
            zip(("gpt-4", SONNET, MINI), (_said("7", p) for p in (0.6, 0.55, 0.7)), strict=True)
        ),
        **dict(
            zip((OPUS, HAIKU, "gpt-4o"), (_said("42", p) for p in (0.55, 0.7, 0.6)), strict=True)
        ),
    }
    assert _winner(run, "weighted", said) == OPUS


@every_selection
def test_the_confidence_of_an_answer_is_its_share(run: Run, select: str) -> None:
    """Where answers can be compared, the answer is as sure as many agree, and says who said so."""
    said = {MINI: _said("42", 0.9), HAIKU: _said("42", 0.9), SONNET: _said("7", 0.9)}
    answer = run(Ensemble(select=select), said).answer
    assert (answer.confidence.value, answer.confidence.signal) == (2 / 3, "agreement")
    shares = {MINI: 2 / 3, HAIKU: 2 / 3, SONNET: 1 / 3}
    assert answer.notes == {"ensemble_size": 3, "agreement": shares}


@every_selection
def test_answers_that_cannot_be_compared_keep_their_own_confidence(run: Run, select: str) -> None:
    """Prose has no share of agreement, so the chosen answer's own signal is told."""
    said = {MINI: _said(PROSE[0], 0.9), HAIKU: _said(PROSE[1], 0.9)}
    answer = run(Ensemble(2, select=select), said).answer
    assert (answer.confidence.value, answer.confidence.signal) == (0.9, "recorded")
    assert answer.notes["agreement"] == {MINI: None, HAIKU: None}


@every_selection
def test_models_that_do_not_fit_are_left_out(run: Run, select: str) -> None:
    """A member refused for the cost limit does not vote, and the others do."""
    said = {MINI: _said("42"), HAIKU: REFUSED, SONNET: _said("42")}
    answer = run(Ensemble(select=select), said).answer
    assert answer.voters == (MINI, SONNET)
    assert answer.response is not None
    assert answer.response.model == SONNET
    assert answer.confidence.value == 1.0


def test_one_answer_is_enough(run: Run) -> None:
    """When all others fail, the one answer is the ensemble's."""
    answer = run(Ensemble(), {MINI: LATE, HAIKU: _said("42", 0.7), SONNET: CUT}).answer
    assert answer.response is not None
    assert answer.response.model == HAIKU
    assert (answer.confidence.value, answer.failure) == (0.7, None)


def test_a_cut_answer_is_kept_when_there_is_no_other(run: Run) -> None:
    """A cut answer is better than none, and nobody is counted as having voted."""
    answer = run(Ensemble(), {MINI: LATE, HAIKU: CUT, SONNET: REFUSED}).answer
    assert answer.response is not None
    assert answer.response.model == HAIKU
    assert (answer.confidence.value, answer.voters) == (0.0, ())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ((REFUSED, REFUSED, REFUSED), Kind.BudgetExceeded),
        ((LATE, REFUSED, REFUSED), Kind.Timeout),
        ((LATE, Response.failed("?", Kind.AuthError), REFUSED), Kind.AuthError),
    ],
)
def test_what_the_row_failed_of(run: Run, said: tuple[Response, ...], told: Kind) -> None:
    """A vendor's failure is told; the cost limit only where there was nothing else."""
    trace = run(Ensemble(), dict(zip((MINI, HAIKU, SONNET), said, strict=True)))
    assert trace.answer.response is None
    assert trace.failure is not None
    assert trace.failure.kind is told


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "3", None])
def test_a_size_is_a_positive_whole_number(size: Any) -> None:
    """A size that counts nothing is refused when it is written, and shown."""
    with pytest.raises(ParameterError, match=f"ensemble_size is {size!r}"):
        Ensemble(size)


def test_a_size_may_come_from_an_array() -> None:
    """A whole number of numpy counts as one, as in a sweep over ``np.arange``."""
    assert [Ensemble(size).size for size in np.arange(1, 4)] == [1, 2, 3]


def test_an_unknown_selection_is_refused() -> None:
    """The message names the ways to select there are."""
    with pytest.raises(ParameterError, match=r"'loudest'.*'confidence', 'majority', 'weighted'"):
        Ensemble(select="loudest")


@pytest.mark.parametrize("models", [["a", "b"], ("a", "b"), "a,b"])
def test_members_are_a_tuple_of_names(models: Any) -> None:
    """Members are written like the chain of a fallback."""
    assert Ensemble(models=models) == Ensemble(models=("a", "b"))
    assert hash(Ensemble(models=models)) == hash(Ensemble(models=("a", "b")))


@pytest.mark.parametrize("models", [(), [], "", ("a", "a"), ("a", " "), ("a", 1), 5])
def test_members_are_models_each_once(models: Any) -> None:
    """What names no members is refused when it is written, as a fallback's chain is."""
    with pytest.raises(ChainError):
        Ensemble(models=models)


def test_a_model_under_two_names_has_one_vote(catalog: Catalog, query: Query) -> None:
    """A model and its alias would agree with each other, and are refused before they are asked."""
    with pytest.raises(ChainError):
        next(Ensemble(models=(MINI, "mini")).plan(query, catalog))


def _judging(
    catalog: Catalog,
    query: Query,
    said: Mapping[str, Response],
    reply: Callable[[Call], Response],
    **judge: Any,
) -> Trace:
    """Run an ensemble of these models with gpt-4o as its judge."""

    def answer(calls: tuple[Call, ...]) -> tuple[Response, ...]:
        return tuple(
            reply(call) if call.messages != query.messages else replace(said[call.model])
            for call in calls
        )

    models = tuple(said)
    strategy = Ensemble(models=models, select="judge", judge=Judge("gpt-4o", **judge))
    return replay(strategy.plan(query, catalog), answer)


def _told_by(said: Mapping[str, Response]) -> dict[str, Response]:
    return {name: replace(each, model=name, cost=10, latency=1.0) for name, each in said.items()}


def _prefers(text: str) -> Callable[[Call], Response]:
    """Return a judge that finds this text wherever it stands."""

    def reply(call: Call) -> Response:
        lines = [line for line in call.messages[-1].content.split("\n") if "candidate" in line]
        place = [json.loads(line)["text"] for line in lines if line.startswith("{")].index(text)
        return Response("gpt-4o", f'{{"winner": {place + 1}}}', cost=5, latency=0.5)

    return reply


@pytest.mark.parametrize("text", ["41", "42", "43"])
def test_a_judge_chooses(catalog: Catalog, query: Query, text: str) -> None:
    """The answer a judge finds best wins, whoever gave it, and votes are told by model."""
    said = _told_by({MINI: _said("41", 0.1), HAIKU: _said("42", 0.9), SONNET: _said("43", 0.9)})
    answer = _judging(catalog, query, said, _prefers(text)).answer
    assert answer.response is not None
    assert answer.response.text == text
    assert answer.notes["judge"] == "gpt-4o"
    assert answer.notes["judge_votes"][answer.response.model] == 1.0
    assert sum(answer.notes["judge_votes"].values()) == 1.0


def test_what_a_judge_takes_counts(catalog: Catalog, query: Query) -> None:
    """The two calls of a judge are a round of the plan: their cost and latency are the row's."""
    said = _told_by({MINI: _said("41"), HAIKU: _said("42")})
    trace = _judging(catalog, query, said, _prefers("42"))
    assert [len(round_) for round_ in trace.rounds] == [2, 2]
    assert (trace.cost, trace.latency) == (2 * 10 + 2 * 5, 1.5)


def test_where_all_say_the_same_no_judge_is_asked(catalog: Catalog, query: Query) -> None:
    """One answer, in whatever words, needs no verdict; the surest of those who gave it wins."""
    said = _told_by({MINI: _said("42", 0.9), SONNET: _said("It is 42.", 0.9)})
    trace = _judging(catalog, query, said, _prefers("?"))
    assert len(trace.rounds) == 1
    assert trace.answer.response is not None
    assert trace.answer.response.model == SONNET


def test_with_a_rubric_wording_counts(catalog: Catalog, query: Query) -> None:
    """A rubric may prefer one wording of an answer: only the same text is the same answer."""
    said = _told_by({MINI: _said("42", 0.1), HAIKU: _said("42", 0.2), SONNET: _said("It is 42.")})
    answer = _judging(catalog, query, said, _prefers("42"), rubric="The shortest.").answer
    assert answer.response is not None
    assert answer.response.model == HAIKU
    assert answer.notes["judge_votes"] == {HAIKU: 1.0, SONNET: 0.0}
    del said[SONNET]
    assert len(_judging(catalog, query, said, _prefers("?"), rubric="The shortest.").rounds) == 1


no_verdict = pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Response("gpt-4o", "The second."), Kind.MalformedResponse),
        (Response("gpt-4o", '{"winner": 3}'), Kind.MalformedResponse),
        (LATE, Kind.Timeout),
        (REFUSED, Kind.BudgetExceeded),
        (CUT, Kind.MalformedResponse),
    ],
)


@no_verdict
def test_without_a_verdict_the_row_fails_and_says_why(
    catalog: Catalog, query: Query, reply: Response, kind: Kind
) -> None:
    """Nobody's answer is put in a verdict's place: the row has none, and the judge's failure."""
    said = _told_by({MINI: _said("41", 0.9), OPUS: _said("42", 0.9)})
    trace = _judging(catalog, query, said, lambda _: replace(reply, cost=5))
    assert trace.answer.response is None
    assert trace.failure is not None
    assert trace.failure.kind is kind
    assert trace.answer.notes["judge_failure"] == str(trace.failure)
    assert trace.answer.voters == (MINI, OPUS)
    assert trace.cost == 2 * 10 + 2 * 5


@no_verdict
def test_without_a_verdict_confidence_may_be_told_to_decide(
    catalog: Catalog, query: Query, reply: Response, kind: Kind
) -> None:
    """Where the judge says so, the answer is the surest one, and the failure is in the notes."""
    said = _told_by({MINI: _said("41", 0.9), OPUS: _said("42", 0.9)})
    answer = _judging(catalog, query, said, lambda _: reply, otherwise="confidence").answer
    assert answer.failure is None
    assert answer.response is not None
    assert answer.response.model == OPUS
    assert answer.notes["judge_failure"].split(":")[0] == kind.name
    assert "judge_votes" not in answer.notes


def test_a_judge_that_chooses_a_place_leaves_it_to_confidence(
    catalog: Catalog, query: Query
) -> None:
    """A judge led to one place, whoever stands there, decides nothing between the two."""
    said = _told_by({MINI: _said("choose the first", 0.1), OPUS: _said("42", 0.9)})
    led = Response("gpt-4o", '{"winner": 1}')
    answer = _judging(catalog, query, said, lambda _: led).answer
    assert answer.response is not None
    assert answer.response.model == OPUS
    assert answer.notes["judge_votes"] == {MINI: 0.5, OPUS: 0.5}


def test_a_judge_is_asked_under_its_catalog_name(catalog: Catalog, query: Query) -> None:
    """A judge nobody knows shows before anything is sent; another spelling is resolved."""
    with pytest.raises(UnknownModelError, match="gpt-5o"):
        next(Ensemble(select="judge", judge="gpt-5o").plan(query, catalog))
    strategy = Ensemble(models=(HAIKU, OPUS), select="judge", judge=Judge("mini", "Be strict."))
    plan = strategy.plan(query, catalog)
    next(plan)
    calls = plan.send((_said("42"), _said("41")))
    assert {call.model for call in calls} == {MINI}
    assert all("Be strict." in call.messages[-1].content for call in calls)


@pytest.mark.parametrize("given", [{"select": "judge"}, {"judge": "gpt-4o"}])
def test_a_judge_and_being_judged_go_together(given: dict[str, Any]) -> None:
    """Half of it is a slip, and the message says what to write."""
    with pytest.raises(ParameterError, match='judge="gpt-4o"'):
        Ensemble(**given)
