"""The server process: ``python -m orchkit.testing``, with its settings as one line on stdin.

It prints its port when it is ready, and ends when stdin does: so it never outlives its parent.
"""

from __future__ import annotations

import asyncio
import json
import math
import signal
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from time import monotonic

from aiohttp import web

from .asks import Ask
from .book import Entry, Ledger
from .faults import FAULTS
from .generation import Generation, cost_nano, generate
from .limits import Allowance, Window
from .replies import Reply, Scene
from .sending import MANNERS
from .settings import Settings
from .wires import WIRES

__all__ = ["Desk", "main"]

LARGEST_REQUEST = 2**30
CONNECTIONS_WAITING = 1024
KEEP_ALIVE_SECONDS = 3600.0


class Desk:
    """Judges each request, writes it in the book and has its reply sent.

    Parameters
    ----------
    settings : Settings
        What the parent asked for.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._begin()

    def _begin(self) -> None:
        self.ledger = Ledger()
        self.script: deque[str] = deque()
        self.windows = {model: self._window(model) for model in self.settings.prices}

    def _window(self, model: str) -> Window:
        rpm = self.settings.rpm.get(model, math.inf)
        return Window(self.settings.window, rpm, self.settings.tpm.get(model, math.inf))

    def application(self) -> web.Application:
        """Return the routes."""
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_get("/book", self.show)
        application.router.add_delete("/book", self.reset)
        application.router.add_put("/script", self.rehearse)
        for path in WIRES:
            application.router.add_post(path, self.converse)
        return application

    async def show(self, _request: web.Request) -> web.Response:
        """Return the book."""
        return web.json_response(self.ledger.to_json())

    async def reset(self, _request: web.Request) -> web.Response:
        """Begin a new book."""
        self._begin()
        return web.json_response(None)

    async def rehearse(self, request: web.Request) -> web.Response:
        """Replace the script."""
        self.script = deque(await request.json())
        return web.json_response(None)

    async def converse(self, request: web.Request) -> web.StreamResponse:
        """Answer, or fail to, as it was decided."""
        arrived = monotonic()
        body = _parse(await request.read())
        # After a reset the request still belongs to the book that it was opened in.
        ledger = self.ledger
        entry, reply = self._judge(request, body, arrived)
        ledger.open(entry)
        delivered = False
        try:
            if FAULTS[entry.outcome].billed:
                await asyncio.sleep(self.settings.latency)
            response = await MANNERS[reply.manner](request, reply, self.settings.faults.drip)
            delivered = True
            return response
        finally:
            ledger.close(entry.seq, finished=monotonic(), delivered=delivered)

    def _judge(self, request: web.Request, body: object, arrived: float) -> tuple[Entry, Reply]:
        wire, seq, faults = WIRES[request.path], len(self.ledger.entries), self.settings.faults
        ask = wire.read(body)
        generation = generate(ask.model, ask.prompt, ask.contents, ask.limit, self.settings.answers)
        outcome, wait = self._decide(ask, generation)
        scene = Scene(wire, ask, generation, seq, wait, faults.oversize, faults.depth)
        reply = FAULTS[outcome].act(scene)
        told = wire.allowances(self._allowances(ask.model))
        headers = {**told, **reply.headers, wire.request_id_header: f"req_{seq}"}
        entry = Entry(
            seq,
            wire.name,
            ask.model,
            body,
            ask.prompt,
            _has_key(request),
            outcome,
            *self._bill(outcome, ask.model, generation),
            arrived,
            retry_not_before=None if reply.wait is None else monotonic() + reply.wait,
        )
        return entry, replace(reply, headers=headers)

    def _decide(self, ask: Ask, generation: Generation) -> tuple[str, float]:
        settings = self.settings
        if ask.problem is not None:
            return "invalid-request", 0.0
        if ask.model not in settings.prices:
            return "unknown-model", 0.0
        if self.ledger.in_flight >= settings.max_concurrency:
            return "crowded", 0.0
        now, tokens = monotonic(), generation.input_tokens + generation.output_tokens
        if not self.windows[ask.model].admit(now, tokens):
            return "rate-limited", self.windows[ask.model].wait(now, tokens)
        if self.script:
            return self.script.popleft(), settings.faults.retry_after
        outcome = settings.faults.draw(settings.seed, len(self.ledger.entries))
        return outcome, settings.faults.retry_after

    def _allowances(self, model: str) -> Mapping[str, Allowance]:
        window = self.windows.get(model)
        return {} if window is None else window.allowances(monotonic())

    def _bill(self, outcome: str, model: str, generation: Generation) -> tuple[int, int, int]:
        if not FAULTS[outcome].billed:
            return 0, 0, 0
        cost = cost_nano(generation, self.settings.prices[model])
        return generation.input_tokens, generation.output_tokens, cost


def main() -> None:
    """Run until stdin ends."""
    # An interrupt at the terminal reaches the whole group, and the parent still wants the book.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(Settings.from_json(sys.stdin.readline())))


async def _serve(settings: Settings) -> None:
    runner = web.AppRunner(
        Desk(settings).application(),
        handler_cancellation=True,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        access_log=None,
        shutdown_timeout=0.1,
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=CONNECTIONS_WAITING).start()
    sys.stdout.write(json.dumps({"port": runner.addresses[0][1]}) + "\n")
    sys.stdout.flush()
    await _end_of_stdin()
    await runner.cleanup()


async def _end_of_stdin() -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def watch() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=watch, daemon=True).start()
    await ended.wait()


def _parse(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _has_key(request: web.Request) -> bool:
    return any(request.headers.get(name) for name in ("Authorization", "x-api-key"))
