from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Call, Message, Params, Response
from orchkit.core.catalog import Tier
from orchkit.core.confidence import logprob
from orchkit.core.plans import Query
from orchkit.lab.scoring import SCORERS
from orchkit.runtime.catalogs import bundled, catalog
from orchkit.runtime.providers.simulator import Known, Simulator

CATALOG = catalog([bundled()])
LADDER = ("gpt-4o-mini", "gpt-4o", "claude-sonnet-3.5", "claude-opus-3")
TIERS = list(Tier)


def _call(text: str, model: str = "gpt-4o-mini", draw: int = 0, **params: float) -> Call:
    return Call(model, (Message("user", text),), Params(**params), draw)  # type: ignore[arg-type]


def _known(scorer: str, reference: str, text: str = "Q", tier: Tier = Tier.EXPERT) -> Simulator:
    return Simulator(CATALOG, {_call(text).question: Known(reference, scorer, tier)})


@pytest.fixture(scope="module")
def exam() -> Simulator:
    """Give a simulator that knows five hundred prompts of all tiers."""
    drawn = random.Random(7)  # noqa: S311 - a test
    questions = {
        _call(f"Question {n}").question: Known(str(drawn.randint(0, 99)), "numeric", TIERS[n % 4])
        for n in range(500)
    }
    return Simulator(CATALOG, questions)


def _sat(exam: Simulator, model: str) -> list[tuple[bool, Response]]:
    """Return whether each answer is right, and the answer."""
    answers = [exam.answer(_call(f"Question {n}", model)) for n in range(500)]
    references = [known.reference for known in exam.known.values()]
    return [
        (SCORERS["numeric"](answer.text or "", right) == 1.0, answer)
        for answer, right in zip(answers, references, strict=True)
    ]


def _auroc(right: Iterable[float], wrong: Iterable[float]) -> float:
    """Return how often a right answer is surer than a wrong one."""
    wrong = list(wrong)
    pairs = [(r > w) + (r == w) / 2 for r in right for w in wrong]
    return sum(pairs) / len(pairs)


@given(st.text(), st.sampled_from(LADDER), st.integers(1, 2000))
def test_the_same_call_has_the_same_answer(text: str, model: str, limit: int) -> None:
    """Asked twice, by two simulators, a call is answered alike in everything."""
    call = _call(text, model, max_tokens=limit)
    assert Simulator(CATALOG).answer(call) == Simulator(CATALOG).answer(call)


SCRIPT = """
from orchkit.core.calls import Call, Message, digest
from orchkit.runtime.catalogs import bundled, catalog
from orchkit.runtime.providers.simulator import Known, Simulator
calls = [Call("gpt-4o", (Message("user", f"Quöstion {n}"),)) for n in range(30)]
known = {call.question: Known("42", "numeric") for call in calls[:20]}
simulator = Simulator(catalog([bundled()]), known)
told = digest([repr(simulator.answer(call)) for call in calls])
"""


def test_another_process_gives_the_same_answers(elsewhere: Callable[..., str]) -> None:
    """Nothing of an answer depends on the process, not even on its hash seed."""
    here: dict[str, str] = {}
    exec(SCRIPT, here)  # noqa: S102 - the script is above
    assert elsewhere(f"{SCRIPT}print(told)", PYTHONHASHSEED="1").strip() == here["told"]


def test_complete_is_the_answer() -> None:
    """Asked as a provider it gives the same, and nobody waits for its latency."""
    call = _call("Q")
    answer = asyncio.run(Simulator(CATALOG).complete(call))
    assert answer == Simulator(CATALOG).answer(call)
    assert answer.latency > 0


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 0.5},
        {"temperature": 0.0},
        {"seed": 1},
        {"seed": 0},
        {"draw": 1},
        {"model": "gpt-4o"},
    ],
    ids=str,
)
def test_what_is_asked_otherwise_is_drawn_anew(exam: Simulator, other: dict[str, float]) -> None:
    """Temperature, seed, draw and model each change some of the answers, not all of them."""
    pairs = [
        (exam.answer(_call(f"Question {n}")), exam.answer(_call(f"Question {n}", **other)))
        for n in range(100)
    ]
    assert all(first.logprobs != second.logprobs for first, second in pairs)
    assert 0 < sum(first.text != second.text for first, second in pairs) < 100


