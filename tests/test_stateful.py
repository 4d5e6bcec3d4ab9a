"""The invariants of money under a state machine: whatever happens in whatever order, they hold.

``pytest -m stateful`` takes seconds; with ``ORCHKIT_STEPS=100000`` it takes the long way.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from orchkit.core.calls import Call, Kind, Message, Params, Response, Usage
from orchkit.core.catalog import Catalog, Model, Rates, Tier
from orchkit.runtime import buying
from orchkit.runtime.budget import Purse
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.executor import Executor
from orchkit.runtime.ledger import Ledger
from orchkit.runtime.limits import Policy
from orchkit.runtime.wire import Rejection

STEPS = int(os.environ.get("ORCHKIT_STEPS", "1500"))
#: A token of output costs one nano-dollar and input nothing: the worst case is `max_tokens`.
MODEL = Model("m", "vendor", Tier.BASIC, (Rates(0.0, 0.001),))
CATALOG = Catalog({"m": MODEL}, ("m",))
WORST, CAP = 10, 60
POLICY = Policy(attempts=3, base=1e-6, ceiling=1e-6, timeout=1e6)


@dataclass
class Vendor:
    """Holds every request until the machine decides what becomes of it, and keeps the truth."""

    name: str = "vendor"
    open: list[tuple[str, asyncio.Future[Response]]] = field(default_factory=list)
    billed: int = 0
    committed: set[str] = field(default_factory=set)
    asked_again: list[str] = field(default_factory=list)

    async def complete(self, call: Call) -> Response:
        """Wait for the verdict."""
        prompt = call.messages[0].content
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.open.append((prompt, future))
        self.asked_again += [prompt] * (prompt in self.committed)
        return await future


class Process:
    """What one process has: its ledger, its run, its calls."""

    def __init__(self, home: Path, vendor: Vendor) -> None:
        self.ledger = Ledger(home / "ledger.db")
        self.cache = ResponseCache(home / "cache")
        self.purse = Purse(CAP)
        self.executor = Executor(
            CATALOG,
            lambda _: vendor,
            cache=self.cache,
            ledger=self.ledger,
            purses=(self.purse,),
            policy=POLICY,
        )
        self.calls: list[asyncio.Task[Response]] = []

    def ask(self, prompt: str) -> None:
        """Begin a call."""
        call = Call("m", (Message("user", prompt),), Params(max_tokens=WORST))
        self.calls.append(asyncio.ensure_future(self.executor._one(call, Purse(), "single")))

    def die(self) -> None:
        """Leave everything as a killed process would: open, and the lock let go."""
        self.ledger.owners._lock.release(force=True)
        self.executor._scribe.write = lambda _: asyncio.get_running_loop().create_future()  # type: ignore[method-assign]
        for call in self.calls:
            call.cancel()


class Money(RuleBasedStateMachine):
    """Processes ask, a vendor answers or does not, processes die: the books stay true."""

    processes = Bundle("processes")

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.vendor = Vendor()
        self.living: list[Process] = []
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(buying, "_LOOK", 0.001)

    def teardown(self) -> None:
        """Answer what is open, and close everything."""
        for process in self.living:
            for call in process.calls:
                call.cancel()
        self.settle()
        for process in self.living:
            process.ledger.close()
        self.loop.close()
        self.patch.undo()
        shutil.rmtree(self.home)

    def settle(self) -> None:
        """Let everything go on until it waits for the vendor."""

        async def quiet() -> None:
            for _ in range(6):
                await asyncio.sleep(0.001)
                for process in self.living:
                    await process.executor._scribe.rest()

        self.loop.run_until_complete(quiet())
        self.vendor.open = [(p, f) for p, f in self.vendor.open if not f.done()]

    @precondition(lambda self: len(self.living) < 3)
    @rule()
    def start(self) -> None:
        """Another process begins on the same home."""
        self.living.append(Process(self.home, self.vendor))

    @precondition(lambda self: self.living)
    @rule(who=st.integers(0, 2), prompt=st.sampled_from("abcdef"))
    def ask(self, who: int, prompt: str) -> None:
        """A process asks something, which another may be asking too."""
        process = self.living[who % len(self.living)]
        self.loop.call_soon(process.ask, prompt)
        self.settle()

    @precondition(lambda self: self.vendor.open)
    @rule(which=st.integers(0, 9), tokens=st.integers(0, WORST), cut=st.booleans())
    def answer(self, which: int, tokens: int, cut: bool) -> None:
        """The vendor answers, and bills what it generated."""
        prompt, future = self.vendor.open[which % len(self.vendor.open)]
        self.vendor.billed += tokens
        finish = "length" if cut else "stop"
        future.set_result(Response("m", "yes", Usage(0, tokens), finish=finish))
        self.vendor.committed |= set() if cut else {prompt}
        self.settle()

    @precondition(lambda self: self.vendor.open)
    @rule(which=st.integers(0, 9), billed=st.integers(0, WORST))
    def break_off(self, which: int, billed: int) -> None:
        """The connection breaks; the vendor may have billed the answer all the same."""
        _, future = self.vendor.open[which % len(self.vendor.open)]
        self.vendor.billed += billed
        future.set_exception(Rejection(Kind.ConnectionFailed, again=True, billed=True))
        self.settle()

    @precondition(lambda self: self.vendor.open)
    @rule(which=st.integers(0, 9), again=st.booleans())
    def refuse(self, which: int, again: bool) -> None:
        """The vendor says no, and bills nothing."""
        _, future = self.vendor.open[which % len(self.vendor.open)]
        future.set_exception(Rejection(Kind.ServerError, again=again))
        self.settle()

    @precondition(lambda self: self.living)
    @rule(who=st.integers(0, 2), billed=st.integers(0, WORST))
    def kill(self, who: int, billed: int) -> None:
        """A process dies; the vendor answers the requests it had under way to nobody."""
        process = self.living.pop(who % len(self.living))
        before = {id(future) for _, future in self.vendor.open}
        process.die()
        self.settle()
        left = {id(future) for _, future in self.vendor.open}
        self.vendor.billed += billed * len(before - left)

    @precondition(lambda self: self.living)
    @rule(who=st.integers(0, 2))
    def recover(self, who: int) -> None:
        """A process looks for the dead."""
        self.living[who % len(self.living)].ledger.recover()

    @rule(hours=st.sampled_from([-1, 1]))
    def step_the_clock(self, hours: int) -> None:
        """Somebody sets the clock."""
        now = time.time
        self.patch.setattr(time, "time", lambda: now() + 3600 * hours)

    @invariant()
    def no_purse_is_overdrawn(self) -> None:
        """I1: at every moment what is spent and what is held fit the cap."""
        for process in self.living:
            assert process.purse.spent + process.purse.held <= CAP

    @invariant()
    def the_ledger_tells_no_less_than_the_truth(self) -> None:
        """I3, I5: every row is whole and in one state; the sum is at least what was billed."""
        if self.living:
            rows = [*self.living[0].ledger.rows()]
            assert [row["id"] for row in rows] == [*range(1, len(rows) + 1)]
            assert self.living[0].ledger.spent() >= self.vendor.billed

    @invariant()
    def no_committed_answer_is_asked_for_again(self) -> None:
        """I6: what one process has bought, no other buys."""
        assert not self.vendor.asked_again

    @invariant()
    def each_purse_holds_what_is_open(self) -> None:
        """I2, I4: held is the sum of what is open, spent the sum of what is settled or presumed."""
        for process in self.living:
            mine = process.ledger.owners.mine
            rows = [row for row in process.ledger.rows() if row["owner"] == mine]
            opened = sum(row["reserved"] for row in rows if row["state"] == "open")
            closed = sum(row["cost"] for row in rows if row["state"] in ("settled", "presumed"))
            # What waits for a claim or for money holds it without an attempt.
            assert process.purse.held >= opened
            assert process.purse.spent == closed


Money.TestCase.settings = settings(
    max_examples=max(1, STEPS // 50),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestMoney = pytest.mark.stateful(pytest.mark.timeout(0)(Money.TestCase))
