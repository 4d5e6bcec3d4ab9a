"""How fast one model may be asked: its pauses, its quotas a minute, and how many calls at once.

It waits, it never fails. The number of calls at once adapts: a vendor's "later" cuts it by a
fifth, every answer raises it a little (additive increase, multiplicative decrease; Chiu and Jain,
1989).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from orchkit.core.catalog import Model
from orchkit.runtime.wire import Quota

MINUTE = 60.0
#: Seconds that a request may take to arrive: so much later, at most, its minute begins.
TRAVEL = 1.0
#: What a "later" leaves of the calls at once, what an answer adds to them, and the fewest. With
#: these, calls that are refused at random keep their number, those beyond a limit lose it.
CUT, RISE, FEWEST = 0.8, 0.6, 1.0
#: Nobody is left alone for longer, whatever a header says.
LONGEST = 86_400.0
#: The share of its worst case, in tokens, that a request takes until answers have shown it.
GUESS = 1.0
#: How much the latest answer weighs in that share.
WEIGHT = 0.1


@dataclass(slots=True)
class Taken:
    """So much of a window, taken at such a time; `over` when it has left the window."""

    at: float
    amount: float
    over: bool = False


class Paused(Exception):  # noqa: N818 - no error: it says that waiting would take too long
    """The model wants to be left alone for longer than anybody waits."""


@dataclass(slots=True)
class Turn:
    """One request's place in both windows, the most tokens it can take, whether it was sent."""

    request: Taken
    tokens: Taken
    bound: int
    sent: bool = False


class Window:
    """At most `quota` within any minute, wherever that minute begins.

    Examples
    --------
    >>> window = Window(2)
    >>> _ = window.take(1, now=0.0), window.take(1, now=5.0)
    >>> window.delay(1, now=10.0), window.delay(2, now=10.0)
    (50.0, 55.0)
    """

    def __init__(self, quota: float) -> None:
        self.quota = quota
        self._used = 0.0
        self._entries: deque[Taken] = deque()

    def delay(self, amount: float, now: float) -> float:
        """Return the seconds until `amount` fits; what is more than the quota goes alone."""
        self._forget(now)
        used, until = self._used, now
        for entry in self._entries:
            if used + amount <= self.quota:
                break
            used -= entry.amount
            until = max(until, entry.at + MINUTE)
        return until - now

    def take(self, amount: float, now: float) -> Taken:
        """Take `amount` now."""
        self._forget(now)
        taken = Taken(now, amount)
        self._entries.append(taken)
        self._used += amount
        return taken

    def settle(self, taken: Taken, actual: float) -> None:
        """Count what it came to instead of what was guessed, while it still counts."""
        if not taken.over:
            self._used += actual - taken.amount
        taken.amount = actual

    def _forget(self, now: float) -> None:
        while self._entries and self._entries[0].at <= now - MINUTE:
            gone = self._entries.popleft()
            gone.over = True
            self._used -= gone.amount