@given(st.text(), st.integers(1, 500), st.sampled_from(LADDER))
def test_tokens_stay_within_the_limit(text: str, limit: int, model: str) -> None:
    """No answer is longer than allowed, and a stump says that it is one."""
    answer = Simulator(CATALOG).answer(_call(text, model, max_tokens=limit))
    assert 1 <= answer.usage.output_tokens <= limit
    assert answer.finish == "stop" or answer.usage.output_tokens == limit
    assert answer.finish in ("stop", "length")


def test_a_low_limit_makes_stumps() -> None:
    """An answer that would be longer is cut and says so."""
    assert Simulator(CATALOG).answer(_call("Q", max_tokens=1)).finish == "length"
    assert Simulator(CATALOG).answer(_call("Q", max_tokens=4096)).finish == "stop"


@given(st.lists(st.text(st.characters(exclude_categories=())), min_size=1, max_size=4))
def test_usage_never_exceeds_the_bound(texts: list[str]) -> None:
    """Whatever is asked, what it costs is at most what was reserved for it."""
    call = Call("gpt-4", tuple(Message("user", text) for text in texts), Params(max_tokens=50))
    usage = Simulator(CATALOG).answer(call).usage
    model = CATALOG["gpt-4"]
    assert 0 < (model.cost(usage) or 0) <= (model.bound(call.messages, 50) or 0)


def test_stronger_models_are_right_more_often(exam: Simulator) -> None:
    """Over five hundred prompts each tier beats the one below it."""
    right = [sum(good for good, _ in _sat(exam, model)) for model in LADDER]
    assert right == sorted(set(right))
    assert right[0] > 100
    assert right[-1] < 500


def test_harder_prompts_are_answered_wrong_more_often(exam: Simulator) -> None:
    """For one model each tier of prompts is harder than the one below it."""
    sat = _sat(exam, "gpt-4o")
    right = [sum(good for good, _ in sat[tier::4]) for tier in range(4)]
    assert right == sorted(set(right), reverse=True)


@pytest.mark.parametrize("model", LADDER)
def test_confidence_tells_right_from_wrong_often_not_always(exam: Simulator, model: str) -> None:
    """The log-probabilities are a useful signal and not an oracle: AUROC from 0.65 to 0.95."""
    sure = [(good, logprob(Query(()), answer).value) for good, answer in _sat(exam, model)]
    auroc = _auroc((c for good, c in sure if good), (c for good, c in sure if not good))
    assert 0.65 <= auroc <= 0.95


@given(st.text(), st.sampled_from(LADDER))
def test_log_probabilities_are_some(text: str, model: str) -> None:
    """They are logarithms of probabilities: never above 0, and their mean is a confidence."""
    answer = Simulator(CATALOG).answer(_call(text, model))
    assert answer.logprobs
    assert all(value <= 0 for value in answer.logprobs)
    assert 0 < logprob(Query(()), answer).value <= 1


def _scores(scorer: str, reference: str, text: str) -> set[tuple[bool, float]]:
    """Return, over many draws of a hard prompt, whether it gave the reference and its score."""
    simulator = _known(scorer, reference, text)
    answers = (simulator.answer(_call(text, draw=draw)).text or "" for draw in range(40))
    return {(text == reference, SCORERS[scorer](text, reference)) for text in answers}


def _told_apart(scorer: str, reference: str, text: str) -> None:
    scores = _scores(scorer, reference, text)
    assert all(score == 1 if right else score < 0.5 for right, score in scores)


prompts = st.text(min_size=1, max_size=5)
several = settings(deadline=None, max_examples=25)


@several
@given(prompts, st.integers(-(10**9), 10**9) | st.decimals(-1000, 1000, places=2))
def test_numbers_are_right_or_wrong(text: str, number: object) -> None:
    """A wrong number is not within rounding of the right one, however large that is."""
    _told_apart("numeric", str(number), text)


