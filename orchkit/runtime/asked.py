"""One call, ready to go out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from orchkit.core.calls import Call
from orchkit.core.catalog import Catalog, Model
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
