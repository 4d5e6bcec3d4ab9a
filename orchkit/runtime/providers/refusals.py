"""How both SDKs say no, in our terms. Their exceptions hold keys: none gets past here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import httpx2

from orchkit.core.calls import Kind, Usage
from orchkit.runtime.waiting import retry_after
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
#: What vendors say of an account without money, whatever the status; "billing" alone is also said
#: to those who merely ask too fast.
_SPENT = (
    "insufficient_quota",
    "spend_limit",
    "credit balance",
    "billing_error",
    "exceeded your current quota",
)
#: Causes -> what they mean, the first that fits: the transport calls a server that hangs up a
#: time-out to connect, so that its own exceptions say too little.
_TRANSPORT: tuple[tuple[tuple[type[BaseException], ...], Rejection], ...] = (
    (
        (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError),
        Rejection(Kind.ConnectionFailed, "no connection", again=True),
    ),
    (
        (aiohttp.ClientResponseError,),
        Rejection(Kind.MalformedResponse, "an answer that is no HTTP", again=True, billed=True),
    ),
    (
        (aiohttp.ServerTimeoutError, TimeoutError),
        Rejection(Kind.Timeout, again=True, billed=True),
    ),
    (
        (aiohttp.ClientError, httpx2.TransportError, OSError),
        Rejection(
            Kind.ConnectionFailed,
            "the connection broke after the request was sent",
            again=True,
            billed=True,
        ),
    ),
)


def status_rejection(
    status: int, headers: Mapping[str, str], message: str, reset: float | None = None
) -> Rejection:
    """Return what an HTTP status means: a 5xx may pass, a 4xx stands unless it says later.

    A rate limit without an order to wait lasts until the vendor's `reset`.

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
    if status in (400, 403, 429) and any(word in message for word in _SPENT):
        kind, again, terminal = Kind.QuotaExhausted, False, True
    told = f"HTTP {status}: {message}"[:300]
    wait = retry_after(headers)
    wait = reset if wait is None and kind is Kind.RateLimited else wait
    return Rejection(kind, told, again=again, wait=wait, terminal=terminal)


def unsent(kind: Kind, message: str = "") -> Rejection:
    """Return the rejection of a request that no wire can carry: it cost nothing."""
    return Rejection(kind, message)


def malformed(what: str) -> Rejection:
    """Return the rejection of a 200 that is no answer: it may have been billed."""
    return Rejection(Kind.MalformedResponse, what, again=True, billed=True)


def unreached(error: BaseException) -> Rejection:
    """Return what a broken connection means: only one that was never made is surely not billed."""
    causes = _causes(error)
    if ours := [cause for cause in causes if isinstance(cause, Rejection)]:
        # A copy, because this one's traceback leads through frames that hold the key.
        return replace(ours[0])
    for types, rejection in _TRANSPORT:
        if any(isinstance(cause, types) for cause in causes):
            return replace(rejection)
    return malformed(type(error).__name__)


def _causes(error: BaseException | None) -> list[BaseException]:
    """Return an exception and what led to it; a transport may tie them to a ring."""
    chain: list[BaseException] = []
    while error is not None and not any(error is known for known in chain):
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def body_message(body: object, status: int, key: str | None = None) -> str:
    """Return what an error body says, as one short line without the key.

    Examples
    --------
    >>> body_message({"error": {"type": "rate_limit", "message": "slow down"}}, 429)
    'rate_limit · slow down'
    """
    error = body.get("error", body) if isinstance(body, dict) else body
    parts = [error] if isinstance(error, str) else []
    if isinstance(error, dict):
        details = error.get("details")
        error = {**(details if isinstance(details, dict) else {}), **error}
        said = (error.get(name) for name in ("type", "code", "error_code", "message"))
        parts = [part for part in said if isinstance(part, str)]
    told = " ".join(" · ".join(dict.fromkeys(parts)).split()) or f"status {status}"
    return (told.replace(key, "[key]") if key else told)[:250]


def checked_usage(**counts: Any) -> Usage | None:
    """Return the usage a vendor reported; None when it is missing or no count of tokens."""
    known = {name: 0 if value is None else value for name, value in counts.items()}
    required = (counts.get("input_tokens"), counts.get("output_tokens"))
    sane = all(type(count) is int and 0 <= count < 2**40 for count in known.values())
    parts = [known.get(name, 0) for name in ("cached_tokens", "written_tokens")]
    sane = sane and sum(parts) <= known["input_tokens"]
    return Usage(**known) if sane and None not in required else None
