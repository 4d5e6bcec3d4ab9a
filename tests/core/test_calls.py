import json
import math
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core import calls
from orchkit.core.calls import Call, Failure, Kind, Message, Params, Response, Usage

CALL = Call(
    "gpt-4o",
    (Message("system", "Be brief."), Message("user", "Wie heißt das 😀?")),
    Params(temperature=0.5, max_tokens=64, seed=7, logprobs=True),
    draw=2,
)
GOLDEN = "beb3c25d6e6c19a8db3a45449589bfd85436045f07c73a0ca248b6f1640e7137"

#: Of a call that leaves all it can at its defaults, which are part of what is asked.
GOLDEN_PLAIN = "cc6dfaf8b247ebdd6d1f2283a736dcb4b7f7bc2fdcbb4bbb7a1a39fdb2a2a4e8"

OTHER_PARAMS = {"temperature": 0.7, "max_tokens": 65, "seed": 8, "logprobs": False}
OTHER_CALLS = {
    "model": "gpt-4",
    "messages": CALL.messages[1:],
    "params": Params(),
    "draw": 3,
}
OTHER_MESSAGES = {
    "order": CALL.messages[::-1],
    "role": (Message("user", "Be brief."), CALL.messages[1]),
    "content": (CALL.messages[0], Message("user", "Wie heisst das 😀?")),
    "joined": (Message("system", "Be brief.Wie heißt das 😀?"),),
    "blank": (*CALL.messages, Message("user", "")),
}

