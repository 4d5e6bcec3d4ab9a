from __future__ import annotations

from typing import Any

import pytest

from orchkit.core.calls import Call, Kind, Message
from orchkit.runtime.loop import LOOP
from orchkit.runtime.providers import VENDORS, bounded
from orchkit.runtime.providers.anthropic import Anthropic
from orchkit.runtime.providers.openai import OpenAI
from orchkit.runtime.wire import Rejection

OPENAI = {"choices": [{"message": {"content": "So."}, "finish_reason": "stop"}]}
ANTHROPIC = {"content": [{"type": "text", "text": "So."}], "stop_reason": "end_turn"}

both = pytest.mark.parametrize(("kind", "reply"), [(OpenAI, OPENAI), (Anthropic, ANTHROPIC)])


@both
def test_a_reply_of_the_largest_size_is_read(
    canned: Any, ask: Any, monkeypatch: pytest.MonkeyPatch, kind: Any, reply: object
) -> None:
    """The limit itself is allowed."""
    canned.say(reply)
    monkeypatch.setattr(bounded, "MOST", len(canned.text))
    assert ask(kind).text == "So."


@both
def test_a_larger_reply_is_malformed(
    canned: Any, ask: Any, monkeypatch: pytest.MonkeyPatch, kind: Any, reply: object
) -> None:
    """A byte more is not read, and presumed spent."""
    canned.say(reply)
    monkeypatch.setattr(bounded, "MOST", len(canned.text) - 1)
    with pytest.raises(Rejection) as caught:
        ask(kind)
    assert (caught.value.kind, caught.value.billed) == (Kind.MalformedResponse, True)


@both
def test_compression_is_not_asked_for(canned: Any, ask: Any, kind: Any, reply: object) -> None:
    """A small reply cannot become a large one in memory: plain bytes are what is asked for."""
    canned.say(reply)
    ask(kind)
    assert canned.heads[0]["accept-encoding"] == "identity"


@both
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip"])
def test_compression_is_not_read(
    canned: Any, ask: Any, kind: Any, reply: object, coding: str
) -> None:
    """A server that compresses all the same is not listened to."""
    canned.say(reply, **{"Content-Encoding": coding})
    with pytest.raises(Rejection) as caught:
        ask(kind)
    assert (caught.value.kind, caught.value.billed) == (Kind.MalformedResponse, True)


@pytest.mark.parametrize("own", [True, False], ids=["model's address", "vendor's address"])
@pytest.mark.parametrize(
    ("vendor", "variable", "value"),
    [
        ("openai", "OPENAI_ORG_ID", "canary"),
        ("openai", "OPENAI_PROJECT_ID", "canary"),
        ("openai", "OPENAI_CUSTOM_HEADERS", "X-Gateway-Token: canary"),
        ("anthropic", "ANTHROPIC_CUSTOM_HEADERS", "X-Gateway-Token: canary"),
    ],
)
def test_what_an_sdk_adds_goes_to_its_vendor_only(
    canned: Any, monkeypatch: pytest.MonkeyPatch, vendor: str, variable: str, value: str, own: bool
) -> None:
    """What the environment holds for a vendor goes where the vendor is said to be, and nowhere."""
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv(f"{vendor.upper()}_API_KEY", "sk-canary-1f3b7a")
    monkeypatch.setenv(f"{vendor.upper()}_BASE_URL", canned.url)
    provider: Any = VENDORS[vendor].open(canned.url if own else None)

    async def once() -> None:
        with pytest.raises(Rejection):
            await provider.complete(Call("m", (Message("user", "Why?"),)))
        await provider.close()

    LOOP.run(once)
    assert ("canary" in str(canned.heads)) is not own


@pytest.mark.parametrize(
    ("vendor", "variable"),
    [("openai", "OPENAI_ADMIN_KEY"), ("anthropic", "ANTHROPIC_AUTH_TOKEN")],
)
def test_no_other_secret_of_the_environment_is_sent(
    canned: Any, monkeypatch: pytest.MonkeyPatch, vendor: str, variable: str
) -> None:
    """The only credential that goes out is the key that was meant for the address."""
    monkeypatch.setenv(variable, "canary")
    provider: Any = VENDORS[vendor].open(canned.url)

    async def once() -> None:
        with pytest.raises(Rejection):
            await provider.complete(Call("m", (Message("user", "Why?"),)))
        await provider.close()

    LOOP.run(once)
    assert len(canned.heads) == 1
    assert "canary" not in str(canned.heads)
