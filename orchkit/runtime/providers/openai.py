"""OpenAI's chat completions, and every server that speaks them."""

from __future__ import annotations

from typing import Any

import openai

from orchkit.core.calls import Call, Kind, Response, Usage
from orchkit.runtime.providers.posting import Poster, Sdk, known, part
from orchkit.runtime.providers.quotas import Spelling
from orchkit.runtime.providers.refusals import checked_usage, malformed

_FINISH = {
    "stop": "stop",
    "length": "length",
    "content_filter": "refusal",
    "tool_calls": "tool",
    "function_call": "tool",
}
_WHY_NONE = {"refusal": Kind.Refused, "tool": Kind.ToolCall}
_OWN = "api.openai.com"


class OpenAI(Poster):
    """Asks an address that ends with ``/v1``."""

    name = "openai"
    sdk = Sdk(openai.AsyncOpenAI, openai.DefaultAioHttpClient, openai.APIStatusError)
    path = "/chat/completions"
    spelling = Spelling("x-ratelimit-{}-requests", ("x-ratelimit-{}-tokens",))

    def body(self, call: Call) -> dict[str, Any]:
        """Return what is sent."""
        # Servers other than OpenAI's own may know only the older of the two names.
        limit = "max_completion_tokens" if _OWN in self.address else "max_tokens"
        body: dict[str, Any] = {
            "model": call.model,
            "messages": [{"role": m.role, "content": m.content} for m in call.messages],
            limit: call.params.max_tokens,
        }
        optional = {"temperature": call.params.temperature, "seed": call.params.seed}
        body |= {name: value for name, value in optional.items() if value is not None}
        return body | ({"logprobs": True} if call.params.logprobs else {})

    def response(self, model: str, reply: dict[str, Any]) -> Response:
        """Return the answer in a reply, whatever shape it came in, or raise `Rejection`."""
        choice = _choice(reply)
        message = choice["message"]
        text, refused = message.get("content"), message.get("refusal")
        if not isinstance(text, str | None):
            raise malformed("content is not text")
        reason = choice.get("finish_reason")
        finish = "stop" if reason is None else _FINISH.get(str(reason), "error")
        finish = "refusal" if refused else finish
        beside = known(model, reply, _usage(reply.get("usage")))
        if not text:
            why = _WHY_NONE.get(finish, Kind.EmptyAnswer)
            return Response.failed(model, why, finish=finish, **beside)
        return Response(model, text, finish=finish, logprobs=_logprobs(choice), **beside)


def _choice(reply: dict[str, Any]) -> dict[str, Any]:
    choices = reply.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise malformed("a 200 without choices")
    return choice


def _usage(usage: object) -> Usage | None:
    details = part(usage, "prompt_tokens_details")
    return checked_usage(
        input_tokens=part(usage, "prompt_tokens"),
        output_tokens=part(usage, "completion_tokens"),
        cached_tokens=part(details, "cached_tokens"),
        written_tokens=part(details, "cache_write_tokens"),
    )


def _logprobs(choice: dict[str, Any]) -> tuple[float, ...]:
    """Return the answer's log-probabilities; none at all when one of them cannot be."""
    tokens = part(choice.get("logprobs"), "content")
    values = [part(t, "logprob") for t in tokens] if isinstance(tokens, list) else []
    return tuple(values) if all(map(_is_logprob, values)) else ()


def _is_logprob(value: object) -> bool:
    # Rounding may lift a certainty a hair above 0.
    return type(value) in (int, float) and -1e5 < value <= 1e-3  # type: ignore[operator]
