"""R13: SIGINT at random moments; it returns at once, keeps what was finished, sends nothing more.

``python -m benchmarks.reliability.interrupt URL TIMES`` is the process that is interrupted: it
prints one line of JSON when it starts to route, when it was interrupted, and when it tried again.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.reliability.ground import PRICES, add_models, home, prompts
from benchmarks.reliability.promises import Promises, command, environment
from orchkit.testing import Entry, LoopbackServer

LATENCY = 0.05
CONCURRENCY = 16
ROWS = 200
#: What returning may take beyond one latency, and how long after it we listen for requests.
RETURN, LISTEN = 0.5, 0.3
#: A request that was sent before may arrive a little after.
ON_ITS_WAY = 0.05
#: An answer delivered this long before the interrupt is finished, whatever the load.
SETTLED = 0.25
#: One call takes a second or two; what takes this long hangs.
PATIENCE = 40.0


@dataclass
class Found:
    """What was measured over all interrupts."""

    returned: list[float] = field(default_factory=list)
    late: int = 0
    lost: int = 0
    kept: int = 0
    rebought: int = 0
    failed: int = 0
    tasks: list[int] = field(default_factory=list)
    sockets: list[int] = field(default_factory=list)


def main(short: bool) -> int:
    """Interrupt one process again and again, and judge by the server's book."""
    found, chance = Found(), random.Random(13)  # noqa: S311 - moments, not secrets
    times = 3 if short else 50
    with LoopbackServer(PRICES, latency=LATENCY) as server, home() as place:
        process = _start(place, server.anthropic_url, times)
        try:
            for _ in range(times):
                _interrupt(process, server, chance.uniform(0, 0.5), found)
            ended = process.wait(timeout=PATIENCE)
        except RuntimeError as hung:
            process.kill()
            told = f"{hung}, at interrupt {len(found.returned)}"
            Promises().tell(False, "it returns, and the next call works", told)
            return 1
    return _judge(found, times, ended)


def _interrupt(
    process: subprocess.Popen[str], server: LoopbackServer, delay: float, found: Found
) -> None:
    """Let it route for a while, interrupt it, listen, and let it route the same again."""
    server.reset()
    _say(process, "route")
    _hear(process)
    time.sleep(delay)
    at = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    heard = _hear(process)
    time.sleep(LISTEN)
    before = server.book().entries
    _say(process, "again")
    again = _hear(process)
    after = server.book().entries[len(before) :]
    found.returned.append(heard["at"] - at)
    found.late += sum(entry.arrived > heard["at"] + ON_ITS_WAY for entry in before)
    _count(found, at, before, after, heard)
    found.failed += ROWS - again["answered"]
    found.tasks.append(max(heard["tasks"], again["tasks"]))
    found.sockets.append(again["sockets"])


def _count(
    found: Found, at: float, before: tuple[Entry, ...], after: tuple[Entry, ...], heard: Any
) -> None:
    """Compare what was delivered in time with what was kept, and with what was bought again."""
    delivered = [e for e in before if e.delivered and e.finished and e.finished < at - SETTLED]
    finished = {entry.prompt for entry in delivered}
    kept, again = set(heard["kept"] or ()), {entry.prompt for entry in after}
    found.kept += len(kept)
    found.lost += len(finished - kept)
    found.rebought += len((finished | kept) & again)


def _judge(found: Found, times: int, ended: int) -> int:
    promises = Promises()
    slowest, most = max(found.returned), RETURN + LATENCY
    told = f"slowest {slowest:.3f} s of {times}"
    promises.tell(slowest <= most, f"returns within {most:.2f} s", told)
    told = f"{found.late} requests later than {ON_ITS_WAY} s"
    promises.tell(found.late == 0, "sends nothing afterwards", told)
    told = f"{found.lost} lost, {found.kept:,} kept"
    promises.tell(found.lost == 0 and found.kept > 0, "last_run() keeps every finished row", told)
    told = f"{found.rebought} bought again"
    promises.tell(found.rebought == 0, "running again resumes: nothing finished is bought", told)
    promises.tell(found.failed == 0, "the next call works", f"{found.failed} rows unanswered")
    promises.tell(max(found.tasks) == 0, "0 leaked tasks", f"{max(found.tasks)} at most")
    told = f"{max(found.sockets)} at most, {CONCURRENCY} at once"
    promises.tell(max(found.sockets) <= CONCURRENCY, "0 leaked sockets", told)
    promises.tell(ended == 0, "the process ends as it should", f"exit code {ended}")
    return promises.code


def _start(place: Path, url: str, times: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603 - this file
        command("interrupt", url, str(times)),
        env=environment(place),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it says each time that it was interrupted
        text=True,
    )
    _hear(process)
    return process


def _say(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    print(word, file=process.stdin, flush=True)


def _hear(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    hanging = threading.Timer(PATIENCE, process.kill)
    hanging.start()
    try:
        said: dict[str, Any] = json.loads(process.stdout.readline() or "null")
    finally:
        hanging.cancel()
    if said is None:
        raise RuntimeError(f"it said nothing for {PATIENCE:.0f} s, or ended")
    return said


def _interrupted(url: str, times: int) -> None:
    """Route fresh prompts until interrupted, then the same again; as often as told."""
    import orchkit

    add_models(url)
    settings: dict[str, Any] = {"concurrency": CONCURRENCY, "max_tokens": 64, "progress": False}
    prompts(CONCURRENCY).orch.route("small", **settings)  # the loop and its connections
    _tell({})
    for _ in range(times):
        frame = prompts(ROWS)
        sys.stdin.readline()
        try:
            _tell({})
            frame.orch.route("small", **settings)
            time.sleep(5)
            raise SystemExit("no interrupt came")
        except KeyboardInterrupt:
            at = time.monotonic()
        last = getattr(orchkit, "last_run", lambda: None)()
        whole = None if last is None or "response" not in last else last[last["response"].notna()]
        kept = None if whole is None else whole["prompt"].tolist()
        _tell({"at": at, "kept": kept, "tasks": _tasks()})
        sys.stdin.readline()
        out = frame.orch.route("small", **settings)
        answered = int(out["response"].notna().sum())
        _tell({"answered": answered, "tasks": _tasks(), "sockets": _sockets()})


def _tasks() -> int:
    """Count what still runs on the loop."""
    import asyncio

    from orchkit.runtime.loop import LOOP

    async def others() -> int:
        await asyncio.sleep(0.05)  # what is being cancelled may end
        return len(asyncio.all_tasks()) - 1

    return LOOP.run(others)


def _sockets() -> int:
    """Count the open connections of this process; the loop's own pair does not count."""
    links = [str(fd.readlink()) for fd in [*Path("/proc/self/fd").iterdir()] if fd.is_symlink()]
    return sum(link.startswith("socket:") for link in links) - 2


def _tell(said: dict[str, Any]) -> None:
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    _interrupted(sys.argv[1], int(sys.argv[2]))
