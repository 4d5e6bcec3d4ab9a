"""What a header says of waiting: seconds, a length of time, or a date."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(d|h|ms|us|µs|m|s)")
_DURATION = re.compile(rf"(?:{_PART.pattern}\s*)+")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+|inf")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a vendor orders to wait, or None when it orders nothing sensible.

    Reads ``retry-after-ms``, then ``retry-after``.

    Examples
    --------
    >>> retry_after({"retry-after": "7"}), retry_after({"retry-after-ms": "250"})
    (7.0, 0.25)
    >>> [retry_after({"retry-after": text}) for text in ("-5", "nan", "soon")]
    [None, None, None]
    """
    milliseconds = headers.get("retry-after-ms", "").strip()
    if _NUMBER.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    return seconds_until(headers.get("retry-after"))


def seconds_until(text: str | None) -> float | None:
    """Return the seconds that a header means, however it is written; None when it means none.

    Examples
    --------
    >>> [seconds_until(text) for text in ("1s", "6m0s", "120ms", "7.5")]
    [1.0, 360.0, 0.12, 7.5]
    >>> seconds_until("soon"), seconds_until("-5s"), seconds_until("2001-01-01T00:00:00Z")
    (None, None, 0.0)
    """
    text = (text or "").strip()
    if _NUMBER.fullmatch(text):
        seconds: float | None = float(text)
    elif _DURATION.fullmatch(text):
        seconds = sum(float(many) * _SECONDS[unit] for many, unit in _PART.findall(text))
    else:
        seconds = _until(text)
    return seconds


def _until(text: str) -> float | None:
    """Return the seconds until a date, RFC 3339 or HTTP; without a zone it is Greenwich's."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = read(text)
            moment = date if date.tzinfo else date.replace(tzinfo=UTC)
            return max(0.0, moment.timestamp() - time.time())
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None
