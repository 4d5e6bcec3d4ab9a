from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import Any

import pytest

from orchkit.core.calls import Call, Kind, Message, Params, Response
from orchkit.runtime.wire import Rejection, request_key

CALL = Call("m", (Message("system", "Be brief."), Message("user", "Why?")), Params(max_tokens=9))
OTHERS = [
    replace(CALL, model="n"),
    replace(CALL, messages=CALL.messages[1:]),
    replace(CALL, messages=CALL.messages[::-1]),
    replace(CALL, messages=(CALL.messages[0], Message("user", "Why? "))),
    replace(CALL, messages=(CALL.messages[0], Message("assistant", "Why?"))),
    replace(CALL, params=Params(max_tokens=10)),
    replace(CALL, params=Params(max_tokens=9, temperature=0.0)),
    replace(CALL, params=Params(max_tokens=9, seed=0)),
    replace(CALL, params=Params(max_tokens=9, logprobs=True)),
    replace(CALL, draw=1),
]


@dataclass
class Plain:
    """A provider of one's own: a name and an answer."""

    name: str = "plain"

    async def complete(self, call: Call) -> Response:
        """Answer."""
        return Response(call.model, "ok")


@dataclass
class Describing(Plain):
    """A provider that says itself what goes out."""

    sent: object = None

    def request(self, call: Call) -> dict[str, Any]:
        """Return what decides the answer."""
        return {"url": "http://here", "body": self.sent}


def test_everything_a_call_holds_is_in_its_key() -> None:
    """Two calls that differ in anything are never taken for the same request."""
    keys = {request_key(Plain(), call) for call in (CALL, *OTHERS)}
    assert len(keys) == 1 + len(OTHERS)


def test_the_same_request_has_the_same_key() -> None:
    """Equal calls have equal keys, whoever built them."""
    again = Call(
        "m", tuple(Message(m.role, m.content) for m in CALL.messages), Params(max_tokens=9)
    )
    assert request_key(Plain(), CALL) == request_key(Plain(), again)


def test_another_provider_has_other_keys() -> None:
    """One vendor's answer is never given for another's."""
    assert request_key(Plain("a"), CALL) != request_key(Plain("b"), CALL)


def test_a_provider_may_say_what_goes_out() -> None:
    """Of a provider that describes its requests, the description and the draw decide alone."""
    assert request_key(Describing(sent=1), CALL) != request_key(Describing(sent=2), CALL)
    same, drawn = replace(CALL, params=Params(seed=7)), replace(CALL, draw=1)
    assert request_key(Describing(), CALL) == request_key(Describing(), same)
    assert request_key(Describing(), CALL) != request_key(Describing(), drawn)


def test_keys_are_the_same_on_every_machine() -> None:
    """The key of a call is frozen: changing it would throw away everybody's cache."""
    told = "bbeaccd3"
    assert request_key(Plain(), CALL)[:8] == told


@pytest.mark.parametrize("text", ["e\u0301", "\ud800", "\0", "\U0001f600"], ids=ascii)
def test_text_of_every_kind_has_a_key(text: str) -> None:
    """No text breaks the key, and texts that look alike are kept apart."""
    asked = replace(CALL, messages=(Message("user", text),))
    composed = replace(CALL, messages=(Message("user", "\u00e9"),))
    assert request_key(Plain(), asked) != request_key(Plain(), composed)


def test_a_rejection_reads_like_a_row_error() -> None:
    """Its text is the code and a message, the kind's own sentence where there is none."""
    assert str(Rejection(Kind.AuthError, "HTTP 401")) == "AuthError: HTTP 401"
    assert str(Rejection(Kind.Timeout)) == f"Timeout: {Kind.Timeout.value}"


def test_a_rejection_survives_a_process_border() -> None:
    """Pickling keeps all that it says, and there is nothing else in it."""
    no = Rejection(Kind.RateLimited, "later", again=True, wait=3.0)
    assert pickle.loads(pickle.dumps(no)) == no  # noqa: S301 - it was pickled here


def test_a_rejection_promises_nothing_by_default() -> None:
    """Unless told otherwise a no is final for its call, was not billed, and stops nobody else."""
    no = Rejection(Kind.BadRequest)
    assert (no.again, no.billed, no.wait, no.terminal) == (False, False, None, False)
