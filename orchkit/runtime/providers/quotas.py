"""What the headers of a reply tell of a vendor's limits: what it allows, and when again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchkit.runtime.waiting import seconds_until
from orchkit.runtime.wire import Quota

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
        return max((wait for wait in spent if wait is not None and wait <= _LONGEST), default=None)


def _count(text: str | None) -> int | None:
    text = (text or "").strip()
    sane = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST))
    return int(text) if sane and 0 < int(text) <= _MOST else None
