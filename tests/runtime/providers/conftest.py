"""A server that says one thing, for what the loopback server never would say."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from orchkit.core.calls import Call, Message, Params, Response
from orchkit.runtime.loop import LOOP
from orchkit.runtime.providers.anthropic import Anthropic
from orchkit.runtime.providers.openai import OpenAI

Asking = Callable[..., Response]


@dataclass
class Canned:
    """What the server says to every request, and what it was sent.

    `{auth}` in the text is replaced by the key that came with the request.
    """

    url: str = ""
    status: int = 200
    text: str = "{}"
    headers: dict[str, str] = field(default_factory=dict)
    heads: list[dict[str, str]] = field(default_factory=list)

    def say(self, payload: object, status: int = 200, **headers: str) -> None:
        """Set what is said from now on."""
        self.text, self.status, self.headers = json.dumps(payload), status, headers


def _handler(canned: Canned) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            canned.heads.append({name.lower(): text for name, text in self.headers.items()})
            key = canned.heads[-1].get("x-api-key") or canned.heads[-1].get("authorization", "")
            body = canned.text.replace("{auth}", key.removeprefix("Bearer ")).encode()
            self.send_response(canned.status)
            for name, text in {"Content-Type": "application/json", **canned.headers}.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing on stderr."""

    return Handler


@pytest.fixture(scope="session")
def talking() -> Iterator[Canned]:
    """Start the server that says one thing."""
    canned = Canned()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(canned)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        canned.url = f"http://127.0.0.1:{server.server_port}"
        yield canned
        server.shutdown()
        thread.join()


@pytest.fixture
def canned(talking: Canned) -> Canned:
    """Hand out the server that says one thing, with nothing to say and nothing remembered."""
    talking.say({})
    talking.heads.clear()
    return talking


@pytest.fixture(scope="session")
def ask(talking: Canned) -> Iterator[Asking]:
    """Return a function that asks the server that says one thing, as one vendor's client."""
    opened = {kind: kind(talking.url, "sk-canary-1f3b7a") for kind in (OpenAI, Anthropic)}
    call = Call("m", (Message("user", "Why?"),), Params(max_tokens=50))
    yield lambda kind: LOOP.run(lambda: opened[kind].complete(call))
    for provider in opened.values():
        LOOP.run(provider.close)
