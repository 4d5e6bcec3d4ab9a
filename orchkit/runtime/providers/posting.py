"""What asking a vendor takes, whichever it is: one POST by its SDK, and plain data back.

The SDKs give addresses, keys, headers and connections; the body goes out as it was described and
comes back as the JSON it is. So no shape a server thinks of meets the SDK's models.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, final

import httpx2

from orchkit.core.calls import Call, Kind, Response, Usage
from orchkit.runtime.providers.bounded import bounded
from orchkit.runtime.providers.quotas import Headers, Spelling
from orchkit.runtime.providers.refusals import (
    body_message,
    malformed,
    status_rejection,
    unreached,
    unsent,
)
from orchkit.runtime.wire import Quota, Rejection

_TO_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
#: Deadlines are the buyer's, for a whole attempt. The SDK's are per read, and shall not come first.
_TIMEOUT = httpx2.Timeout(3600.0, connect=30.0)


@dataclass(frozen=True)
class Sdk:
    """The names in one vendor's SDK.

    Parameters
    ----------
    client, transport
        Its asynchronous client, and the HTTP client it is best with.
    refused
        Its exception for a status that is not good.
    """

    client: Any
    transport: Any
    refused: type[Exception]


class Poster(ABC):
    """Asks one address with one key; retries nothing itself.

    Parameters
    ----------
    address : str
        Where the vendor's paths begin.
    key : str, optional
        Never shown, stored or sent anywhere else.
    plain : bool
        Send nothing else that the environment holds for the vendor.
    """

    name: ClassVar[str]
    sdk: ClassVar[Sdk]
    path: ClassVar[str]
    spelling: ClassVar[Spelling]

    def __init__(self, address: str, key: str | None, *, plain: bool = False) -> None:
        self.address = address.rstrip("/")
        self._url = f"{self.address}{self.path}"
        self.quotas: dict[str, Quota] = {}
        self._key = key
        self._plain = plain
        self._client: Any = None

    @abstractmethod
    def body(self, call: Call) -> dict[str, Any]:
        """Return what is sent."""

    @abstractmethod
    def response(self, model: str, reply: dict[str, Any]) -> Response:
        """Return the answer in a reply, whatever shape it came in, or raise `Rejection`."""

    @final
    def request(self, call: Call) -> dict[str, Any]:
        """Return the whole outgoing request."""
        return {"url": self._url, "body": self.body(call)}

    @final
    async def complete(self, call: Call) -> Response:
        """Return the answer to one call, or raise `Rejection`."""
        reply = await self._post(call.model, encoded(self.body(call)))
        if isinstance(reply, Rejection):
            raise reply
        return self.response(call.model, decoded(reply))

    @final
    async def close(self) -> None:
        """Close the connections."""
        if self._client:
            await self._client.close()

    async def _post(self, model: str, body: bytes) -> bytes | Rejection:
        """Return what came back. A rejection is returned: raised here it would hold the SDK's."""
        try:
            reply: httpx2.Response = await self._opened().post(
                self._url, content=body, cast_to=httpx2.Response
            )
        except self.sdk.refused as error:
            return self._refusal(model, getattr(error, "response"))  # noqa: B009 - of two SDKs
        except Exception as error:  # noqa: BLE001 - whatever the transport does is one row's
            return unreached(error)
        self._learn(model, reply.headers)
        return reply.content

    def _refusal(self, model: str, reply: httpx2.Response) -> Rejection:
        self._learn(model, reply.headers)
        said = body_message(_read(reply.content), reply.status_code, self._key)
        reset = self.spelling.reset(reply.headers)
        return status_rejection(reply.status_code, reply.headers, said, reset)

    def _learn(self, model: str, headers: Headers) -> None:
        if quota := self.spelling.quota(headers):
            self.quotas[model] = quota

    def _opened(self) -> Any:
        if self._client is None:
            keyed = self._key is not None
            self._client = self.sdk.client(
                api_key=self._key or "none",
                base_url=self.address,
                max_retries=0,
                timeout=_TIMEOUT,
                http_client=bounded(self.sdk.transport, plain=self._plain, keyed=keyed),
            )
        return self._client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a provider holds a key and is never pickled")


def encoded(body: Mapping[str, Any]) -> bytes:
    """Return a body as JSON in UTF-8; a rejection when no wire can carry it."""
    try:
        return _TO_JSON(body).encode()
    except UnicodeEncodeError:
        no = unsent(Kind.PromptEncoding)
    except ValueError:
        no = unsent(Kind.BadRequest, "a number that JSON has no word for")
    raise no


def decoded(reply: bytes) -> dict[str, Any]:
    """Return the object in a reply; a rejection when there is none.

    Examples
    --------
    >>> decoded(b'{"model": "m"}')
    {'model': 'm'}
    """
    value = _read(reply)
    if not isinstance(value, dict):
        raise malformed(f"a 200 that is no JSON object but {len(reply):,} bytes of something else")
    return value


def _read(reply: bytes) -> object:
    """Return the JSON in a reply, or else its text."""
    try:
        value: object = json.loads(reply)
    except (ValueError, RecursionError):
        value = reply[:1000].decode("utf-8", "replace")
    return value


def part(value: object, name: str) -> Any:
    """Return what an object has under a name; None when it is no object."""
    return value.get(name) if isinstance(value, dict) else None


def known(model: str, reply: Mapping[str, Any], usage: Usage | None) -> dict[str, Any]:
    """Return what is worth keeping beside the text: who says it answered, and what was used."""
    said = reply.get("model")
    extra = {"answered_by": said[:200]} if isinstance(said, str) and said != model else {}
    if usage is None:
        return {"extra": {**extra, "usage": "missing"}}
    return {"extra": extra, "usage": usage}
