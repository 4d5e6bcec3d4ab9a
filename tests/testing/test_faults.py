import gzip
import json
import math
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from orchkit.testing import FAULTS, Faults, LoopbackServer

WIRES = ("openai", "anthropic")
STATUSES = {
    "invalid-request": 400,
    "unknown-model": 404,
    "rate-limited": 429,
    "crowded": 429,
    **{name: int(name[:3]) for name in FAULTS if name[:3].isdigit()},
}
# Refusals that are not in the vendor's format.
FOREIGN = ("502-html", "500-garbled")
SMALL_DRIP = 0.0005
BROKEN = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ClientResponseError)
RETRY_AFTER = {
    "429": None,
    "429-seconds": "0.3",
    "429-zero": "0",
    "429-negative": "-5",
    "429-nan": "nan",
    "429-inf": "inf",
    "429-hour": "3600",
    "429-duration": "1m30s",
    "429-reset": None,
    "429-quota": None,
    "crowded": None,
}
# What of that is held against clients, in seconds.
ORDERED = {"429-seconds": 0.3, "429-hour": 3600.0, "429-duration": 90.0, "429-reset": 0.3}
Json = dict[str, Any]


def _text(payload: Json) -> object:
    if payload.get("choices"):
        return payload["choices"][0]["message"]["content"]
    return payload["content"][0]["text"]


def _counts(payload: Json) -> set[object]:
    return {value for key, value in payload["usage"].items() if key.endswith("_tokens")}


def _ending(payload: Json) -> str:
    reason = payload.get("stop_reason") or payload["choices"][0]["finish_reason"]
    return str(reason)


def _content(payload: Json) -> object:
    if "choices" in payload:
        return payload["choices"][0]["message"]["content"]
    return payload["content"]


# Fault with a parsable object for a body -> what holds of the object.
OBJECTS: dict[str, Callable[[Json], object]] = {
    "ok": _text,
    "drip": _text,
    "chunked": _text,
    "twice": _text,
    "surrogate": lambda payload: str(_text(payload)).startswith("\ud83d"),
    "content-number": lambda payload: _text(payload) == 42,
    "strange-ending": lambda payload: _ending(payload) == "bored",
    "oversize": _text,
    "oversize-chunked": _text,
    "oversize-gzip": _text,
    "error-200": lambda payload: payload["error"]["message"],
    "empty": lambda payload: payload.get("choices", payload.get("content")) == [],
    "usage-missing": lambda payload: "usage" not in payload,
    "usage-nan": lambda payload: all(math.isnan(float(str(n))) for n in _counts(payload)),
    "usage-negative": lambda payload: _counts(payload) == {-5},
    "usage-huge": lambda payload: _counts(payload) == {10**3999},
    "usage-float": lambda payload: _counts(payload) == {1e300},
    "usage-string": lambda payload: _counts(payload) == {"many"},
    "usage-over": lambda payload: max(map(int, map(str, _counts(payload)))) > 1_000_000,
    "wrong-model": lambda payload: payload["model"].endswith("-impostor"),
    "refusal": lambda payload: not _content(payload),
    "tool-call": lambda payload: _ending(payload) in {"tool_calls", "tool_use"},
    "content-null": lambda payload: _content(payload) is None,
    "length": lambda payload: _ending(payload) in {"length", "max_tokens"},
}
# Fault with another body -> what holds of its bytes.
BODIES: dict[str, Callable[[bytes], object]] = {
    "truncated": lambda body: body.startswith(b'{"id"') and not body.endswith(b"}"),
    "invalid-utf8": lambda body: (
        body.count(b"\xff") == 1 and json.loads(body.replace(b"\xff", b""))
    ),
    "html": lambda body: body.startswith(b"<html>"),
    "list": lambda body: body == b"[]",
    "blank": lambda body: not body,
    "null": lambda body: body == b"null",
    "nested-keys": lambda body: body == b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "nested": lambda body: body == b"[" * 50_000 + b"]" * 50_000,
}
INTERRUPTED = (
    "reset-before",
    "reset-after",
    "reset-middle",
    "closed-before",
    "closed-middle",
    "not-http",
    "hang",
)


