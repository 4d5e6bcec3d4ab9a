"""Catalog files -> Catalog: the bundled models, the user's own, the price list behind both."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from orchkit.core.catalog import Catalog, Model, Rates, Tier
from orchkit.errors import CatalogError, did_you_mean
from orchkit.runtime import prices

#: Takes the place of a value in a catalog and the value; gives it as it is kept, or refuses it.
Reader = Callable[[str, Any], Any]


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
        return parse(Path(path).read_text("utf-8-sig"), str(path))
    except OSError as error:
        raise CatalogError(f"Cannot read the catalog {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CatalogError(f"The catalog {path} is no text. Save it as TOML in UTF-8.") from None


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
    except (ValueError, RecursionError) as error:
        raise CatalogError(f"{where} is not TOML: {error}.") from None
    told = _words(where, document, _FILE)
    dated = {word: told[word] for word in ("as_of", "source") if word in told}
    models = {
        name: _model(f"{where}, model {name!r}", name, {**dated, **entry})
        for name, entry in told.get("models", {}).items()
    }
    defaults = {"offline": models, "live": models, **told.get("defaults", {})}
    return Listing(
        models, told.get("aliases", {}), tuple(defaults["offline"]), tuple(defaults["live"])
    )


def model(name: str, /, **told: Any) -> Model:
    """Return a model from the words of a catalog file or of ``add_model``.

    Prices are USD per million tokens, either `input_price` and `output_price`, or `rates`. What is
    not written, or None, is unknown, never free. Unknown words are refused.
    """
    if not isinstance(name, str) or not name.strip():
        raise CatalogError(f"A model's name is {name!r:.60}; give it one in words.")
    return _model(f"Model {name!r}", name, told)


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
    for name in pool.keys() - models:
        raise CatalogError(
            f"No model is listed for the default {name!r}. {did_you_mean(name, models)}"
        )
    reached = tuple(name for name in pool if reachable is None or reachable(models[name]))
    return Catalog(models, reached, aliases, prices.known)


def _model(where: str, name: str, told: Any) -> Model:
    given = {"provider": "openai", "tier": Tier.INTERMEDIATE, **_words(where, told, _MODEL)}
    plain = {"input_price", "output_price"} & given.keys()
    if plain and "rates" in given:
        raise CatalogError(f"{where}: both rates and {min(plain)} are written. Write one of them.")
    if plain:
        paid = [given.pop(word, math.nan) for word in ("input_price", "output_price")]
        given["rates"] = (Rates(*paid),)
    return Model(name, **given)


def _words(where: str, told: Any, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Return the words of a table, each as its reader gives it; None is a word not written."""
    for word in _table(where, told).keys() - readers:
        raise CatalogError(f"{where}: nothing is called {word!r}. {did_you_mean(word, readers)}")
    return {
        word: readers[word](f"{where}, {word}", value)
        for word, value in told.items()
        if value is not None
    }


def _each(reader: Reader) -> Reader:
    """Return the reader of a table of any names."""
    return lambda where, told: {
        name: reader(f"{where}, {name}", value) for name, value in _table(where, told).items()
    }


def _only(fits: Callable[[Any], bool], noun: str) -> Reader:
    """Return a reader that keeps what fits as it is."""

    def read(where: str, value: Any) -> Any:
        if not fits(value):
            raise CatalogError(f"{where}: {value!r:.80} is no {noun}.")
        return value

    return read


def _is(kind: type) -> Callable[[Any], bool]:
    """Return a test for a type; true and false are no numbers here."""
    return lambda value: isinstance(value, kind) and isinstance(value, bool) == (kind is bool)


def _tier(where: str, value: Any) -> Tier:
    try:
        return Tier(value)
    except ValueError:
        raise CatalogError(f"{where}: no tier {value!r}. Use {', '.join(Tier)}.") from None


def _day(where: str, value: Any) -> str:
    """Return a day as text, written as a date of TOML or as text."""
    try:
        return (value if isinstance(value, date) else date.fromisoformat(value)).isoformat()[:10]
    except (TypeError, ValueError):
        raise CatalogError(f"{where}: {value!r} is no day. Write it as YYYY-MM-DD.") from None


def _rates(where: str, value: Any) -> tuple[Rates, ...]:
    """Return the rates of a list of tables, by the length they start at."""
    rates = [_words(where, rate, _RATE) for rate in _list(where, value)]
    for rate in rates:
        if not {"input", "output"} <= rate.keys():
            raise CatalogError(f"{where}: a rate needs an input and an output price, not {rate}.")
    return tuple(sorted((Rates(**rate) for rate in rates), key=lambda rate: rate.above))


_table = _only(_is(Mapping), "table")
_list = _only(lambda value: isinstance(value, list | tuple), "list")
_text = _only(_is(str), "text: write it in quotes")
_address = _only(
    lambda value: _is(str)(value) and value.startswith(("http://", "https://")),
    "address: write one like http://127.0.0.1:8000/v1",
)
_names = _only(
    lambda value: isinstance(value, list | tuple) and all(map(_is(str), value)),
    "list of model names",
)
_flag = _only(_is(bool), "switch: write true or false")
_count = _only(lambda value: _is(Integral)(value) and value >= 0, "whole number of tokens")
_limit = _only(lambda value: _is(Integral)(value) and value >= 1, "whole number of 1 or more")
_price = _only(
    lambda value: _is(Real)(value) and 0 <= value < 1e12,
    "price in USD per million tokens: write 0 or more, or nothing if it is unknown",
)

#: Every word of a catalog and what it must be: of a rate, of a model, of a file.
_RATE: Mapping[str, Reader] = {
    **dict.fromkeys(("input", "output", "cached", "write"), _price),
    "above": _count,
}
_MODEL: Mapping[str, Reader] = {
    **dict.fromkeys(("provider", "id", "key_env", "best_for", "source"), _text),
    "base_url": _address,
    **dict.fromkeys(("input_price", "output_price"), _price),
    **dict.fromkeys(("as_of", "ends"), _day),
    "tier": _tier,
    "rates": _rates,
    "context": _count,
    **dict.fromkeys(("rpm", "tpm", "concurrency"), _limit),
    "logprobs": _flag,
}
_FILE: Mapping[str, Reader] = {
    "as_of": _day,
    "source": _text,
    "models": _each(_table),
    "aliases": _each(_text),
    "defaults": lambda where, told: _words(where, told, {"offline": _names, "live": _names}),
}
