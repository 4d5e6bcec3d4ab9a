"""A rate limit: what one model admitted during the last minute."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

__all__ = ["Allowance", "Window"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """Where a limit stands, as a reply tells it.

    Attributes
    ----------
    limit, remaining : int
        Requests or tokens in a window, and how many of them are left.
    reset : float
        Seconds until nothing of it is used any more.
    """

    limit: int
    remaining: int
    reset: float


@dataclass(slots=True)
class Window:
    """A sliding window over requests and tokens.

    Attributes
    ----------
    span : float
        Its length in seconds.
    rpm, tpm : float
        How many requests and tokens it may hold.
    admitted : deque of tuple
        When each request in the window was admitted, and its tokens.
    """

    span: float
    rpm: float
    tpm: float
    admitted: deque[tuple[float, int]] = field(default_factory=deque)
    _total: int = 0

    def admit(self, now: float, tokens: int) -> bool:
        """Admit a request if it fits.

        Parameters
        ----------
        now : float
            Seconds on a monotonic clock.
        tokens : int
            What the request will be billed.

        Returns
        -------
        bool
            Whether it did fit.
        """
        while self.admitted and self.admitted[0][0] <= now - self.span:
            self._total -= self.admitted.popleft()[1]
        if not self._fits(len(self.admitted), self._total, tokens):
            return False
        self.admitted.append((now, tokens))
        self._total += tokens
        return True

    def wait(self, now: float, tokens: int) -> float:
        """Return the seconds until a request that does not fit would.

        Parameters
        ----------
        now, tokens
            As for `admit`.

        Returns
        -------
        float
            The whole span for a request that never fits.
        """
        count, total = len(self.admitted), self._total
        for since, size in self.admitted:
            count, total = count - 1, total - size
            if self._fits(count, total, tokens):
                return since + self.span - now
        return self.span

    def allowances(self, now: float) -> dict[str, Allowance]:
        """Return where the limits stand, by ``"requests"`` and ``"tokens"``; no limit, no entry.

        Parameters
        ----------
        now : float
            As for `admit`.
        """
        reset = self.admitted[-1][0] + self.span - now if self.admitted else 0.0
        used = (
            ("requests", self.rpm, len(self.admitted)),
            ("tokens", self.tpm, self._total),
        )
        return {
            name: Allowance(int(limit), int(limit) - count, max(0.0, reset))
            for name, limit, count in used
            if limit < math.inf
        }

    def _fits(self, count: int, total: int, tokens: int) -> bool:
        return count + 1 <= self.rpm and total + tokens <= self.tpm