def test_every_fault_is_tested_here() -> None:
    """The tables of this file name every fault once."""
    named = Counter([*STATUSES, *OBJECTS, *BODIES, *INTERRUPTED])
    assert named == Counter(list(FAULTS))


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", [name for name in STATUSES if name != "307"])
def test_refusals_have_their_status_and_cost_nothing(
    server: LoopbackServer, post: Any, wire: str, name: str
) -> None:
    """A refusal has its status, an error in the vendor's format and no bill."""
    server.script([name])
    raw = post(server, wire)
    assert raw.status == STATUSES[name]
    if name not in FOREIGN:
        error = json.loads(raw.body)["error"]
        assert error["message"]
        assert error["type"]
    (entry,) = server.book().entries
    assert (entry.outcome, entry.delivered) == (name, True)
    assert entry.billed_nano == entry.input_tokens == entry.output_tokens == 0


@pytest.mark.parametrize("name", RETRY_AFTER)
def test_retry_after_is_sent_as_named(server: LoopbackServer, post: Any, name: str) -> None:
    """The header is what the name says, and only a sensible one is held against clients."""
    server.script([name])
    assert post(server).headers.get("Retry-After") == RETRY_AFTER[name]
    (entry,) = server.book().entries
    if name in ORDERED:
        assert entry.retry_not_before is not None
        wait = entry.retry_not_before - entry.arrived
        assert wait == pytest.approx(ORDERED[name], abs=0.1)
    else:
        assert entry.retry_not_before is None


def test_retry_after_may_be_a_date(server: LoopbackServer, post: Any) -> None:
    """The date lies ahead by what was configured, rounded up to a whole second."""
    server.script(["429-date"])
    until = parsedate_to_datetime(post(server).headers["Retry-After"]).timestamp()
    assert -0.5 < until - time.time() <= 1.3
    (entry,) = server.book().entries
    assert entry.retry_not_before is not None
    assert 0.3 <= entry.retry_not_before - entry.arrived < 1.4


def test_a_date_that_has_passed_asks_for_no_wait(server: LoopbackServer, post: Any) -> None:
    """The date lies an hour back, and nobody is held to it."""
    server.script(["429-past"])
    until = parsedate_to_datetime(post(server).headers["Retry-After"]).timestamp()
    assert until - time.time() == pytest.approx(-3600, abs=2)
    assert server.book().entries[0].retry_not_before is None


