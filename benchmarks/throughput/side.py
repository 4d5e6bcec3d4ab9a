"""One side of the race, in a process of its own: the bare SDK, or ``df.orch.route``.

``python -m benchmarks.throughput.side SIDE VENDOR URL``; each line on stdin is ``ROWS IN_FLIGHT``,
and the answer to it is one line of JSON.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Any

MODEL = "small-1"
MAX_TOKENS = 64
_fresh = count()
Race = Callable[[list[str], int], int]


def questions(rows: int) -> list[str]:
    """Return prompts that were never asked before."""
    run = f"{os.getpid()}.{next(_fresh)}"
    return [f"Explain the number {n} in one line ({run})" for n in range(rows)]


def bare(vendor: str, url: str) -> Race:
    """Return a race of the SDK alone, on its best transport, with a pool of workers."""
    runner = asyncio.Runner()
    client, ask = _asker(vendor, url)
    atexit.register(lambda: runner.run(client.close()))

    async def pool(texts: list[str], in_flight: int) -> int:
        answers, todo = [None] * len(texts), iter(enumerate(texts))

        async def worker() -> None:
            for n, text in todo:
                answers[n] = await ask(text)

        await asyncio.gather(*(worker() for _ in range(in_flight)))
        return sum(bool(answer) for answer in answers)

    return lambda texts, in_flight: runner.run(pool(texts, in_flight))


def _asker(vendor: str, url: str) -> Any:
    """Return the client, and an async function from a text to the text of its answer."""
    if vendor == "openai":
        import openai

        fast = openai.DefaultAioHttpClient()
        client = openai.AsyncOpenAI(
            api_key="none", base_url=url + "/v1", max_retries=0, http_client=fast
        )

        async def ask(text: str) -> str | None:
            messages: Any = [{"role": "user", "content": text}]
            reply = await client.chat.completions.create(
                model=MODEL, messages=messages, max_tokens=MAX_TOKENS
            )
            return reply.choices[0].message.content

        return client, ask
    return _anthropic(url)


def _anthropic(url: str) -> Any:
    import anthropic

    fast = anthropic.DefaultAioHttpClient()
    client = anthropic.AsyncAnthropic(api_key="none", base_url=url, max_retries=0, http_client=fast)

    async def ask(text: str) -> str:
        messages: Any = [{"role": "user", "content": text}]
        reply = await client.messages.create(model=MODEL, messages=messages, max_tokens=MAX_TOKENS)
        return str(getattr(reply.content[0], "text", ""))

    return client, ask


def ours(vendor: str, url: str) -> Race:
    """Return a race of ``df.orch.route``: cache, ledger and budget on."""
    import pandas as pd

    from benchmarks.reliability.ground import add_models

    add_models(url, vendor)

    def race(texts: list[str], in_flight: int) -> int:
        frame = pd.DataFrame({"prompt": texts})
        out = frame.orch.route(
            "small", concurrency=in_flight, max_tokens=MAX_TOKENS, budget=1e5, progress=False
        )
        return int(out["response"].notna().sum())

    return race


def timed(race: Race, rows: int, in_flight: int) -> dict[str, float]:
    """Return wall seconds and CPU seconds of all threads for so many fresh rows."""
    texts = questions(rows)
    wall, cpu = time.perf_counter(), time.process_time()
    answered = race(texts, in_flight)
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "answered": answered,
    }


def main(side: str, vendor: str, url: str) -> None:
    """Race as often as stdin says."""
    race = {"bare": bare, "orchkit": ours}[side](vendor, url)
    for line in sys.stdin:
        rows, in_flight = map(int, line.split())
        print(json.dumps(timed(race, rows, in_flight)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
