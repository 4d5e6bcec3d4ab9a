from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Call, Kind, Message, Response, Usage
from orchkit.core.catalog import input_bound
from orchkit.runtime.loop import LOOP
from orchkit.runtime.providers.anthropic import Anthropic
from orchkit.runtime.providers.openai import OpenAI
from orchkit.runtime.providers.refusals import (
    body_message,
    checked_usage,
    malformed,
    status_rejection,
    unreached,
)
from orchkit.runtime.wire import Rejection
from orchkit.testing import FAULTS

NO, AGAIN, PAID, STOP = (
    (False,) * 3,
    (True, False, False),
    (True, True, False),
    (False, False, True),
)

#: What each fault of the loopback server comes to: kind, and whether it may be asked again, may
#: have been billed, and stops its vendor.
REJECTED: dict[str, tuple[Kind, tuple[bool, bool, bool]]] = {
    "400": (Kind.BadRequest, NO),
    "307": (Kind.BadRequest, NO),
    "401": (Kind.AuthError, STOP),
    "402": (Kind.QuotaExhausted, STOP),
    "403": (Kind.AuthError, STOP),
    "404": (Kind.NotFound, NO),
    "408": (Kind.ServerError, AGAIN),
    "409": (Kind.ServerError, AGAIN),
    "413": (Kind.PromptTooLong, NO),
    "422": (Kind.BadRequest, NO),
    "429": (Kind.RateLimited, AGAIN),
    "429-seconds": (Kind.RateLimited, AGAIN),
    "429-date": (Kind.RateLimited, AGAIN),
    "429-zero": (Kind.RateLimited, AGAIN),
    "429-negative": (Kind.RateLimited, AGAIN),
    "429-nan": (Kind.RateLimited, AGAIN),
    "429-inf": (Kind.RateLimited, AGAIN),
    "429-hour": (Kind.RateLimited, AGAIN),
    "429-past": (Kind.RateLimited, AGAIN),
    "429-duration": (Kind.RateLimited, AGAIN),
    "429-reset": (Kind.RateLimited, AGAIN),
    "429-quota": (Kind.QuotaExhausted, STOP),
    "500": (Kind.ServerError, AGAIN),
    "500-garbled": (Kind.ServerError, AGAIN),
    "502-html": (Kind.ServerError, AGAIN),
    "503": (Kind.ServerError, AGAIN),
    "529": (Kind.ServerError, AGAIN),
    "reset-before": (Kind.ConnectionFailed, PAID),
    "reset-after": (Kind.ConnectionFailed, PAID),
    "reset-middle": (Kind.ConnectionFailed, PAID),
    "closed-before": (Kind.ConnectionFailed, PAID),
    "closed-middle": (Kind.ConnectionFailed, PAID),
    "not-http": (Kind.MalformedResponse, PAID),
    "truncated": (Kind.MalformedResponse, PAID),
    "invalid-utf8": (Kind.MalformedResponse, PAID),
    "html": (Kind.MalformedResponse, PAID),
    "error-200": (Kind.MalformedResponse, PAID),
    "blank": (Kind.MalformedResponse, PAID),
    "null": (Kind.MalformedResponse, PAID),
    "content-number": (Kind.MalformedResponse, PAID),
    "nested-keys": (Kind.MalformedResponse, PAID),
    "list": (Kind.MalformedResponse, PAID),
    "nested": (Kind.MalformedResponse, PAID),
    "oversize": (Kind.MalformedResponse, PAID),
    "oversize-chunked": (Kind.MalformedResponse, PAID),
    "oversize-gzip": (Kind.MalformedResponse, PAID),
}
#: Faults that leave an answer or a decided failure: its kind, and how it ended.
ANSWERED: dict[str, tuple[Kind | None, str]] = {
    "ok": (None, "stop"),
    "chunked": (None, "stop"),
    "twice": (None, "stop"),
    "surrogate": (None, "stop"),
    "strange-ending": (None, "error"),
    "usage-over": (None, "stop"),
    "wrong-model": (None, "stop"),
    "refusal": (Kind.Refused, "refusal"),
    "tool-call": (Kind.ToolCall, "tool"),
    "length": (None, "length"),
}
#: Faults after which nobody knows what it cost.
UNCOUNTED = (
    "usage-missing",
    "usage-nan",
    "usage-negative",
    "usage-huge",
    "usage-float",
    "usage-string",
)
#: The two wires differ: one has no choice at all, the other an answer without a part.
APART = ("empty", "content-null")
#: Ends only at a deadline, or slowly.
SLOW = ("hang", "drip")
#: The server's own refusals, not scripted.
NATURAL = ("invalid-request", "unknown-model", "rate-limited", "crowded")

