"""The two wire formats: where requests go, and how a generation becomes a reply."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, Protocol

from .asks import Ask, understand
from .generation import Generation, token_logprobs
from .limits import Allowance

__all__ = ["WIRES", "Wire"]

Json = dict[str, Any]


class Wire(Protocol):
    """One vendor's format."""

    @property
    def name(self) -> str:
        """The vendor's short name."""

    @property
    def request_id_header(self) -> str:
        """The header that carries the request's identifier."""

    def read(self, body: object) -> Ask:
        """Understand a request body."""

    def render(self, ask: Ask, generation: Generation, seq: int) -> Json:
        """Write a good reply."""

    def error(self, status: int, message: str, *, quota: bool = False) -> Json:
        """Write an error."""

    def allowances(self, each: Mapping[str, Allowance]) -> dict[str, str]:
        """Write the headers that tell where the limits stand."""


class OpenAI:
    """Chat Completions."""

    name = "openai"
    request_id_header = "x-request-id"

    def read(self, body: object) -> Ask:
        """Understand a request body."""
        return understand(body, ("max_tokens", "max_completion_tokens"))

    def render(self, ask: Ask, generation: Generation, seq: int) -> Json:
        """Write a good reply."""
        return {
            "id": f"chatcmpl-{seq}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": ask.model,
            "choices": _choices(ask, generation),
            "usage": {
                "prompt_tokens": generation.input_tokens,
                "completion_tokens": generation.output_tokens,
                "total_tokens": generation.input_tokens + generation.output_tokens,
            },
            "service_tier": "default",
            "system_fingerprint": "fp_loopback",
        }

    def error(self, status: int, message: str, *, quota: bool = False) -> Json:
        """Write an error."""
        kind, code = _OPENAI_ERRORS.get(status, ("invalid_request_error", None))
        if quota:
            kind = code = "insufficient_quota"
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def allowances(self, each: Mapping[str, Allowance]) -> dict[str, str]:
        """Write the headers that tell where the limits stand."""
        headers: dict[str, str] = {}
        for name, allowance in each.items():
            headers[f"x-ratelimit-limit-{name}"] = str(allowance.limit)
            headers[f"x-ratelimit-remaining-{name}"] = str(allowance.remaining)
            headers[f"x-ratelimit-reset-{name}"] = duration(allowance.reset)
        return headers


class Anthropic:
    """Messages."""

    name = "anthropic"
    request_id_header = "request-id"

    def read(self, body: object) -> Ask:
        """Understand a request body."""
        return understand(body, ("max_tokens",), required=True)

    def render(self, ask: Ask, generation: Generation, seq: int) -> Json:
        """Write a good reply."""
        reason, changes = _BLOCKS[generation.ending]
        return {
            "id": f"msg_{seq}",
            "type": "message",
            "role": "assistant",
            "model": ask.model,
            "content": [{"type": "text", "text": generation.text}],
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {
                "input_tokens": generation.input_tokens,
                "output_tokens": generation.output_tokens,
                "service_tier": "standard",
            },
            **changes,
        }

    def error(self, status: int, message: str, *, quota: bool = False) -> Json:
        """Write an error."""
        error: Json = {"type": _ANTHROPIC_ERRORS.get(status, "api_error"), "message": message}
        if quota:
            error["details"] = {"error_code": "enforced_spend_limit_reached"}
        return {"type": "error", "error": error}

    def allowances(self, each: Mapping[str, Allowance]) -> dict[str, str]:
        """Write the headers that tell where the limits stand."""
        headers: dict[str, str] = {}
        for name, allowance in each.items():
            until = time.gmtime(math.ceil(time.time() + allowance.reset))
            headers[f"anthropic-ratelimit-{name}-limit"] = str(allowance.limit)
            headers[f"anthropic-ratelimit-{name}-remaining"] = str(allowance.remaining)
            headers[f"anthropic-ratelimit-{name}-reset"] = time.strftime(
                "%Y-%m-%dT%H:%M:%SZ", until
            )
        return headers


def duration(seconds: float) -> str:
    """Write seconds as OpenAI does: ``120ms``, ``7.66s``, ``6m0s``."""
    milliseconds = math.ceil(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}m{rest / 1000:g}s" if minutes else f"{rest / 1000:g}s"


WIRES: Mapping[str, Wire] = {"/v1/chat/completions": OpenAI(), "/v1/messages": Anthropic()}

_REFUSAL = "I cannot help with that."
_FUNCTION = {"name": "look_up", "arguments": "{}"}
_CALL = {"id": "call_0", "type": "function", "function": _FUNCTION}
_USE = {"type": "tool_use", "id": "toolu_0", "name": "look_up", "input": {}}

_NUMBER = 42
# Ending of a generation -> finish_reason and what replaces the message's fields.
_MESSAGES: Mapping[str, tuple[str, Json]] = {
    "stop": ("stop", {}),
    "length": ("length", {}),
    "null": ("stop", {"content": None}),
    "refusal": ("stop", {"content": None, "refusal": _REFUSAL}),
    "tool": ("tool_calls", {"content": None, "tool_calls": [_CALL]}),
    "number": ("stop", {"content": _NUMBER}),
    "strange": ("bored", {}),
}
# Ending of a generation -> stop_reason and what replaces the reply's fields.
_BLOCKS: Mapping[str, tuple[str, Json]] = {
    "stop": ("end_turn", {}),
    "length": ("max_tokens", {}),
    "null": ("end_turn", {"content": None}),
    "none": ("end_turn", {"content": []}),
    "refusal": ("refusal", {"content": []}),
    "tool": ("tool_use", {"content": [_USE]}),
    "number": ("end_turn", {"content": [{"type": "text", "text": _NUMBER}]}),
    "strange": ("bored", {}),
}
_OPENAI_ERRORS: Mapping[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", None),
    529: ("server_error", None),
}
_ANTHROPIC_ERRORS: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "invalid_request_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _choices(ask: Ask, generation: Generation) -> list[Json]:
    if generation.ending == "none":
        return []
    reason, changes = _MESSAGES[generation.ending]
    message = {"role": "assistant", "content": generation.text, "refusal": None, **changes}
    logprobs = {"content": _logprobs(ask, generation), "refusal": None} if ask.logprobs else None
    return [{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": reason}]


def _logprobs(ask: Ask, generation: Generation) -> list[Json]:
    return [
        {
            "token": token,
            "logprob": logprob,
            "bytes": list(token.encode("utf-8", "surrogatepass")),
            "top_logprobs": [],
        }
        for token, logprob in token_logprobs(ask.model, ask.prompt, generation.text)
    ]
