"""Models by name from genai-prices: a dated, bundled price list of some two thousand models."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from orchkit.core.catalog import Model, Rates, Tier

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

#: Without a better word on a model, its blended price in USD per million tokens places it.
TIER_BELOW = ((0.5, Tier.BASIC), (5.0, Tier.INTERMEDIATE), (12.0, Tier.ADVANCED))


@cache
def known(name: str) -> Model | None:
    """Return the model the price list knows by this name, or None.

    Its tier is guessed from its price, and it says so.

    Examples
    --------
    >>> known("gpt-4.1-mini").input_price
    0.4
    >>> known("no-such-model") is None
    True
    """
    from genai_prices import __version__
    from genai_prices.data_snapshot import get_snapshot

    try:
        provider, info = get_snapshot().find_provider_model(name, None, None, None)
    except LookupError:
        return None
    rates = _rates(info.get_prices(datetime.now(UTC)))
    return _model(name, provider, info, rates, f"genai-prices {__version__}") if rates else None


def _model(
    name: str, provider: Provider, info: ModelInfo, rates: tuple[Rates, ...], source: str
) -> Model:
    draft = Model(name, provider.id, Tier.EXPERT, rates)
    below = (tier for limit, tier in TIER_BELOW if draft.blended < limit)
    return Model(
        name=name,
        provider=provider.id,
        tier=next(below, Tier.EXPERT),
        rates=rates,
        best_for="(tier guessed from price)",
        context=info.context_window,
        as_of=f"{datetime.now(UTC):%Y-%m-%d}",
        source=source,
    )


def _rates(price: ModelPrice) -> tuple[Rates, ...]:
    """Return the price list's tiers as rates; empty when it has no price per token."""
    fields = (price.input_mtok, price.output_mtok, price.cache_read_mtok, price.cache_write_mtok)
    if price.input_mtok is None or price.output_mtok is None:
        return ()
    starts = {0} | {tier.start for field in fields for tier in getattr(field, "tiers", ())}
    prices = {start: [_at(field, start) for field in fields] for start in sorted(starts)}
    return tuple(Rates(*four, above=start) for start, four in prices.items())  # type: ignore[misc, arg-type]


def _at(price: Any, start: int) -> float:
    """Return a plain or tiered price for requests of more than `start` input tokens."""
    if price is None:
        return math.nan
    reached = [tier.price for tier in getattr(price, "tiers", ()) if tier.start <= start and start]
    return float(reached[-1] if reached else getattr(price, "base", price))
