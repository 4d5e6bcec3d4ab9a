"""One call, ready to go out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from orchkit.core.calls import Call, Response, Usage
from orchkit.core.catalog import Catalog, Model, input_bound
from orchkit.runtime.wire import Provider, request_key


@dataclass(frozen=True)
class Asked:
    """One call, ready to go out: to whom, as what, known by which key, costing at most what."""

    call: Call
    model: Model
    provider: Provider
    key: str
    bound: int | None

    @classmethod
    def of(cls, call: Call, catalog: Catalog, provider_of: Callable[[Model], Provider]) -> Asked:
        """Return the call as its provider is asked; MisuseError when there is nobody to ask."""
        model = catalog[call.model]
        provider = provider_of(model)
        # A stand-in (the simulator) knows models by their catalog names.
        name = model.wire_name if provider.name == model.provider else model.name
        wired = replace(call, model=name, params=replace(call.params, logprobs=model.logprobs))
        bound = model.bound(call.messages, call.params.max_tokens)
        return cls(wired, model, provider, request_key(provider, wired), bound)

    def priced(self, response: Response, seconds: float) -> Response:
        """Return a fresh response with its cost, its latency and its origin.

        One whose usage is unknown costs the most it could.
        """
        usage = response.usage
        if _uncounted(response):
            usage = Usage(input_bound(self.call.messages), self.call.params.max_tokens)
        return replace(
            response,
            model=self.model.name,
            usage=usage,
            cost=self._cost(response),
            latency=response.latency or seconds,
            provider=self.provider.name,
        )

    def known(self, response: Response) -> Response:
        """Return a response somebody else paid for, as this model's, at today's prices."""
        cost = response.cost if response.failure else self._cost(response)
        return replace(response, model=self.model.name, cost=cost, cached=True)

    def _cost(self, response: Response) -> int | None:
        return self.bound if _uncounted(response) else self.model.cost(response.usage)


def _uncounted(response: Response) -> bool:
    """Whether the vendor told no usage: it then counts as the most there could be."""
    return response.extra.get("usage") == "missing"
