import math
from collections.abc import Iterable
from dataclasses import FrozenInstanceError, fields, replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Message, Usage
from orchkit.core.catalog import NANO, Catalog, Model, Rates, Tier, input_bound, pico
from orchkit.errors import ChainError, ParameterError, UnknownModelError

NAMES = ("gpt-4o-mini", "claude-haiku-3.5", "gpt-4o", "claude-sonnet-3.5", "gpt-4", "claude-opus-3")
UNKNOWN = [(), (Rates(math.nan, math.nan),), (Rates(1, math.nan),), (Rates(math.inf, math.inf),)]

tiers = st.sampled_from(Tier)
micros = st.integers(0, 10**9)
prices = micros.map(lambda micro: micro / 10**6)
unsure = prices | st.just(math.nan)
rates = st.builds(Rates, prices, prices, unsure, unsure)
tokens = st.integers(0, 10**7)
usages = st.builds(
    lambda fresh, out, read, written: Usage(fresh + read + written, out, read, written),
    tokens, tokens, tokens, tokens,
)  # fmt: skip
messages = st.lists(st.builds(Message, st.just("user"), st.text()), max_size=3).map(tuple)
steps = st.lists(st.tuples(st.integers(1, 60), rates), max_size=2, unique_by=lambda step: step[0])
ladders = st.builds(
    lambda foot, more: (foot, *(replace(r, above=above) for above, r in sorted(more, key=_above))),
    rates, steps,
)  # fmt: skip


def _above(step: tuple[int, Rates]) -> int:
    return step[0]


def _model(rates: Iterable[Rates], name: str = "m", tier: Tier = Tier.BASIC) -> Model:
    return Model(name, "openai", tier, tuple(rates))


def _catalog(priced: Iterable[tuple[Tier, float]]) -> Catalog:
    made = [_model([Rates(p, p)], f"m{n}", tier) for n, (tier, p) in enumerate(priced)]
    return Catalog({model.name: model for model in made}, tuple(model.name for model in made))


catalogs = st.lists(st.tuples(tiers, unsure), min_size=1, max_size=6).map(_catalog)


def _with(catalog: Catalog, model: Model) -> Catalog:
    """Return a catalog that knows, and asks, one model more."""
    pool = (*(name for name in catalog.pool if name != model.name), model.name)
    return replace(catalog, models={**catalog.models, model.name: model}, pool=pool)


def _exact(rates: Rates, usage: Usage) -> Fraction:
    """Return the nano-dollars of a call as a fraction: a USD per million is 1000 nano a token."""
    read = rates.input if math.isnan(rates.cached) else rates.cached
    written = rates.input if math.isnan(rates.write) else rates.write
    fresh = usage.input_tokens - usage.cached_tokens - usage.written_tokens
    parts = (
        (fresh, rates.input),
        (usage.cached_tokens, read),
        (usage.written_tokens, written),
        (usage.output_tokens, rates.output),
    )
    return sum((count * Fraction(str(price)) * 1000 for count, price in parts), Fraction())


@pytest.mark.parametrize("high", Tier)
@pytest.mark.parametrize("low", Tier)
def test_tiers_compare_as_their_ranks(low: Tier, high: Tier) -> None:
    """The order is total: all six comparisons agree with the ranks."""
    by_rank = (low.rank < high.rank, low.rank == high.rank, low.rank > high.rank)
    assert (low < high, low == high, low > high) == by_rank
    assert (low <= high, low != high, low >= high) == tuple(not told for told in by_rank[::-1])


@pytest.mark.parametrize("high", Tier)
@pytest.mark.parametrize("low", Tier)
def test_a_tier_compares_with_the_word_for_one(low: Tier, high: Tier) -> None:
    """A word on either side is compared as its tier, not as text."""
    assert (low < high.value) == (low.value < high) == (low < high)
    assert (low >= high.value) == (low.value >= high) == (low >= high)


def test_a_tier_does_not_compare_with_another_word() -> None:
    """A word that names no tier has no place in the order."""
    with pytest.raises(ValueError, match="mighty"):
        _ = Tier.BASIC < "mighty"


