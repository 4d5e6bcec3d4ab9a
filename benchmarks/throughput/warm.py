"""A warm cache, and memory: rows answered once by the server, then again by a new process.

``python -m benchmarks.throughput.warm URL ROWS`` is the process of one pass; it prints JSON.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.reliability.ground import PRICES, add_models
from benchmarks.reliability.promises import Promises
from orchkit.testing import LoopbackServer

LEAST_ROWS = 20_000
IN_FLIGHT = 64


def measure(promises: Promises, rows: int) -> None:
    """Fill a cache, read it in a new process, and judge both passes."""
    with LoopbackServer(PRICES) as server, tempfile.TemporaryDirectory() as folder:
        os.environ["ORCHKIT_HOME"] = folder
        cold = _pass(server.anthropic_url, rows)
        asked = server.book().requests
        again = _pass(server.anthropic_url, rows)
        sent = server.book().requests - asked
    print(f"cold cache {rows / cold['seconds']:,.0f} rows/s; growth of memory, bytes a row:")
    told = f"{cold['grown'] / rows:,.0f} cold, {again['grown'] / rows:,.0f} warm"
    print(f"  {told}; the answers with their metadata are {cold['answers'] / rows:,.0f}")
    speed = rows / again["seconds"]
    promises.tell(sent == 0, "a warm cache sends nothing", f"{sent} requests")
    said = f"a warm cache answers {LEAST_ROWS:,} rows/s"
    promises.tell(speed >= LEAST_ROWS, said, f"{speed:,.0f} rows/s of {rows:,}")
    said = "memory grows by no more than the answers"
    promises.tell(cold["grown"] <= cold["answers"], said, told)


def _pass(url: str, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.throughput.warm", url, str(rows)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


def one_pass(url: str, rows: int) -> dict[str, Any]:
    """Route the same prompts every time; return seconds, and bytes of memory and of answers."""
    add_models(url)
    settings: dict[str, Any] = {"concurrency": IN_FLIGHT, "max_tokens": 64, "budget": 1e5}
    pd.DataFrame({"prompt": ["Warm up"]}).orch.route("small", progress=False, **settings)
    frame = pd.DataFrame({"prompt": [f"Explain the number {n} in one line" for n in range(rows)]})
    before, started = _resident(), time.perf_counter()
    out = frame.orch.route("small", progress=False, **settings)
    seconds, grown = time.perf_counter() - started, _resident() - before
    assert out["response"].notna().all(), out["error"].dropna().unique()[:3]
    return {"seconds": seconds, "grown": grown, "answers": _weight(out.drop(columns="prompt"))}


def _weight(answers: pd.DataFrame) -> int:
    """Return the bytes of a frame with all that its cells hold, each object once."""
    held = answers.select_dtypes("object")
    plain = answers.drop(columns=held.columns).memory_usage(deep=True, index=False).sum()
    todo: list[object] = [cell for name in held for cell in held[name]]
    seen: dict[int, int] = {}
    while todo:
        one = todo.pop()
        if id(one) not in seen:
            seen[id(one)] = sys.getsizeof(one)
            todo.extend(gc.get_referents(one) if isinstance(one, dict | list) else ())
    return int(plain) + sum(seen.values())


def _resident() -> int:
    """Return the bytes of memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(json.dumps(one_pass(sys.argv[1], int(sys.argv[2]))))
