"""A hard cap: reserve the worst case before a request, settle the actual cost after it."""

from __future__ import annotations

import asyncio


class Purse:
    """Money that may be spent, in nano-dollars; `cap=None` only counts.

    At every moment ``spent + held <= cap``. A reservation that does not fit waits while others
    are held, because they may settle for less; it is refused only when it can never fit.

    Examples
    --------
    >>> purse = Purse(cap=100)
    >>> asyncio.run(purse.reserve(60)), purse.settle(60, 20), asyncio.run(purse.reserve(90))
    (True, None, False)
    """

    def __init__(self, cap: int | None = None) -> None:
        self.cap = cap
        self.held = 0
        self.spent = 0
        self._changed: asyncio.Future[None] | None = None

    async def reserve(self, amount: int | None) -> bool:
        """Hold `amount`, waiting for settlements where that may help; False when it cannot fit.

        Of an unknown amount nothing can be promised: it fits only where there is no cap.
        """
        if self.cap is None or amount is None:
            self.held += amount or 0
            return self.cap is None
        while self.spent + self.held + amount > self.cap:
            if self.spent + amount > self.cap or not self.held:
                return False
            await self._settlement()
        self.held += amount
        return True

    def settle(self, reserved: int | None, actual: int | None) -> None:
        """Turn a reservation into what was really spent; 0 releases it."""
        self.held -= reserved or 0
        self.spent += (reserved if actual is None else actual) or 0
        self._wake()

    def forget(self) -> None:
        """Let go of what is held, after a fork: it is the parent's."""
        self.held, self._changed = 0, None

    async def _settlement(self) -> None:
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._changed)

    def _wake(self) -> None:
        if self._changed and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None
