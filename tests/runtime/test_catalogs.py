from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from decimal import ROUND_CEILING
from pathlib import Path
from typing import Any

import genai_prices
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Usage
from orchkit.core.catalog import Tier
from orchkit.errors import CatalogError, UnknownModelError
from orchkit.runtime.catalogs import Listing, bundled, catalog, model, parse, read

#: Name, input and output price and tier, as the quick reference and API.md have them.
CONTRACT = [
    ("gpt-4o-mini", 0.15, 0.60, "basic"),
    ("claude-haiku-3.5", 0.80, 4.00, "intermediate"),
    ("gpt-4o", 2.50, 10.00, "intermediate"),
    ("claude-sonnet-3.5", 3.00, 15.00, "advanced"),
    ("gpt-4", 30.00, 60.00, "advanced"),
    ("claude-opus-3", 15.00, 75.00, "expert"),
]
FILE = """
as_of = "2026-01-02"
source = "my invoice"

[defaults]
live = ["local"]
offline = []

[aliases]
mine = "local"

[models.local]
provider = "openai"
tier = "advanced"
base_url = "http://127.0.0.1:8000/v1"
key_env = "LOCAL_KEY"
id = "llama"
context = 8192
logprobs = true
input_price = 0
output_price = 0.5

[models.tiered]
rates = [{ input = 2, output = 6, above = 1000 }, { input = 1, output = 3, cached = 0.1 }]

[models.gpt-4o-mini]
input_price = 1
output_price = 2
"""


def _nano(name: str, provider: str, usage: Usage) -> int:
    """Price a call by the price list's own arithmetic, rounded up to nano-dollars."""
    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.written_tokens,
    )
    price = genai_prices.calc_price(counted, name, provider_id=provider).total_price
    return int((price * 10**9).to_integral_value(ROUND_CEILING))


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Draw usages on both sides of every threshold."""
    size = draw(st.sampled_from([1, 99_999, 100_000, 100_001, 272_000, 272_001, 600_000]))
    cached = draw(st.integers(0, size // 2))
    written = draw(st.integers(0, size // 2))
    return Usage(size, draw(st.integers(0, 50_000)), cached, written)


@pytest.mark.parametrize("name", bundled().models)
@settings(deadline=None, max_examples=15)
@given(usage=usages())
def test_bundled_prices_equal_the_price_list(name: str, usage: Usage) -> None:
    """Every bundled model costs to the nano-dollar what genai-prices says it does."""
    listed = bundled().models[name]
    if math.isnan(listed.rates[0].cached):
        usage = Usage(usage.input_tokens, usage.output_tokens)
    elif math.isnan(listed.rates[0].write):
        usage = Usage(usage.input_tokens, usage.output_tokens, usage.cached_tokens)
    assert listed.cost(usage) == _nano(listed.wire_name, listed.provider, usage)


@pytest.mark.parametrize(("name", "paid_in", "paid_out", "tier"), CONTRACT)
def test_the_six_of_the_quick_reference_are_there(
    name: str, paid_in: float, paid_out: float, tier: str
) -> None:
    """The names, prices and tiers that the contract promises are always in the catalog."""
    listed = bundled().models[name]
    assert (listed.input_price, listed.output_price, listed.tier) == (paid_in, paid_out, tier)


def test_the_six_are_the_offline_defaults() -> None:
    """The simulator and recordings ask the contract's models, with its default chain."""
    offline = catalog([bundled()])
    assert set(offline.pool) == {name for name, *_ in CONTRACT}
    chain = ("gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5", "claude-opus-3")
    assert offline.ladder() == chain
    assert offline.committee(3) == chain[:3]
    assert offline.committee(2) == chain[:2]


def test_no_live_default_is_about_to_end() -> None:
    """A model whose vendor retires it is asked only by name."""
    live = catalog([bundled()], lambda _: True)
    assert live.pool
    assert [name for name in live.pool if live[name].ends] == []


