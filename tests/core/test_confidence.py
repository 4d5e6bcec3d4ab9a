import math
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Call, Kind, Response
from orchkit.core.confidence import (
    PLAIN,
    TELLS,
    agreement,
    answer_key,
    auto,
    hard_failure,
    judge,
    logprob,
    wording,
)
from orchkit.core.plans import Confidence, Query

QUERY = Query(())
PROSE = "It depends on what is asked, by whom, of whom, and what for."

#: What may stand around an answer without making it another answer.
DECORATIONS = [
    "{}",
    "  {}\n",
    "{}.",
    "{}!",
    "**{}**",
    "`{}`",
    '"{}"',
    "'{}'",
    "“{}”",
    "The answer is {}.",
    "The answer is: {}",
    "The answer is **{}**.",
    "Answer: {}",
    "**Answer:** {}",
    "**Answer**: {}",
    "Final answer = {}",
    "#### {}",
    '{{"answer": "{}"}}',
    "First, one thing. Then another.\n\nThe answer is {}.\n\nI hope that helps!",
    "The answer is 1.\nNo, wait: the answer is {}.",
]
SAID = ["72", "-3.5", "b", "Paris", "New York", "not enough"]

logprobs = st.lists(st.floats(-100, 0), min_size=1, max_size=5)
numbers = st.integers(-(10**15), 10**15)


def _said(*texts: str) -> list[Response]:
    return [Response("m", text) for text in texts]


def _judged(signal: Any, response: Response) -> Confidence:
    """Put a response to a signal that asks nothing."""
    with pytest.raises(StopIteration) as end:
        next(judge(signal, QUERY, response))
    sure: Confidence = end.value.value
    return sure


@pytest.mark.parametrize(
    ("response", "hard"),
    [
        (Response("m", "42"), False),
        (Response("m", "I don't know"), False),
        (Response("m", "", confidence=0.9), False),
        (Response("m", "42", finish="length"), True),
        (Response("m", "42", finish="refusal"), True),
        (Response("m", " \n"), True),
        (Response("m", ""), True),
        (Response("m"), True),
        (Response.failed("m", Kind.Timeout, confidence=0.9), True),
    ],
)
def test_a_hard_failure_is_no_usable_answer(response: Response, hard: bool) -> None:
    """Failed, refused, truncated or blank; a recorded confidence stands in for a lost text."""
    assert hard_failure(response) is hard


@pytest.mark.parametrize(
    ("response", "value", "signal"),
    [
        (Response("m", "42", confidence=0.9, logprobs=(-1.0,)), 0.9, "recorded"),
        (Response("m", "42", logprobs=(math.log(0.5),)), 0.5, "logprob"),
        (Response("m", "42"), PLAIN, "wording"),
        (Response("m", "42", confidence=0.9, finish="length"), 0.0, "failure"),
        (Response.failed("m", Kind.Refused, confidence=0.9), 0.0, "failure"),
    ],
)
def test_the_best_signal_a_response_carries(response: Response, value: float, signal: str) -> None:
    """A failure outweighs a recorded confidence, that log-probabilities, and they the wording."""
    sure = auto(QUERY, response)
    assert (sure.value, sure.signal) == (pytest.approx(value), signal)


@given(st.from_type(Response))
def test_every_signal_gives_a_share_or_nothing(response: Response) -> None:
    """A confidence lies in [0, 1] or is NaN, whatever came back."""
    for signal in (auto, logprob, wording):
        value = signal(QUERY, response).value
        assert math.isnan(value) or 0 <= value <= 1


@given(logprobs)
def test_log_probabilities_give_their_geometric_mean(logprobs: list[float]) -> None:
    """The confidence of an answer is the geometric mean of its tokens' probabilities."""
    sure = logprob(QUERY, Response("m", "42", logprobs=tuple(logprobs)))
    mean = math.prod(math.exp(value / len(logprobs)) for value in logprobs)
    assert sure.value == pytest.approx(mean, rel=1e-9, abs=1e-300)


def test_an_impossible_token_leaves_no_confidence() -> None:
    """A factor of zero makes a geometric mean zero; it is not left out."""
    assert logprob(QUERY, Response("m", "42", logprobs=(0.0, -math.inf))).value == 0.0


@pytest.mark.parametrize("logprobs", [(), (math.nan,)])
def test_without_log_probabilities_nothing_is_known(logprobs: tuple[float, ...]) -> None:
    """No number is made up where the provider gives none."""
    assert math.isnan(logprob(QUERY, Response("m", "42", logprobs=logprobs)).value)


def test_a_log_probability_above_zero_is_still_a_probability() -> None:
    """A vendor's rounding does not make an answer surer than certain."""
    assert logprob(QUERY, Response("m", "42", logprobs=(1e-6,))).value == 1.0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Paris.", PLAIN),
        ("It is probably Paris.", 0.55),
        ("It is unclear.", 0.4),
        ("I don't know.", 0.2),
        ("I don\u2019t know.", 0.2),
        ("I CANNOT say.", 0.2),
        ("Perhaps; I am not sure.", 0.4),
        ("Mighty oaks", PLAIN),
    ],
)
def test_the_wording_tells(text: str, value: float) -> None:
    """The most doubtful word an answer says of itself counts, whatever its case or apostrophe."""
    assert wording(QUERY, Response("m", text)).value == value