@pytest.mark.parametrize(
    "reference", ["42", "1,234,567", "$72.00", "12345678", "-3", "0", "1e9", "75%", "12 apples"]
)
def test_numbers_are_right_or_wrong_as_they_are_written(reference: str) -> None:
    """Currency, thousands, units and powers of ten do not hide a number from the simulator."""
    _told_apart("numeric", reference, "Q")


@several
@given(prompts, st.sampled_from("ABCDE"), st.sampled_from(["{}", "({})", "{}.", "**{}**"]))
def test_choices_are_right_or_wrong(text: str, letter: str, form: str) -> None:
    """A wrong letter is another letter, in whatever form the reference is written."""
    _told_apart("choice", form.format(letter), text)


@several
@given(prompts, st.sampled_from("abcd"))
def test_small_letters_are_letters(text: str, letter: str) -> None:
    """A reference in small letters is the same choice."""
    _told_apart("choice", letter, text)


TEXTS = ["Paris", "no", "No", "yes", "unknown", "Both", "none", "it", "on", "none of these", "a"]


@pytest.mark.parametrize("scorer", ["exact", "contains", "token_f1"])
@pytest.mark.parametrize("reference", TEXTS)
def test_texts_are_right_or_wrong(scorer: str, reference: str) -> None:
    """A wrong text does not score, also where the reference is a word of everyday answers."""
    _told_apart(scorer, reference, "Q")


@several
@given(prompts, st.text(st.characters(categories=["L"]), min_size=3, max_size=8))
def test_words_are_right_or_wrong(text: str, word: str) -> None:
    """Any word can be a reference."""
    assume(word.casefold() not in "none of these unknown it depends both")
    _told_apart("contains", word, text)


@pytest.mark.parametrize(
    ("scorer", "reference"),
    [("exact", "Paris"), ("numeric", "42"), ("choice", "B"), ("contains", "x"), ("token_f1", "q")],
)
def test_both_right_and_wrong_answers_are_given(scorer: str, reference: str) -> None:
    """A hard prompt is sometimes answered and sometimes not, whatever scores it."""
    assert {right for right, _ in _scores(scorer, reference, "Q")} == {True, False}


def test_models_agree_on_wrong_answers() -> None:
    """A prompt tempts to few wrong answers, so that a majority can be wrong together."""
    simulator = _known("numeric", "42")
    answers = {simulator.answer(_call("Q", draw=draw)).text for draw in range(200)}
    assert len(answers) == 3


def test_without_a_reference_it_says_that_it_only_stands_in() -> None:
    """An answer to an unknown prompt cannot be taken for a model's."""
    text = Simulator(CATALOG).answer(_call("Explain tides")).text or ""
    assert "simulated" in text
    assert "gpt-4o-mini" in text
    assert "Explain tides" in text


def test_knowing_changes_the_request() -> None:
    """What it knows decides the answer, and so is part of the key that it is stored under."""
    call = _call("Q")
    plain, known = Simulator(CATALOG), _known("exact", "Paris")
    assert plain.request(call) != known.request(call)
    assert known.request(call) != _known("exact", "Rome").request(call)


def test_a_tier_that_is_not_told_is_read_from_the_prompt() -> None:
    """Without a word on how hard a prompt is, the keyword rules say it."""
    easy, hard = "What is 2+2?", "Comprehensive analysis of tides"
    known = {_call(text).question: Known("42") for text in (easy, hard)}
    simulator = Simulator(CATALOG, known)
    right = [
        sum(simulator.answer(_call(text, draw=draw)).text == "42" for draw in range(200))
        for text in (easy, hard)
    ]
    assert right[0] > right[1]


def test_another_tier_of_the_same_model_is_another_answer() -> None:
    """Whoever changes a model's tier in the catalog does not get the old tier's stored answers."""
    call = _call("Q")
    models = {**CATALOG.models, "gpt-4o-mini": replace(CATALOG["gpt-4o-mini"], tier=Tier.EXPERT)}
    promoted = replace(CATALOG, models=models)
    assert Simulator(CATALOG).request(call) != Simulator(promoted).request(call)
