from __future__ import annotations

from typing import Any

import pytest

from orchkit.core.calls import Call, Kind, Message, Params, Usage
from orchkit.runtime.providers.anthropic import Anthropic
from orchkit.runtime.wire import Rejection

OWN = "https://api.anthropic.com"


def _reply(*blocks: object, reason: str = "end_turn", **usage: object) -> dict[str, Any]:
    counts = {"input_tokens": 10, "output_tokens": 2, **usage}
    head = {"id": "x", "type": "message", "role": "assistant", "model": "m"}
    return {**head, "content": list(blocks), "stop_reason": reason, "usage": counts}


def _text(text: object) -> dict[str, object]:
    return {"type": "text", "text": text}


@pytest.mark.parametrize("wire", ["anthropic"], indirect=True)
class TestBody:
    """What is sent."""

    def test_a_plain_call_sends_nothing_that_was_not_given(self, wire: Any) -> None:
        """Model, messages and the limit of the answer go out, and not a word more."""
        assert wire.body(wire.call("Why?", max_tokens=77)) == {
            "model": "claude-haiku-4-5",
            "messages": [{"role": "user", "content": "Why?"}],
            "max_tokens": 77,
        }

    def test_the_limit_is_always_sent(self, wire: Any) -> None:
        """Without a limit of its own a call goes out with the default one."""
        assert wire.body(wire.call())["max_tokens"] == Params().max_tokens

    def test_a_long_limit_needs_no_stream(self, wire: Any) -> None:
        """The client does not insist on streaming what may take long."""
        assert wire.body(wire.call(max_tokens=64_000))["max_tokens"] == 64_000

    @pytest.mark.parametrize("temperature", [0.0, 0.7])
    def test_a_temperature_is_sent_when_given(self, wire: Any, temperature: float) -> None:
        """Zero is a temperature too."""
        assert wire.body(wire.call(temperature=temperature))["temperature"] == temperature

    def test_system_messages_leave_the_list(self, wire: Any) -> None:
        """They are one text beside the messages, wherever they stood."""
        said = [("system", "Be brief."), ("user", "Why?"), ("system", "Be kind.")]
        body = wire.body(Call("claude-haiku-4-5", tuple(Message(*each) for each in said)))
        assert body["system"] == "Be brief.\n\nBe kind."
        assert body["messages"] == [{"role": "user", "content": "Why?"}]

    def test_what_the_vendor_does_not_take_is_not_sent(self, wire: Any) -> None:
        """A seed and log-probabilities are not of this wire."""
        assert wire.body(wire.call(seed=3, logprobs=True)).keys() == {
            "model",
            "messages",
            "max_tokens",
        }

    def test_what_was_described_is_what_was_sent(self, wire: Any) -> None:
        """The cache key is made of the very body that reached the server."""
        call = wire.call("é\n\0", temperature=0.5)
        assert wire.provider.request(call)["body"] == wire.body(call)


def test_an_address_is_the_same_with_and_without_a_slash() -> None:
    """A slash at the end makes no other request, and no other key."""
    call = Call("m", ())
    assert Anthropic(OWN, None).request(call) == Anthropic(f"{OWN}/", None).request(call)


def test_cached_and_written_tokens_are_input(canned: Any, ask: Any) -> None:
    """The vendor counts them beside the input, we among it."""
    canned.say(_reply(_text("So."), cache_read_input_tokens=100, cache_creation_input_tokens=7))
    assert ask(Anthropic).usage == Usage(117, 2, cached_tokens=100, written_tokens=7)


def test_several_texts_are_one_answer(canned: Any, ask: Any) -> None:
    """An answer in pieces is put together, and thoughts are not part of it."""
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
    canned.say(_reply(thought, _text("So "), _text("it is.")))
    assert ask(Anthropic).text == "So it is."


@pytest.mark.parametrize(
    ("blocks", "reason", "kind"),
    [
        ([], "refusal", Kind.Refused),
        ([_text("I cannot")], "refusal", Kind.Refused),
        ([{"type": "tool_use", "id": "t", "name": "n", "input": {}}], "tool_use", Kind.ToolCall),
        ([], "end_turn", Kind.EmptyAnswer),
    ],
)
def test_why_there_is_no_text(
    canned: Any, ask: Any, blocks: list[object], reason: str, kind: Kind
) -> None:
    """Declined, a tool instead, or nothing at all: each has its own kind, and its usage."""
    canned.say(_reply(*blocks, reason=reason))
    answer = ask(Anthropic)
    assert answer.failure
    assert (answer.failure.kind, answer.usage) == (kind, Usage(10, 2))


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
def test_a_stump_says_that_it_is_one(canned: Any, ask: Any, reason: str) -> None:
    """An answer that hit a limit is kept and marked."""
    canned.say(_reply(_text("So"), reason=reason))
    answer = ask(Anthropic)
    assert (answer.text, answer.finish) == ("So", "length")


SHAPES: dict[str, object] = {
    "no content": {**_reply(), "content": None},
    "content is text": {**_reply(), "content": "text"},
    "content is an object": {**_reply(), "content": {"0": "text"}},
    "an error": {"type": "error", "error": {"type": "api_error", "message": "no"}},
    "text is a number": _reply(_text(42)),
    "text is null": _reply(_text(None)),
    "text is missing": _reply({"type": "text"}),
    "text": "text",
    "null": None,
    "a number": 7,
}


@pytest.mark.parametrize("reply", SHAPES.values(), ids=SHAPES)
def test_a_200_of_another_shape_is_malformed(canned: Any, ask: Any, reply: object) -> None:
    """Whatever JSON a server sends with status 200 is an answer or a `MalformedResponse`."""
    canned.say(reply)
    with pytest.raises(Rejection) as caught:
        ask(Anthropic)
    assert (caught.value.kind, caught.value.billed) == (Kind.MalformedResponse, True)
