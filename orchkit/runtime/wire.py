"""Between the executor and a vendor: what goes out, and how a vendor says no."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

from orchkit.core.calls import Call, Kind, Response, digest

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Quota:
    """What a vendor says it allows one model a minute; None where it does not say.

    Examples
    --------
    >>> Quota(requests=500).tokens is None
    True
    """

    requests: int | None = None
    tokens: int | None = None


class Provider(Protocol):
    """Anything that can answer a call whose `model` is the name on the wire.

    It may also have ``request(call) -> dict``, everything that decides the answer (address,
    endpoint, body), of which the cache key is made; and ``quotas``, a mapping of names on the
    wire to the `Quota` the vendor last told. Raise `Rejection` to say no in known terms.

    Examples
    --------
    >>> class Parrot:
    ...     name = "parrot"
    ...     async def complete(self, call):
    ...         return Response(call.model, call.messages[-1].content)
    >>> import orchkit
    >>> orchkit.add_model("polly", provider=Parrot(), input_price=0, output_price=0)
    >>> orchkit.run_orchestration("Hello", strategy="polly").response
    'Hello'
    >>> orchkit.remove_model("polly")
    """

    @property
    def name(self) -> str:
        """What the provider is called in results."""
        ...

    async def complete(self, call: Call) -> Response:
        """Return the answer to one call."""
        ...


@dataclass
class Rejection(Exception):  # noqa: N818 - it is not always an error: it may say "later"
    """A vendor's no, in our terms. Holds nothing of the vendor's exception, and so no key.

    Parameters
    ----------
    kind, message
        What users see.
    again
        Whether asking again may help.
    billed
        Whether the vendor may have billed the attempt although no answer arrived.
    wait
        Seconds the vendor ordered to wait; None when it ordered nothing.
    terminal
        Whether this vendor is to be asked nothing more in this run.

    Examples
    --------
    >>> str(Rejection(Kind.RateLimited, "slow down", again=True, wait=2.0))
    'RateLimited: slow down'
    """

    kind: Kind
    message: str = ""
    again: bool = False
    billed: bool = False
    wait: float | None = None
    terminal: bool = False

    def __str__(self) -> str:
        return f"{self.kind.name}: {self.message or self.kind.value}"


def request_key(provider: Provider, call: Call) -> str:
    """Return the identity of what goes out: the whole request and which draw it is."""
    describe = getattr(provider, "request", None)
    request: dict[str, Any] = describe(call) if describe else asdict(call)
    if not type(provider).__module__.startswith("orchkit."):
        _refuse_unnamed(request)
    return digest(
        {"schema": SCHEMA, "provider": provider.name, "request": request, "draw": call.draw}
    )


def _refuse_unnamed(part: object) -> None:
    """Refuse keys that are no text: JSON would write 1 and "1" alike, and so two requests."""
    if isinstance(part, dict):
        for name, value in part.items():
            if type(name) is not str:
                raise TypeError(f"a request's key is {name!r:.40}; it must be text")
            _refuse_unnamed(value)
    elif isinstance(part, list | tuple):
        for value in part:
            _refuse_unnamed(value)
