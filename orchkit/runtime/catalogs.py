"""Catalog files -> Catalog: the bundled models, the user's own, the price list behind both."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from orchkit.core.catalog import Catalog, Model, Rates, Tier
from orchkit.errors import CatalogError, did_you_mean
from orchkit.runtime import prices


@dataclass(frozen=True)
class Listing:
    """What a catalog file says: models, other spellings, and the defaults of each kind of run."""

    models: Mapping[str, Model]
    aliases: Mapping[str, str]
    offline: tuple[str, ...]
    live: tuple[str, ...]


@cache
def bundled() -> Listing:
    """Return the catalog that ships with orchkit."""
    text = resources.files("orchkit.runtime").joinpath("catalog.toml").read_text("utf-8")
    return parse(text, "the bundled catalog")


def read(path: str | Path) -> Listing:
    """Return the catalog of a TOML file, or raise CatalogError naming what is wrong with it."""
    try:
        return parse(Path(path).read_text("utf-8"), str(path))
    except OSError as error:
        raise CatalogError(f"Cannot read the catalog {path}: {error.strerror}.") from None


def parse(text: str, where: str) -> Listing:
    r"""Return the listing a TOML text describes.

    Examples
    --------
    >>> listing = parse('[models.local]\nprovider = "openai"\ninput_price = 0', "example")
    >>> listing.models["local"].tier.value
    'intermediate'
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(f"{where} is not TOML: {error}.") from None
    dated = {key: document[key] for key in ("as_of", "source") if key in document}
    entries = document.get("models", {})
    models = {name: model(name, **{**dated, **entry}) for name, entry in entries.items()}
    defaults = document.get("defaults", {})
    everything = tuple(models)
    return Listing(
        models=models,
        aliases=document.get("aliases", {}),
        offline=tuple(defaults.get("offline", everything)),
        live=tuple(defaults.get("live", everything)),
    )


def model(
    name: str,
    *,
    provider: str = "openai",
    tier: str = "intermediate",
    input_price: float | None = None,
    output_price: float | None = None,
    rates: Iterable[Mapping[str, Any]] = (),
    **known: Any,
) -> Model:
    """Return a model from the words of a catalog file or of ``add_model``.

    Prices are USD per million tokens, either `input_price` and `output_price`, or `rates`. What is
    not written is unknown, never free. Unknown words are refused.
    """
    _refuse_unknown(name, known)
    given = [Rates(**{key: _number(name, value) for key, value in rate.items()}) for rate in rates]
    if input_price is not None or output_price is not None:
        given = [Rates(_number(name, input_price), _number(name, output_price))]
    try:
        placed = Tier(tier)
    except ValueError:
        raise CatalogError(f"Model {name!r}: no tier {tier!r}. Use one of {[*Tier]}.") from None
    return Model(name, provider, placed, tuple(sorted(given, key=lambda r: r.above)), **known)


def catalog(
    listings: Iterable[Listing], reachable: Callable[[Model], bool] | None = None
) -> Catalog:
    """Return the catalog of a run: all listings, later ones winning.

    The pool of a live run holds the live defaults that are `reachable`; without that test it is
    the pool of a simulated or replayed run, the offline defaults.
    """
    models: dict[str, Model] = {}
    aliases: dict[str, str] = {}
    pool: dict[str, None] = {}
    for listing in listings:
        models |= listing.models
        aliases |= listing.aliases
        pool |= dict.fromkeys(listing.live if reachable else listing.offline)
    reached = tuple(name for name in pool if reachable is None or reachable(models[name]))
    return Catalog(models, reached, aliases, prices.known)


def _refuse_unknown(name: str, known: Mapping[str, Any]) -> None:
    words = {field.name for field in fields(Model)} - {"name", "provider", "tier", "rates"}
    for word in known.keys() - words:
        hint = did_you_mean(word, {*words, "tier", "provider", "input_price", "output_price"})
        raise CatalogError(f"Model {name!r}: nothing is called {word!r}. {hint}")


def _number(name: str, value: object) -> Any:
    """Return a price or a threshold; unknown is NaN, and a price is never negative."""
    if value is None:
        return float("nan")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:  # type: ignore[operator]
        raise CatalogError(f"Model {name!r}: {value!r} is no price in USD per million tokens.")
    return value
