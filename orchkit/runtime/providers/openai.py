"""OpenAI's chat completions, and every server that speaks them."""

from __future__ import annotations

from typing import Any, NoReturn

import httpx2
import openai

from orchkit.core.calls import Call, Kind, Response
from orchkit.runtime.providers.refusals import (
    body_message,
    checked_usage,
    malformed,
    status_rejection,
)
from orchkit.runtime.wire import Rejection

_FINISH = {"stop": "stop", "length": "length", "content_filter": "refusal", "tool_calls": "tool"}
_OWN = "api.openai.com"


class OpenAI:
    """Asks one address with one key; retries nothing itself.

    Parameters
    ----------
    address : str
        Ends with ``/v1``.
    key : str, optional
        Never shown, stored or sent anywhere else.
    """

    name = "openai"

    def __init__(self, address: str, key: str | None) -> None:
        self.address = address.rstrip("/")
        self._key = key
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
            no = _refusal(error)
        except openai.APITimeoutError:
            no = Rejection(Kind.Timeout, again=True, billed=True)
        except openai.APIConnectionError as error:
            no = _unreached(error)
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
                http_client=openai.DefaultAioHttpClient(follow_redirects=False),
            )
        return self._client

    def __repr__(self) -> str:
        return f"OpenAI({self.address!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a provider holds a key and is never pickled")


def _refusal(error: openai.APIStatusError) -> Rejection:
    said = body_message(error.body, error.status_code)
    return status_rejection(error.status_code, error.response.headers, said)


def _unreached(error: openai.APIConnectionError) -> Rejection:
    """Tell a connection that was never made from one that broke after the request was sent."""
    before = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
    return Rejection(Kind.ConnectionFailed, again=True, billed=not before)


def _response(model: str, reply: object) -> Response:
    """Return the answer in a reply, whatever shape it came in, or raise `Rejection`."""
    choices = getattr(reply, "choices", None)
    message = getattr(choices[0], "message", None) if choices else None
    if not choices or message is None:
        raise malformed(f"a 200 without choices ({type(reply).__name__})")
    finish = _FINISH.get(getattr(choices[0], "finish_reason", "stop") or "stop", "stop")
    content = getattr(message, "content", None)
    if content is not None and not isinstance(content, str):
        raise malformed("content is not text")
    usage = _usage(getattr(reply, "usage", None))
    known: dict[str, Any] = {"finish": finish, "extra": _extra(model, reply)}
    known |= {"usage": usage} if usage else {}
    if usage is None:
        known["extra"]["usage"] = "missing"
    if content is None:
        refused = getattr(message, "refusal", None)
        kind = Kind.Refused if refused else Kind.ToolCall if finish == "tool" else Kind.EmptyAnswer
        return Response.failed(model, kind, **known)
    return Response(model, content, logprobs=_logprobs(choices[0]), **known)


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
