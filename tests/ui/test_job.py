from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.core.calls import Call
from orchkit.errors import (
    BudgetError,
    ChainError,
    ColumnError,
    MisuseError,
    ParameterError,
    PriceMissingError,
    RetiredModelWarning,
    UnknownModelError,
    UnknownNameError,
)

Verb = Callable[..., Any]
VERBS = [orchkit.route, orchkit.compare, orchkit.estimate, orchkit.record]
EACH = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
NO_AMOUNT = [math.nan, math.inf, -math.inf, -1, True, "1", Decimal("NaN")]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        *(({"max_cost": amount}, BudgetError) for amount in NO_AMOUNT),
        *(({"budget": amount}, BudgetError) for amount in NO_AMOUNT),
        ({"strategy": "gpt-5o-micro"}, UnknownNameError),
        ({"strategy": orchkit.Single("gpt-5o-micro")}, UnknownModelError),
        ({"strategy": "fallback", "chain": ["gpt-4o", "gpt-5o-micro"]}, UnknownModelError),
        ({"strategy": "ensemble", "chain": ["gpt-4o", "gpt-5o-micro"]}, UnknownModelError),
        ({"strategy": "fallback", "chain": []}, ChainError),
        ({"strategy": "fallback", "chain": ["gpt-4o", "gpt-4o"]}, ChainError),
        ({"strategy": "fallback", "threshold": math.nan}, ParameterError),
        ({"strategy": "fallback", "threshold": 2}, ParameterError),
        ({"strategy": "fallback", "threshold": -0.1}, ParameterError),
        ({"strategy": "ensemble", "ensemble_size": 0}, ParameterError),
        ({"strategy": "ensemble", "ensemble_size": -1}, ParameterError),
        ({"strategy": "ensemble", "ensemble_size": 7}, ParameterError),
        ({"concurrency": 0}, ParameterError),
        ({"concurrency": -1}, ParameterError),
        ({"concurrency": 1.5}, ParameterError),
        ({"concurrency": True}, ParameterError),
        ({"max_tokens": 0}, ParameterError),
        ({"max_tokens": 10.0}, ParameterError),
        ({"temperature": math.nan}, ParameterError),
        ({"temperature": 3}, ParameterError),
        ({"complexity": object()}, ParameterError),
        ({"complexity": "level"}, ColumnError),
        ({"prompt": "promt"}, ColumnError),
        ({"template": "Explain {topc}"}, ColumnError),
        ({"template": "Explain"}, ParameterError),
    ],
    ids=str,
)
def test_misuse_is_refused_before_anything_is_sent(
    df: pd.DataFrame, sent: list[Call], settings: dict[str, Any], error: type[MisuseError]
) -> None:
    """What cannot be carried out as written raises its own error, and nobody is asked."""
    with pytest.raises(error):
        orchkit.route(df, **settings)
    assert sent == []


def test_a_run_that_is_in_order_is_sent(df: pd.DataFrame, sent: list[Call]) -> None:
    """The eye that saw nothing sent above sees what is sent."""
    orchkit.route(df, "gpt-4o")
    assert {call.model for call in sent} == {"gpt-4o"}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"prompt": "promt"}, "Did you mean 'prompt'"),
        ({"strategy": orchkit.Single("gpt-4o-mni")}, "Did you mean 'gpt-4o-mini'"),
        ({"strategy": "ensemble", "ensemble_size": 7}, "from 1 to the 6 models"),
        ({"threshold": 2}, r"in \[0, 1\]"),
        ({"concurrency": 0}, "1 or more"),
    ],
    ids=str,
)
def test_misuse_is_told_what_to_write(
    df: pd.DataFrame, settings: dict[str, Any], says: str
) -> None:
    """The message offers the nearest name, or the range."""
    with pytest.raises(MisuseError, match=says):
        orchkit.route(df, **settings)


@EACH
@pytest.mark.parametrize("given", [["What?"], "What?", None, {"prompt": ["What?"]}], ids=repr)
def test_only_a_frame_is_a_frame(verb: Verb, given: Any) -> None:
    """Every verb refuses what is not a DataFrame as a TypeError that names what it got."""
    with pytest.raises(TypeError, match=f"not on {type(given).__name__}"):
        verb(given)


@EACH
def test_a_series_is_not_a_frame(verb: Verb) -> None:
    """A column of prompts is refused, however much it looks like a frame."""
    with pytest.raises(TypeError, match="not on Series"):
        verb(pd.Series(["What?"], name="prompt"))