few = st.builds(
    Call,
    st.sampled_from("ab"),
    st.lists(st.builds(Message, st.just("user"), st.sampled_from(["", "?"])), max_size=2).map(
        tuple
    ),
    st.builds(Params, st.sampled_from([None, 0.0, 1.0]), st.integers(1, 2), st.none()),
    st.integers(0, 1),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
usages = st.builds(Usage, *[st.integers(0, 10**9)] * 4)


def test_the_key_of_a_call_never_changes() -> None:
    """A recording made years ago is still found by the key of the same call."""
    assert CALL.key == GOLDEN
    assert Call("gpt-4o", CALL.messages).key == GOLDEN_PLAIN


@pytest.mark.parametrize("seed", ["0", "1", "4294967295"])
def test_the_key_is_the_same_in_every_process(seed: str) -> None:
    """Neither another process nor another hash seed gives a call another key."""
    told = (
        f"import runpy; globals().update(runpy.run_path({calls.__file__!r})); print({CALL!r}.key)"
    )
    ran = subprocess.run(  # noqa: S603 - this interpreter, and a text of our own
        [sys.executable, "-X", "utf8", "-c", told],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == GOLDEN


@pytest.mark.parametrize("name", [field.name for field in fields(Params)])
def test_any_other_parameter_is_another_call(name: str) -> None:
    """Changing any one parameter changes the key."""
    params = replace(CALL.params, **{name: OTHER_PARAMS[name]})
    assert replace(CALL, params=params).key != CALL.key


@pytest.mark.parametrize("name", [field.name for field in fields(Call)])
def test_any_other_field_is_another_call(name: str) -> None:
    """Changing any one field of a call changes its key."""
    assert replace(CALL, **{name: OTHER_CALLS[name]}).key != CALL.key


@pytest.mark.parametrize("change", OTHER_MESSAGES)
def test_any_other_conversation_is_another_call(change: str) -> None:
    """The key and the question tell apart messages by role, content, order and cut."""
    other = replace(CALL, messages=OTHER_MESSAGES[change])
    assert other.key != CALL.key
    assert other.question != CALL.question


@given(few, few)
def test_calls_are_equal_exactly_when_their_keys_are(one: Call, other: Call) -> None:
    """Equality and the key never disagree."""
    assert (one == other) == (one.key == other.key)


@pytest.mark.parametrize(("whole", "real"), [(0, 0.0), (1, 1.0), (0.0, -0.0)])
def test_a_temperature_is_a_number_however_it_is_written(whole: float, real: float) -> None:
    """Calls that compare equal have one key, so a temperature of 0 is a temperature of 0.0."""
    one, other = (replace(CALL, params=Params(temperature)) for temperature in (whole, real))
    assert one == other
    assert one.key == other.key


def test_no_temperature_is_not_a_temperature_of_zero() -> None:
    """Leaving the temperature to the vendor is another request than asking for none."""
    assert replace(CALL, params=Params(None)).key != replace(CALL, params=Params(0)).key


def test_the_question_is_the_messages_alone() -> None:
    """Whichever model is asked, and however, the question is the same."""
    assert Call("other", CALL.messages).question == CALL.question


@given(values)
def test_canonical_text_is_ascii_json_of_the_same_value(value: object) -> None:
    """Canonical text reads back as the value, and is plain ASCII."""
    text = calls.canonical(value)
    assert text.isascii()
    assert json.loads(text) == value


@given(st.dictionaries(st.text(), st.integers()), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, int], shuffler: object) -> None:
    """Two dicts with the same items have the same digest."""
    items = list(value.items())
    shuffler.shuffle(items)  # type: ignore[attr-defined]
    assert calls.digest(dict(items)) == calls.digest(value)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_json_cannot_hold_has_no_digest(value: float) -> None:
    """A value without a JSON text is refused instead of getting a key nobody else can compute."""
    with pytest.raises(ValueError, match="JSON"):
        calls.digest({"temperature": value})


@given(usages, usages, usages)
def test_usages_add_up_in_any_order(a: Usage, b: Usage, c: Usage) -> None:
    """Adding usages is associative and commutative, and an empty one changes nothing."""
    assert (a + b) + c == a + (c + b)
    assert a + Usage() == a


def test_a_sum_of_usages_counts_every_field() -> None:
    """Each kind of token is added to its own kind."""
    assert Usage(1, 2, 3, 4) + Usage(10, 20, 30, 40) == Usage(11, 22, 33, 44)


def test_every_kind_of_failure_has_a_sentence_of_its_own() -> None:
    """Two kinds with one sentence would be one kind, to an enum and to a user."""
    assert len(Kind.__members__) == len({kind.value for kind in Kind})


@pytest.mark.parametrize("kind", Kind)
def test_a_failure_reads_as_code_and_message(kind: Kind) -> None:
    """Text of a failure is its code and what is known; the kind's sentence when nothing is."""
    assert str(Failure(kind, "status 418")) == f"{kind.name}: status 418"
    assert str(Failure(kind)) == f"{kind.name}: {kind.value}"


@pytest.mark.parametrize(
    ("response", "ok"),
    [
        (Response("m", "42"), True),
        (Response("m", ""), True),
        (Response("m"), False),
        (Response.failed("m", Kind.Timeout), False),
        (Response("m", "42", failure=Failure(Kind.Refused)), False),
    ],
)
def test_a_response_is_ok_when_there_is_an_answer_to_judge(response: Response, ok: bool) -> None:
    """Text without a failure is an answer, even if it is empty."""
    assert response.ok is ok


def test_saying_nothing_is_a_failure() -> None:
    """A response without text has a problem even if nobody told one; an answer has none."""
    late = Failure(Kind.Timeout, "60 s")
    assert Response("m", "").problem is None
    assert Response("m", failure=late).problem == late
    assert Response("m").problem == Failure(Kind.EmptyAnswer)


def test_a_failed_response_keeps_what_is_known() -> None:
    """A failure costs nothing unless told otherwise, and ends in error unless told otherwise."""
    plain = Response.failed("m", Kind.Timeout, "60 s")
    assert (plain.failure, plain.finish, plain.cost) == (Failure(Kind.Timeout, "60 s"), "error", 0)
    refused = Response.failed("m", Kind.Refused, finish="refusal", cost=5)
    assert (refused.text, refused.finish, refused.cost) == (None, "refusal", 5)


def test_a_response_seen_again_differs_only_in_being_cached() -> None:
    """Whoever did not pay sees the same response, its cost included."""
    paid = Response("m", "42", Usage(8, 1), cost=1800, latency=0.5)
    assert replace(replace(paid, cached=True), cached=False) == paid
    assert replace(paid, cached=True).cached
    assert not paid.cached


@pytest.mark.parametrize(
    "value", [CALL, CALL.messages[0], CALL.params, Usage(), Failure(Kind.Timeout), Response("m")]
)
def test_values_are_frozen(value: object) -> None:
    """What was said cannot be changed afterwards."""
    first = fields(value)[0].name  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        setattr(value, first, "other")
