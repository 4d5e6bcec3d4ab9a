"""An HTTP client for an SDK that follows no redirect and reads no more than so much."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx2

from orchkit.runtime.providers.refusals import malformed

#: Bytes of one reply; the longest answer a model gives is far below it.
MOST = 16 * 2**20
_KEYS = frozenset(("authorization", "x-api-key"))
_WIRE = _KEYS | {
    "host",
    "accept",
    "accept-encoding",
    "anthropic-version",
    "connection",
    "content-length",
    "content-type",
    "user-agent",
}


class Bounded(httpx2.AsyncByteStream):
    """A body that ends with a rejection when it grows too long."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._stream:
            read += len(chunk)
            if read > MOST:
                raise malformed(f"a reply of more than {MOST:,} bytes")
            yield chunk

    async def aclose(self) -> None:
        """Close the connection's side of it."""
        await self._stream.aclose()


def bounded(
    client: Callable[..., httpx2.AsyncClient], *, plain: bool, keyed: bool
) -> httpx2.AsyncClient:
    """Return a client of this kind that is bounded in all it reads.

    Compressed replies are neither asked for nor read: one MiB of them can hold a GiB. A `plain`
    one sends no header but those of the wire format: SDKs add what the environment holds for
    their vendor (organisation, gateway tokens), which is nobody else's business. One that is not
    `keyed` sends no key, not even the word an SDK insists on.
    """
    kept = {name.encode() for name in (_WIRE if keyed else _WIRE - _KEYS)}

    async def strip(request: httpx2.Request) -> None:
        raw = request.headers.raw
        request.headers = httpx2.Headers([each for each in raw if each[0].lower() in kept])

    return client(
        follow_redirects=False,
        headers={"accept-encoding": "identity"},
        event_hooks={"request": [strip] if plain else [], "response": [_bound]},
    )


async def _bound(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise malformed("a compressed reply, which was not asked for")
    if not _is_short(response) and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = Bounded(response.stream)


def _is_short(response: httpx2.Response) -> bool:
    """Whether a length was promised, which the transport holds the server to, and is allowed."""
    promised = response.headers.get("content-length", "")
    return promised.isdigit() and int(promised[:20]) <= MOST