@EACH
def test_a_doubled_column_is_ambiguous(verb: Verb, sent: list[Call]) -> None:
    """Two columns named like the prompt's are refused, saying how many there are."""
    frame = pd.DataFrame([["What?", "Why?"]], columns=["prompt", "prompt"])
    with pytest.raises(ColumnError, match="2 columns named 'prompt'"):
        verb(frame)
    assert sent == []


def test_columns_that_are_not_needed_do_not_matter(df: pd.DataFrame) -> None:
    """A doubled column nobody asked for, even one named complexity, is carried along."""
    twice = pd.DataFrame([["a", "b"]] * 4, columns=["complexity"] * 2, index=df.index)
    out = pd.concat([df, twice], axis=1).orch.route("cheapest")
    assert out["error"].isna().all()


def test_references_of_any_kind_do_not_matter_to_routing(df: pd.DataFrame) -> None:
    """Routing reads no references: cells that are lists are carried along."""
    several = df.assign(reference=[["4", "four"], ["moon", "sun"], [], None])
    assert several.orch.route("cheapest")["error"].isna().all()


def test_the_empty_frame_is_answered_with_every_column(df: pd.DataFrame, sent: list[Call]) -> None:
    """A frame without rows comes back with every result column in its dtype."""
    empty = df.head(0).orch.route("fallback")
    assert (len(empty), sent) == (0, [])
    full = df.orch.route("fallback")
    results = full.columns.drop(df.columns)
    pd.testing.assert_series_equal(empty[results].dtypes, full[results].dtypes)


def test_a_cap_needs_a_price(df: pd.DataFrame, sent: list[Call]) -> None:
    """Under any cap a model without a price is refused by name, before anything is sent."""
    orchkit.add_model("dear", provider="simulator")
    with orchkit.use("simulator"):
        for cap in ({"max_cost": 1}, {"budget": 1}):
            with pytest.raises(PriceMissingError, match="dear has no price"):
                df.orch.route("dear", **cap)
    with orchkit.use("simulator", budget=1), pytest.raises(PriceMissingError):
        df.orch.route("dear")
    assert sent == []


@pytest.mark.parametrize("strategy", ["fallback", "ensemble"])
def test_a_cap_needs_the_price_of_every_model(
    df: pd.DataFrame, sent: list[Call], strategy: str
) -> None:
    """A chain whose last model has no price is refused before the first is paid."""
    orchkit.add_model("dear", provider="simulator")
    with orchkit.use("simulator"), pytest.raises(PriceMissingError, match="dear"):
        df.orch.route(strategy, chain=["gpt-4o-mini", "dear"], max_cost=1)
    assert sent == []


def test_without_a_cap_an_unknown_price_is_an_unknown_cost(df: pd.DataFrame) -> None:
    """A model without a price may run where nothing is capped; its cost is NaN, never 0."""
    orchkit.add_model("dear", provider="simulator")
    with orchkit.use("simulator"):
        assert df.orch.route("dear")["cost"].isna().all()


def test_free_is_a_price(df: pd.DataFrame) -> None:
    """A price that is written 0 runs even under a cap of 0."""
    orchkit.add_model("free", provider="simulator", input_price=0, output_price=0)
    with orchkit.use("simulator"):
        out = df.orch.route("free", max_cost=0, budget=0)
    assert list(out["cost"]) == [0, 0, 0, 0]


def test_a_retired_model_is_asked_with_a_warning(
    df: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live, a model its vendor has retired may be named, and a warning says since when."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-not-a-key")
    with pytest.warns(RetiredModelWarning, match=r"claude-sonnet-3\.5 on 2025-10-28"):
        df.orch.estimate("claude-sonnet-3.5")


@pytest.mark.parametrize("strategy", ["cheapest", "fallback", "ensemble"])
def test_defaults_warn_of_nothing(
    df: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    """Live defaults are no retired models."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-not-a-key")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        df.orch.estimate(strategy)
    assert caught == []


@pytest.mark.parametrize(("rows", "shown", "told"), [(8, None, 1), (7, None, 0), (8, False, 0)])
def test_a_run_in_which_nothing_was_answered_says_so_where_no_line_is(
    capsys: pytest.CaptureFixture[str], rows: int, shown: bool | None, told: int
) -> None:
    """A script whose every row failed is told, unless it is to be silent or is over at once."""
    df = pd.DataFrame({"prompt": [""] * rows})
    with orchkit.use("simulator"):
        df.orch.route(progress=shown)
    assert capsys.readouterr().err.count(f"{rows} of {rows} rows failed: EmptyPrompt") == told
