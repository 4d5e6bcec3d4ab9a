"""How fast one model may be asked: its pauses, its quotas a minute, and how many calls at once.

Waiting, never failing. The number of calls at once adapts: a rate limit cuts it (times 0.8), an
answer raises it again by a little (additive increase, multiplicative decrease; Chiu and Jain,
1989).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MINUTE = 60.0
#: A vendor's minute and ours do not begin together, and requests travel at uneven speed.
MARGIN = 1.01
_CUT, _FLOOR = 0.8, 1.0


class Window:
    """At most so much within any minute.

    Examples
    --------
    >>> window = Window(2)
    >>> window.delay(1, now=0.0), window.delay(1, now=0.0), round(window.delay(1, now=10.0), 1)
    (0.0, 0.0, 50.6)
    """

    def __init__(self, quota: float) -> None:
        self.quota = quota
        self._used = 0.0
        self._taken: deque[tuple[float, float]] = deque()

    def delay(self, amount: float, now: float) -> float:
        """Take `amount` and return 0, or return the seconds until it may be asked for again."""
        while self._taken and self._taken[0][0] <= now - MINUTE * MARGIN:
            self._used -= self._taken.popleft()[1]
        if not self._taken or self._used + amount <= self.quota:
            self._taken.append((now, amount))
            self._used += amount
            return 0.0
        return self._taken[0][0] + MINUTE * MARGIN - now


class Pace:
    """When one model may be asked again; every row obeys at once.

    Parameters
    ----------
    most : int
        Calls under way at once when nothing holds the model back.
    rpm, tpm : int, optional
        Requests and tokens a minute.
    """

    def __init__(self, most: int = 1_000, rpm: int | None = None, tpm: int | None = None) -> None:
        self._most = float(most)
        self._allowed = float(most)
        self._under_way = 0
        self._free_at = 0.0
        self._requests = Window(rpm) if rpm else None
        self._tokens = Window(tpm) if tpm else None
        self._freed = asyncio.Event()

    def pause(self, seconds: float) -> None:
        """Ask nothing for so many seconds, and then less at once."""
        if self._free_at <= time.monotonic():
            self._allowed = max(_FLOOR, self._allowed * _CUT)
        self._free_at = max(self._free_at, time.monotonic() + seconds)

    @asynccontextmanager
    async def turn(self, slots: asyncio.Semaphore, tokens: int) -> AsyncIterator[None]:
        """Wait for this model's turn, then for one of the run's `slots`; hold both inside.

        A slot is taken only when the model is free, and given back when it is not any more, so
        that a paused model never keeps another from being asked.
        """
        await self._admit()
        try:
            await self._quota(tokens)
            while True:
                await self._unpaused()
                async with slots:
                    if self._free_at > time.monotonic():
                        continue
                    yield
                    self._allowed = min(self._most, self._allowed + 1 / self._allowed)
                    return
        finally:
            self._under_way -= 1
            self._freed.set()

    async def wait(self) -> None:
        """Return when no pause is on."""
        await self._unpaused()

    async def _admit(self) -> None:
        while self._under_way >= self._allowed:
            self._freed.clear()
            await self._freed.wait()
        self._under_way += 1

    async def _unpaused(self) -> None:
        while (left := self._free_at - time.monotonic()) > 0:
            await asyncio.sleep(left)

    async def _quota(self, tokens: int) -> None:
        for window, amount in ((self._requests, 1), (self._tokens, tokens)):
            while window and (delay := window.delay(amount, time.monotonic())) > 0:
                await asyncio.sleep(delay)
