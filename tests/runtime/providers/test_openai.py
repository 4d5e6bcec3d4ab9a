from __future__ import annotations

from typing import Any

import pytest

from orchkit.core.calls import Call, Kind, Message, Params, Usage
from orchkit.runtime.providers.openai import OpenAI
from orchkit.runtime.wire import Rejection

OWN = "https://api.openai.com/v1"
SYSTEM = (Message("system", "Be brief."), Message("user", "Why?"), Message("assistant", "Why not?"))


def _reply(message: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "So.", **(message or {})}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    return {"id": "x", "model": "m", "choices": [choice], "usage": usage, **more}


@pytest.mark.parametrize("wire", ["openai"], indirect=True)
class TestBody:
    """What is sent."""

    def test_a_plain_call_sends_nothing_that_was_not_given(self, wire: Any) -> None:
        """Model, messages and the limit of the answer go out, and not a word more."""
        assert wire.body(wire.call("Why?", max_tokens=77)) == {
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": "Why?"}],
            "max_tokens": 77,
        }

    def test_the_limit_is_always_sent(self, wire: Any) -> None:
        """Without a limit of its own a call goes out with the default one."""
        assert wire.body(wire.call())["max_tokens"] == Params().max_tokens

    @pytest.mark.parametrize("temperature", [0.0, 0.7])
    def test_a_temperature_is_sent_when_given(self, wire: Any, temperature: float) -> None:
        """Zero is a temperature too."""
        assert wire.body(wire.call(temperature=temperature))["temperature"] == temperature

    def test_a_seed_is_sent_when_given(self, wire: Any) -> None:
        """Zero is a seed too."""
        assert wire.body(wire.call(seed=0))["seed"] == 0

    def test_log_probabilities_are_asked_for_and_read(self, wire: Any) -> None:
        """They come back only for who asks, one number a token."""
        assert wire.ask(wire.call(logprobs=False)).logprobs == ()
        answer = wire.ask(wire.call("A longer prompt", logprobs=True))
        assert wire.server.book().entries[-1].body["logprobs"] is True
        assert len(answer.logprobs) == 4
        assert all(value <= 0 for value in answer.logprobs)

    def test_messages_keep_their_order_and_roles(self, wire: Any) -> None:
        """A system message stands where it stood."""
        body = wire.body(Call("gpt-4o-mini", SYSTEM))
        assert [m["role"] for m in body["messages"]] == ["system", "user", "assistant"]
        assert [m["content"] for m in body["messages"]] == [m.content for m in SYSTEM]

    def test_what_was_described_is_what_was_sent(self, wire: Any) -> None:
        """The cache key is made of the very body that reached the server."""
        call = wire.call("é\n\0", temperature=0.5, seed=3, logprobs=True)
        assert wire.provider.request(call)["body"] == wire.body(call)


@pytest.mark.parametrize(
    ("address", "name"),
    [(OWN, "max_completion_tokens"), ("http://127.0.0.1:8000/v1", "max_tokens")],
)
def test_the_limit_has_the_name_its_server_knows(address: str, name: str) -> None:
    """OpenAI's own models take only the newer name, other servers may know only the older."""
    body = OpenAI(address, None).request(Call("m", (), Params(max_tokens=5)))["body"]
    assert [key for key in body if key.startswith("max_")] == [name]


def test_an_address_is_the_same_with_and_without_a_slash() -> None:
    """A slash at the end makes no other request, and no other key."""
    call = Call("m", ())
    assert OpenAI(OWN, None).request(call) == OpenAI(f"{OWN}/", None).request(call)


def test_cached_tokens_are_read(canned: Any, ask: Any) -> None:
    """Of the input, what came from the vendor's prompt cache is told apart."""
    details = {"cached_tokens": 6}
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": details}
    canned.say(_reply(usage=usage))
    assert ask(OpenAI).usage == Usage(10, 2, cached_tokens=6)


def test_more_cached_than_sent_is_no_usage(canned: Any, ask: Any) -> None:
    """Counts that contradict each other would make a negative cost: they count as missing."""
    details = {"cached_tokens": 1000}
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": details}
    canned.say(_reply(usage=usage))
    assert ask(OpenAI).extra["usage"] == "missing"


@pytest.mark.parametrize(
    ("message", "finish", "kind"),
    [
        ({"content": None, "refusal": "No."}, "stop", Kind.Refused),
        ({"content": "", "refusal": "No."}, "stop", Kind.Refused),
        ({"content": None}, "content_filter", Kind.Refused),
        ({"content": None}, "tool_calls", Kind.ToolCall),
        ({"content": None}, "stop", Kind.EmptyAnswer),
    ],
)
def test_why_there_is_no_text(
    canned: Any, ask: Any, message: dict[str, Any], finish: str, kind: Kind
) -> None:
    """Declined, stopped by a filter, a tool instead, or nothing at all: each has its own kind."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
    canned.say(_reply(choices=[choice]))
    answer = ask(OpenAI)
    assert answer.failure
    assert (answer.failure.kind, answer.usage) == (kind, Usage(10, 2))


def test_a_filtered_text_is_a_refusal(canned: Any, ask: Any) -> None:
    """A text that a filter cut is not taken for a whole answer."""
    choice = {"index": 0, "finish_reason": "content_filter", "message": {"content": "So"}}
    canned.say(_reply(choices=[choice]))
    assert ask(OpenAI).finish == "refusal"


SHAPES: dict[str, object] = {
    "content is a number": _reply({"content": 42}),
    "content is a list": _reply({"content": [{"type": "text", "text": "So."}]}),
    "no choices": _reply(choices=None),
    "choices are null": _reply(choices=[None]),
    "choices are empty": _reply(choices=[{}]),
    "choices is an object": _reply(choices={"0": {}}),
    "choices is text": _reply(choices="text"),
    "text": "text",
    "null": None,
    "a number": 7,
}


@pytest.mark.parametrize("reply", SHAPES.values(), ids=SHAPES)
def test_a_200_of_another_shape_is_malformed(canned: Any, ask: Any, reply: object) -> None:
    """Whatever JSON a server sends with status 200 is an answer or a `MalformedResponse`."""
    canned.say(reply)
    with pytest.raises(Rejection) as caught:
        ask(OpenAI)
    assert (caught.value.kind, caught.value.billed) == (Kind.MalformedResponse, True)
