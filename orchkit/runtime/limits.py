"""How long to wait: what one call may take, Retry-After, backoff with full jitter."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime


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
        Seconds for one call in all, waits included.
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


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a vendor orders to wait, or None when it orders nothing sensible.

    Reads ``retry-after-ms`` and ``retry-after`` as seconds or as an HTTP date.

    Examples
    --------
    >>> retry_after({"retry-after": "7"}), retry_after({"retry-after-ms": "250"})
    (7.0, 0.25)
    >>> [retry_after({"retry-after": text}) for text in ("-5", "nan", "soon")]
    [None, None, None]
    """
    if (milliseconds := _seconds(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    return _seconds(text) if text is None or _seconds(text) is not None else _date(text)


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if seconds >= 0 and not math.isnan(seconds) else None


def _date(text: str) -> float | None:
    """Return the seconds until an HTTP date; HTTP knows no time zone but Greenwich's."""
    try:
        date = parsedate_to_datetime(text)
        until = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, until.timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