#: What OpenAI writes to an account that may ask three times a minute.
FREE_ACCOUNT = (
    "requests · rate_limit_exceeded · Rate limit reached for gpt-4o-mini in organization org-x on "
    "requests per min. Limit: 3 / min. Please try again in 20s. Please add a payment method to "
    "your account to increase your rate limit. Visit "
    "https://platform.openai.com/account/billing to add a payment method."
)
LOW_CREDIT = (
    "invalid_request_error · Your credit balance is too low to access the Anthropic API. Please "
    "go to Plans & Billing to upgrade or purchase credits."
)


def _rejected(wire: Any, fault: str) -> Rejection:
    wire.server.script([fault])
    with pytest.raises(Rejection) as caught:
        wire.ask()
    return caught.value


def test_every_fault_of_the_server_is_expected_here() -> None:
    """A fault that the server learns must be given its meaning in this file."""
    assert {*REJECTED, *ANSWERED, *UNCOUNTED, *APART, *SLOW, *NATURAL} == FAULTS.keys()


@pytest.mark.parametrize("fault", REJECTED)
def test_a_fault_is_a_rejection_of_its_kind(wire: Any, fault: str) -> None:
    """Whatever the server does, what is raised is ours and says what is to be done."""
    no = _rejected(wire, fault)
    kind, (again, billed, terminal) = REJECTED[fault]
    assert no.kind is kind
    assert (no.again, no.billed, no.terminal) == (again, billed, terminal)


@pytest.mark.parametrize(
    "fault", [fault for fault in REJECTED if FAULTS[fault].billed and "oversize" not in fault]
)
def test_what_was_billed_is_never_called_free(wire: Any, fault: str) -> None:
    """If the server's book says that a request was paid, its rejection says that it may be."""
    no = _rejected(wire, fault)
    assert no.billed or wire.server.book().billed_nano == 0


@pytest.mark.parametrize("fault", ["401", "reset-middle", "truncated", "nested"])
def test_a_rejection_carries_no_exception_of_the_vendor(wire: Any, fault: str) -> None:
    """The SDK's exception holds the key in its request, so it is neither cause nor context."""
    no = _rejected(wire, fault)
    assert (no.__cause__, no.__context__) == (None, None)


@pytest.mark.parametrize("fault", ANSWERED)
def test_an_answer_of_any_ending_is_a_response(wire: Any, fault: str) -> None:
    """What the vendor decided is told as a value, with the usage that it was billed for."""
    wire.server.script([fault])
    answer = wire.ask(wire.call("Tell me more than that", max_tokens=3))
    kind, finish = ANSWERED[fault]
    expected = "length" if finish == "stop" else finish
    assert (answer.failure and answer.failure.kind, answer.finish) == (kind, expected)
    entry = wire.server.book().entries[-1]
    if fault != "usage-over":
        assert answer.usage == Usage(entry.input_tokens, entry.output_tokens)


@pytest.mark.parametrize("fault", UNCOUNTED)
def test_usage_that_is_no_count_is_missing(wire: Any, fault: str) -> None:
    """The answer is kept, and it says that nobody knows what it cost."""
    wire.server.script([fault])
    answer = wire.ask()
    assert (answer.text, answer.extra["usage"]) == ("Why?", "missing")


def test_more_output_than_allowed_is_told(wire: Any) -> None:
    """A count beyond the limit is a count, however dear."""
    wire.server.script(["usage-over"])
    assert wire.ask(wire.call(max_tokens=50)).usage.output_tokens > 10**6


def test_another_model_in_the_reply_is_noted(wire: Any) -> None:
    """Who says it answered is kept beside the answer when it is not who was asked."""
    wire.server.script(["wrong-model", "ok"])
    assert wire.ask().extra["answered_by"] == f"{wire.model.wire_name}-impostor"
    assert wire.ask().extra == {}


@pytest.mark.parametrize("fault", APART)
def test_an_answer_without_a_part_is_no_answer(wire: Any, fault: str) -> None:
    """Without choices, content or text there is a failure or a rejection, never an empty text."""
    wire.server.script([fault])
    assert _outcome(wire) in (Kind.MalformedResponse, Kind.EmptyAnswer)


def _outcome(wire: Any) -> Kind | None:
    try:
        answer: Response = wire.ask()
    except Rejection as no:
        return no.kind
    return answer.failure and answer.failure.kind


