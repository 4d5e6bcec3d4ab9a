from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.core.calls import Call, Response
from orchkit.errors import CatalogError, MisuseError, ParameterError, UnknownNameError
from orchkit.ui.session import SESSION

HERE = "http://127.0.0.1:9/v1"
REFERENCE = {
    "gpt-4o-mini": ("openai", "basic", 0.15, 0.60),
    "claude-haiku-3.5": ("anthropic", "intermediate", 0.80, 4.00),
    "gpt-4o": ("openai", "intermediate", 2.50, 10.00),
    "claude-sonnet-3.5": ("anthropic", "advanced", 3.00, 15.00),
    "gpt-4": ("openai", "advanced", 30.00, 60.00),
    "claude-opus-3": ("anthropic", "expert", 15.00, 75.00),
}


def test_the_quick_references_models_are_listed() -> None:
    """The six models of the quick reference are there, with their tiers and prices."""
    listed = orchkit.models()[["provider", "tier", "input_price", "output_price"]]
    assert {name: tuple(listed.loc[name]) for name in REFERENCE} == REFERENCE


def test_every_row_says_what_it_is_for_and_since_when() -> None:
    """Every model has a use, a context, a dated price and its source."""
    told = orchkit.models()[["best_for", "context", "as_of", "source"]]
    assert told.index.name == "name"
    assert told.notna().all(axis=None)
    assert (told != "").all(axis=None)


def test_a_retired_model_says_so_and_when() -> None:
    """A model its vendor has ended is marked, and one without an end is not."""
    listed = orchkit.models()
    assert listed.loc["claude-sonnet-3.5", "retired"]
    assert listed.loc["claude-sonnet-3.5", "ends"] == "2025-10-28"
    assert not listed.loc[listed["ends"].isna(), "retired"].any()


def test_the_defaults_are_those_that_would_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """`default` marks the six on the simulator, and the vendor's current models with a key."""
    assert set(orchkit.models().query("default").index) == set(REFERENCE)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-not-a-key")
    live = orchkit.models().query("default")
    assert set(live["provider"]) == {"anthropic"}
    assert not live["retired"].any()


def test_every_listed_model_can_be_asked(df: pd.DataFrame) -> None:
    """Each name of the table is a strategy that runs."""
    names = list(orchkit.models().index)
    asked = df.head(1).orch.compare(names, progress=False).results
    assert asked["error"].isna().all()
    assert list(asked["model_used"]) == names


def test_an_added_model_is_listed_and_asked_by_default() -> None:
    """A model that is added appears with what was told of it, and is a default."""
    told: dict[str, Any] = {"tier": "expert", "input_price": 1, "output_price": 2.5}
    orchkit.add_model("mine", base_url=HERE, best_for="tests", context=4096, **told)
    row = orchkit.models().loc["mine"]
    told |= {"provider": "openai", "base_url": HERE, "best_for": "tests", "context": 4096}
    assert row[list(told)].to_dict() == told
    assert row["default"]


def test_no_password_is_listed() -> None:
    """A password in an address is kept for asking, and not shown."""
    orchkit.add_model("mine", base_url="http://ada:s3cret@127.0.0.1:1/v1@2")
    assert orchkit.models().loc["mine", "base_url"] == "http://***@127.0.0.1:1/v1@2"


def test_what_is_not_told_is_unknown_never_free() -> None:
    """A model without prices, or with only one, is listed with NaN and is not priced."""
    orchkit.add_model("mine")
    orchkit.add_model("half", input_price=1)
    listed = orchkit.models()
    assert listed.loc["mine", ["input_price", "output_price"]].isna().all()
    assert math.isnan(listed.loc["half", "output_price"])
    assert not SESSION.catalog()["half"].priced


def test_adding_again_replaces() -> None:
    """A name stands for one model: the one added last."""
    orchkit.add_model("mine", tier="basic")
    orchkit.add_model("mine", tier="expert")
    assert list(orchkit.models().loc[["mine"], "tier"]) == ["expert"]


def test_a_known_model_can_be_given_another_price() -> None:
    """Adding under a listed name wins over the list, and removing gives the list back."""
    orchkit.add_model("gpt-4o", input_price=1, output_price=1)
    assert orchkit.models().loc["gpt-4o", "input_price"] == 1
    orchkit.remove_model("gpt-4o")
    assert orchkit.models().loc["gpt-4o", "input_price"] == 2.5