class Pace:
    """When one model may be asked again; every row, and every run, obeys at once.

    Parameters
    ----------
    rpm, tpm, concurrency : int, optional
        Requests and tokens a minute, and calls at once, that the vendor allows.
    """

    def __init__(
        self, rpm: int | None = None, tpm: int | None = None, concurrency: int | None = None
    ) -> None:
        self.streak = 0
        self._most = math.inf if concurrency is None else concurrency
        self._allowed = self._most
        self._under_way = self._peak = 0
        self._free_at = self._rested = 0.0
        self._share = GUESS
        self._told = rpm is not None, tpm is not None
        self._requests = Window(math.inf if rpm is None else rpm)
        self._tokens = Window(math.inf if tpm is None else tpm)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._gate = asyncio.Lock()
        self._settled = asyncio.Event()

    @property
    def left(self) -> float:
        """Seconds until a pause is over."""
        return max(0.0, self._free_at - time.monotonic())

    @property
    def due(self) -> float:
        """When a pause, or a quota's wait for the first in line, ends: on the monotonic clock."""
        return max(self._free_at, self._rested)

    def pause(self, seconds: float) -> None:
        """Ask nothing for so many seconds, and then less at once."""
        if not self.left:
            self.streak += 1
            self._allowed = max(FEWEST, min(self._allowed, self._peak) * CUT)
        self._free_at = max(self._free_at, time.monotonic() + min(seconds, LONGEST))

    def answered(self) -> None:
        """Count an answer: the vendor takes calls."""
        self.streak = 0
        self._allowed = min(self._most, self._allowed + RISE)
        self._admit()

    def learn(self, quota: Quota) -> None:
        """Keep to what the vendor says it allows, where the catalog says nothing."""
        if not self._told[0] and quota.requests:
            self._requests.quota = quota.requests
        if not self._told[1] and quota.tokens:
            self._tokens.quota = quota.tokens

    @asynccontextmanager
    async def turn(
        self, slots: asyncio.Semaphore, bound: int, longest: float = math.inf
    ) -> AsyncIterator[Turn]:
        """Wait for this model's turn, then for one of the run's `slots`; hold both inside.

        `bound` is the most tokens the request can take. No slot is held while the model is paused,
        so that it keeps no other model from being asked. Raises `Paused` when a pause is on that
        takes more than `longest` seconds.
        """
        self._refuse(longest)
        if self._under_way >= self._allowed:
            await self._admission(longest)
        self._under_way += 1
        self._peak = max(self._peak, self._under_way)
        try:
            turn = await self._begin(slots, bound, longest)
            try:
                yield turn
            finally:
                slots.release()
                if not turn.sent:  # it took nothing of any quota
                    self.settle(turn, 0, answered=False)
                    self._requests.settle(turn.request, 0)
        finally:
            self._under_way -= 1
            self._admit()

    def sent(self, turn: Turn) -> None:
        """Date a request: it goes out now."""
        turn.sent = True
        turn.request.at = turn.tokens.at = time.monotonic()

    def settle(self, turn: Turn, tokens: int, answered: bool) -> None:
        """Count what a request came to; the next ones are guessed the better for an answer."""
        tokens = min(tokens, turn.bound)
        if answered:
            self._share += WEIGHT * (tokens / max(1, turn.bound) - self._share)
        self._tokens.settle(turn.tokens, tokens)
        arrived = min(time.monotonic(), turn.request.at + TRAVEL)
        turn.request.at = turn.tokens.at = arrived
        self._settled.set()

    @property
    def _limited(self) -> bool:
        return math.isfinite(self._requests.quota) or math.isfinite(self._tokens.quota)

    async def _begin(self, slots: asyncio.Semaphore, bound: int, longest: float) -> Turn:
        if not self._limited:
            await self._slot(slots, bound, longest)
            return self._take(bound)
        async with self._gate:  # first come, first served
            await self._slot(slots, bound, longest)
            return self._take(bound)

    def _refuse(self, longest: float) -> None:
        if self.left > longest:
            raise Paused

    def _take(self, bound: int) -> Turn:
        """Count a request from now on, also while no quota is known: one may be told meanwhile."""
        now = time.monotonic()
        tokens = self._tokens.take(self._share * bound, now)
        return Turn(self._requests.take(1, now), tokens, bound)

    async def _slot(self, slots: asyncio.Semaphore, bound: int, longest: float) -> None:
        """Take a slot at a moment when nothing holds the model back."""
        while True:
            while (delay := self._delay(bound)) > 0:
                self._refuse(longest)
                await self._rest(delay)
            await slots.acquire()
            if self._delay(bound) <= 0:
                return
            slots.release()

    async def _rest(self, delay: float) -> None:
        """Wait so long, or until a request came to less than was guessed."""
        self._settled.clear()
        self._rested = time.monotonic() + delay
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._settled.wait()
        finally:
            self._rested = 0.0

    def _delay(self, bound: int) -> float:
        now = time.monotonic()
        pause = self._free_at - now
        if not self._limited:
            return pause
        tokens = self._tokens.delay(self._share * bound, now)
        return max(pause, self._requests.delay(1, now), tokens)

    async def _admission(self, longest: float) -> None:
        while self._under_way >= self._allowed:
            self._refuse(longest)
            self._waiting.append(asyncio.get_running_loop().create_future())
            try:
                await self._waiting[-1]
            except asyncio.CancelledError:
                self._admit()  # it may have been this one's turn
                raise

    def _admit(self) -> None:
        free = self._allowed - self._under_way
        while self._waiting and free >= 1:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                free -= 1


class Paces:
    """The pace of every model of this process, by its name."""

    def __init__(self) -> None:
        self._paces: dict[tuple[object, ...], Pace] = {}

    def of(self, model: Model) -> Pace:
        """Return the one pace of a model."""
        allowed = (model.rpm, model.tpm, model.concurrency)
        place = (model.name, model.base_url, *allowed)
        if place not in self._paces:
            self._paces[place] = Pace(*allowed)
        return self._paces[place]
