"""What one call may take: attempts, re-buys and time; backoff with full jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """What one call may take.

    Parameters
    ----------
    attempts
        Requests for one answer, the first included; waits a vendor ordered are not counted.
    rebuys
        Requests repeated after an attempt that may have been billed without an answer.
    timeout
        Seconds for one attempt, from sending to the last byte.
    max_wait
        Longest Retry-After that is waited for, in seconds.
    patience
        Seconds for one call from its first request on, waits between attempts included. What a
        quota lets nobody send yet is waited for without end.
    base, ceiling
        Backoff: uniform between 0 and ``min(ceiling, base * 2**n)`` seconds.
    """

    attempts: int = 6
    rebuys: int = 1
    timeout: float = 120.0
    max_wait: float = 120.0
    patience: float = 600.0
    base: float = 0.5
    ceiling: float = 20.0

    def backoff(self, failed: int) -> float:
        """Seconds to wait after so many failed attempts (full jitter)."""
        return random.uniform(0, min(self.ceiling, self.base * 2 ** min(failed, 30)))  # noqa: S311 - not a secret