def test_tells_stand_most_doubtful_first() -> None:
    """Every tell is a share below that of a plain answer."""
    scores = [score for _, score in TELLS]
    assert scores == sorted(scores)
    assert 0 < scores[0] <= scores[-1] < PLAIN < 1


def test_wording_needs_words() -> None:
    """Without a text nothing is known from its wording."""
    assert math.isnan(wording(QUERY, Response("m")).value)


def test_without_a_signal_the_best_is_taken() -> None:
    """Judging by None is judging by what the response carries."""
    response = Response("m", "42", logprobs=(-0.5,))
    assert _judged(None, response) == auto(QUERY, response)


@pytest.mark.parametrize(("given", "value"), [(0.25, 0.25), (1, 1.0), (True, 1.0), (0, 0.0)])
def test_a_number_becomes_a_confidence_with_its_signal_s_name(given: Any, value: float) -> None:
    """A signal of one's own may give a plain number, and is named in the result."""

    def length(query: Query, response: Response) -> Any:
        return given

    assert _judged(length, Response("m", "42")) == Confidence(value, "length")


@pytest.mark.parametrize("given", [None, math.nan])
def test_no_verdict_is_no_number(given: float | None) -> None:
    """A signal that gives None or NaN does not know."""
    assert math.isnan(_judged(lambda _query, _response: given, Response("m", "42")).value)


def test_a_verdict_that_is_a_confidence_is_kept() -> None:
    """A signal that names and calibrates itself is not renamed."""
    sure = Confidence(0.5, "mine", calibrated=True)
    assert _judged(lambda _query, _response: sure, Response("m", "42")) is sure


@pytest.mark.parametrize("value", [-0.1, 1.1, math.inf])
@pytest.mark.parametrize("wrapped", [float, lambda value: Confidence(value, "mine")])
def test_a_verdict_outside_its_range_is_refused(value: float, wrapped: Any) -> None:
    """A confidence that is no share is a mistake of the signal, as a number or as a Confidence."""

    def mine(query: Query, response: Response) -> Any:
        return wrapped(value)

    with pytest.raises(ValueError, match="mine"):
        next(judge(mine, QUERY, Response("m", "42")))


def test_a_signal_may_ask_again() -> None:
    """A signal that is a plan yields calls, receives responses, and ends in its verdict."""

    def twice(query: Query, first: Response) -> Generator[Any, Any, float]:
        (second,) = yield (query.call(first.model, draw=1),)
        return 1.0 if second.text == first.text else 0.0

    plan = judge(twice, QUERY, Response("m", "42"))
    assert next(plan) == (Call("m", (), draw=1),)
    with pytest.raises(StopIteration) as end:
        plan.send((Response("m", "43"),))
    assert end.value.value == Confidence(0.0, "twice")


@given(st.lists(st.from_type(Response), max_size=6))
def test_agreement_is_a_share_of_usable_answers(responses: list[Response]) -> None:
    """A share lies in (0, 1], is NaN for hard failures, and is known for all others or none."""
    shares = agreement(responses)
    told = [share for share in shares if not math.isnan(share)]
    assert all(0 < share <= 1 for share in told)
    assert len(shares) == len(responses)
    assert len(told) in (0, sum(not hard_failure(response) for response in responses))
    pairs = zip(responses, shares, strict=True)
    assert all(math.isnan(share) for response, share in pairs if hard_failure(response))


@given(st.lists(st.from_type(Response), max_size=6).flatmap(
    lambda said: st.tuples(st.just(said), st.permutations(range(len(said))))
))  # fmt: skip
def test_agreement_goes_with_its_answers(drawn: tuple[list[Response], list[int]]) -> None:
    """Shuffling the answers shuffles their shares, and changes none."""
    said, order = drawn
    shares = agreement(said)
    assert repr(agreement([said[n] for n in order])) == repr(tuple(shares[n] for n in order))


@given(st.lists(st.sampled_from(["42", "7", "Paris"]), min_size=2, max_size=6))
def test_agreement_counts_who_says_the_same(texts: list[str]) -> None:
    """The share of an answer is how many gave it, of all that answered."""
    shares = [texts.count(text) / len(texts) for text in texts]
    assert agreement(_said(*texts)) == pytest.approx(shares)


def test_prose_agrees_with_itself_only() -> None:
    """Free prose beside answers that can be compared counts as one that nobody else gave."""
    assert agreement(_said("42", "42", PROSE)) == pytest.approx((2 / 3, 2 / 3, 1 / 3))


@pytest.mark.parametrize("texts", [(), ("42",), ("42", PROSE), (PROSE, PROSE), ("42", "")])
def test_with_nothing_to_compare_there_is_no_agreement(texts: tuple[str, ...]) -> None:
    """One answer that can be compared agrees with nobody, and disagrees with nobody."""
    shares = agreement(_said(*texts))
    assert len(shares) == len(texts)
    assert all(map(math.isnan, shares))


