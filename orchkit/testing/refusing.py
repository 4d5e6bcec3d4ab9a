"""Refusals: each function turns a scene into a reply that answers nothing and costs nothing."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from email.utils import formatdate

from .limits import Allowance
from .replies import JSON_HEADERS, Act, Reply, Scene, to_json

__all__ = ["page", "redirect", "reset", "retry", "status"]

#: A limit that no test reaches: clients keep to what they were told once.
LARGE = 10**9
PAGE = b"<html><body>Bad gateway</body></html>"


def status(code: int, message: str = "", *, quota: bool = False) -> Act:
    """Refuse in the vendor's format."""

    def act(scene: Scene) -> Reply:
        said = message or f"The loopback server answers {code} here."
        return Reply(to_json(scene.wire.error(code, said, quota=quota)), code)

    return act


def invalid(scene: Scene) -> Reply:
    """Refuse a malformed request."""
    return status(400, scene.ask.problem or "")(scene)


def unknown_model(scene: Scene) -> Reply:
    """Refuse a model that has no price."""
    return status(404, f"The model {scene.ask.model!r} does not exist.")(scene)


def retry(header: str, wait: float | None = None) -> Act:
    """Refuse with a Retry-After, which asks clients to wait if it has a sense."""

    def act(scene: Scene) -> Reply:
        refusal = status(429)(scene)
        return replace(refusal, headers={**JSON_HEADERS, "Retry-After": header}, wait=wait)

    return act


def retry_seconds(scene: Scene) -> Reply:
    """Ask to wait for a number of seconds."""
    header = f"{scene.wait:g}"
    return retry(header, float(header))(scene)


def retry_whole_seconds(scene: Scene) -> Reply:
    """Ask to wait for a whole number of seconds, as real limits do."""
    seconds = max(1, math.ceil(scene.wait))
    return retry(str(seconds), float(seconds))(scene)


def retry_date(scene: Scene) -> Reply:
    """Ask to wait until an HTTP date, which knows only whole seconds."""
    now = time.time()
    until = math.ceil(now + scene.wait)
    return retry(formatdate(until, usegmt=True), until - now)(scene)


def retry_past(scene: Scene) -> Reply:
    """Ask to wait until a date that has passed."""
    return retry(formatdate(time.time() - 3600, usegmt=True))(scene)


def reset(scene: Scene) -> Reply:
    """Say that all is used up and when it is there again, without a Retry-After."""
    spent = {name: Allowance(LARGE, 0, scene.wait) for name in ("requests", "tokens")}
    headers = {**JSON_HEADERS, **scene.wire.allowances(spent)}
    return replace(status(429)(scene), headers=headers, wait=scene.wait)


def redirect(scene: Scene) -> Reply:
    """Point to somebody else's server."""
    elsewhere = {**JSON_HEADERS, "Location": "http://elsewhere.invalid/v1"}
    return replace(status(307)(scene), headers=elsewhere)


def page(code: int) -> Act:
    """Refuse with a web page, as a gateway in between does."""
    return lambda _scene: Reply(PAGE, code, {"Content-Type": "text/html"})


def garbled(code: int) -> Act:
    """Refuse with bytes that are no text."""
    return lambda _scene: Reply(b'{"error": "\xff\xfe\x00', code)
