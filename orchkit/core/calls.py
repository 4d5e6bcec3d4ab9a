"""One call to one model, and what comes back: frozen values that know their own identity."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

DEFAULT_MAX_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation: `role` is ``system``, ``user`` or ``assistant``.

    Examples
    --------
    >>> Message("user", "What is 2+2?").role
    'user'
    """

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Params:
    """What is asked of the model besides the messages.

    Parameters
    ----------
    temperature
        Sampling temperature; None leaves the vendor's default.
    max_tokens
        Upper bound of the answer in tokens. Always sent: it is what makes a cost cap a proof.
    seed
        Sampling seed, for vendors that take one.
    logprobs
        Whether to ask for token log-probabilities; set for models that give them.

    Examples
    --------
    >>> Params(temperature=0, max_tokens=64)
    Params(temperature=0.0, max_tokens=64, seed=None, logprobs=False)
    """

    temperature: float | None = None
    max_tokens: int = DEFAULT_MAX_TOKENS
    seed: int | None = None
    logprobs: bool = False

    def __post_init__(self) -> None:
        """Write one temperature in one way: 0, 0.0 and -0.0 are the same request."""
        if self.temperature is not None:
            object.__setattr__(self, "temperature", float(self.temperature) + 0.0)


@dataclass(frozen=True, slots=True)
class Call:
    """One question to one model.

    `draw` tells apart repeated samples of the same question.

    Examples
    --------
    >>> call = Call("gpt-4o", (Message("user", "What is 2+2?"),))
    >>> call.key == Call("gpt-4o", (Message("user", "What is 2+2?"),)).key
    True
    >>> call.key == Call("gpt-4o", (Message("user", "What is 2+2?"),), draw=1).key
    False
    """

    model: str
    messages: tuple[Message, ...]
    params: Params = Params()
    draw: int = 0

    @property
    def key(self) -> str:
        """The identity of the call: a SHA-256 over everything it holds."""
        return digest(asdict(self))

    @property
    def question(self) -> str:
        """The identity of the messages alone, whichever model is asked."""
        return digest([(message.role, message.content) for message in self.messages])


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a call.

    Of the `input_tokens`, `cached_tokens` were read from the vendor's prompt cache and
    `written_tokens` written to it; both have rates of their own.

    Examples
    --------
    >>> Usage(8, 1) + Usage(10, 20)
    Usage(input_tokens=18, output_tokens=21, cached_tokens=0, written_tokens=0)
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.written_tokens + other.written_tokens,
        )


class Kind(Enum):
    """Why a call or a row has no answer: the code that users see, and what it means.

    Examples
    --------
    >>> Kind.BudgetExceeded.value
    'no model fits what is left of the cost limit'
    """

    EmptyPrompt = "the prompt is missing, empty or blank"
    PromptType = "the prompt is neither text nor a list of messages"
    PromptEncoding = "the prompt holds a lone surrogate, which no wire can carry"
    PromptTooLong = "the prompt cannot fit the model's context"
    BudgetExceeded = "no model fits what is left of the cost limit"
    BudgetOverrun = "a vendor charged more than the most a call may cost, and the run was stopped"
    StoreFull = "the disk takes no more, and nothing is sent that could not be written down"
    Interrupted = "the run was interrupted before this row was answered"
    NotRecorded = "the recording has no such response"
    BadRequest = "the vendor refused the request as malformed"
    AuthError = "the vendor refused the key"
    NotFound = "the vendor does not know the model"
    RateLimited = "the vendor's rate limit did not clear in time"
    QuotaExhausted = "the account's quota or spending limit is used up"
    ServerError = "the vendor failed"
    ConnectionFailed = "the vendor could not be reached"
    Timeout = "no answer within the time allowed"
    MalformedResponse = "what came back is not an answer"
    Refused = "the model declined to answer"
    ToolCall = "the model asked for a tool instead of answering"
    EmptyAnswer = "the model answered nothing"
    ProviderError = "the provider raised an error of its own"
    StrategyError = "the strategy raised an error of its own"


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call or row, as a value. ``str()`` gives ``Code: message``.

    Examples
    --------
    >>> str(Failure(Kind.Timeout)), str(Failure(Kind.Refused, "not today"))
    ('Timeout: no answer within the time allowed', 'Refused: not today')
    """

    kind: Kind
    message: str = ""

    def __str__(self) -> str:
        return f"{self.kind.name}: {self.message or self.kind.value}"


@dataclass(frozen=True, slots=True)
class Response:
    """What one call brought back, or how it failed.

    Parameters
    ----------
    model
        Catalog name of the model that was asked.
    text
        The answer; None when there is none.
    usage
        Tokens as the vendor reported them.
    cost
        Nano-dollars at catalog prices; None when the price is unknown.
    latency
        Seconds, as first measured.
    finish
        ``stop``, ``length`` (truncated), ``refusal``, ``tool`` or ``error``.
    logprobs
        Log-probabilities of the answer's tokens, where the provider gives them.
    confidence
        A confidence that came with the response (a recording), else None.
    provider, cached, failure, attempts
        Who answered; whether it was paid for before; why it failed; requests it took.
    presumed
        Nano-dollars of attempts that may have been billed although no answer came of them. They
        are spent, as far as anybody can know, but no part of the answer's cost.

    Examples
    --------
    >>> Response("gpt-4o", "4", Usage(8, 1), cost=30_000).ok
    True
    >>> str(Response.failed("gpt-4o", Kind.Timeout, "60 s").problem)
    'Timeout: 60 s'
    """

    model: str
    text: str | None = None
    usage: Usage = Usage()
    cost: int | None = 0
    latency: float = 0.0
    finish: str = "stop"
    logprobs: tuple[float, ...] = ()
    confidence: float | None = None
    provider: str = ""
    cached: bool = False
    failure: Failure | None = None
    attempts: int = 1
    presumed: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether there is an answer to judge."""
        return self.problem is None

    @property
    def problem(self) -> Failure | None:
        """Why there is no answer; None when there is one. Saying nothing is a failure, too."""
        silent = Failure(Kind.EmptyAnswer) if self.text is None else None
        return self.failure or silent

    @classmethod
    def failed(cls, model: str, kind: Kind, message: str = "", **known: Any) -> Response:
        """Return a response that failed before or instead of an answer."""
        known = {"finish": "error", **known}
        return cls(model, failure=Failure(kind, message), **known)


def digest(value: Any) -> str:
    """Return the SHA-256 of `value` as canonical JSON: same value, same text, on any machine."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def canonical(value: Any) -> str:
    r"""Return `value` as JSON with sorted keys, ASCII only and no NaN.

    Examples
    --------
    >>> canonical({"b": 1, "a": "é"})
    '{"a":"\\u00e9","b":1}'
    """
    return json.dumps(
        value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":")
    )
