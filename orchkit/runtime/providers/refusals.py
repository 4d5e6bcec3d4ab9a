"""How both SDKs say no, in our terms. Their exceptions hold keys: none gets past here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchkit.core.calls import Kind, Usage
from orchkit.runtime.limits import retry_after
from orchkit.runtime.wire import Rejection

#: status -> (kind, ask again?, ask this vendor nothing more?)
STATUSES: Mapping[int, tuple[Kind, bool, bool]] = {
    400: (Kind.BadRequest, False, False),
    401: (Kind.AuthError, False, True),
    402: (Kind.QuotaExhausted, False, True),
    403: (Kind.AuthError, False, True),
    404: (Kind.NotFound, False, False),
    408: (Kind.ServerError, True, False),
    409: (Kind.ServerError, True, False),
    413: (Kind.PromptTooLong, False, False),
    422: (Kind.BadRequest, False, False),
    429: (Kind.RateLimited, True, False),
}
_SPENT = ("insufficient_quota", "spend_limit", "billing", "credit balance")


def status_rejection(status: int, headers: Mapping[str, str], message: str) -> Rejection:
    """Return what an HTTP status means: a 5xx may pass, a 4xx stands unless it says later.

    Examples
    --------
    >>> status_rejection(529, {}, "overloaded").again
    True
    >>> status_rejection(429, {}, "insufficient_quota").kind.name
    'QuotaExhausted'
    """
    later = status >= 500
    kind, again, terminal = STATUSES.get(
        status, (Kind.ServerError if later else Kind.BadRequest, later, False)
    )
    if status == 429 and any(word in message for word in _SPENT):
        kind, again, terminal = Kind.QuotaExhausted, False, True
    told = f"HTTP {status}: {message}"[:300]
    return Rejection(kind, told, again=again, wait=retry_after(headers), terminal=terminal)


def malformed(what: str) -> Rejection:
    """Return the rejection of a 200 that is no answer: it may have been billed."""
    return Rejection(Kind.MalformedResponse, what, again=True, billed=True)


def body_message(body: object, status: int) -> str:
    """Return what an error body says, as one short line that repeats nothing we sent."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        parts = [str(error[key]) for key in ("type", "code", "message") if error.get(key)]
        return " · ".join(parts)[:250]
    return str(error)[:250] if isinstance(error, str) else f"status {status}"


def checked_usage(**counts: Any) -> Usage | None:
    """Return the usage a vendor reported; None when it is missing or no count of tokens."""
    known = {name: 0 if value is None else value for name, value in counts.items()}
    required = (counts.get("input_tokens"), counts.get("output_tokens"))
    sane = all(type(count) is int and 0 <= count < 2**40 for count in known.values())
    return Usage(**known) if sane and None not in required else None
