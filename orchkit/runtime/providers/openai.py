"""OpenAI's chat completions, and every server that speaks them."""

from __future__ import annotations

from typing import Any, NoReturn

import openai

from orchkit.core.calls import Call, Kind, Response
from orchkit.runtime.providers.bounded import bounded
from orchkit.runtime.providers.refusals import (
    body_message,
    checked_usage,
    malformed,
    status_rejection,
    unreached,
)

_FINISH = {
    "stop": "stop",
    "length": "length",
    "content_filter": "refusal",
    "tool_calls": "tool",
    "function_call": "tool",
}
_WHY_NONE = {"refusal": Kind.Refused, "tool": Kind.ToolCall}
_OWN = "api.openai.com"


class OpenAI:
    """Asks one address with one key; retries nothing itself.

    Parameters
    ----------
    address : str
        Ends with ``/v1``.
    key : str, optional
        Never shown, stored or sent anywhere else.
    plain : bool
        Send nothing else that the environment holds for the vendor.
    """

    name = "openai"

    def __init__(self, address: str, key: str | None, *, plain: bool = False) -> None:
        self.address = address.rstrip("/")
        self._key = key
        self._plain = plain
        self._client: openai.AsyncOpenAI | None = None

    def request(self, call: Call) -> dict[str, Any]:
        """Return the whole outgoing request."""
        return {"url": f"{self.address}/chat/completions", "body": self._body(call)}

    async def complete(self, call: Call) -> Response:
        """Return the answer to one call, or raise `Rejection`."""
        completions = self._opened().chat.completions
        try:
            reply: object = await completions.create(**self._body(call))
        except openai.APIStatusError as error:
            said = body_message(error.body, error.status_code, self._key)
            no = status_rejection(error.status_code, error.response.headers, said)
        except openai.APIConnectionError as error:
            no = unreached(error)
        except (openai.OpenAIError, ValueError, RecursionError, TypeError) as error:
            no = malformed(type(error).__name__)
        else:
            return _response(call.model, reply)
        raise no

    async def close(self) -> None:
        """Close the connections."""
        if self._client:
            await self._client.close()

    def _body(self, call: Call) -> dict[str, Any]:
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

    def _opened(self) -> openai.AsyncOpenAI:
        if self._client is None:
            self._client = openai.AsyncOpenAI(
                api_key=self._key or "none",
                base_url=self.address,
                max_retries=0,
                http_client=bounded(
                    openai.DefaultAioHttpClient, plain=self._plain, keyed=self._key is not None
                ),
            )
        return self._client

    def __repr__(self) -> str:
        return f"OpenAI({self.address!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a provider holds a key and is never pickled")


def _response(model: str, reply: object) -> Response:
    """Return the answer in a reply, whatever shape it came in, or raise `Rejection`."""
    choices: Any = getattr(reply, "choices", None)
    message = getattr(choices[0], "message", None) if choices and type(choices) is list else None
    if message is None:
        raise malformed(f"a 200 without choices ({type(reply).__name__})")
    text, refused = getattr(message, "content", None), getattr(message, "refusal", None)
    if not isinstance(text, str | None):
        raise malformed("content is not text")
    reason = getattr(choices[0], "finish_reason", None)
    finish = "stop" if reason is None else _FINISH.get(str(reason), "error")
    known = _known(model, reply, "refusal" if refused else finish)
    if not text:
        return Response.failed(model, _WHY_NONE.get(known["finish"], Kind.EmptyAnswer), **known)
    return Response(model, text, logprobs=_logprobs(choices[0]), **known)


def _known(model: str, reply: object, finish: str) -> dict[str, Any]:
    """Return what a reply tells beside its text."""
    extra, usage = _extra(model, reply), _usage(getattr(reply, "usage", None))
    if usage is None:
        return {"finish": finish, "extra": {**extra, "usage": "missing"}}
    return {"finish": finish, "extra": extra, "usage": usage}


def _usage(usage: Any) -> Any:
    details = getattr(usage, "prompt_tokens_details", None)
    return checked_usage(
        input_tokens=getattr(usage, "prompt_tokens", None),
        output_tokens=getattr(usage, "completion_tokens", None),
        cached_tokens=getattr(details, "cached_tokens", None),
        written_tokens=getattr(details, "cache_write_tokens", None),
    )


def _logprobs(choice: Any) -> tuple[float, ...]:
    tokens = getattr(getattr(choice, "logprobs", None), "content", None) or ()
    return tuple(
        value for t in tokens if isinstance(value := getattr(t, "logprob", None), int | float)
    )


def _extra(asked: str, reply: object) -> dict[str, Any]:
    """Return what else is worth keeping: which model says it answered, if another."""
    said = getattr(reply, "model", None)
    return {} if said in (asked, None) else {"answered_by": str(said)}
