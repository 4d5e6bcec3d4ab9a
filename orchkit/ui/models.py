"""The catalog as users see and extend it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from orchkit.core.catalog import Model
from orchkit.errors import ParameterError, UnknownNameError, did_you_mean
from orchkit.runtime import catalogs
from orchkit.runtime.wire import Provider
from orchkit.ui import plugins
from orchkit.ui.session import SESSION

#: A name and a password in an address.
_CREDENTIALS = re.compile(r"//[^/?#]*@")


def add_model(
    name: str,
    *,
    provider: str | Provider = "openai",
    tier: str = "intermediate",
    input_price: float | None = None,
    output_price: float | None = None,
    **known: Any,
) -> None:
    """Add a model for this process; it is asked by default from now on.

    Parameters
    ----------
    name : str
        What it is called in results; also on the wire, unless `id` says otherwise.
    provider : str or Provider
        ``openai`` (any server that speaks it), ``anthropic``, the name of a provider that a
        package registers as an entry point ``orchkit.providers``, or an object with a `name` and
        an async ``complete(call)``, which serves this model alone.
    tier : {"basic", "intermediate", "advanced", "expert"}
        The hardest prompts it is trusted with.
    input_price, output_price : float, optional
        USD per million tokens. Left out they are unknown, and the model never runs under a cap;
        write 0 for a model that is free.
    **known
        `base_url`, `key_env` (the variable holding its key; none is sent without), `id`,
        `best_for`, `context`, `logprobs` (whether it gives them), `rpm`, `tpm`, `concurrency`
        (requests and tokens a minute, calls at once; unset, the vendor's headers tell).

    Raises
    ------
    CatalogError
        A tier, price or word the catalog does not know.
    ParameterError
        An object that is no provider, or that the cache would take for another one.

    Examples
    --------
    >>> import orchkit
    >>> orchkit.add_model("my-llama", base_url="http://127.0.0.1:8000/v1", tier="basic",
    ...                   input_price=0, output_price=0)
    >>> orchkit.models().loc["my-llama", "provider"]
    'openai'
    >>> orchkit.remove_model("my-llama")
    """
    own = None if isinstance(provider, str) else _provider(provider)
    model = catalogs.model(
        name,
        provider=provider if isinstance(provider, str) else provider.name,
        tier=tier,
        input_price=input_price,
        output_price=output_price,
        **known,
    )
    if own is not None:
        _refuse_a_double(model, own)
    _serve(name, own)
    _list({**SESSION.added.models, name: model})


def _provider(given: Provider) -> Provider:
    """Return an object that can answer calls, or say what it lacks."""
    if not plugins.provides(given):
        raise ParameterError(
            f"provider={given!r:.60} is neither a name nor an object with a text `name` and an "
            "async complete(call)."
        )
    return given


def _refuse_a_double(model: Model, own: Provider) -> None:
    """Refuse two objects that the cache would take for one: same name, same model on the wire."""
    face = (own.name, model.wire_name)
    for name, other in SESSION.own.items():
        taken = (other.name, SESSION.added.models[name].wire_name)
        if name != model.name and other is not own and taken == face:
            raise ParameterError(
                f"Two providers are called {own.name!r} and serve {model.wire_name!r}: {name} has "
                "the other. Give one of them another name, or pass the same object."
            )


def _serve(name: str, own: Provider | None) -> None:
    """Make this object the one that serves a model; None gives the model back to its vendor."""
    SESSION.own.pop(name, None)
    if own is not None:
        SESSION.own[name] = own


def remove_model(name: str) -> None:
    """Forget a model that was added.

    Raises
    ------
    UnknownNameError
        It was not added.

    Examples
    --------
    >>> import orchkit
    >>> orchkit.add_model("mine", input_price=0, output_price=0)
    >>> orchkit.remove_model("mine")
    >>> "mine" in orchkit.models().index
    False
    """
    models = dict(SESSION.added.models)
    if models.pop(name, None) is None:
        raise UnknownNameError(f"No model {name!r} was added. {did_you_mean(name, models)}")
    _serve(name, None)
    _list(models)


def _list(models: Mapping[str, Model]) -> None:
    """Make these the models that were added."""
    SESSION.added = catalogs.Listing(models, {}, tuple(models), tuple(models))


def models() -> pd.DataFrame:
    """Return the catalog, one row a model, indexed by name.

    Columns: provider, tier, input_price and output_price (USD per million tokens; NaN is
    unknown), best_for, context (tokens), retired (whether the vendor has ended it), ends (when it
    does), default (whether it is asked by default now), base_url, as_of and source of the price.

    Examples
    --------
    >>> import orchkit
    >>> orchkit.models().loc["gpt-4o-mini", ["input_price", "output_price"]].map(float).tolist()
    [0.15, 0.6]
    """
    catalog = SESSION.catalog()
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    rows = [
        _described(model, today, model.name in catalog.pool) for model in catalog.models.values()
    ]
    return pd.DataFrame(rows).set_index("name")


def _described(model: Model, today: str, default: bool) -> dict[str, Any]:
    return {
        "name": model.name,
        "provider": model.provider,
        "tier": model.tier.value,
        "input_price": model.input_price,
        "output_price": model.output_price,
        "best_for": model.best_for,
        "context": pd.NA if model.context is None else model.context,
        "retired": model.ends is not None and model.ends <= today,
        "ends": model.ends,
        "default": default,
        "base_url": model.base_url and _CREDENTIALS.sub("//***@", model.base_url),
        "as_of": model.as_of,
        "source": model.source,
    }
