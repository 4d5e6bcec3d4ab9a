import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from orchkit.testing import Book, LoopbackServer

PRICES = {"gpt-4o-mini": (0.15, 0.60), "claude-haiku-4-5": (1, 5)}
KEY = "canary-key-that-nobody-may-keep"


async def _flood(server: LoopbackServer, requests: int, connections: int) -> Counter[str]:
    """Send many requests and count what the client saw of them."""
    seen: Counter[str] = Counter()
    numbers = iter(range(requests))
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(server.openai_url + "/", connector=connector) as session:

        async def work() -> None:
            for number in numbers:
                seen.update(await _once(session, f"Question {number}"))

        await asyncio.gather(*(work() for _ in range(connections)))
    return seen


async def _once(session: aiohttp.ClientSession, prompt: str) -> dict[str, int]:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}]}
    try:
        async with session.post("chat/completions", json=body) as reply:
            usage = (await reply.json()).get("usage", {})
            told = usage.get("prompt_tokens", 0) * 150 + usage.get("completion_tokens", 0) * 600
            return {str(reply.status): 1, "nano": told}
    except aiohttp.ClientError:
        return {"lost": 1}


@pytest.fixture(scope="module")
def running_slow() -> Iterator[LoopbackServer]:
    """Start a server that takes its time."""
    with LoopbackServer(PRICES, latency=0.2) as server:
        yield server


@pytest.fixture
def slow(running_slow: LoopbackServer) -> LoopbackServer:
    """Hand out the server that takes its time, with an empty book."""
    running_slow.reset()
    return running_slow


def test_the_truth_holds_at_256_connections(slow: LoopbackServer) -> None:
    """With 256 connections every request is in the book and the bill is what clients were told."""
    seen = asyncio.run(_flood(slow, 1024, 256))
    book = slow.book()
    assert seen["200"] == book.requests == len({entry.prompt for entry in book.entries}) == 1024
    assert seen["nano"] == book.billed_nano
    assert 64 < book.peak_in_flight <= 256
    assert all(entry.delivered for entry in book.entries)
    assert [entry.seq for entry in book.entries] == list(range(1024))


def test_the_truth_holds_under_faults(mixed: LoopbackServer) -> None:
    """Under a mix of faults the book accounts for what clients saw and for what they lost."""
    seen = asyncio.run(_flood(mixed, 600, 64))
    book = mixed.book()
    outcomes = Counter(entry.outcome for entry in book.entries)
    lost = outcomes["reset-middle"] + outcomes["reset-before"]
    assert (seen["200"], seen["lost"]) == (outcomes["ok"], lost)
    assert (seen["429"], seen["500"]) == (outcomes["429"], outcomes["500"])
    undelivered = sum(entry.billed_nano for entry in book.entries if not entry.delivered)
    assert book.billed_nano == seen["nano"] + undelivered
    assert undelivered > 0


def test_rates_are_enforced_for_each_model(post: Any) -> None:
    """A model over its requests or tokens is told how long to wait, and then admits again."""
    rpm, tpm = {"gpt-4o-mini": 2}, {"claude-haiku-4-5": 25}
    with LoopbackServer(PRICES, rpm=rpm, tpm=tpm, window=1.0, answers={"echo": True}) as server:
        ours = [post(server) for _ in range(3)]
        theirs = [post(server, "anthropic", prompt="x" * 40) for _ in range(2)]
        time.sleep(1.0)
        later = [post(server), post(server, "anthropic", prompt="x" * 40)]
        entries = server.book().entries
    assert [raw.status for raw in (*ours, *theirs, *later)] == [200, 200, 429, 200, 429, 200, 200]
    assert ours[2].headers["Retry-After"] == theirs[1].headers["Retry-After"] == "1"
    assert entries[2].outcome == entries[4].outcome == "rate-limited"
    assert entries[2].billed_nano == 0
    assert entries[2].retry_not_before is not None


SPELLINGS = {
    "openai": ("x-ratelimit-limit-{}", "x-ratelimit-remaining-{}"),
    "anthropic": ("anthropic-ratelimit-{}-limit", "anthropic-ratelimit-{}-remaining"),
}