def test_a_hang_is_left_when_time_is_up(wire: Any) -> None:
    """Nothing swallows the deadline, the server sees the client go, and the next call works."""
    wire.server.script(["hang", "ok"])
    with pytest.raises(TimeoutError):
        wire.ask(timeout=0.2)
    assert wire.ask().ok
    until = time.monotonic() + 5
    while wire.server.book().entries[0].finished is None:
        assert time.monotonic() < until


def test_a_dripping_body_is_left_when_time_is_up(wire: Any) -> None:
    """A byte now and then does not extend the deadline."""
    wire.server.script(["drip"])
    with pytest.raises(TimeoutError):
        wire.ask(timeout=0.2)


def test_one_call_is_one_request(wire: Any) -> None:
    """The SDK repeats nothing by itself: repeating is ours, and is paid from a budget."""
    for fault in ("429", "500", "408", "reset-before", "truncated"):
        _rejected(wire, fault)
    assert wire.server.book().requests == 5


@pytest.mark.parametrize(
    ("fault", "low", "high"),
    [
        ("429-seconds", 0.3, 0.3),
        ("429-date", 0, 1.5),
        ("429-hour", 3600, 3600),
        ("429-duration", 90, 90),
        ("429-past", 0, 0),
        ("429-reset", 0, 1.5),
    ],
)
def test_an_ordered_wait_arrives(wire: Any, fault: str, low: float, high: float) -> None:
    """What the header says is what the rejection says."""
    wait = _rejected(wire, fault).wait
    assert wait is not None
    assert low <= wait <= high


@pytest.mark.parametrize("fault", ["429", "429-negative", "429-nan"])
def test_no_sensible_wait_is_none(wire: Any, fault: str) -> None:
    """A header without sense orders nothing."""
    assert _rejected(wire, fault).wait is None


def test_the_server_s_own_refusals_are_ours_too(wire: Any) -> None:
    """A model that the vendor does not know is not found."""
    with pytest.raises(Rejection) as caught:
        wire.ask(Call("no-such-model", (Message("user", "Why?"),)))
    assert caught.value.kind is Kind.NotFound


@pytest.mark.parametrize("kind", [OpenAI, Anthropic])
def test_a_connection_that_was_refused_was_never_billed(kind: type[OpenAI | Anthropic]) -> None:
    """Where nobody listens nothing was sent: it is free, and may be asked again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        no = _unreachable(kind(f"http://127.0.0.1:{taken.getsockname()[1]}", "k"))
    assert (no.kind, no.again, no.billed) == (Kind.ConnectionFailed, True, False)


@pytest.mark.parametrize("kind", [OpenAI, Anthropic])
def test_a_name_that_does_not_resolve_was_never_billed(kind: type[OpenAI | Anthropic]) -> None:
    """A host that does not exist is like one that does not answer."""
    no = _unreachable(kind("http://no-such-host.invalid", "k"))
    assert (no.kind, no.again, no.billed) == (Kind.ConnectionFailed, True, False)


def _unreachable(provider: Any) -> Rejection:
    async def once() -> Response:
        try:
            async with asyncio.timeout(20):
                return await provider.complete(Call("m", (Message("user", "Why?"),)))
        finally:
            await provider.close()

    with pytest.raises(Rejection) as caught:
        LOOP.run(once)
    return caught.value


@pytest.mark.parametrize("kind", [OpenAI, Anthropic])
def test_a_redirect_is_not_followed(canned: Any, ask: Any, kind: Any) -> None:
    """A server cannot send the key elsewhere."""
    canned.say({}, 307, Location=f"{canned.url}/elsewhere")
    with pytest.raises(Rejection) as caught:
        ask(kind)
    assert len(canned.heads) == 1
    assert not caught.value.again


@pytest.mark.parametrize("kind", [OpenAI, Anthropic])
def test_a_key_that_the_server_repeats_goes_no_further(canned: Any, ask: Any, kind: Any) -> None:
    """A gateway that writes the key into its error does not write it into a frame."""
    canned.say({"error": {"message": "Invalid key {auth}", "type": "auth"}}, 401)
    with pytest.raises(Rejection) as caught:
        ask(kind)
    assert "sk-canary-1f3b7a" not in repr(caught.value)


@given(st.integers(300, 599), st.text())
def test_every_status_means_something(status: int, message: str) -> None:
    """A 5xx may pass and is free to ask again, and the text is short."""
    no = status_rejection(status, {}, message)
    assert not no.billed
    assert not (no.again and no.terminal)
    assert no.again or status < 500
    assert len(no.message) <= 300


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (402, "payment required", Kind.QuotaExhausted),
        (429, "insufficient_quota · You exceeded your current quota", Kind.QuotaExhausted),
        (429, FREE_ACCOUNT, Kind.RateLimited),
        (400, LOW_CREDIT, Kind.QuotaExhausted),
        (400, "invalid_request_error · messages: at least one is required", Kind.BadRequest),
        (418, "a teapot", Kind.BadRequest),
    ],
)
def test_no_money_is_told_from_too_fast(status: int, message: str, kind: Kind) -> None:
    """An empty account stops its vendor; a limit that clears by itself does not."""
    no = status_rejection(status, {}, message)
    assert no.kind is kind
    assert no.terminal is (kind is Kind.QuotaExhausted)


def test_a_reset_is_a_wait_only_where_none_was_ordered() -> None:
    """A limit lasts until its reset unless the vendor says otherwise; other refusals have none."""
    assert status_rejection(429, {}, "", 3.0).wait == 3
    assert status_rejection(429, {"retry-after": "7"}, "", 3.0).wait == 7
    assert status_rejection(500, {}, "", 3.0).wait is None


def test_a_ring_of_causes_ends() -> None:
    """Exceptions that are each other's cause are read once."""
    one, other = ValueError(), OSError()
    one.__cause__, other.__cause__ = other, one
    assert unreached(one).kind is Kind.ConnectionFailed


