from __future__ import annotations

import itertools
import math
from decimal import ROUND_CEILING

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot

from orchkit.core.calls import Usage
from orchkit.core.catalog import Model, Tier
from orchkit.runtime.prices import TIER_BELOW, known

USAGES = (Usage(1, 1), Usage(1000, 100), Usage(150_000, 1000, 1000), Usage(300_000, 5000))


@pytest.fixture(scope="module")
def listed() -> dict[str, Model]:
    """Give every model of the price list that is known by its bare name."""
    names = {info.id for provider in get_snapshot().providers for info in provider.models}
    return {name: found for name in sorted(names) if (found := known(name))}


def test_many_models_are_known(listed: dict[str, Model]) -> None:
    """Hundreds of models can be asked for without being described first."""
    assert len(listed) > 300


def test_costs_equal_the_price_list(listed: dict[str, Model]) -> None:
    """Short, long and partly cached calls cost what the list's own arithmetic says, rounded up."""
    for (name, found), usage in itertools.product(listed.items(), USAGES):
        counted = genai_prices.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cached_tokens or None,
        )
        price = genai_prices.calc_price(counted, name).total_price * 10**9
        assert found.cost(usage) == int(price.to_integral_value(ROUND_CEILING)), name


def test_every_known_model_has_a_price(listed: dict[str, Model]) -> None:
    """A model without a price per token is not known, rather than free."""
    assert all(found.priced for found in listed.values())
    assert not any(rate.input < 0 for found in listed.values() for rate in found.rates)


def test_rates_start_at_nothing_and_rise(listed: dict[str, Model]) -> None:
    """The first rate holds from the first token, and each later one from a larger number on."""
    for found in listed.values():
        starts = [rates.above for rates in found.rates]
        assert starts[0] == 0
        assert starts == sorted(set(starts))


def test_a_tier_is_guessed_from_the_price(listed: dict[str, Model]) -> None:
    """Without a better word the dearer model is the more trusted one, and it says it is a guess."""
    for found in listed.values():
        above = [tier for limit, tier in TIER_BELOW if found.blended < limit]
        assert found.tier == (above[0] if above else Tier.EXPERT)
        assert "guessed" in found.best_for


def test_the_guess_has_a_source(listed: dict[str, Model]) -> None:
    """Where a price comes from, and in which version, is written beside it."""
    assert {found.source for found in listed.values()} == {
        f"genai-prices {genai_prices.__version__}"
    }


@pytest.mark.parametrize("name", ["no-such-model", "", " ", "\0", "a" * 10_000])
def test_an_unknown_name_is_none(name: str) -> None:
    """A name that the list does not have is no error and no guess."""
    assert known(name) is None


def test_a_rate_that_is_missing_is_nan(listed: dict[str, Model]) -> None:
    """A vendor without a prompt cache has no price for one."""
    assert math.isnan(listed["gpt-4"].rates[0].cached)
