"""What the headers of a reply tell of a vendor's limits: what it allows, and when again."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from orchkit.runtime.wire import Quota

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(d|h|ms|us|µs|m|s)")
_DURATION = re.compile(rf"(?:{_PART.pattern}\s*)+")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
#: Nobody is allowed more than so much a minute: a larger count is a mistake.
_MOST = 10**12
#: Nor asked to wait for longer than a month.
_LONGEST = 31 * 86400.0
Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one vendor names its headers: ``{}`` stands for limit, remaining and reset.

    Parameters
    ----------
    requests
        The headers on requests.
    tokens
        Those on tokens, the widest limit first.
    """

    requests: str
    tokens: tuple[str, ...]

    def quota(self, headers: Headers) -> Quota | None:
        """Return what is allowed; None when nothing sensible is said.

        Examples
        --------
        >>> spelling = Spelling("x-{}-requests", ("x-{}-tokens",))
        >>> spelling.quota({"x-limit-requests": "500", "x-limit-tokens": "-1"})
        Quota(requests=500, tokens=None)
        """
        requests = _count(headers.get(self.requests.format("limit")))
        said = (_count(headers.get(name.format("limit"))) for name in self.tokens)
        tokens = next((count for count in said if count), None)
        return Quota(requests, tokens) if requests or tokens else None

    def reset(self, headers: Headers) -> float | None:
        """Return the seconds until all that is used up is there again; None when nothing is."""
        spent = [
            seconds_until(headers.get(name.format("reset")))
            for name in (self.requests, *self.tokens)
            if headers.get(name.format("remaining"), "").strip() == "0"
        ]
        return max((seconds for seconds in spent if seconds is not None), default=None)


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
    return None if seconds is None or seconds > _LONGEST else seconds


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


def _count(text: str | None) -> int | None:
    text = (text or "").strip()
    sane = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST))
    return int(text) if sane and 0 < int(text) <= _MOST else None
