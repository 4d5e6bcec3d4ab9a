"""One server for most tests, and a raw client that hides nothing."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from orchkit.testing import Faults, LoopbackServer

PRICES = {"gpt-4o-mini": (0.15, 0.60), "claude-haiku-4-5": (1, 5)}
SMALL = Faults(retry_after=0.3, drip=0.0005, oversize=2**20, depth=50_000)
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5"}


@dataclass
class Raw:
    """A reply as it came: bytes as on the wire, and what interrupted them."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: Exception | None = None


Post = Callable[..., Raw]


async def _post(url: str, body: Any, headers: dict[str, str], timeout: float) -> Raw:
    raw = Raw()
    limit = aiohttp.ClientTimeout(total=timeout)
    async with aiohttp.ClientSession(auto_decompress=False, timeout=limit) as session:
        try:
            sent = BytesIO(json.dumps(body).encode())
            async with session.post(url, data=sent, headers=headers) as reply:
                raw.status, raw.headers = reply.status, dict(reply.headers)
                async for chunk in reply.content.iter_any():
                    raw.body += chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raw.error = error
    return raw


def body_for(wire: str, prompt: str = "Why?", **more: Any) -> dict[str, Any]:
    """Return the smallest body that the wire's vendor would accept."""
    limit = {"max_tokens": 100} if wire == "anthropic" else {}
    messages = [{"role": "user", "content": prompt}]
    return {"model": MODELS[wire], "messages": messages, **limit, **more}


@pytest.fixture(scope="session")
def running() -> Iterator[LoopbackServer]:
    """Start the server that most tests share."""
    with LoopbackServer(PRICES, faults=SMALL, answers={"2 + 2?": "Four."}) as server:
        yield server


@pytest.fixture(scope="session")
def running_mixed() -> Iterator[LoopbackServer]:
    """Start a server on which much goes wrong at random."""
    mix = {"429": 0.2, "500": 0.1, "reset-middle": 0.1, "reset-before": 0.05}
    with LoopbackServer(PRICES, faults=mix, seed=7) as server:
        yield server


@pytest.fixture
def mixed(running_mixed: LoopbackServer) -> LoopbackServer:
    """Hand out the server on which much goes wrong, with an empty book."""
    running_mixed.reset()
    return running_mixed


@pytest.fixture
def server(running: LoopbackServer) -> LoopbackServer:
    """Hand out the shared server with an empty book."""
    running.reset()
    return running


@pytest.fixture
def post() -> Post:
    """Return a function that posts to a server and returns the raw reply."""

    def send(
        server: LoopbackServer,
        wire: str = "openai",
        body: Any = None,
        headers: dict[str, str] | None = None,
        timeout: float = 5.0,
        **more: Any,
    ) -> Raw:
        url = server.anthropic_url + PATHS[wire]
        given = body_for(wire, **more) if body is None else body
        return asyncio.run(_post(url, given, headers or {}, timeout))

    return send
