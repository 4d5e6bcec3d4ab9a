"""Anthropic's messages."""

from __future__ import annotations

from typing import Any, NoReturn

import anthropic

from orchkit.core.calls import Call, Kind, Response, Usage
from orchkit.runtime.providers.bounded import bounded
from orchkit.runtime.providers.refusals import (
    body_message,
    checked_usage,
    malformed,
    status_rejection,
    unreached,
)

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "refusal": "refusal",
    "tool_use": "tool",
    "model_context_window_exceeded": "length",
}
_WHY_NONE = {"refusal": Kind.Refused, "tool": Kind.ToolCall}
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
    plain : bool
        Send nothing else that the environment holds for the vendor.
    """

    name = "anthropic"

    def __init__(self, address: str, key: str | None, *, plain: bool = False) -> None:
        self.address = address.rstrip("/")
        self._key = key
        self._plain = plain
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
            said = body_message(error.body, error.status_code, self._key)
            no = status_rejection(error.status_code, error.response.headers, said)
        except anthropic.APIConnectionError as error:
            no = unreached(error)
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
                http_client=bounded(
                    anthropic.DefaultAioHttpClient, plain=self._plain, keyed=self._key is not None
                ),
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


def _response(model: str, reply: object) -> Response:
    """Return the answer in a reply, whatever shape it came in, or raise `Rejection`."""
    blocks = getattr(reply, "content", None)
    reason = getattr(reply, "stop_reason", None)
    if type(blocks) is not list or (not blocks and reason not in _FINISH):
        raise malformed(f"a 200 without content ({type(reply).__name__})")
    texts = [getattr(block, "text", None) for block in blocks if _is_text(block)]
    if not all(isinstance(text, str) for text in texts):
        raise malformed("content is not text")
    known = _known(model, reply, "stop" if reason is None else _FINISH.get(str(reason), "error"))
    text = "".join(map(str, texts))
    if not text or known["finish"] == "refusal":
        return Response.failed(model, _WHY_NONE.get(known["finish"], Kind.EmptyAnswer), **known)
    return Response(model, text, **known)


def _is_text(block: object) -> bool:
    return getattr(block, "type", None) == "text"


def _known(model: str, reply: object, finish: str) -> dict[str, Any]:
    """Return what a reply tells beside its text."""
    said, usage = getattr(reply, "model", None), _usage(getattr(reply, "usage", None))
    extra = {} if said in (model, None) else {"answered_by": str(said)}
    if usage is None:
        return {"finish": finish, "extra": {**extra, "usage": "missing"}}
    return {"finish": finish, "extra": extra, "usage": usage}


def _usage(usage: Any) -> Usage | None:
    """Return the usage; the vendor reports cached and written tokens beside the others."""
    beside = [
        getattr(usage, name, None) or 0
        for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
    ]
    fresh = getattr(usage, "input_tokens", None)
    counts: list[Any] = [fresh, *beside]
    whole = sum(counts) if all(type(count) is int for count in counts) else None
    return checked_usage(
        input_tokens=whole,
        output_tokens=getattr(usage, "output_tokens", None),
        cached_tokens=beside[0],
        written_tokens=beside[1],
    )
