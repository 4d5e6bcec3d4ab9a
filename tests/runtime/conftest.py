"""One loopback server for the whole room, and providers that are closed where they were used."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

import orchkit
from orchkit.core.calls import Call, Message, Params, Response
from orchkit.core.catalog import Model
from orchkit.runtime.catalogs import bundled
from orchkit.runtime.loop import LOOP
from orchkit.runtime.providers.anthropic import Anthropic
from orchkit.runtime.providers.openai import OpenAI
from orchkit.testing import Faults, LoopbackServer

KEY = "sk-canary-1f3b7a"
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5"}
PRICES = {"gpt-4o-mini": (0.15, 0.60), "claude-haiku-4-5": (1, 5)}
ACCIDENTS = Faults(retry_after=0.3, drip=0.01, oversize=17 * 2**20)

#: Puts an empty package in the place of orchkit's own, which would load pandas first.
BARE = f"""
import sys, types
sys.modules["orchkit"] = bare = types.ModuleType("orchkit")
bare.__path__ = {list(orchkit.__path__)!r}
"""


@dataclass(frozen=True)
class Wire:
    """One vendor's real client, pointed at the server that keeps the truth."""

    provider: OpenAI | Anthropic
    model: Model
    server: LoopbackServer
    key: str = field(repr=False)

    def call(self, text: str = "Why?", **params: Any) -> Call:
        """Return a call to the vendor's model."""
        return Call(self.model.wire_name, (Message("user", text),), Params(**params))

    def ask(self, call: Call | None = None, timeout: float = 20) -> Response:
        """Return what the provider answers, or raise what it raises."""

        async def asking() -> Response:
            async with asyncio.timeout(timeout):
                return await self.provider.complete(call or self.call())

        return LOOP.run(asking)

    def body(self, call: Call) -> dict[str, Any]:
        """Return the body that reached the server for this call."""
        self.ask(call)
        body: dict[str, Any] = self.server.book().entries[-1].body
        return body


@pytest.fixture
def elsewhere() -> Callable[..., str]:
    """Return a function that runs a script in another process and returns what it prints."""

    def run(script: str, *arguments: str, **environment: str) -> str:
        ran = subprocess.run(  # noqa: S603 - the script is the test's
            [sys.executable, "-c", BARE + script, *arguments],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout

    return run


@pytest.fixture(scope="session")
def running() -> Iterator[LoopbackServer]:
    """Start the server that the room shares; it answers every prompt with itself."""
    with LoopbackServer(PRICES, faults=ACCIDENTS, answers={"echo": True}) as server:
        yield server


@pytest.fixture
def server(running: LoopbackServer) -> LoopbackServer:
    """Hand out the shared server with an empty book."""
    running.reset()
    return running


@pytest.fixture(scope="session")
def clients(running: LoopbackServer) -> Iterator[Mapping[str, OpenAI | Anthropic]]:
    """Open one client a vendor: to open one anew reads all certificates of the machine."""
    opened = {
        "openai": OpenAI(running.openai_url, KEY),
        "anthropic": Anthropic(running.anthropic_url, KEY),
    }
    yield opened
    for client in opened.values():
        LOOP.run(client.close)


@pytest.fixture(params=["openai", "anthropic"])
def wire(
    request: pytest.FixtureRequest,
    server: LoopbackServer,
    clients: Mapping[str, OpenAI | Anthropic],
) -> Wire:
    """Give one vendor's client on the loopback server; by default the test runs for both."""
    vendor: str = request.param
    return Wire(clients[vendor], bundled().models[MODELS[vendor]], server, KEY)
