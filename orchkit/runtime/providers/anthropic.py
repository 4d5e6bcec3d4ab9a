"""Anthropic's messages."""

from __future__ import annotations

from typing import Any

import anthropic

from orchkit.core.calls import Call, Kind, Response, Usage
from orchkit.runtime.providers.posting import Poster, Sdk, known, part
from orchkit.runtime.providers.quotas import Spelling
from orchkit.runtime.providers.refusals import checked_usage, malformed

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "refusal": "refusal",
    "tool_use": "tool",
    "model_context_window_exceeded": "length",
}
_WHY_NONE = {"refusal": Kind.Refused, "tool": Kind.ToolCall}


class Anthropic(Poster):
    """Asks an address that does not end with ``/v1``."""

    name = "anthropic"
    sdk = Sdk(anthropic.AsyncAnthropic, anthropic.DefaultAioHttpClient, anthropic.APIStatusError)
    path = "/v1/messages"
    spelling = Spelling(
        "anthropic-ratelimit-requests-{}",
        ("anthropic-ratelimit-tokens-{}", "anthropic-ratelimit-input-tokens-{}"),
    )

    def body(self, call: Call) -> dict[str, Any]:
        """Return what is sent."""
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

    def response(self, model: str, reply: dict[str, Any]) -> Response:
        """Return the answer in a reply, whatever shape it came in, or raise `Rejection`."""
        text, reason = _text(reply), reply.get("stop_reason")
        finish = "stop" if reason is None else _FINISH.get(str(reason), "error")
        beside = known(model, reply, _usage(reply.get("usage")))
        if not text or finish == "refusal":
            why = _WHY_NONE.get(finish, Kind.EmptyAnswer)
            return Response.failed(model, why, finish=finish, **beside)
        return Response(model, text, finish=finish, **beside)


def _text(reply: dict[str, Any]) -> str:
    """Return all text in a reply; what the model thought is no part of it."""
    blocks = reply.get("content")
    if not isinstance(blocks, list) or not (blocks or str(reply.get("stop_reason")) in _FINISH):
        raise malformed("a 200 without content")
    texts = [part(block, "text") for block in blocks if part(block, "type") == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise malformed("content is not text")
    return "".join(texts)


def _usage(usage: object) -> Usage | None:
    """Return the usage; the vendor reports cached and written tokens beside the others."""
    beside = [
        part(usage, name) or 0
        for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
    ]
    counts = [part(usage, "input_tokens"), *beside]
    whole = sum(counts) if all(type(count) is int for count in counts) else None
    return checked_usage(
        input_tokens=whole,
        output_tokens=part(usage, "output_tokens"),
        cached_tokens=beside[0],
        written_tokens=beside[1],
    )
