"""Anthropic's messages."""

from __future__ import annotations

from typing import Any, NoReturn

import anthropic
import httpx2

from orchkit.core.calls import Call, Kind, Response, Usage
from orchkit.runtime.providers.refusals import (
    body_message,
    checked_usage,
    malformed,
    status_rejection,
)
from orchkit.runtime.wire import Rejection

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "refusal": "refusal",
    "tool_use": "tool",
    "model_context_window_exceeded": "length",
}
#: Of no use to us, and given so that the SDK does not insist on streaming long answers.
_TIMEOUT = 3600.0


class Anthropic:
    """Asks one address with one key; retries nothing itself.

    Parameters
    ----------
    address : str
        Without ``/v1``.
    key : str, optional
        Never shown, stored or sent anywhere else.
    """

    name = "anthropic"

    def __init__(self, address: str, key: str | None) -> None:
        self.address = address.rstrip("/")
        self._key = key
        self._client: anthropic.AsyncAnthropic | None = None

    def request(self, call: Call) -> dict[str, Any]:
        """Return the whole outgoing request."""
        return {"url": f"{self.address}/v1/messages", "body": _body(call)}

    async def complete(self, call: Call) -> Response:
        """Return the answer to one call, or raise `Rejection`."""
        body = _body(call)
        # The SDK has no such parameter any more, the wire still has.
        extra = {"temperature": body.pop("temperature")} if "temperature" in body else None
        try:
            reply: object = await self._opened().messages.create(**body, extra_body=extra)
        except anthropic.APIStatusError as error:
            no = _refusal(error)
        except anthropic.APITimeoutError:
            no = Rejection(Kind.Timeout, again=True, billed=True)
        except anthropic.APIConnectionError as error:
            no = _unreached(error)
        except (anthropic.AnthropicError, ValueError, RecursionError, TypeError) as error:
            no = malformed(type(error).__name__)
        else:
            return _response(call.model, reply)
        raise no

    async def close(self) -> None:
        """Close the connections."""
        if self._client:
            await self._client.close()

    def _opened(self) -> anthropic.AsyncAnthropic:
        if self._client is None:
            self._client = anthropic.AsyncAnthropic(
                api_key=self._key or "none",
                base_url=self.address,
                max_retries=0,
                timeout=_TIMEOUT,
                open_telemetry=False,
                http_client=anthropic.DefaultAioHttpClient(follow_redirects=False),
            )
        return self._client

    def __repr__(self) -> str:
        return f"Anthropic({self.address!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a provider holds a key and is never pickled")


def _body(call: Call) -> dict[str, Any]:
    system = "\n\n".join(m.content for m in call.messages if m.role == "system")
    body: dict[str, Any] = {
        "model": call.model,
        "max_tokens": call.params.max_tokens,
        "messages": [
            {"role": m.role, "content": m.content} for m in call.messages if m.role != "system"
        ],
    }
    body |= {"system": system} if system else {}
    warm = call.params.temperature
    return body | ({} if warm is None else {"temperature": warm})


def _refusal(error: anthropic.APIStatusError) -> Rejection:
    said = body_message(error.body, error.status_code)
    return status_rejection(error.status_code, error.response.headers, said)


def _unreached(error: anthropic.APIConnectionError) -> Rejection:
    """Tell a connection that was never made from one that broke after the request was sent."""
    before = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
    return Rejection(Kind.ConnectionFailed, again=True, billed=not before)


def _response(model: str, reply: object) -> Response:
    """Return the answer in a reply, whatever shape it came in, or raise `Rejection`."""
    blocks = getattr(reply, "content", None)
    reason = getattr(reply, "stop_reason", None)
    if not isinstance(blocks, list) or (not blocks and reason not in _FINISH):
        raise malformed(f"a 200 without content ({type(reply).__name__})")
    texts = [block.text for block in blocks if getattr(block, "type", None) == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise malformed("content is not text")
    finish = _FINISH.get(reason or "end_turn", "stop")
    usage = _usage(getattr(reply, "usage", None))
    said = getattr(reply, "model", None)
    extra = {} if said in (model, None) else {"answered_by": str(said)}
    known: dict[str, Any] = {"finish": finish, "extra": extra}
    known |= {"usage": usage} if usage else {}
    if usage is None:
        extra["usage"] = "missing"
    if finish == "refusal" or not texts:
        tool = Kind.ToolCall if finish == "tool" else Kind.EmptyAnswer
        return Response.failed(model, Kind.Refused if finish == "refusal" else tool, **known)
    return Response(model, "".join(texts), **known)


def _usage(usage: Any) -> Usage | None:
    """Return the usage; the vendor reports cached and written tokens beside the others."""
    read = getattr(usage, "cache_read_input_tokens", None) or 0
    written = getattr(usage, "cache_creation_input_tokens", None) or 0
    counted = checked_usage(
        input_tokens=getattr(usage, "input_tokens", None),
        output_tokens=getattr(usage, "output_tokens", None),
        cached_tokens=read,
        written_tokens=written,
    )
    return counted and Usage(
        counted.input_tokens + read + written, counted.output_tokens, read, written
    )
