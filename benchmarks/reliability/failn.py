"""R6: for every n, the n-th sqlite call fails as on a full, broken, read-only or busy disk.

Also real: a limit on how large a file may become. Each case is a process of its own with a home of
its own; afterwards the same is run again on a whole disk.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sqlite3
import tempfile
import time
import warnings
from collections import Counter
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import diskcache
import openai.resources.chat  # noqa: F401 - before the forks, or each would load it
import pandas as pd

import orchkit
from benchmarks.reliability.failing import ERRORS, Faulty, failing
from benchmarks.reliability.promises import Promises
from orchkit.errors import OrchkitError
from orchkit.runtime.ledger import Ledger
from orchkit.runtime.providers import openai as _preloaded  # noqa: F401 - before the forks
from orchkit.testing import LoopbackServer

MODEL = "gpt-4o-mini"
#: The cap, in nano-dollars, is enough for some of the rows: each costs 4,350, at most 15,000.
ROWS, AFFORDED, _MAX_TOKENS, _CAP = 8, 3, 16, 32_000
#: What a row may say of a store that fails, and of a cap that is used up.
_TYPED = {"StoreFull", "BudgetExceeded", "Interrupted"}


@dataclass(frozen=True)
class Case:
    """One way to fail: at which call, or at which size of a file in bytes."""

    error: str = ""
    nth: int = 0
    lasting: bool = False
    size: int | None = None

    def __str__(self) -> str:
        at = f"{self.size:,} bytes a file" if self.size is not None else f"call {self.nth}"
        return f"{self.error or 'RLIMIT_FSIZE'} {'from' if self.lasting else 'at'} {at}"


@dataclass(frozen=True)
class Ran:
    """What came of a run."""

    responses: list[str | None] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    raised: str = ""
    typed: bool = True
    warned: frozenset[str] = frozenset()
    calls: int = 0
    hit: int = 0


def main(short: bool) -> int:
    """Fail at every call in turn, each time judged by the book and by a second run."""
    warnings.simplefilter("ignore", orchkit.errors.RetiredModelWarning)
    found: Counter[str] = Counter()
    with LoopbackServer({MODEL: (0.15, 0.60)}, answers={"echo": True}) as server:
        calls = _clean(server)
        cases = _cases(calls, short)
        print(f"{calls} sqlite calls in a run of {ROWS} rows; {len(cases)} cases", flush=True)
        for case in cases:
            for fault in _faults(server, case):
                found[fault.partition(":")[0]] += 1
                print(f"  {case}: {fault}", flush=True)
    promises = Promises()
    for what in ("untyped", "paid answer lost", "overspent", "corrupt", "silently not kept"):
        promises.tell(not found[what], f"{what} in {len(cases)} cases", found[what])
    return promises.code


def _cases(calls: int, short: bool) -> list[Case]:
    step = max(1, calls // 4) if short else 1
    calls_ = range(1, calls + 1, step)
    once = [Case(error, nth) for error in ERRORS for nth in calls_]
    lasting = [replace(case, lasting=True) for case in once]
    sizes = [Case(size=size) for size in range(0, 200_000, 65_536 if short else 4096)]
    return once + lasting + sizes


def _clean(server: LoopbackServer) -> int:
    """Return how many sqlite calls a run makes that nothing happens to."""
    with tempfile.TemporaryDirectory() as home:
        ran = _run(server, Path(home), Case())
    server.reset()
    if ran.raised or sum(map(bool, ran.responses)) < AFFORDED:
        raise RuntimeError(f"even on a whole disk it fails: {ran}")
    return ran.calls


def _faults(server: LoopbackServer, case: Case) -> list[str]:
    """Return what a case broke."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        first = _run(server, home, case)
        billed = _billed(server)
        server.reset()
        again = _run(server, home, Case())
        rebought = _billed(server)
        server.reset()
        faults = [*_told_wrongly(first), *_lost(first, billed), *_forgotten(first, rebought)]
        faults += _corrupt(home / "home", again, sum((*billed.values(), *rebought.values())))
    if sum(billed.values()) > _CAP:
        faults.append(f"overspent: {sum(billed.values()):,} of {_CAP:,} nano-USD")
    return faults


def _told_wrongly(ran: Ran) -> list[str]:
    codes = {error.partition(":")[0] for error in ran.errors}
    wrong = [f"untyped: {ran.raised}"] if not ran.typed else []
    return wrong + [f"untyped: row error {code}" for code in codes - _TYPED]


