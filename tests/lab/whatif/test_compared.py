from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.errors import MatrixError, ParameterError
from orchkit.lab.whatif import Compared, Setting

MODELS = ("gpt-4o-mini", "claude-haiku-3.5", "claude-opus-3")


@pytest.fixture
def comparison() -> Any:
    """Give strategies and a model alone, replayed."""
    df = orchkit.load_dataset("everyday").head(60)
    with orchkit.use("simulator"):
        mat = df.orch.record(list(MODELS))
        return mat.compare(["fallback", "ensemble", orchkit.Single("claude-opus-3")])


@pytest.fixture
def compared(comparison: Any) -> Compared:
    """Give it to look at."""
    beside = comparison.beside
    return Compared(beside.results, comparison.names, beside.singles)


def test_at_their_own_prices_ways_are_what_the_summary_says(
    comparison: Any, compared: Compared
) -> None:
    """Quality, its interval and cost of every strategy."""
    told = comparison.summary()
    for name in compared.strategies:
        standing = compared.way(replace(compared.start(), strategy=name)).standing
        for of in ("quality", "quality_low", "quality_high", "cost_per_1k"):
            assert standing[of] == pytest.approx(told.loc[name, of]), (name, of)


def test_other_prices_are_paid_for_each_call(compared: Compared) -> None:
    """An ensemble pays all three models; at twice the price of one, its calls cost twice."""
    plain = compared.way(Setting("ensemble", MODELS))
    dear = compared.way(Setting("ensemble", MODELS, factors={"claude-opus-3": 2.0}))
    more = dear.standing["cost_per_1k"] - plain.standing["cost_per_1k"]
    opus = compared.singles(compared.start())["claude-opus-3"].standing["cost_per_1k"]
    assert more == pytest.approx(opus)


def test_models_that_were_only_recorded_stand_beside(compared: Compared) -> None:
    """They can be held against, though nobody compared them."""
    assert set(compared.singles(compared.start())) == set(MODELS)
    assert compared.models == MODELS
    assert list(compared.others(compared.start())) == ["fallback", "ensemble"]


def test_a_strategy_needs_the_models_it_asked(compared: Compared) -> None:
    """Without one of them it is left out of the others, and refused by name."""
    setting = Setting("ensemble", MODELS[:2])
    assert compared.others(setting) == {}
    with pytest.raises(ParameterError, match="asked claude-opus-3"):
        compared.way(setting)
    with pytest.raises(ParameterError, match="it can be fallback, ensemble"):
        compared.way(Setting("magic", MODELS))


def test_without_qualities_there_is_nothing_to_look_at() -> None:
    """It is told at once."""
    table = pd.DataFrame({"prompt": ["What is 2+2?"] * 3})
    with orchkit.use("simulator"):
        cmp = orchkit.compare(table, ["cheapest", "fallback"])
    with pytest.raises(MatrixError, match="quality and cost of all strategies"):
        Compared(cmp.beside.results, cmp.names, cmp.beside.singles)


def test_prompts_whose_cost_is_unknown_are_left_out(comparison: Any) -> None:
    """They are counted; where no cost is known there is nothing to look at."""
    beside = comparison.beside
    gaps = beside.results.copy()
    gaps.loc[gaps["row"] == 7, "cost"] = float("nan")
    compared = Compared(gaps, comparison.names, beside.singles)
    assert (len(compared.place), compared.left_out) == (59, 1)
    assert 7 not in compared.place
    assert compared.way(compared.start()).standing["cost_per_1k"] > 0
    with pytest.raises(MatrixError, match="quality and cost of all strategies"):
        Compared(gaps.assign(cost=float("nan")), comparison.names, beside.singles)


def test_a_call_that_was_refused_is_none() -> None:
    """A model passed over because of its price was not asked, and is not its strategy's."""
    df = orchkit.load_dataset("everyday").head(40)
    with orchkit.use("simulator"):
        cmp = orchkit.compare(df, ["cheapest", "gpt-4o-mini"], max_cost=1e-3, progress=False)
    compared = Compared(cmp.beside.results, cmp.names, cmp.beside.singles)
    way = compared.way(compared.start())
    refused = cmp.results.query("strategy == 'cheapest'")["error"].notna().to_numpy()
    assert 0 < refused.sum() < len(way)
    assert (way.asked.any(axis=1) == ~refused).all()
    assert ((way.chosen < 0) == refused).all()
