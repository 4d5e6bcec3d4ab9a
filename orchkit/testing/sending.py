"""The manners in which a reply can be sent, from at once to never."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

from aiohttp import web

from .replies import Reply

__all__ = ["MANNERS", "Manner"]

PIECE = 2**16
Manner = Callable[[web.Request, Reply, float], Awaitable[web.StreamResponse]]


async def whole(request: web.Request, reply: Reply, _pause: float) -> web.StreamResponse:
    """Send all at once."""
    response = web.Response(body=reply.body, status=reply.status, headers=reply.headers)
    await response.prepare(request)
    await response.write_eof()
    return response


async def drip(request: web.Request, reply: Reply, pause: float) -> web.StreamResponse:
    """Send byte by byte, with a pause before each."""
    response = await _begin(request, reply)
    for byte in reply.body:
        await asyncio.sleep(pause)
        await response.write(bytes([byte]))
    await response.write_eof()
    return response


async def chunked(request: web.Request, reply: Reply, _pause: float) -> web.StreamResponse:
    """Send all in pieces, and no length beforehand."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    await response.prepare(request)
    for start in range(0, len(reply.body), PIECE):
        await response.write(reply.body[start : start + PIECE])
    await response.write_eof()
    return response


async def half(request: web.Request, reply: Reply, pause: float) -> NoReturn:
    """Promise the whole body, send half and reset."""
    response = await _begin(request, reply)
    await response.write(reply.body[: len(reply.body) // 2])
    await reset(request, reply, pause)


async def reset(request: web.Request, reply: Reply, pause: float) -> NoReturn:
    """Send RST instead of anything else."""
    if request.transport is not None:
        # A socket told not to linger says RST where it would have said FIN.
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    await hang(request, reply, pause)


async def cut(request: web.Request, reply: Reply, pause: float) -> NoReturn:
    """Promise the whole body, send half and end the connection in good order."""
    response = await _begin(request, reply)
    await response.write(reply.body[: len(reply.body) // 2])
    await close(request, reply, pause)


async def babble(request: web.Request, reply: Reply, pause: float) -> NoReturn:
    """Send something else than HTTP and end the connection."""
    if request.transport is not None:
        request.transport.write(b"What is HTTP?\r\n\r\n")
    await close(request, reply, pause)


async def close(request: web.Request, reply: Reply, pause: float) -> NoReturn:
    """Send FIN instead of anything else."""
    if request.transport is not None:
        request.transport.close()
    await hang(request, reply, pause)


async def hang(_request: web.Request, _reply: Reply, _pause: float) -> NoReturn:
    """Send nothing; the server cancels this when the connection is lost."""
    await asyncio.Event().wait()
    raise ConnectionResetError


async def _begin(request: web.Request, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    return response


MANNERS: Mapping[str, Manner] = {
    "whole": whole,
    "drip": drip,
    "chunked": chunked,
    "half": half,
    "reset": reset,
    "cut": cut,
    "close": close,
    "babble": babble,
    "hang": hang,
}
