"""Bodies that are no answer though the status says so: the generation is paid all the same."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace

from .refusing import status
from .replies import JSON_HEADERS, Act, Reply, Scene, good

__all__ = ["edited", "fixed"]


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


def twice(body: bytes) -> bytes:
    """Tell everything twice, first as nothing: whoever reads JSON takes the last."""
    return b'{"choices": null, "content": null, "usage": null, "model": null, ' + body[1:]


def error_200(scene: Scene) -> Reply:
    """Refuse, but with status 200."""
    return replace(status(500)(scene), status=200)


def nested(scene: Scene) -> Reply:
    """Send arrays within arrays."""
    return Reply(b"[" * scene.depth + b"]" * scene.depth)


def nested_keys(scene: Scene) -> Reply:
    """Send objects within objects."""
    return Reply(b'{"a":' * scene.depth + b"1" + b"}" * scene.depth)


def oversize(scene: Scene) -> Reply:
    """Send a good answer followed by blanks: legal JSON, so only a cap on size can refuse it."""
    return Reply(good(scene).body + b" " * scene.oversize)


def oversize_chunked(scene: Scene) -> Reply:
    """Send the same without telling its length beforehand."""
    return replace(oversize(scene), manner="chunked")


def oversize_gzip(scene: Scene) -> Reply:
    """Send the same, compressed a thousandfold."""
    squeezed = gzip.compress(oversize(scene).body, compresslevel=1)
    return Reply(squeezed, headers={**JSON_HEADERS, "Content-Encoding": "gzip"})