def test_tiers_are_sorted_from_basic_to_expert() -> None:
    """Sorting words and tiers together gives the order of the quick reference."""
    mixed = ["expert", Tier.BASIC, "advanced", Tier.INTERMEDIATE]
    assert sorted(mixed, key=Tier) == ["basic", "intermediate", "advanced", "expert"]


@given(micros)
def test_a_price_in_micro_dollars_is_kept_exactly(micro: int) -> None:
    """Six decimals of a USD price become an integer without a rounding error."""
    assert pico(micro / 10**6) == micro


def test_a_million_tokens_cost_their_price() -> None:
    """A price of one dollar for a million tokens is a dollar, in nano-dollars."""
    assert Rates(1, 0).cost(Usage(10**6)) == Rates(0, 1).cost(Usage(0, 10**6)) == NANO


@settings(max_examples=100)
@given(rates, usages)
def test_a_cost_is_the_exact_sum_rounded_up(rates: Rates, usage: Usage) -> None:
    """A cost is the smallest integer of nano-dollars that is not below the rational sum."""
    assert rates.cost(usage) == math.ceil(_exact(rates, usage))


@given(rates, usages, usages)
def test_more_tokens_never_cost_less(rates: Rates, usage: Usage, more: Usage) -> None:
    """A cost grows with every kind of token."""
    assert rates.cost(usage + more) >= rates.cost(usage)


@given(rates, usages, usages)
def test_two_calls_cost_at_least_one_of_both(rates: Rates, one: Usage, other: Usage) -> None:
    """Rounding up each call is dearer than rounding their sum, by at most one nano-dollar."""
    apart = rates.cost(one) + rates.cost(other)
    assert 0 <= apart - rates.cost(one + other) <= 1


@given(rates, st.builds(Usage, tokens, tokens, tokens, tokens))
def test_no_usage_earns_money(rates: Rates, usage: Usage) -> None:
    """Even where a vendor reports more cached tokens than input, a cost is not negative."""
    assert rates.cost(usage) >= 0


@settings(max_examples=100)
@given(ladders, messages, st.integers(0, 50), st.data())
def test_no_usage_within_the_bound_costs_more(
    ladder: tuple[Rates, ...], messages: tuple[Message, ...], limit: int, data: st.DataObject
) -> None:
    """The bound of a call is at least the cost of whatever it may turn out to use."""
    model = _model(ladder)
    read = data.draw(st.integers(0, input_bound(messages)))
    cached = data.draw(st.integers(0, read))
    written = data.draw(st.integers(0, read - cached))
    usage = Usage(read, data.draw(st.integers(0, limit)), cached, written)
    assert model.cost(usage) <= model.bound(messages, limit)


def test_the_bound_covers_a_prompt_cache_that_is_dearer_to_read() -> None:
    """Reading from a prompt cache is covered by the bound, whatever its rate."""
    model, said = _model([Rates(1, 1, cached=2)]), (Message("user", "?"),)
    most = input_bound(said)
    assert model.cost(Usage(most, 1, cached_tokens=most)) <= model.bound(said, 1)


@pytest.mark.parametrize(("below", "rate"), [(0, 1), (1, 10)])
def test_the_bound_reserves_no_more_than_can_be_reached(below: int, rate: int) -> None:
    """A dearer step counts when the longest the input can become is above it, not at it."""
    said = (Message("user", "?"),)
    most = input_bound(said)
    model = _model([Rates(1, 0), Rates(10, 0, above=most - below)])
    assert model.bound(said, 5) == most * rate * 1000


@given(messages, st.builds(Message, st.just("user"), st.text()))
def test_the_bound_of_the_input_covers_every_byte(said: tuple[Message, ...], more: Message) -> None:
    """No tokeniser makes more tokens than bytes, and another message only adds."""
    assert input_bound(said) >= sum(len(message.content.encode()) for message in said)
    assert input_bound((*said, more)) > input_bound(said)


def test_what_no_wire_can_carry_is_still_bounded() -> None:
    """A lone surrogate has a bound, so that a reservation does not fail before the check."""
    assert input_bound([Message("user", "\ud800")]) > 0


@pytest.mark.parametrize("rates", UNKNOWN)
def test_a_model_without_a_price_has_no_cost_and_no_bound(rates: tuple[Rates, ...]) -> None:
    """Unknown is None, never a number that could be added up."""
    model = _model(rates)
    assert not model.priced
    assert model.cost(Usage(8, 1)) is None
    assert model.bound((Message("user", "?"),), 1) is None