def test_a_provider_of_ones_own_answers(df: pd.DataFrame, parrot: Any) -> None:
    """An object with a complete() is asked live, without any key, under its own name."""
    orchkit.add_model("polly", provider=parrot, tier="expert", input_price=0, output_price=0)
    out = df.orch.route("cheapest", progress=False)
    assert list(out["response"]) == list(df["prompt"])
    assert set(out["provider"]) == {"parrot"}
    assert set(out["model_used"]) == {"polly"}


def test_a_removed_model_is_forgotten(parrot: Any) -> None:
    """A removed model is no longer listed, and without another the simulator answers again."""
    orchkit.add_model("polly", provider=parrot)
    assert not SESSION.simulated
    orchkit.remove_model("polly")
    assert "polly" not in orchkit.models().index
    assert SESSION.simulated


@pytest.mark.parametrize("name", ["gpt-4o", "mene"])
def test_only_what_was_added_is_removed(name: str) -> None:
    """A name that was not added, a listed model's too, is refused; a slip gets the nearest."""
    orchkit.add_model("mine")
    with pytest.raises(UnknownNameError, match=f"No model '{name}' was added.*'mine'"):
        orchkit.remove_model(name)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"tier": "genius"}, "no tier 'genius'"),
        ({"input_price": -1, "output_price": 1}, "-1 is no price"),
        ({"input_price": "1", "output_price": 1}, "'1' is no price"),
        ({"input_price": True, "output_price": 1}, "True is no price"),
        ({"input_price": math.inf, "output_price": 1}, "inf is no price"),
        ({"base_ulr": HERE}, "Did you mean 'base_url'"),
    ],
    ids=str,
)
def test_what_describes_no_model_is_refused(told: dict[str, Any], says: str) -> None:
    """A tier, price or word the catalog does not know is refused, and nothing is added."""
    with pytest.raises(CatalogError, match=says):
        orchkit.add_model("mine", **told)
    assert "mine" not in orchkit.models().index


class Named:
    """A provider that says which one it is."""

    def __init__(self, name: str, says: str) -> None:
        self.name = name
        self.says = says

    async def complete(self, call: Call) -> Response:
        """Answer with its own words."""
        return Response(call.model, self.says)


def test_two_providers_of_one_name_answer_for_their_own_models(df: pd.DataFrame) -> None:
    """A provider serves the model it was given for, whatever another one is called."""
    for model in ("one", "two"):
        orchkit.add_model(model, provider=Named("mine", model), input_price=0, output_price=0)
    said = {name: set(df.orch.route(name)["response"]) for name in ("one", "two")}
    assert said == {"one": {"one"}, "two": {"two"}}


def test_an_object_called_like_a_vendor_does_not_take_it_over(df: pd.DataFrame) -> None:
    """With an object named "openai" the vendor's own models still need the vendor's key."""
    orchkit.add_model("polly", provider=Named("openai", "me"), input_price=0, output_price=0)
    assert set(df.orch.route("polly")["response"]) == {"me"}
    with pytest.raises(MisuseError, match="gpt-4o-mini needs OPENAI_API_KEY"):
        df.orch.route("gpt-4o-mini")


def test_two_objects_the_cache_cannot_tell_apart_are_refused() -> None:
    """Same name and same model on the wire would be one answer in the cache."""
    orchkit.add_model("one", id="m", provider=Named("mine", "1"))
    with pytest.raises(ParameterError, match="Two providers are called 'mine' and serve 'm'"):
        orchkit.add_model("two", id="m", provider=Named("mine", "2"))
    assert "two" not in orchkit.models().index
    orchkit.add_model("one", id="m", provider=Named("mine", "3"))


def test_one_object_serves_several_models(parrot: Any) -> None:
    """The same object may stand behind many names."""
    for name in ("one", "two"):
        orchkit.add_model(name, id="m", provider=parrot)
    assert {"one", "two"} <= set(orchkit.models().index)


def test_a_removed_models_provider_is_forgotten(parrot: Any) -> None:
    """After removing, and after adding anew by a vendor's name, the object is not asked."""
    orchkit.add_model("polly", provider=parrot)
    orchkit.add_model("polly", provider="openai")
    assert SESSION.own == {}
    orchkit.add_model("polly", provider=parrot)
    orchkit.remove_model("polly")
    assert SESSION.own == {}


@pytest.mark.parametrize("given", [None, 3, Named, object()], ids=["None", "3", "class", "object"])
def test_what_cannot_answer_is_no_provider(given: Any) -> None:
    """An object without a name or a complete(call), or a bare class, is refused."""
    with pytest.raises(ParameterError, match=r"async complete\(call\)"):
        orchkit.add_model("mine", provider=given)
    assert "mine" not in orchkit.models().index
