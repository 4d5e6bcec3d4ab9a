"""One call, ready to go out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from functools import cached_property, lru_cache

from orchkit.core.calls import Call, Params, Response, Usage
from orchkit.core.catalog import Catalog, Model, input_bound
from orchkit.runtime.wire import Provider, request_key


@dataclass(frozen=True)
class Asked:
    """One call, ready to go out: to whom, as what, known by which key."""

    call: Call
    model: Model
    provider: Provider
    key: str
    catalog: Catalog

    @classmethod
    def of(cls, call: Call, catalog: Catalog, provider_of: Callable[[Model], Provider]) -> Asked:
        """Return the call as its provider is asked; MisuseError when there is nobody to ask."""
        model = catalog[call.model]
        provider = provider_of(model)
        # A stand-in (the simulator) knows models by their catalog names.
        name = model.wire_name if provider.name == model.provider else model.name
        wired = Call(name, call.messages, _asking(call.params, model.logprobs), call.draw)
        return cls(wired, model, provider, request_key(provider, wired), catalog)

    @cached_property
    def bound(self) -> int | None:
        """The most it can cost, in nano-dollars; None when the price is unknown."""
        return self.model.bound(self.call.messages, self.call.params.max_tokens)

    @cached_property
    def tokens(self) -> int:
        """The most tokens it can take."""
        return input_bound(self.call.messages) + self.call.params.max_tokens

    def priced(self, response: Response, seconds: float) -> Response:
        """Return a fresh response with its cost, its latency and its origin.

        One whose usage is unknown costs the most it could; one that costs more than the most it
        could is marked.
        """
        usage, cost = response.usage, self._cost(response)
        if _uncounted(response):
            usage = Usage(input_bound(self.call.messages), self.call.params.max_tokens)
        over = cost is not None and self.bound is not None and cost > self.bound
        return replace(
            response,
            model=self.model.name,
            usage=usage,
            cost=cost,
            latency=response.latency or seconds,
            provider=self.provider.name,
            extra={**response.extra, "overrun": True} if over else response.extra,
        )

    def known(self, response: Response) -> Response:
        """Return a response somebody else paid for, as this model's, at today's prices."""
        cost = response.cost if response.failure else self._cost(response)
        return replace(response, model=self.model.name, cost=cost, cached=True, presumed=0)

    def _cost(self, response: Response) -> int | None:
        """Return nano-dollars: as asked, or as the model that says it answered, if it is dearer."""
        if _uncounted(response):
            return self.bound
        cost, other = self.model.cost(response.usage), response.extra.get("answered_by")
        if cost is None or other is None or other not in self.catalog:
            return cost
        return max(cost, self.catalog[other].cost(response.usage) or 0)


@lru_cache(64)  # the same for every row of a run
def _asking(params: Params, logprobs: bool) -> Params:
    return replace(params, logprobs=logprobs)


def _uncounted(response: Response) -> bool:
    """Whether the vendor told no usage, or no counts: it then is the most there could be."""
    counts = astuple(response.usage)
    sane = all(type(count) is int and 0 <= count < 2**40 for count in counts)
    return not sane or response.extra.get("usage") == "missing"
