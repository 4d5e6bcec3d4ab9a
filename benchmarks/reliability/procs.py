"""R5: several processes, one home, the same prompts at the same time: everything is bought once.

``python -m benchmarks.reliability.procs URL ROWS CAP`` is one of them; a line on stdin starts it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd

from benchmarks.reliability.budget import worst
from benchmarks.reliability.ground import (
    PRICES,
    add_models,
    generated,
    home,
    ledger_spent,
    useless,
)
from benchmarks.reliability.promises import Promises, command, environment
from orchkit.core.catalog import NANO
from orchkit.testing import LoopbackServer

CONCURRENCY = 16
MAX_TOKENS = 16
MIX = {"500": 0.03, "reset-after": 0.03, "truncated": 0.02}


def main(short: bool) -> int:
    """Run 2 and 8 processes without faults and 2 with, and judge by the server's book."""
    promises = Promises()
    rows = 60 if short else 400
    for processes, mix in ((2, {}),) if short else ((2, {}), (8, {}), (2, MIX)):
        _together(promises, processes, rows, mix)
    return promises.code


def _together(promises: Promises, processes: int, rows: int, mix: dict[str, float]) -> None:
    where = f"{processes} processes{' with faults' if mix else ''}"
    with LoopbackServer(PRICES, latency=0.02, faults=mix, seed=3) as server, home() as place:
        cap = 2 * rows * worst() if mix else rows * worst()
        answered = _run(place, processes, (server.anthropic_url, str(rows), str(cap)))
        book, told = server.book(), ledger_spent(place)
    paid, lost = len(generated(book.entries)), useless(book.entries)
    print(f"{where}: {rows} prompts each, {book.requests} requests, answered {answered}")
    if not mix:
        full = answered == [rows] * processes
        promises.tell(full, f"{where}: every row answered", answered)
    figure = f"{paid} generations, {rows} requests, {lost} billed without an answer"
    said = "every distinct request generated once"
    said += " more than it was lost, at most" if mix else ""
    promises.tell(paid <= rows + lost, f"{where}: {said}", figure)
    truth = book.billed_nano
    fits = told is not None and (told >= truth if mix else told == truth)
    said = "the ledger holds " + ("no less than" if mix else "exactly what") + " was billed"
    promises.tell(fits, f"{where}: {said}", f"{told} of {truth} nano-dollars")
    most = processes * cap  # a budget is of one process
    told = f"{truth / most:.2%} of them"
    promises.tell(truth <= most, f"{where}: billed no more than the caps of all", told)


def _run(place: Path, processes: int, arguments: tuple[str, ...]) -> list[int]:
    """Start them together; return how many rows each found answered."""
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen(  # noqa: S603 - this file
            command("procs", *arguments),
            env=environment(place),
            stdin=pipe,
            stdout=pipe,
            text=True,
        )
        for _ in range(processes)
    ]
    for process in started:  # each says that it is ready
        assert process.stdout is not None
        process.stdout.readline()
    for process in started:
        assert process.stdin is not None
        print("go", file=process.stdin, flush=True)
    return [json.loads(process.communicate()[0] or "-1") for process in started]


def _one(url: str, rows: int, cap: int) -> int:
    """Route the prompts that every process routes; return how many were answered."""
    add_models(url)
    # As long as those that `worst` is about.
    frame = pd.DataFrame(
        {"prompt": [f"Explain the number {n:06} (of all procs)" for n in range(rows)]}
    )
    print("ready", flush=True)
    sys.stdin.readline()
    out = frame.orch.route(
        "small",
        concurrency=CONCURRENCY,
        max_tokens=MAX_TOKENS,
        budget=cap / NANO,
        progress=False,
    )
    for error in out["error"].dropna().unique()[:3]:
        print(error, file=sys.stderr)
    return int(out["response"].notna().sum())


if __name__ == "__main__":
    print(json.dumps(_one(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