@pytest.mark.parametrize(
    ("wire", "remaining", "reset"),
    [
        ("openai", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
        (
            "anthropic",
            "anthropic-ratelimit-tokens-remaining",
            "anthropic-ratelimit-tokens-reset",
        ),
    ],
)
def test_a_reset_is_told_in_the_vendor_s_words(
    server: LoopbackServer, post: Any, wire: str, remaining: str, reset: str
) -> None:
    """Nothing remains, and when it does again is a duration for one and a date for the other."""
    server.script(["429-reset"])
    headers = post(server, wire).headers
    assert headers[remaining] == "0"
    if wire == "openai":
        assert headers[reset] == "300ms"
    else:
        until = datetime.fromisoformat(headers[reset]).timestamp()
        assert -0.5 < until - time.time() <= 1.3


def test_a_redirect_points_elsewhere(server: LoopbackServer, post: Any) -> None:
    """A client that followed it would find nobody."""
    server.script(["307"])
    raw = post(server)
    assert isinstance(raw.error, aiohttp.ClientConnectorError)


@pytest.mark.parametrize("name", ["chunked", "oversize-chunked"])
def test_a_length_that_is_not_told_is_not_told(
    server: LoopbackServer, post: Any, name: str
) -> None:
    """The body comes in chunks and no header says how long it is."""
    server.script([name])
    assert "Content-Length" not in post(server).headers


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", OBJECTS)
def test_objects_are_wrong_in_one_way_and_billed(
    server: LoopbackServer, post: Any, wire: str, name: str
) -> None:
    """A 200 with an object has the property it is named for and is billed in full."""
    server.script([name])
    raw = post(server, wire)
    packed = raw.headers.get("Content-Encoding") == "gzip"
    body = gzip.decompress(raw.body) if packed else raw.body
    assert raw.status == 200
    assert OBJECTS[name](json.loads(body))
    assert packed == (name == "oversize-gzip")
    _assert_billed(server, name)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", BODIES)
def test_other_bodies_are_what_they_are_called_and_billed(
    server: LoopbackServer, post: Any, wire: str, name: str
) -> None:
    """A 200 that is no answer has the bytes it is named for and is billed in full."""
    server.script([name])
    raw = post(server, wire)
    assert raw.status == 200
    assert BODIES[name](raw.body)
    _assert_billed(server, name)


def _assert_billed(server: LoopbackServer, name: str) -> None:
    (entry,) = server.book().entries
    assert (entry.outcome, entry.delivered) == (name, True)
    price = (150, 600) if entry.wire == "openai" else (1000, 5000)
    assert entry.input_tokens == 5
    assert entry.billed_nano == 5 * price[0] + entry.output_tokens * price[1] > 5 * price[0]


def test_oversize_is_small_on_the_wire_only_when_compressed(
    server: LoopbackServer, post: Any
) -> None:
    """The large body is as large as configured, its compressed form a hundredth of that."""
    server.script(["oversize", "oversize-gzip"])
    assert len(post(server).body) > 2**20
    assert len(post(server).body) < 2**20 / 100


def test_the_drip_is_slow(server: LoopbackServer, post: Any) -> None:
    """The dripping body takes at least a pause for each of its bytes."""
    server.script(["drip"])
    size = len(post(server).body)
    (entry,) = server.book().entries
    assert entry.finished is not None
    assert entry.finished - entry.arrived >= SMALL_DRIP * size


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", ["reset-before", "reset-after", "closed-before", "not-http"])
def test_a_reset_leaves_no_reply(server: LoopbackServer, post: Any, wire: str, name: str) -> None:
    """A reset before the reply leaves the client with an error, billed if it was generated."""
    server.script([name])
    raw = post(server, wire)
    assert raw.status is None
    assert isinstance(raw.error, BROKEN)
    (entry,) = server.book().entries
    assert not entry.delivered
    assert (entry.billed_nano > 0) == (name != "reset-before")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", ["reset-middle", "closed-middle"])
def test_an_end_in_the_middle_leaves_half_a_body(
    server: LoopbackServer, post: Any, wire: str, name: str
) -> None:
    """An end in the middle delivers status and half of the bytes that it promised."""
    server.script([name])
    raw = post(server, wire)
    assert raw.status == 200
    assert isinstance(raw.error, aiohttp.ClientPayloadError)
    assert 0 < len(raw.body) < int(raw.headers["Content-Length"])
    (entry,) = server.book().entries
    assert not entry.delivered
    assert entry.billed_nano > 0


def test_a_hang_lasts_until_the_client_goes(server: LoopbackServer, post: Any) -> None:
    """A hang never answers, is billed, and ends when the client gives up."""
    server.script(["hang"])
    raw = post(server, timeout=0.4)
    assert raw.status is None
    assert isinstance(raw.error, TimeoutError)
    time.sleep(0.1)
    (entry,) = server.book().entries
    assert entry.finished is not None
    assert entry.finished - entry.arrived == pytest.approx(0.4, abs=0.2)
    assert not entry.delivered
    assert entry.billed_nano > 0


def test_the_mix_keeps_its_probabilities_and_its_seed() -> None:
    """Random faults come as often as asked and the same seed repeats them."""
    faults = Faults(mix={"500": 0.3, "hang": 0.1})
    drawn = [faults.draw(1, seq) for seq in range(5000)]
    counted = Counter(drawn)
    assert counted["500"] / 5000 == pytest.approx(0.3, abs=0.03)
    assert counted["hang"] / 5000 == pytest.approx(0.1, abs=0.03)
    assert drawn == [faults.draw(1, seq) for seq in range(5000)]
    assert drawn != [faults.draw(2, seq) for seq in range(5000)]


@pytest.mark.parametrize("mix", [{"500": 1.1}, {"500": -0.1}, {"500": 0.6, "503": 0.6}])
def test_impossible_probabilities_are_refused(mix: dict[str, float]) -> None:
    """A mix that cannot be drawn from is a ValueError."""
    with pytest.raises(ValueError, match="probabilities"):
        Faults(mix=mix)


def test_unknown_names_are_refused_with_near_matches() -> None:
    """A misspelt fault is a ValueError that names the one that was meant."""
    with pytest.raises(ValueError, match="429-seconds"):
        Faults(mix={"429-second": 0.1})
