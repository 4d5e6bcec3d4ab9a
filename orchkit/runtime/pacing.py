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
from contextlib import asynccontextmanager
from dataclasses import dataclass

from orchkit.core.catalog import Model
from orchkit.runtime.wire import Quota

MINUTE = 60.0
#: A vendor's minute and ours do not begin together, and requests travel at uneven speed.
MARGIN = 1.01
#: What a "later" leaves of the calls at once, what an answer adds to them, and the fewest.
CUT, RISE, FEWEST = 0.8, 0.4, 1.0
#: The share of its worst case, in tokens, that a request takes until answers have shown it.
GUESS = 0.5
#: How much the latest answer weighs in that share.
WEIGHT = 0.1


@dataclass(slots=True)
class Taken:
    """So much of a window, taken at such a time."""

    at: float
    amount: float


class Window:
    """At most `quota` within any minute, wherever that minute begins.

    Examples
    --------
    >>> window = Window(2)
    >>> _ = window.take(1, now=0.0), window.take(1, now=5.0)
    >>> round(window.delay(1, now=10.0), 1), round(window.delay(2, now=10.0), 1)
    (50.6, 55.6)
    """

    def __init__(self, quota: float) -> None:
        self.quota = quota
        self._used = 0.0
        self._entries: deque[Taken] = deque()

    def delay(self, amount: float, now: float) -> float:
        """Return the seconds until `amount` fits; what is more than the quota goes alone."""
        while self._entries and self._entries[0].at <= now - MINUTE * MARGIN:
            self._used -= self._entries.popleft().amount
        used, until = self._used, now
        for entry in self._entries:
            if used + amount <= self.quota:
                break
            used -= entry.amount
            until = entry.at + MINUTE * MARGIN
        return until - now

    def take(self, amount: float, now: float) -> Taken:
        """Take `amount` now."""
        taken = Taken(now, amount)
        self._entries.append(taken)
        self._used += amount
        return taken

    def settle(self, taken: Taken, actual: float) -> None:
        """Count what it came to instead of what was guessed, while it still counts."""
        if self._entries and taken.at >= self._entries[0].at:
            self._used += actual - taken.amount
        taken.amount = actual


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
        self._under_way = 0
        self._free_at = 0.0
        self._share = GUESS
        self._told = rpm is not None, tpm is not None
        self._requests = Window(math.inf if rpm is None else rpm)
        self._tokens = Window(math.inf if tpm is None else tpm)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._gate = asyncio.Lock()

    @property
    def left(self) -> float:
        """Seconds until a pause is over."""
        return max(0.0, self._free_at - time.monotonic())

    def pause(self, seconds: float) -> None:
        """Ask nothing for so many seconds, and then less at once."""
        if not self.left:
            self.streak += 1
            self._allowed = max(FEWEST, min(self._allowed, self._under_way) * CUT)
        self._free_at = max(self._free_at, time.monotonic() + seconds)

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
    async def turn(self, slots: asyncio.Semaphore, bound: int) -> AsyncIterator[Taken | None]:
        """Wait for this model's turn, then for one of the run's `slots`; hold both inside.

        `bound` is the most tokens the request can take; what it took is told to `settle`. No slot
        is held while the model is paused, so that it keeps no other model from being asked.
        """
        if self._under_way >= self._allowed:
            await self._admission()
        self._under_way += 1
        try:
            taken = await self._begin(slots, bound)
            try:
                yield taken
            finally:
                slots.release()
        finally:
            self._under_way -= 1
            self._admit()

    def settle(self, taken: Taken | None, bound: int, tokens: int) -> None:
        """Count the tokens a request came to; the next ones are guessed the better for it."""
        tokens = min(tokens, bound)
        self._share += WEIGHT * (tokens / max(1, bound) - self._share)
        if taken:
            self._tokens.settle(taken, tokens)

    @property
    def _limited(self) -> bool:
        return math.isfinite(self._requests.quota) or math.isfinite(self._tokens.quota)

    async def _begin(self, slots: asyncio.Semaphore, bound: int) -> Taken | None:
        if not self._limited:
            await self._slot(slots, 0)
            return None
        async with self._gate:  # first come, first served
            tokens = self._share * bound
            await self._slot(slots, tokens)
            now = time.monotonic()
            self._requests.take(1, now)
            return self._tokens.take(tokens, now)

    async def _slot(self, slots: asyncio.Semaphore, tokens: float) -> None:
        """Take a slot at a moment when nothing holds the model back."""
        while True:
            while (delay := self._delay(tokens)) > 0:
                await asyncio.sleep(delay)
            await slots.acquire()
            if self._delay(tokens) <= 0:
                return
            slots.release()

    def _delay(self, tokens: float) -> float:
        now = time.monotonic()
        pause = self._free_at - now
        if not self._limited:
            return pause
        return max(pause, self._requests.delay(1, now), self._tokens.delay(tokens, now))

    async def _admission(self) -> None:
        while self._under_way >= self._allowed:
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
        self._paces: dict[str, Pace] = {}

    def of(self, model: Model) -> Pace:
        """Return the one pace of a model."""
        if model.name not in self._paces:
            self._paces[model.name] = Pace(model.rpm, model.tpm, model.concurrency)
        return self._paces[model.name]