def test_a_price_that_is_not_needed_may_be_unknown() -> None:
    """A call that used no output tokens has a cost without an output price."""
    assert _model([Rates(1, math.nan)]).cost(Usage(8, 0)) == 8000


def test_free_is_not_unknown() -> None:
    """A model at price 0 costs 0, and is the cheapest there is."""
    free = _model([Rates(0, 0)])
    assert (free.priced, free.blended, free.cost(Usage(8, 1))) == (True, 0, 0)


@pytest.mark.parametrize(("read", "cost"), [(99, 99), (100, 100), (101, 1010), (201, 20100)])
def test_a_longer_request_is_wholly_at_the_higher_rate(read: int, cost: int) -> None:
    """Above a threshold, not at it, every token of the request has the rate of that step."""
    steps = (Rates(0.001, 0), Rates(0.01, 0, above=100), Rates(0.1, 0, above=200))
    assert _model(steps).cost(Usage(read)) == cost


def test_cached_and_written_tokens_have_their_own_rates() -> None:
    """Tokens of a prompt cache are not charged at the rate of fresh ones."""
    rates = Rates(1, 0, cached=0.1, write=1.25)
    assert rates.cost(Usage(1000, 0, cached_tokens=600, written_tokens=300)) == 535_000


def test_without_rates_of_a_prompt_cache_its_tokens_are_input() -> None:
    """A vendor that names no rates for its prompt cache charges the plain ones."""
    assert Rates(1, 0).cost(Usage(10, 0, 6, 3)) == Rates(1, 0).cost(Usage(10))


def test_a_model_shows_the_prices_of_a_short_request() -> None:
    """The price of a model is that of its first step; without steps it is unknown."""
    model = _model([Rates(1, 5), Rates(2, 7.5, above=272_000)])
    assert (model.input_price, model.output_price, model.blended) == (1, 5, 2)
    assert math.isnan(_model([]).input_price)
    assert math.isnan(_model([]).output_price)


def test_a_model_is_known_to_its_vendor_by_its_id() -> None:
    """Without an id the catalog name goes on the wire."""
    assert _model([]).wire_name == "m"
    assert replace(_model([]), id="m-2026").wire_name == "m-2026"


def test_the_default_chain_is_that_of_the_quick_reference(catalog: Catalog) -> None:
    """The six models make a ladder of four, one a tier."""
    chain = ("gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5", "claude-opus-3")
    assert catalog.ladder() == chain


@pytest.mark.parametrize("size", range(1, 7))
def test_the_default_ensemble_is_that_of_the_quick_reference(catalog: Catalog, size: int) -> None:
    """A committee is the ladder from its foot, then the other models by price."""
    ladder = ("gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5", "claude-opus-3")
    assert catalog.committee(size) == (*ladder, "gpt-4o", "gpt-4")[:size]


@pytest.mark.parametrize("size", [-1, 0, 7])
def test_a_committee_has_from_one_to_all_models(catalog: Catalog, size: int) -> None:
    """A size that cannot be had is refused, and the message says what can be."""
    with pytest.raises(ParameterError, match=f"{size}; it must be from 1 to the 6"):
        catalog.committee(size)


@given(catalogs)
def test_a_ladder_goes_up_in_tier_and_price(catalog: Catalog) -> None:
    """Every step of a ladder is more able and not cheaper, up to the highest tier there is."""
    steps = [catalog[name] for name in catalog.ladder()]
    assert all(low.tier < high.tier for low, high in pairwise(steps))
    assert all(low.blended <= high.blended for low, high in pairwise(steps))
    assert steps[-1].tier == max(model.tier for model in catalog.models.values())


@given(catalogs)
def test_a_committee_of_all_is_the_pool(catalog: Catalog) -> None:
    """Each model sits on the committee once, and a smaller one is the beginning of it."""
    everybody = catalog.committee(len(catalog.pool))
    assert sorted(everybody) == sorted(catalog.pool)
    assert all(catalog.committee(n + 1) == everybody[: n + 1] for n in range(len(everybody)))