def test_live_defaults_are_one_a_tier_and_vendor() -> None:
    """Each vendor alone covers every tier, with one model each."""
    live = catalog([bundled()], lambda _: True)
    places = Counter((live[name].provider, live[name].tier) for name in live.pool)
    assert places == {(vendor, tier): 1 for vendor in ("openai", "anthropic") for tier in Tier}


def test_every_bundled_model_is_fully_described() -> None:
    """Prices, context, date and source are there, and an end is a date."""
    for listed in bundled().models.values():
        assert listed.priced
        assert (listed.context or 0) > 0
        assert listed.source
        assert dt.date.fromisoformat(listed.as_of or "")
        assert listed.ends is None or dt.date.fromisoformat(listed.ends)


def test_every_alias_and_default_names_a_model() -> None:
    """Nothing in the bundled catalog points to a model that is not in it."""
    own = bundled()
    assert {*own.aliases.values(), *own.offline, *own.live} <= own.models.keys()


def test_a_file_says_all_there_is_to_say(tmp_path: Path) -> None:
    """What a user writes about a model is what the model is."""
    (tmp_path / "my.toml").write_text(FILE, "utf-8")
    local = read(tmp_path / "my.toml").models["local"]
    assert (local.tier, local.wire_name, local.context) == (Tier.ADVANCED, "llama", 8192)
    assert (local.base_url, local.key_env) == ("http://127.0.0.1:8000/v1", "LOCAL_KEY")
    assert (local.input_price, local.output_price, local.logprobs) == (0, 0.5, True)
    assert (local.as_of, local.source) == ("2026-01-02", "my invoice")


def test_rates_are_sorted_by_the_length_they_start_at() -> None:
    """The order in which rates are written does not matter."""
    tiered = parse(FILE, "mine").models["tiered"]
    assert [rates.above for rates in tiered.rates] == [0, 1000]
    assert tiered.cost(Usage(1000, 10)) == 1_030_000
    assert tiered.cost(Usage(1001, 10)) == 2_062_000


def test_later_listings_win() -> None:
    """A user's own word on a bundled model replaces the bundled one."""
    mine = catalog([bundled(), parse(FILE, "mine")])
    assert mine["gpt-4o-mini"].input_price == 1
    assert mine["mine"].name == "local"
    assert mine["gpt-4o"].input_price == 2.5


def test_the_pool_follows_the_defaults() -> None:
    """A file's live and offline defaults join the bundled ones, each in its own kind of run."""
    listings = [bundled(), parse(FILE, "mine")]
    assert catalog(listings, lambda _: True).pool == (*bundled().live, "local")
    assert catalog(listings).pool == bundled().offline


def test_without_defaults_every_model_of_a_file_is_one() -> None:
    """Who adds a model wants it asked."""
    added = parse('[models.a]\ntier = "basic"\n[models.b]\n', "mine")
    assert (added.live, added.offline) == (("a", "b"), ("a", "b"))


def test_what_cannot_be_reached_is_no_live_default() -> None:
    """A live pool holds only models that have somewhere to go, but knows all of them."""
    live = catalog([bundled()], lambda listed: listed.provider == "anthropic")
    assert {live[name].provider for name in live.pool} == {"anthropic"}
    assert "gpt-6-luna" in live


def test_the_price_list_stands_behind_the_catalog() -> None:
    """A model that no file lists is found by name, and one that nobody knows is not."""
    known = catalog([bundled()])
    assert known["gpt-4.1-mini"].input_price == 0.4
    with pytest.raises(UnknownModelError, match="gpt-4o-mini"):
        known["gpt-4o-minii"]


@pytest.mark.parametrize(
    "written",
    ["", "input_price = 1", "output_price = 1", "rates = []"],
)
def test_an_unknown_price_is_nan_and_never_free(written: str) -> None:
    """What is not written is unknown: such a call has no cost and no bound."""
    listed = parse(f"[models.x]\n{written}", "mine").models["x"]
    assert math.isnan(listed.input_price + listed.output_price)
    assert not listed.priced
    assert listed.cost(Usage(1, 1)) is None
    assert listed.bound((), 1) is None


