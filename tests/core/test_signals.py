import math
from collections.abc import Generator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Call, Kind, Message, Params, Response
from orchkit.core.confidence import agreement, logprob
from orchkit.core.plans import Confidence, Query
from orchkit.core.signals import (
    HOW_LIKELY,
    LogprobQuantile,
    agrees_with,
    min_logprob,
    p_true,
    self_consistency,
    verbalised,
)
from orchkit.errors import ChainError, ParameterError

QUERY = Query((Message("user", "What is 6 x 7?"),), Params(max_tokens=100))
ANSWER = Response("m", "The answer is 42.")
PROSE = "It depends on what is asked, by whom, of whom, and what for."
logprobs = st.lists(st.floats(-50, 0), min_size=1, max_size=8)
said = st.sampled_from(["42", "It is 42.", "7", PROSE, "", None])
responses = st.builds(
    Response, st.just("a"), said, finish=st.sampled_from(["stop", "stop", "length"])
)


def asked(
    plan: Generator[Any, Any, Confidence], *replies: Response
) -> tuple[Sequence[Call], Confidence]:
    """Return the calls of a signal's one round, and its verdict on the replies."""
    calls = next(plan)
    with pytest.raises(StopIteration) as end:
        plan.send(replies)
    return calls, end.value.value


def told(plan: Generator[Any, Any, Confidence]) -> Confidence:
    """Return the verdict of a signal that asks nobody."""
    with pytest.raises(StopIteration) as end:
        next(plan)
    sure: Confidence = end.value.value
    return sure


@given(logprobs)
def test_quantiles_lie_between_the_least_and_the_likeliest_token(values: list[float]) -> None:
    """The quantiles of token probabilities rise with their level, from the minimum to the most."""
    response = Response("m", "42", logprobs=tuple(values))
    levels = [LogprobQuantile(level)(QUERY, response).value for level in (0, 0.1, 0.5, 0.9, 1)]
    assert levels == pytest.approx(sorted(levels), rel=1e-9)
    assert str(min_logprob) == min_logprob(QUERY, response).signal == "min_logprob"
    assert levels[0] == min_logprob(QUERY, response).value == math.exp(min(values))
    assert levels[-1] == pytest.approx(math.exp(max(values)))
    assert levels[0] <= logprob(QUERY, response).value * (1 + 1e-9)


@pytest.mark.parametrize("known", [(), (math.nan,)])
@pytest.mark.parametrize("signal", [min_logprob, LogprobQuantile(0.5)])
def test_without_log_probabilities_nothing_is_known(signal: Any, known: Any) -> None:
    """No number is made up where the provider gives none."""
    assert math.isnan(signal(QUERY, Response("m", "42", logprobs=known)).value)


def test_an_impossible_token_has_no_probability() -> None:
    """A token of probability zero gives zero at the minimum, and a number at every level."""
    response = Response("m", "42", logprobs=(-math.inf, 0.0))
    assert min_logprob(QUERY, response).value == 0
    assert LogprobQuantile(0.5)(QUERY, response).value == 0


@pytest.mark.parametrize("level", [-0.1, 1.1, math.nan, True])
def test_a_level_outside_its_range_is_refused(level: float) -> None:
    """A quantile's level is a share."""
    with pytest.raises(ParameterError, match="level"):
        LogprobQuantile(level)


def test_others_are_asked_the_same_at_once() -> None:
    """Agreement asks each other model the query as it is, in one round, but not the answer's."""
    signal = agrees_with("a", "m", "b")
    calls, sure = asked(signal(QUERY, ANSWER), Response("a", "42"), Response("b", "7"))
    assert calls == (QUERY.call("a"), QUERY.call("b"))
    assert sure == Confidence(0.5, "agrees_with(a, m, b)")


@given(st.lists(responses, min_size=1, max_size=4))
def test_agreement_is_that_of_an_ensemble_less_oneself(others: list[Response]) -> None:
    """The share of others that say the same follows from the ensemble's share of all."""
    names = [f"a{n}" for n in range(len(others))]
    _, sure = asked(agrees_with(*names)(QUERY, ANSWER), *others)
    share = agreement((ANSWER, *others))[0]
    usable = 1 + sum(bool(each.text) and each.finish == "stop" for each in others)
    if math.isnan(share):
        assert math.isnan(sure.value)
    else:
        assert sure.value == pytest.approx((share * usable - 1) / (usable - 1))


