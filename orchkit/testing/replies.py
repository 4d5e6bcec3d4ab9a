"""Good and bad replies, described but not sent: each function turns a scene into a reply.

Functions that take something else return such a function. The table in `faults` names them all.
"""

from __future__ import annotations

import gzip
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any

from .asks import Ask
from .generation import Generation
from .wires import Wire

__all__ = ["Act", "Reply", "Scene"]

JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a reply may depend on.

    Attributes
    ----------
    wire : Wire
        The vendor's format.
    ask : Ask
        What was asked.
    generation : Generation
        What a good reply would say.
    seq : int
        The request's place in the book.
    wait : float
        Seconds to ask clients to wait, if the reply asks for it.
    oversize, depth : int
        How much too large and how deep, if the reply is.
    """

    wire: Wire
    ask: Ask
    generation: Generation
    seq: int
    wait: float
    oversize: int
    depth: int

    def payload(self) -> dict[str, Any]:
        """Return the good reply's JSON."""
        return self.wire.render(self.ask, self.generation, self.seq)

    def with_generation(self, **changes: Any) -> Scene:
        """Return a scene in which another generation took place."""
        return replace(self, generation=replace(self.generation, **changes))


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes over the wire, and in which manner it is sent.

    Attributes
    ----------
    body : bytes
        As sent.
    status : int
        HTTP status.
    headers : mapping of str to str
        All but the length.
    manner : str
        A key of `orchkit.testing.sending.MANNERS`.
    wait : float or None
        Seconds that the headers ask clients to wait.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_HEADERS)
    manner: str = "whole"
    wait: float | None = None


Act = Callable[[Scene], Reply]


def good(scene: Scene) -> Reply:
    """Answer."""
    return Reply(_json(scene.payload()))


def sent(manner: str) -> Act:
    """Answer, in another manner."""
    return lambda scene: replace(good(scene), manner=manner)


def status(code: int, message: str = "", *, quota: bool = False) -> Act:
    """Refuse in the vendor's format."""

    def act(scene: Scene) -> Reply:
        said = message or f"The loopback server answers {code} here."
        return Reply(_json(scene.wire.error(code, said, quota=quota)), code)

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


def edited(change: Callable[[bytes], bytes]) -> Act:
    """Spoil the bytes of a good body."""
    return lambda scene: Reply(change(good(scene).body))


def truncated(body: bytes) -> bytes:
    """Keep the first half."""
    return body[: len(body) // 2]


def invalid_utf8(body: bytes) -> bytes:
    """Put a byte that no UTF-8 text has into a string of its own."""
    return b'{"note": "\xff", ' + body[1:]


def fixed(body: bytes, content_type: str = "application/json") -> Act:
    """Send always the same."""
    return lambda _scene: Reply(body, headers={"Content-Type": content_type})


def error_200(scene: Scene) -> Reply:
    """Refuse, but with status 200."""
    return replace(status(500)(scene), status=200)


def nested(scene: Scene) -> Reply:
    """Send arrays within arrays."""
    return Reply(b"[" * scene.depth + b"]" * scene.depth)


def oversize(scene: Scene) -> Reply:
    """Send a good answer followed by blanks: legal JSON, so only a cap on size can refuse it."""
    return Reply(good(scene).body + b" " * scene.oversize)


def oversize_gzip(scene: Scene) -> Reply:
    """Send the same, compressed a thousandfold."""
    squeezed = gzip.compress(oversize(scene).body, compresslevel=1)
    return Reply(squeezed, headers={**JSON_HEADERS, "Content-Encoding": "gzip"})


def ending(name: str) -> Act:
    """Let the generation end in another way."""
    return lambda scene: good(scene.with_generation(ending=name))


def usage(value: object) -> Act:
    """Report something else in place of every count of tokens."""

    def act(scene: Scene) -> Reply:
        payload = scene.payload()
        payload["usage"] |= {key: value for key in payload["usage"] if key.endswith("_tokens")}
        return Reply(_json(payload))

    return act


def usage_missing(scene: Scene) -> Reply:
    """Report no usage."""
    return Reply(_json({key: value for key, value in scene.payload().items() if key != "usage"}))


def usage_over(scene: Scene) -> Reply:
    """Report more output than any limit allows."""
    return good(scene.with_generation(output_tokens=scene.generation.output_tokens + 1_000_000))


def wrong_model(scene: Scene) -> Reply:
    """Name another model than the one that was asked."""
    return Reply(_json({**scene.payload(), "model": f"{scene.ask.model}-impostor"}))


def _json(payload: object) -> bytes:
    return json.dumps(payload).encode("ascii")