@given(catalogs, tiers)
def test_the_cheapest_able_is_able_and_cheapest(catalog: Catalog, tier: Tier) -> None:
    """No model of that tier or above is cheaper; where none is able, none is more able."""
    pool = [catalog[name] for name in catalog.pool]
    best = max(model.tier for model in pool)
    chosen = catalog.cheapest_able(tier)[0]
    rivals = [model for model in pool if model.tier >= min(tier, best)]
    assert chosen.tier >= min(tier, best)
    assert chosen.blended == min(model.blended for model in rivals)


def test_of_equal_prices_the_stronger_comes_first() -> None:
    """Nobody is asked a weaker model at the price of a stronger one."""
    catalog = _catalog([(Tier.BASIC, 1.0), (Tier.EXPERT, 1.0), (Tier.ADVANCED, 1.0)])
    assert [model.tier for model in catalog.able(Tier.BASIC)] == ["expert", "advanced", "basic"]
    assert catalog.ladder() == ("m1",)


@pytest.mark.parametrize("rates", UNKNOWN)
def test_an_unknown_price_comes_last(catalog: Catalog, rates: tuple[Rates, ...]) -> None:
    """A model whose price nobody knows is asked after all whose price is known."""
    unknown = _model(rates, "new", Tier.BASIC)
    able = _with(catalog, unknown).able(Tier.BASIC)
    assert [model.name for model in able].index("new") == len(NAMES)


def test_a_model_is_found_by_name_and_by_alias(catalog: Catalog) -> None:
    """Another spelling gives the model under its catalog name."""
    assert catalog["mini"] == catalog["gpt-4o-mini"]
    assert "mini" in catalog
    assert "maxi" not in catalog


def test_an_unknown_model_is_named_with_the_nearest(catalog: Catalog) -> None:
    """The message offers what was probably meant."""
    with pytest.raises(UnknownModelError, match=r"No model 'gpt-4o-mni'.*mean 'gpt-4o-mini'"):
        catalog["gpt-4o-mni"]


def test_a_model_beyond_the_list_is_looked_up(catalog: Catalog) -> None:
    """Only a name that is not listed is looked up, and it is not asked by default."""
    asked: list[str] = []

    def lookup(name: str) -> Model | None:
        asked.append(name)
        return _model([], name) if name == "rare" else None

    wider = replace(catalog, lookup=lookup)
    assert wider["rare"].name == "rare"
    assert wider["mini"].name == "gpt-4o-mini"
    assert "rarer" not in wider
    assert asked == ["rare", "rarer"]
    assert "rare" not in wider.committee(6)


def test_a_chain_is_given_in_catalog_names(catalog: Catalog) -> None:
    """Names and aliases become catalog names, in the order given."""
    assert catalog.distinct(("gpt-4", "mini")) == ("gpt-4", "gpt-4o-mini")


def test_two_names_of_one_model_are_no_chain(catalog: Catalog) -> None:
    """A model and its alias are one model, and the message names it."""
    with pytest.raises(ChainError, match="gpt-4o-mini, gpt-4o-mini"):
        catalog.distinct(("mini", "gpt-4o-mini"))


def test_a_listed_model_outside_the_pool_is_not_a_default(catalog: Catalog) -> None:
    """A model that is listed but not in the pool is asked by name only."""
    small = replace(catalog, pool=("gpt-4", "gpt-4o"))
    assert "claude-opus-3" in small
    assert small.ladder() == ("gpt-4o", "gpt-4")


def test_without_an_able_model_the_most_able_are_asked(catalog: Catalog) -> None:
    """A prompt beyond every model still goes to the best of them."""
    small = replace(catalog, pool=("gpt-4o-mini", "gpt-4o"))
    assert [model.name for model in small.cheapest_able(Tier.EXPERT)] == ["gpt-4o"]


def test_an_empty_pool_says_what_to_do(catalog: Catalog) -> None:
    """Without any model the message names keys, add_model and the simulator."""
    with pytest.raises(UnknownModelError, match=r"KEY.*add_model.*simulator"):
        replace(catalog, pool=()).ladder()


@pytest.mark.parametrize("value", [Rates(1, 1), _model([]), _catalog([(Tier.BASIC, 1.0)])])
def test_values_are_frozen(value: object) -> None:
    """What a run was told of models and prices does not change under it."""
    first = fields(value)[0].name  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        setattr(value, first, "other")
