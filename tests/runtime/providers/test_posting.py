from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Call, Kind, Message, Params
from orchkit.runtime.loop import LOOP
from orchkit.runtime.providers.anthropic import Anthropic
from orchkit.runtime.providers.openai import OpenAI
from orchkit.runtime.providers.posting import decoded, encoded
from orchkit.runtime.wire import Rejection

both = pytest.mark.parametrize("kind", [OpenAI, Anthropic])

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)


def _some(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Give objects that have these, seldom without one of them, and seldom anything else."""
    whole = st.fixed_dictionaries(known)
    return st.one_of(whole, whole, st.fixed_dictionaries({}, optional=known), values)


#: What a reply may hold where the two wires look.
logprobs = _some(content=st.lists(_some(logprob=values), max_size=2) | values)
message = _some(content=values, refusal=values)
choice = _some(message=message, finish_reason=values, logprobs=logprobs)
block = _some(type=st.just("text") | values, text=values)
usage = _some(prompt_tokens=values, completion_tokens=values, input_tokens=values)
places = _some(
    choices=st.lists(choice, min_size=1, max_size=1) | values,
    content=st.lists(block, max_size=2) | values,
    usage=usage,
    model=values,
    stop_reason=values,
).filter(lambda reply: isinstance(reply, dict))


def _outcome(read: Callable[..., Any], *given: object) -> Any:
    """Return what a reader makes of something, or how it rejects it."""
    try:
        return read(*given)
    except Rejection as no:
        return no


MAYBE_PAID = Rejection(Kind.MalformedResponse, again=True, billed=True)


@both
@settings(suppress_health_check=[HealthCheck.too_slow])  # the load is the machine's
@given(reply=places)
def test_any_object_is_an_answer_or_a_rejection(kind: Any, reply: dict[str, Any]) -> None:
    """Whatever JSON object comes back, it becomes a response or a `MalformedResponse`."""
    answer = _outcome(kind("http://127.0.0.1", None).response, "m", reply)
    if isinstance(answer, Rejection):
        assert replace(answer, message="") == MAYBE_PAID
    else:
        assert answer.failure or isinstance(answer.text, str)
        json.dumps(answer.logprobs, allow_nan=False)


@given(st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_only_an_object_is_read(reply: bytes) -> None:
    """Bytes are an object or a rejection that may have been billed."""
    read = _outcome(decoded, reply)
    assert isinstance(read, dict) or replace(read, message="") == MAYBE_PAID


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"a": "\xff"}',
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\xef\xbb\xbf",
    ],
    ids=["blank", "null", "list", "cut", "utf-8", "deep", "digits", "mark"],
)
def test_what_is_no_object_is_malformed(reply: bytes) -> None:
    """No text, no encoding, no depth and no number gets past the reader but as a rejection."""
    with pytest.raises(Rejection) as caught:
        decoded(reply)
    assert caught.value.kind is Kind.MalformedResponse
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"content": "\ud800"}, Kind.PromptEncoding),
        ({"temperature": float("nan")}, Kind.BadRequest),
    ],
)
def test_what_no_wire_can_carry_is_not_sent(body: dict[str, Any], kind: Kind) -> None:
    """It is refused before anything is spent, once and for all."""
    with pytest.raises(Rejection) as caught:
        encoded(body)
    no = caught.value
    assert (no.kind, no.again, no.billed, no.__context__) == (kind, False, False, None)


@given(st.dictionaries(st.text("abcé漢\n\x00"), st.text("abcé漢\n\x00") | st.integers()))
def test_what_is_sent_is_what_was_given(body: dict[str, Any]) -> None:
    """A body is the same on the other side, in as few bytes as UTF-8 takes."""
    assert json.loads(encoded(body)) == body
    assert b"\\u00e9" not in encoded(body)


@both
def test_what_is_sent_is_written_as_json(canned: Any, ask: Any, kind: Any) -> None:
    """The body's type goes out with it, and the version of the wire that has one."""
    with pytest.raises(Rejection):
        ask(kind)
    head = canned.heads[0]
    assert head["content-type"] == "application/json"
    assert ("anthropic-version" in head) is (kind is Anthropic)


@both
@pytest.mark.parametrize("keyed", [True, False])
def test_a_model_s_own_address_is_told_nothing_but_the_wire(
    canned: Any, kind: Any, keyed: bool
) -> None:
    """No machine, version or person behind the call is told, and no key where there is none."""
    provider = kind(canned.url, "sk-mine" if keyed else None, plain=True)

    async def once() -> None:
        with pytest.raises(Rejection):
            await provider.complete(Call("m", (Message("user", "Why?"),), Params(max_tokens=5)))
        await provider.close()

    LOOP.run(once)
    (head,) = canned.heads
    assert not [name for name in head if name.startswith("x-stainless")]
    assert ("sk-mine" in str(head)) is keyed
    assert ("authorization" in head or "x-api-key" in head) is keyed


@both
@pytest.mark.parametrize("said", [float("nan"), float("inf"), 5, True, "0", 10**400, None])
def test_a_log_probability_that_cannot_be_spoils_all(kind: Any, said: object) -> None:
    """Numbers that are no log-probability make no confidence."""
    tokens = [{"logprob": -0.1}, {"logprob": said}]
    choice = {"message": {"content": "So."}, "logprobs": {"content": tokens}}
    reply = {"choices": [choice], "content": [{"type": "text", "text": "So."}]}
    assert kind("http://127.0.0.1", None).response("m", reply).logprobs == ()


@both
def test_a_name_that_is_no_text_is_no_name(kind: Any) -> None:
    """Who says it answered is kept when it says so in a word, and not for ever."""
    choice = {"message": {"content": "So."}}
    reply = {"choices": [choice], "content": [{"type": "text", "text": "So."}], "usage": None}
    read = kind("http://127.0.0.1", None).response
    assert "answered_by" not in read("m", {**reply, "model": ["m"]}).extra
    assert len(read("m", {**reply, "model": "x" * 10**6}).extra["answered_by"]) == 200


@both
def test_a_refused_reply_too_long_holds_no_key(
    canned: Any, ask: Any, kind: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """A rejection from within the client is copied, so that no frame of it is kept."""
    monkeypatch.setattr("orchkit.runtime.providers.bounded.MOST", 1)
    canned.say({"error": "much too long"}, 500)
    with caplog.at_level(logging.DEBUG), pytest.raises(Rejection) as caught:
        ask(kind)
    frames = caught.value.__traceback__
    while frames:
        assert "site-packages" not in frames.tb_frame.f_code.co_filename
        frames = frames.tb_next