@pytest.mark.parametrize("signal", [agrees_with("a"), self_consistency(2)])
def test_free_prose_asks_nobody(signal: Any) -> None:
    """Where nothing could agree, no money is spent on asking."""
    assert math.isnan(told(signal(QUERY, Response("m", PROSE))).value)


def test_a_model_does_not_agree_with_itself() -> None:
    """The only model named tells nothing of its own answer, under whatever name it was asked."""
    assert math.isnan(told(agrees_with("m")(QUERY, ANSWER)).value)
    _, sure = asked(agrees_with("alias")(QUERY, ANSWER), Response("m", "42"))
    assert math.isnan(sure.value)


@pytest.mark.parametrize("signal", [agrees_with("a"), self_consistency(1), verbalised, p_true])
@pytest.mark.parametrize(
    "reply",
    [Response.failed("a", Kind.Timeout), Response("a", ""), Response("a", "1", finish="length")],
)
def test_a_failed_reply_tells_nothing(signal: Any, reply: Response) -> None:
    """Where asking again fails, confidence is unknown rather than low or high."""
    assert math.isnan(asked(signal(QUERY, ANSWER), reply)[1].value)


def test_further_samples_are_further_draws() -> None:
    """Self-consistency draws anew, as warm as is asked, and counts who says the same."""
    replies = [Response("m", text) for text in ("42", "It is 42.", "7", "42")]
    calls, sure = asked(self_consistency(4, temperature=0.7)(QUERY, ANSWER), *replies)
    assert [call.draw for call in calls] == [1, 2, 3, 4]
    assert {call.params for call in calls} == {Params(0.7, 100)}
    assert len({call.key for call in calls}) == 4
    assert sure == Confidence(0.75, "self_consistency(4)")


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.85", 0.85), (" .5\n", 0.5), ("1", 1.0), ("0", 0.0), ("85 %", 0.85), ("**0.9**.", 0.9),
     ("100%", 1.0), ("1.0", 1.0)],
)  # fmt: skip
def test_a_bare_number_is_read(text: str, value: float) -> None:
    """A verbalised confidence is one number in [0, 1], or a percentage."""
    assert asked(verbalised(QUERY, ANSWER), Response("m", text))[1].value == value


@pytest.mark.parametrize(
    "text", ["", "85", "1.5", "120 %", "-0.5", "0.8 or 0.9", "I am 90% sure", "high", "NaN", "1e-3"]
)
def test_any_other_reply_is_no_number(text: str) -> None:
    """Nothing is guessed from words around a number, nor from one out of range."""
    assert math.isnan(asked(verbalised(QUERY, ANSWER), Response("m", text))[1].value)


@pytest.mark.parametrize("signal", [verbalised, p_true])
def test_a_model_is_asked_about_its_own_answer(signal: Any) -> None:
    """The question of how sure goes on with the conversation, and takes a short reply."""
    (call,), _ = asked(signal(QUERY, ANSWER), Response("m", "1"))
    assert call.model == "m"
    assert call.messages[:2] == (*QUERY.messages, Message("assistant", "The answer is 42."))
    assert call.messages[2].role == "user"
    assert call.params == Params(max_tokens=32)
    assert HOW_LIKELY.endswith("nothing else.")


@pytest.mark.parametrize(
    ("text", "known", "value"),
    [("True", (), 1.0), ("false.", (), 0.0), ("True", (math.log(0.8),), 0.8),
     ("FALSE", (math.log(0.75),), 0.25), ("True", (-1e-9,), 1.0)],
)  # fmt: skip
def test_true_is_as_likely_as_its_word(text: str, known: Any, value: float) -> None:
    """The probability of "True" is the word's own, or the rest of that of "False"."""
    sure = asked(p_true(QUERY, ANSWER), Response("m", text, logprobs=known))[1]
    assert sure.value == pytest.approx(value)


@pytest.mark.parametrize("text", ["yes", "True, I think", "1"])
def test_another_word_is_neither(text: str) -> None:
    """Only the two words are read."""
    assert math.isnan(asked(p_true(QUERY, ANSWER), Response("m", text))[1].value)


def test_a_signal_that_asks_nobody_is_refused() -> None:
    """No models, no draws and an impossible temperature are misuse."""
    with pytest.raises(ChainError):
        agrees_with()
    with pytest.raises(ChainError):
        agrees_with("a", "a")
    with pytest.raises(ParameterError, match="draws"):
        self_consistency(0)
    with pytest.raises(ParameterError, match="temperature"):
        self_consistency(2, temperature=3)