def test_free_is_free_only_when_it_is_written() -> None:
    """A price of 0 is a price."""
    free = model("x", input_price=0, output_price=0)
    assert (free.priced, free.cost(Usage(1000, 1000))) == (True, 0)


@pytest.mark.parametrize("day", ['"2027-01-14"', "2027-01-14"], ids=["text", "TOML date"])
def test_a_day_is_text_however_it_is_written(day: str) -> None:
    """TOML has dates of its own, and who uses one means the same."""
    assert parse(f"[models.x]\nends = {day}", "mine").models["x"].ends == "2027-01-14"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("x = ", "mine.toml"),
        ("models = 3", "models"),
        ("[models]\nx = 3", "x"),
        ("[models.x]\ntier = 'hard'", "hard"),
        ("[models.x]\ntier = 5", "5"),
        ("[models.x]\ninput_prize = 1", "input_price"),
        ("[models.x]\nname = 'y'", "name"),
        ("[models.x]\ninput_price = -1", "-1"),
        ("[models.x]\ninput_price = '1'", "'1'"),
        ("[models.x]\ninput_price = true", "True"),
        ("[models.x]\ninput_price = inf\noutput_price = 1", "inf"),
        ("[models.x]\nrates = 3", "rates"),
        ("[models.x]\nrates = [3]", "rates"),
        ("[models.x]\nrates = [{ input = 1 }]", "output"),
        ("[models.x]\nrates = [{ inptu = 1, output = 1 }]", "inptu"),
        ("[models.x]\nrates = [{ input = 1, output = -1 }]", "-1"),
        ("[models.x]\nprovider = 4", "provider"),
        ("[models.x]\nbase_url = 4", "base_url"),
        ('[models.x]\nbase_url = "file:///etc/passwd"', "no address"),
        ("[models.x]\ncontext = 'big'", "context"),
        ("[models.x]\nlogprobs = 'yes'", "logprobs"),
        ("[modles.x]\ntier = 'basic'", "modles"),
        ("aliases = 3", "aliases"),
        ("[aliases]\nx = 3", "x"),
        ("defaults = 3", "defaults"),
        ("[defaults]\nlive = 3", "live"),
        ("[defaults]\nlife = []", "life"),
    ],
    ids=lambda text: text.splitlines()[-1],
)
def test_an_error_names_what_is_wrong(text: str, named: str) -> None:
    """Whatever is wrong with a file is a CatalogError whose message points at the place."""
    with pytest.raises(CatalogError) as caught:
        parse(text, "mine.toml")
    assert named in str(caught.value)


@pytest.mark.parametrize("kind", ["live", "offline"])
def test_a_default_that_nobody_lists_is_refused(kind: str) -> None:
    """A default names a model of some listing, or the error names it."""
    listing = parse(f"[defaults]\n{kind} = ['nobody']", "mine")
    with pytest.raises(CatalogError, match="nobody"):
        catalog([bundled(), listing], (lambda _: True) if kind == "live" else None)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"], ids=["missing", "not text"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A path that leads nowhere and a file that is no text are both CatalogErrors."""
    path = tmp_path / "my.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CatalogError, match=r"my\.toml"):
        read(path)


def test_no_listings_make_an_empty_catalog() -> None:
    """A catalog of nothing says what to do when it is asked for a default."""
    with pytest.raises(UnknownModelError, match="OPENAI_API_KEY"):
        catalog([Listing({}, {}, (), ())]).ladder()


@pytest.mark.parametrize("name", [7, None, "", " "])
def test_a_model_has_a_name(name: Any) -> None:
    """What is no word is no name."""
    with pytest.raises(CatalogError, match="name"):
        model(name)
