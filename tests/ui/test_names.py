from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from orchkit.core.catalog import Catalog
from orchkit.core.plans import Answer, Plan, Query
from orchkit.core.strategies import AgreeThenEscalate, Cheapest, Ensemble, Fallback, Single
from orchkit.errors import ChainError, ParameterError, UnknownNameError
from orchkit.ui import names
from orchkit.ui.session import SESSION


def surely(_: object, __: object) -> float:
    """Return full confidence."""
    return 1.0


@dataclass(frozen=True)
class Foot:
    """Ask the foot of the ladder."""

    name: ClassVar[str] = "foot"

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """Ask once."""
        (response,) = yield (query.call(catalog.ladder()[0]),)
        return Answer(response)


def named(name: Any, **settings: Any) -> Any:
    """Return what a name stands for on the simulator."""
    return names.strategy(name, SESSION.offline_catalog(), **settings)


PLUGIN = """
[orchkit.strategies]
thrifty = thrifty_plugin:Thrifty
hollow = thrifty_plugin:Hollow
"""
SOURCE = """
from orchkit import Cheapest


class Thrifty(Cheapest):
    name = "thrifty"


class Hollow:
    pass
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a distribution that registers strategies."""
    told = tmp_path / "site" / "thrifty_plugin-1.0.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: thrifty-plugin\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(PLUGIN)
    (told.parent / "thrifty_plugin.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(told.parent)


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("cheapest", Cheapest()),
        ("fallback", Fallback()),
        ("ensemble", Ensemble()),
        ("agree", AgreeThenEscalate()),
        ("gpt-4o", Single("gpt-4o")),
        ("gpt-4o-2024-08-06", Single("gpt-4o")),
    ],
)
def test_a_name_stands_for_a_strategy(name: str, strategy: object) -> None:
    """The four names, a model's name and its alias become the strategy they stand for."""
    assert named(name) == strategy


def test_settings_become_fields() -> None:
    """Chain, threshold, size and confidence are fields of the strategy that is made."""
    chain = ["gpt-4o-mini", "gpt-4o"]
    assert named("fallback", chain=chain, threshold=0.9) == Fallback(tuple(chain), 0.9)
    assert named("ensemble", ensemble_size=2) == Ensemble(2)
    assert named("ensemble", chain=chain) == Ensemble(models=tuple(chain))
    assert named("cheapest", confidence=surely) == Cheapest(surely)
    assert named("gpt-4o", confidence=surely) == Single("gpt-4o", surely)
    assert named("agree", confidence=surely) == AgreeThenEscalate(confidence=surely)


def test_an_object_is_used_as_it_is() -> None:
    """A strategy object, one of our own or not, is itself."""
    for strategy in (Fallback(threshold=0.2), Foot()):
        assert named(strategy) is strategy


def test_a_class_is_made_into_an_object() -> None:
    """A strategy's class stands for the strategy with its defaults."""
    assert named(Fallback) == Fallback()


@pytest.mark.parametrize(
    "settings",
    [{"chain": ["gpt-4o"]}, {"threshold": 0.2}, {"ensemble_size": 2}, {"confidence": surely}],
    ids=lambda settings: next(iter(settings)),
)
def test_an_object_carries_its_own_settings(settings: dict[str, Any]) -> None:
    """Settings beside a strategy object are refused, and the message says where they belong."""
    with pytest.raises(ParameterError, match=r"set them on the object instead: Fallback\(...\)"):
        named(Fallback(), **settings)


def test_cheapest_takes_no_chain() -> None:
    """A chain for the strategy that has none is refused, naming the one that has."""
    with pytest.raises(ParameterError, match="fallback"):
        named("cheapest", chain=["gpt-4o"])


@pytest.mark.parametrize("given", [None, 3, object(), ["cheapest"]], ids=repr)
def test_what_has_no_plan_is_no_strategy(given: Any) -> None:
    """What is neither a name nor has a plan is refused."""
    with pytest.raises(ParameterError, match="neither a name"):
        named(given)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("agre", "agree"), ("fallbak", "fallback"), ("Ensemble", "ensemble"), ("gpt-4o-mni", "mini")],
)
def test_a_slip_is_answered_with_the_nearest_name(typed: str, meant: str) -> None:
    """An unknown name is refused with the nearest strategy or model."""
    with pytest.raises(UnknownNameError, match=f"Did you mean '[^']*{meant}'"):
        named(typed)


