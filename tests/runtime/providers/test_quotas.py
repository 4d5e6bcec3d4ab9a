from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchkit.core.calls import Call, Message
from orchkit.runtime.loop import LOOP
from orchkit.runtime.providers.anthropic import Anthropic
from orchkit.runtime.providers.openai import OpenAI
from orchkit.runtime.wire import Quota, Rejection
from orchkit.testing import LoopbackServer

OURS = "x-ratelimit-{}-{}"
THEIRS = "anthropic-ratelimit-{}-{}"


def _openai(**kinds: dict[str, str]) -> dict[str, str]:
    return {OURS.format(w, k): text for k, each in kinds.items() for w, text in each.items()}


def _anthropic(**kinds: dict[str, str]) -> dict[str, str]:
    return {THEIRS.format(k, w): text for k, each in kinds.items() for w, text in each.items()}


def test_the_longest_of_what_is_used_up_counts() -> None:
    """Of several resets only those of an empty allowance are waited for, and of these the last."""
    empty, full = {"remaining": "0"}, {"remaining": "5"}
    reset = OpenAI.spelling.reset
    for requests, tokens, wait in ((empty, empty, 360), (empty, full, 1), (full, full, None)):
        told = {"requests": {**requests, "reset": "1s"}, "tokens": {**tokens, "reset": "6m0s"}}
        assert reset(_openai(**told)) == wait
    assert reset(_openai(requests={**empty, "reset": "soon"})) is None
    assert reset({}) is None


def test_the_other_vendor_names_a_moment() -> None:
    """A date is waited for until it has come."""
    then = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    wait = Anthropic.spelling.reset(_anthropic(tokens={"remaining": "0", "reset": then}))
    assert wait == pytest.approx(30, abs=1.5)


def test_a_quota_is_read_in_each_vendor_s_words() -> None:
    """Requests and tokens a minute, as far as they are told."""
    ours = _openai(requests={"limit": "500"}, tokens={"limit": "200000"})
    assert OpenAI.spelling.quota(ours) == Quota(500, 200_000)
    theirs = _anthropic(requests={"limit": "50"}, tokens={"limit": "40000"})
    assert Anthropic.spelling.quota(theirs) == Quota(50, 40_000)
    only_input = {THEIRS.format("input-tokens", "limit"): "30000"}
    assert Anthropic.spelling.quota(only_input) == Quota(None, 30_000)
    assert OpenAI.spelling.quota({}) is None
    assert OpenAI.spelling.quota(theirs) is None


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e6", "5.5", "9" * 5000, "٣", "", "10" * 7])
def test_absurd_limits_are_ignored(text: str) -> None:
    """A limit that no vendor would have is as good as none."""
    headers = _openai(requests={"limit": text}, tokens={"limit": "10"})
    assert OpenAI.spelling.quota(headers) == Quota(None, 10)


@pytest.mark.parametrize("kind", [OpenAI, Anthropic])
@pytest.mark.parametrize("status", [200, 429, 500])
def test_every_reply_teaches_the_quota(canned: Any, kind: Any, status: int) -> None:
    """Good and bad replies alike say what their model is allowed, and the last word holds."""
    write = _openai if kind is OpenAI else _anthropic
    for limit in (7, 9):
        canned.say({}, status, **write(requests={"limit": str(limit)}))
        provider = _asked(kind, canned.url, times=1)
        assert provider.quotas == {"m": Quota(limit, None)}


def test_a_limited_server_s_quota_is_learnt_and_kept() -> None:
    """What the server enforces is what the provider says, for each model by its wire name."""
    with LoopbackServer({"m": (1, 1)}, rpm=1, tpm=5000) as server:
        ours = _asked(OpenAI, server.openai_url, times=2)
        theirs = _asked(Anthropic, server.anthropic_url, times=1)
    assert ours.quotas == theirs.quotas == {"m": Quota(1, 5000)}


def _asked(kind: Any, url: str, times: int) -> Any:
    provider = kind(url, "k")

    async def ask() -> None:
        for _ in range(times):
            with suppress(Rejection):
                await provider.complete(Call("m", (Message("user", "Why?"),)))
        await provider.close()

    LOOP.run(ask)
    return provider