def test_a_failed_call_does_not_vote() -> None:
    """What was truncated or failed neither agrees nor counts against those who answered."""
    cut = Response("m", "7", finish="length")
    shares = agreement([*_said("42", "42"), cut, Response.failed("m", Kind.Timeout)])
    assert shares[:2] == (1.0, 1.0)


@pytest.mark.parametrize("decoration", DECORATIONS)
def test_decoration_does_not_change_an_answer(decoration: str) -> None:
    """An answer comes down to the same, however it is set, quoted or announced."""
    decorated = [answer_key(decoration.format(said)) for said in SAID]
    assert decorated == [answer_key(said) for said in SAID]


@given(numbers)
def test_a_number_is_the_same_number_however_it_is_written(number: int) -> None:
    """Separators, currency, decimals of zero and units do not make another number."""
    ways = (f"{number:,}", f"{number}.00", f"{number} euros", f"It is {number}.")
    assert {answer_key(way) for way in ways} == {answer_key(str(number))}


@given(numbers, st.integers(1, 9))
def test_two_numbers_are_two_answers(number: int, more: int) -> None:
    """Numbers that differ do not agree, however long they are."""
    assert answer_key(str(number)) != answer_key(str(number + more))


@pytest.mark.parametrize(
    ("one", "other"),
    [("3/4", "1/4"), ("9:30", "8:30"), ("2024-01-05", "2023-12-05"), ("10 to 20", "15 to 20")],
)
def test_answers_of_several_numbers_differ_by_each(one: str, other: str) -> None:
    """Fractions, times, dates and ranges do not agree because they end in the same number."""
    assert answer_key(one) != answer_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("H2O", "CO2"), (".5", "5"), ("\u22125", "5"), ("1.5", "15")]
)
def test_what_belongs_to_a_number_is_kept(one: str, other: str) -> None:
    """A sign of any shape, a leading point or a letter in front makes another answer."""
    assert answer_key(one) != answer_key(other)


@pytest.mark.parametrize(("one", "other"), [(".5", "0.50"), ("\u22125", "-5.0"), ("-0", "0")])
def test_a_number_has_one_spelling(one: str, other: str) -> None:
    """Numbers that are equal agree."""
    assert answer_key(one) == answer_key(other)


@pytest.mark.parametrize(
    "text", ["B", "(B)", "B.", "B)", "b) Paris", "**B**", "(B) Paris", "B: Paris", "Answer: (B)"]
)
def test_a_choice_comes_down_to_its_letter(text: str) -> None:
    """The letter of an option is the answer, whether or not the option is repeated."""
    assert answer_key(text) == "b"


@pytest.mark.parametrize(("one", "other"), [("A cat", "A dog"), ("E = mc²", "E major")])
def test_a_word_of_one_letter_is_no_choice(one: str, other: str) -> None:
    """Two answers do not agree on an option because both begin with the same short word."""
    assert answer_key(one) != answer_key(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        PROSE,
        "A hash table keeps keys and values so that a look-up takes constant time.",
        "The answer is that it depends on whom you ask and on what day.",
    ],
)
def test_prose_does_not_come_down_to_anything(text: str) -> None:
    """Free prose, and nothing at all, cannot be compared."""
    assert answer_key(text) is None


@pytest.mark.parametrize(("count", "key"), [(8, "on " * 7 + "on"), (9, None)])
def test_a_few_words_are_at_most_eight(count: int, key: str | None) -> None:
    """Up to eight words are compared as they stand; nine are prose."""
    assert answer_key("on " * count) == key


@given(st.text())
def test_any_text_can_be_reduced(text: str) -> None:
    """Whatever a model says, it comes down to a non-empty key or to none."""
    assert answer_key(text) != ""


_PIECES = st.sampled_from(
    ["I", "i", "\u0131", "\u0130", " don't", " don\u2019t", " do not", " \u212anow", " know", "'m",
     " am", " unable", " cannot", " can\u2019t", " be determined", "not ", "sure", "\u017fure",
     "uncertain", "uncerta\u0131n", "unclear", "hard to say", "might", "perhap\u017f", "possibly",
     "PROBABLY", " think", " th\u0131nk", " \u212a", " believe", "it seems",
     "it seem\u017f", " ", "."]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=8).map("".join) | st.text(max_size=40))
def test_what_is_passed_over_has_nothing_to_tell(text: str) -> None:
    """The wording of a text is the least that any tell gives it, however it is spelt."""
    scores = [score for pattern, score in TELLS if pattern.search(text)]
    assert wording(QUERY, Response("m", text)).value == min(scores, default=PLAIN)


@pytest.mark.parametrize("before", ["", "She adds them up. " * 20, "Ünder \u0130stanbul's. " * 20])
@pytest.mark.parametrize(
    "marked",
    [
        "#### 72",
        "The answer is $72.00.",
        'So {"answer": "72"}',
        '"ANSWER" : 72',
        "answer 5? Answer: 72",
    ],
)
def test_a_marked_answer_is_found_however_late_it_comes(before: str, marked: str) -> None:
    """What stands before the mark neither hides a final answer nor changes it."""
    assert answer_key(before + marked) == "72"