@pytest.mark.parametrize("name", ["cheapest", "fallback", "ensemble", "agree", "gpt-4o"])
@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"chain": []}, ChainError),
        ({"chain": ["gpt-4o", "gpt-4o"]}, ChainError),
        ({"threshold": math.nan}, ParameterError),
        ({"threshold": 2}, ParameterError),
        ({"threshold": "high"}, ParameterError),
        ({"threshold": True}, ParameterError),
        ({"threshold": np.True_}, ParameterError),
        ({"threshold": None}, ParameterError),
        ({"threshold": 0.5j}, ParameterError),
        ({"ensemble_size": True}, ParameterError),
        ({"ensemble_size": 0}, ParameterError),
        ({"ensemble_size": -1}, ParameterError),
        ({"ensemble_size": 2.0}, ParameterError),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused_whatever_the_name(
    name: str, settings: dict[str, Any], error: type[Exception]
) -> None:
    """A setting out of its range is refused even by a strategy that would not use it."""
    with pytest.raises(error):
        named(name, **settings)


@pytest.mark.usefixtures("plugin")
def test_an_installed_strategy_has_a_name() -> None:
    """A strategy registered under the entry point is found by its name."""
    assert named("thrifty").name == "thrifty"


@pytest.mark.usefixtures("plugin")
def test_an_installed_strategy_is_offered_for_a_slip() -> None:
    """Registered names are among those a slip is compared with."""
    with pytest.raises(UnknownNameError, match="Did you mean 'thrifty'"):
        named("thrify")


@pytest.mark.usefixtures("plugin")
def test_an_installed_thing_without_a_plan_is_no_strategy() -> None:
    """An entry point that gives no strategy is refused like any other such object."""
    with pytest.raises(ParameterError, match="hollow"):
        named("hollow")


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), Fraction(1, 2)], ids=repr)
def test_a_threshold_of_any_numeric_type_is_a_number(number: Any) -> None:
    """A threshold may come from an array or be exact."""
    assert named("fallback", threshold=number) == Fallback(threshold=0.5)


@pytest.mark.parametrize("number", [np.int64(1), np.uint8(1), 1], ids=repr)
def test_whole_numbers_of_any_type_count(number: Any) -> None:
    """Threshold and size may be whole numbers of numpy."""
    assert named("fallback", threshold=number) == Fallback(threshold=1.0)
    assert named("ensemble", ensemble_size=number + 1) == Ensemble(2)


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("cheapest", "threshold", 0.2),
        ("cheapest", "ensemble_size", 2),
        ("cheapest", "chain", ["gpt-4o"]),
        ("fallback", "ensemble_size", 2),
        ("ensemble", "threshold", 0.9),
        ("agree", "threshold", 0.9),
        ("agree", "chain", ["gpt-4o", "gpt-4"]),
        ("agree", "ensemble_size", 2),
        ("gpt-4o", "chain", ["gpt-4"]),
        ("gpt-4o", "threshold", 0.2),
        ("gpt-4o", "ensemble_size", 2),
        ("thrifty", "chain", ["gpt-4"]),
        ("thrifty", "confidence", surely),
    ],
)
@pytest.mark.usefixtures("plugin")
def test_a_setting_that_would_do_nothing_is_refused(name: str, setting: str, value: Any) -> None:
    """What the named strategy never looks at is refused, saying who does; its default is not."""
    with pytest.raises(ParameterError, match=f"{name} takes no {setting}.*'(fallback|ensemble)'"):
        named(name, **{setting: value})
    assert named(name, threshold=0.6, ensemble_size=3) == named(name)


def test_a_chain_and_a_size_that_disagree_are_refused() -> None:
    """An ensemble of named models has as many as are named."""
    chain = ["gpt-4o-mini", "gpt-4o"]
    with pytest.raises(ParameterError, match="chain names 2 models and ensemble_size is 4"):
        named("ensemble", chain=chain, ensemble_size=4)
    assert named("ensemble", chain=chain, ensemble_size=2).models == tuple(chain)


def test_a_slip_is_told_before_a_setting() -> None:
    """Where nobody knows the strategy, that is what is said, whatever was set beside it."""
    with pytest.raises(UnknownNameError, match="Did you mean 'fallback'"):
        named("fallbak", threshold=0.9)


@pytest.mark.parametrize("given", ["fallback", None, 7])
def test_several_strategies_are_a_list(given: Any) -> None:
    """One name, or nothing, is no list; the error shows one."""
    with pytest.raises(ParameterError, match="give a list"):
        names.several(given)