@pytest.mark.parametrize("wire", SPELLINGS)
def test_limits_are_told_by_every_reply(post: Any, wire: str) -> None:
    """Good and refused replies say what is allowed and left, in the words of their vendor."""
    with LoopbackServer(PRICES, rpm=2, tpm=1000, answers={"echo": True}) as server:
        replies = [post(server, wire, prompt="x" * 40) for _ in range(3)]
        tokens = sum(e.input_tokens + e.output_tokens for e in server.book().entries[:2])
    limit, remaining = SPELLINGS[wire]
    assert [raw.status for raw in replies] == [200, 200, 429]
    assert {raw.headers[limit.format("requests")] for raw in replies} == {"2"}
    assert {raw.headers[limit.format("tokens")] for raw in replies} == {"1000"}
    assert [raw.headers[remaining.format("requests")] for raw in replies] == ["1", "0", "0"]
    assert replies[2].headers[remaining.format("tokens")] == str(1000 - tokens)


def test_without_limits_nothing_is_told_of_them(server: LoopbackServer, post: Any) -> None:
    """A server that limits nothing has no headers on it."""
    headers = [*post(server).headers, *post(server, "anthropic").headers]
    assert not [name for name in headers if "ratelimit" in name.lower()]


def test_concurrency_is_enforced() -> None:
    """No more requests than allowed are ever served at the same time."""
    with LoopbackServer(PRICES, latency=0.2, max_concurrency=3) as server:
        seen = asyncio.run(_flood(server, 10, 10))
        outcomes = Counter(entry.outcome for entry in server.book().entries)
    assert (seen["200"], seen["429"]) == (3, 7)
    assert outcomes == {"ok": 3, "crowded": 7}


def test_generations_take_the_latency_and_refusals_do_not(slow: LoopbackServer, post: Any) -> None:
    """Only a request that is generated for takes time."""
    slow.script(["ok", "500"])
    for _ in range(2):
        post(slow)
    patient, quick = slow.book().entries
    assert patient.finished is not None
    assert quick.finished is not None
    assert patient.finished - patient.arrived >= 0.2 > quick.finished - quick.arrived


@pytest.mark.parametrize("header", ["Authorization", "x-api-key"])
def test_the_key_is_seen_and_forgotten(server: LoopbackServer, post: Any, header: str) -> None:
    """The book says that there was a key, and nothing that it keeps holds it."""
    post(server, headers={header: KEY})
    post(server)
    book = server.book()
    assert [entry.key_present for entry in book.entries] == [True, False]
    assert KEY not in repr(book)


def test_unknown_models_do_not_exist(server: LoopbackServer, post: Any) -> None:
    """A model without a price is 404 in each vendor's format."""
    ours, theirs = (post(server, wire, model="gpt-9") for wire in ("openai", "anthropic"))
    assert (ours.status, theirs.status) == (404, 404)
    assert json.loads(ours.body)["error"]["code"] == "model_not_found"
    assert json.loads(theirs.body)["error"]["type"] == "not_found_error"
    assert [entry.outcome for entry in server.book().entries] == ["unknown-model"] * 2


@pytest.mark.parametrize("body", [[], {"model": "gpt-4o-mini"}, {"messages": []}])
def test_malformed_requests_are_400(server: LoopbackServer, post: Any, body: object) -> None:
    """A body that the vendors would refuse is refused, and is in the book."""
    assert post(server, body=body).status == 400
    (entry,) = server.book().entries
    assert (entry.outcome, entry.body) == ("invalid-request", body)


def test_bodies_are_kept_as_they_came(server: LoopbackServer, post: Any) -> None:
    """The whole body is kept, half surrogate pairs and megabytes included."""
    post(server, prompt="\ud83d", seed=3, x_other={"a": [1, None]})
    post(server, prompt="x" * 3_000_000)
    strange, large = server.book().entries
    assert strange.prompt == "\ud83d"
    assert (strange.body["seed"], strange.body["x_other"]) == (3, {"a": [1, None]})
    assert large.input_tokens == 750_000 + 4


def test_a_request_in_flight_stays_in_its_book(slow: LoopbackServer) -> None:
    """A request that is open during a reset does not appear in the new book."""

    async def across() -> Book:
        flood = asyncio.create_task(_flood(slow, 1, 1))
        while not (before := await asyncio.to_thread(slow.book)).requests:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(slow.reset)
        await flood
        return before

    before = asyncio.run(across())
    assert (before.requests, before.entries[0].finished) == (1, None)
    assert before.billed_nano > 0
    assert (slow.book().requests, slow.book().peak_in_flight) == (0, 0)