def _lost(ran: Ran, billed: dict[str, int]) -> list[str]:
    """Return the answers that the server was paid for and that nobody gave back."""
    lost = [prompt for prompt in billed if prompt not in ran.responses]
    return [f"paid answer lost: {len(lost)} of {len(billed)} ({ran.raised[:80]})"] if lost else []


def _forgotten(ran: Ran, rebought: dict[str, int]) -> list[str]:
    """Return what was answered without a word and yet had to be bought again."""
    if ran.raised or "CacheWarning" in ran.warned:
        return []
    twice = [prompt for prompt in rebought if prompt in ran.responses]
    return [f"silently not kept: {len(twice)} answers"] if twice else []


def _corrupt(home: Path, again: Ran, billed: int) -> list[str]:
    """Return what is wrong with the files once the disk is whole again."""
    faults = []
    if again.raised or not any(again.responses):
        faults.append(f"corrupt: the next run fails: {again.raised} {again.errors[:1]}")
    for path in sorted(home.rglob("*.db")):
        with closing(sqlite3.connect(path)) as file:
            told = file.execute("PRAGMA integrity_check(1)").fetchone()[0]
        faults += [] if told == "ok" else [f"corrupt: {path.name}: {told}"]
    try:
        with closing(Ledger(home / "ledger.db")) as ledger:
            spent = ledger.spent()
    except OrchkitError as error:
        return [*faults, f"corrupt: {error}"]
    if spent < billed:
        faults.append(f"corrupt: the ledger tells {spent:,} of {billed:,} nano-USD")
    return faults


def _billed(server: LoopbackServer) -> dict[str, int]:
    while any(entry.finished is None for entry in server.book().entries):
        time.sleep(0.01)
    entries = server.book().entries
    return {entry.prompt: entry.billed_nano for entry in entries if entry.billed_nano}


def _run(server: LoopbackServer, home: Path, case: Case) -> Ran:
    """Run in a process of its own, forked: to import everything each time would take minutes."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=_child, args=(server.openai_url, home, case, theirs))
    child.start()
    theirs.close()
    try:
        ran: Ran = ours.recv() if ours.poll(120) else Ran(raised="hangs", typed=False)
    except EOFError:
        ran = Ran(raised="the process died", typed=False)
    child.kill()
    child.join()
    return ran


def _child(url: str, home: Path, case: Case, told: Connection) -> None:
    os.environ["ORCHKIT_HOME"] = str(home / "home")
    orchkit.use("live", retries=1)
    prices = {"input_price": 0.15, "output_price": 0.60}
    orchkit.add_model("bought", id=MODEL, base_url=url, **prices)
    told.send(_routed(case))


def _routed(case: Case) -> Ran:
    frame = pd.DataFrame({"prompt": [f"What is number {n}?" for n in range(ROWS)]})
    faulty = Faulty(case.error, case.nth, case.lasting)
    out, raised, typed = None, "", True
    with warnings.catch_warnings(record=True) as caught, ExitStack() as stack:
        warnings.simplefilter("always")
        _hasten_diskcache()
        stack.enter_context(failing(faulty))
        _limit(case.size)
        try:
            out = frame.orch.route(
                "bought", budget=_CAP / 1e9, max_tokens=_MAX_TOKENS, concurrency=4, progress=False
            )
        except BaseException as error:  # noqa: BLE001 - what it is, is the question
            raised, typed = f"{type(error).__name__}: {error}", isinstance(error, OrchkitError)
            with suppress(Exception):
                out = orchkit.last_run()
        _limit(None)
    warned = frozenset(warning.category.__name__ for warning in caught)
    return Ran(*_told(out), raised, typed, warned, faulty.calls, faulty.raised)


def _told(out: Any) -> tuple[list[str | None], list[str]]:
    if out is None:
        return [], []
    responses = [text if isinstance(text, str) else None for text in out["response"]]
    return responses, out["error"].dropna().tolist()


def _limit(size: int | None) -> None:
    """Bound every file this process writes; SIGXFSZ is ignored by Python, so write() fails."""
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (most if size is None else size, most))


def _hasten_diskcache() -> None:
    """Have diskcache, which tries a locked file again for a minute, give up after a second."""
    hurried = type("time", (), {"time": lambda: 60 * time.time(), "sleep": time.sleep})
    diskcache.core.time = hurried