def test_a_rejection_on_its_way_is_copied() -> None:
    """What a hook raised is given back without the frames it came through."""
    try:
        raise malformed("too long")
    except Rejection as error:
        raised = error
        outer = OSError()
        outer.__cause__ = raised
    given = unreached(outer)
    assert (given.message, given.__traceback__) == ("too long", None)
    assert raised.__traceback__


def test_a_mistake_of_the_client_is_no_broken_connection() -> None:
    """An exception that has nothing to do with the network is called by its name."""
    no = unreached(TypeError("x"))
    assert (no.kind, no.message, no.billed) == (Kind.MalformedResponse, "TypeError", True)


def test_a_wait_is_read_from_any_refusal() -> None:
    """An overloaded server says when to come back as a rate limit does."""
    assert status_rejection(503, {"retry-after": "7"}, "").wait == 7


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": {"type": "t", "code": "c", "message": "m"}}, "t · c · m"),
        ({"type": "error", "error": {"type": "t", "message": "m"}}, "t · m"),
        ({"error": "just text"}, "just text"),
        ({"message": "flat"}, "flat"),
        ("<html>Bad gateway</html>", "<html>Bad gateway</html>"),
        (None, "status 500"),
        ([], "status 500"),
        ({"error": {"message": "two\nlines\r\n\tof text"}}, "two lines of text"),
    ],
    ids=str,
)
def test_an_error_body_becomes_one_line(body: object, told: str) -> None:
    """Whatever shape an error has, what is told of it is one line of text."""
    assert body_message(body, 500) == told


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "type", "code", "message"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_no_error_body_breaks_the_reader(body: object) -> None:
    """Whatever JSON comes with an error, a short text is made of it."""
    assert len(body_message(body, 500)) <= 250


def test_what_is_malformed_may_have_been_billed() -> None:
    """A 200 that is no answer is presumed spent, and worth one more try."""
    no = malformed("html")
    assert (no.kind, no.again, no.billed) == (Kind.MalformedResponse, True, True)


junk = st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.integers())
huge = st.integers(min_value=2**40) | st.integers(max_value=-1)


@given(st.integers(0, 2**39), st.integers(0, 2**39), junk | huge)
def test_only_counts_of_tokens_are_usage(asked: int, said: int, wrong: object) -> None:
    """Two whole numbers from 0 are a usage; text, fractions, truths and monsters are none."""
    assert checked_usage(input_tokens=asked, output_tokens=said) == Usage(asked, said)
    assert checked_usage(input_tokens=wrong, output_tokens=said) is None
    assert checked_usage(input_tokens=asked, output_tokens=wrong) is None


def test_a_part_that_is_not_told_is_nothing() -> None:
    """A vendor without a prompt cache reports no cached tokens."""
    counted = checked_usage(input_tokens=5, output_tokens=1, cached_tokens=None)
    assert counted == Usage(5, 1)


@given(st.text(min_size=1))
def test_the_bound_is_above_what_the_server_counts(text: str) -> None:
    """The worst case of the input is never below a token for each byte."""
    assert input_bound([Message("user", text)]) >= len(text.encode())
