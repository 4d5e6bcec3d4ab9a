from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import orchkit
from orchkit.core.calls import Call
from orchkit.core.plans import Answer, Plan
from orchkit.errors import (
    BudgetExceeded,
    ColumnError,
    MisuseError,
    OrchkitError,
    ParameterError,
    UnknownNameError,
)

COLUMNS = {
    "response": "string",
    "model_used": "string",
    "cost": "float64",
    "latency": "float64",
    "confidence": "float64",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "strategy": "string",
    "fallback_chain": "object",
    "ensemble_models": "object",
    "metadata": "object",
    "timestamp": "datetime64[us, UTC]",
    "provider": "string",
    "cached": "bool",
    "error": "string",
}
LADDER = ["gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5", "claude-opus-3"]


@dataclass(frozen=True)
class Twice:
    """Ask two models, keep the second's answer."""

    name: ClassVar[str] = "twice"

    def plan(self, query: orchkit.Query, catalog: orchkit.Catalog) -> Plan:
        """Ask in two rounds."""
        yield (query.call("gpt-4o-mini"),)
        (second,) = yield (query.call("gpt-4o"),)
        return Answer(second, orchkit.Confidence(0.5, "mine"), ("gpt-4o-mini", "gpt-4o"))


class Hard:
    """A classifier to whom everything is hard."""

    def predict(self, texts: list[str]) -> list[str]:
        """Return one tier a text."""
        return ["expert"] * len(texts)


def never(_: Any, __: Any) -> float:
    """Trust nothing."""
    return 0.0


def always(_: Any, __: Any) -> float:
    """Trust everything."""
    return 1.0


def test_route_appends_the_contracts_columns(df: pd.DataFrame) -> None:
    """The result columns follow the frame's own, in the contract's order and dtypes."""
    out = df.orch.route()
    assert list(out.columns) == ["prompt", "reference", *COLUMNS]
    assert {name: str(out[name].dtype) for name in COLUMNS} == COLUMNS


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([3, 3, 1, 2]),
        pd.Index(list("dcba"), name="key"),
        pd.MultiIndex.from_product([["x", "y"], [2, 1]], names=["a", "b"]),
        pd.date_range("2026-01-01", periods=4, tz="UTC"),
    ],
    ids=["repeated", "named", "levels", "times"],
)
def test_the_index_comes_back_as_it_was(df: pd.DataFrame, index: pd.Index) -> None:
    """Whatever the index, it is returned equal and every answer stands in its own row."""
    frame = df.set_axis(index)
    out = frame.orch.route("gpt-4o")
    pd.testing.assert_index_equal(out.index, index)
    asked = frame.drop(columns="reference").orch.route("gpt-4o")
    assert all(map(str.endswith, asked["response"], frame["prompt"]))


def test_the_frame_is_left_as_it_was(df: pd.DataFrame) -> None:
    """The input is not changed, and its columns come back equal."""
    before = df.copy(deep=True)
    out = df.orch.route("ensemble")
    pd.testing.assert_frame_equal(df, before)
    pd.testing.assert_frame_equal(out[list(df.columns)], before)


def test_a_taken_column_is_refused_before_anything_is_sent(
    df: pd.DataFrame, sent: list[Call]
) -> None:
    """A result column that exists is named, and prefix= is offered and helps."""
    taken = df.assign(cost=1.0)
    with pytest.raises(ColumnError, match=r"'cost'.*prefix="):
        taken.orch.route()
    assert sent == []
    assert list(taken.orch.route(prefix="orch_").columns[3:]) == [
        f"orch_{name}" for name in COLUMNS
    ]


def test_cheapest_follows_complexity(df: pd.DataFrame) -> None:
    """By default each tier's prompt goes to the quick reference's model of that tier."""
    assert list(df.orch.route()["model_used"]) == LADDER


@pytest.mark.parametrize("complexity", ["level", Hard()], ids=["column", "classifier"])
def test_complexity_may_be_told(df: pd.DataFrame, complexity: Any) -> None:
    """A column of tiers, or anything with predict(), decides instead of the keywords."""
    out = df.assign(level="expert").orch.route(complexity=complexity)
    assert set(out["model_used"]) == {"claude-opus-3"}
    assert {each["complexity"] for each in out["metadata"]} == {"expert"}


def test_fallback_goes_up_the_default_chain(df: pd.DataFrame) -> None:
    """Without confidence every model of the chain is tried in order; with it only the first."""
    up = df.orch.route("fallback", confidence=never)
    assert all(chain == LADDER for chain in up["fallback_chain"])
    assert [[call["model"] for call in each["calls"]] for each in up["metadata"]] == [LADDER] * 4
    assert set(df.orch.route("fallback", confidence=always)["model_used"]) == {LADDER[0]}


def test_the_threshold_decides(df: pd.DataFrame) -> None:
    """At 0 the first answer stands, at 1 the chain is tried to its end."""
    low, high = (df.orch.route("fallback", threshold=each)["metadata"] for each in (0, 1))
    assert [each["rounds"] for each in low] == [1] * 4
    assert [each["rounds"] for each in high] == [4] * 4


def test_a_chain_is_kept_in_order(df: pd.DataFrame) -> None:
    """A chain of one's own is tried in the order given, dearer models first if so written."""
    out = df.orch.route("fallback", chain=["gpt-4", "gpt-4o-mini"], threshold=1.0)
    asked = [[call["model"] for call in each["calls"]] for each in out["metadata"]]
    assert asked == [["gpt-4", "gpt-4o-mini"]] * 4


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_an_ensemble_asks_so_many(df: pd.DataFrame, size: int) -> None:
    """An ensemble of n asks the ladder from its foot, in one round."""
    out = df.orch.route("ensemble", ensemble_size=size)
    assert {each["rounds"] for each in out["metadata"]} == {1}
    assert [len(voters) for voters in out["ensemble_models"]] == [size] * 4
    assert out["ensemble_models"].iloc[0][:3] == LADDER[:size][:3]


def test_a_model_is_a_strategy(df: pd.DataFrame) -> None:
    """A model's name asks that model alone."""
    out = df.orch.route("gpt-4")
    assert (set(out["model_used"]), set(out["strategy"])) == ({"gpt-4"}, {"single"})


def test_a_strategy_of_ones_own_runs(df: pd.DataFrame) -> None:
    """An object with a plan is run like ours: its calls, its answer, its name."""
    out = df.orch.route(Twice())
    assert set(out["model_used"]) == {"gpt-4o"}
    assert set(out["strategy"]) == {"twice"}
    assert set(out["confidence"]) == {0.5}
    for row, metadata in zip(out["cost"], out["metadata"], strict=True):
        assert row == pytest.approx(sum(call["cost"] for call in metadata["calls"]))


def test_a_confidence_out_of_range_is_the_rows_error(df: pd.DataFrame) -> None:
    """A signal that gives 7 fails its rows with a message that names it; the frame comes back."""
    out = df.orch.route("gpt-4o", confidence=lambda _, __: 7)
    assert out["error"].str.startswith("StrategyError: ").all()
    assert out["error"].str.contains("must lie in [0, 1]", regex=False).all()


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (None, "EmptyPrompt"),
        (np.nan, "EmptyPrompt"),
        (pd.NA, "EmptyPrompt"),
        ("  \n", "EmptyPrompt"),
        (b"What?", "PromptType"),
        (7, "PromptType"),
        ([{"role": "robot", "content": "What?"}], "PromptType"),
        ("\ud800", "PromptEncoding"),
        ("x" * (2 * 2**20 + 1), "PromptTooLong"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_bad_prompt_is_its_own_rows_error(cell: object, code: str, sent: list[Call]) -> None:
    """A prompt that cannot be sent fills its row's error; its neighbour is answered."""
    out = pd.DataFrame({"prompt": pd.Series([cell, "What is 2+2?"], dtype=object)}).orch.route(
        "gpt-4o"
    )
    assert out["error"].iloc[0].startswith(f"{code}: ")
    assert pd.isna(out["error"].iloc[1])
    assert len(sent) == 1
    assert (out["cost"].iloc[0], out["cached"].iloc[0]) == (0, False)


def test_messages_are_a_prompt() -> None:
    """A cell may hold a conversation; complexity is judged by what the user last said."""
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Research fusion in depth"},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "What is 2+2?"},
    ]
    assert orchkit.run_orchestration(turns).model_used == "gpt-4o-mini"


def test_a_template_is_filled_from_columns(sent: list[Call]) -> None:
    """A template takes its words from the row; a row that misses one is not asked."""
    frame = pd.DataFrame({"text": ["two", None], "lang": ["French", "German"]})
    out = frame.orch.route("gpt-4o", template="Translate {text} to {lang}")
    assert [call.messages[-1].content for call in sent] == ["Translate two to French"]
    assert out["error"].iloc[1].startswith("EmptyPrompt")


def test_a_system_message_is_a_text_or_a_column(sent: list[Call]) -> None:
    """`system` goes before every prompt, or each row's own where it names a column."""
    frame = pd.DataFrame({"prompt": ["What?"], "rules": ["Be kind."]})
    for system in ("Be brief.", "rules"):
        frame.orch.route("gpt-4o", system=system)
    opened = [call.messages[0] for call in sent]
    assert opened == [
        orchkit.Message("system", "Be brief."),
        orchkit.Message("system", "Be kind."),
    ]


def test_parameters_reach_the_call(df: pd.DataFrame, sent: list[Call]) -> None:
    """Temperature, max_tokens and seed are sent with every call."""
    df.orch.route("gpt-4o", temperature=0.5, max_tokens=9, seed=4)
    told = {(call.params.temperature, call.params.max_tokens, call.params.seed) for call in sent}
    assert told == {(0.5, 9, 4)}


def test_a_second_run_is_cached(df: pd.DataFrame, sent: list[Call]) -> None:
    """Run again, every row is cached and the same, at the same cost, and nobody is asked."""
    first = df.orch.route("fallback")
    sent.clear()
    again = df.orch.route("fallback")
    assert sent == []
    assert again["cached"].all()
    assert not first["cached"].any()
    same = ["response", "model_used", "cost", "latency", "confidence", "provider"]
    pd.testing.assert_frame_equal(again[same], first[same])


def test_without_the_cache_every_run_asks(df: pd.DataFrame, sent: list[Call]) -> None:
    """With cache=False an answer is neither looked up nor kept."""
    for _ in range(2):
        assert not df.orch.route("gpt-4o", cache=False)["cached"].any()
    assert len(sent) == 8


def test_compare_buys_a_shared_call_once(df: pd.DataFrame, sent: list[Call]) -> None:
    """A call that several strategies make is sent once."""
    df.orch.compare(["cheapest", *LADDER, "ensemble"], cache=False)
    assert len(sent) == 4 * len(LADDER)


def test_compare_scores_by_the_column_of_scorers() -> None:
    """Each row is judged by the scorer it names, or all by the one that is passed."""
    frame = pd.DataFrame(
        {"prompt": ["a", "b"], "reference": ["4", "4"], "scorer": ["exact", "contains"]}
    )
    by_row = frame.orch.compare([Twice()]).results["quality"]
    assert by_row.isin([0, 1]).all()
    passed = frame.orch.compare([Twice()], scorer=lambda _, __: 0.25).results["quality"]
    assert set(passed) == {0.25}


@pytest.mark.parametrize(
    ("strategies", "error"),
    [
        ([], ParameterError),
        (["cheapest", "cheapest"], ParameterError),
        (["gpt-4o", orchkit.Single("gpt-4o")], ParameterError),
        (["cheapest", "dearest"], UnknownNameError),
        ("cheapest", MisuseError),
    ],
    ids=str,
)
def test_compare_refuses_what_it_cannot_tell_apart(
    df: pd.DataFrame, sent: list[Call], strategies: Any, error: type[OrchkitError]
) -> None:
    """No strategy, one twice, or one unknown is refused before anything is sent."""
    with pytest.raises(error):
        df.orch.compare(strategies)
    assert sent == []


@pytest.mark.parametrize("verb", [orchkit.compare, orchkit.record], ids=["compare", "record"])
def test_an_unknown_scorer_is_refused_before_anything_is_sent(
    df: pd.DataFrame, sent: list[Call], verb: Callable[..., Any]
) -> None:
    """A scorer nobody knows, passed or in a cell, is found out while it costs nothing."""
    for frame, options in (
        (df, {"scorer": "exat"}),
        (df.assign(scorer=["exact"] * 3 + ["exat"]), {}),
    ):
        with pytest.raises(UnknownNameError, match="Did you mean 'exact'"):
            verb(frame, **options)
    assert sent == []


def test_record_asks_every_model_every_prompt(df: pd.DataFrame, sent: list[Call]) -> None:
    """A recording holds one response per prompt and model, with its quality."""
    recorded = df.orch.record(["gpt-4o-mini", "gpt-4o"])
    assert (len(recorded), recorded.models) == (4, ["gpt-4o-mini", "gpt-4o"])
    assert len(sent) == 8
    assert recorded.quality.notna().all(axis=None)


def test_record_takes_the_defaults(df: pd.DataFrame) -> None:
    """Without models those asked by default are recorded."""
    assert set(df.orch.record().models) == set(orchkit.models().query("default").index)


@pytest.mark.parametrize("models", [[], ["gpt-4o", "gpt-4o"], ["gpt-4o", "gpt-5o-micro"]], ids=str)
def test_record_refuses_models_it_cannot_ask(
    df: pd.DataFrame, sent: list[Call], models: list[str]
) -> None:
    """No model, one twice, or one unknown is refused before anything is sent."""
    with pytest.raises(MisuseError):
        df.orch.record(models)
    assert sent == []


def test_max_cost_caps_each_row(df: pd.DataFrame, sent: list[Call]) -> None:
    """A row's models that do not fit are skipped; a row that none fits says so."""
    out = df.orch.route("fallback", threshold=1.0, max_cost=0.005)
    assert (out["cost"] <= 0.005).all()
    assert {call.model for call in sent} == {"gpt-4o-mini", "claude-haiku-3.5"}
    none = df.orch.route("fallback", max_cost=1e-9, cache=False)
    assert none["error"].str.startswith("BudgetExceeded: ").all()
    assert none["cost"].sum() == 0


def test_the_budget_caps_the_run() -> None:
    """A run stays below its budget: what no longer fits is refused, the rest is answered."""
    frame = pd.DataFrame({"prompt": [f"What is {n}?" for n in range(60)]})
    out = frame.orch.route("gpt-4", budget=0.05, max_tokens=100)
    refused = out["error"].str.startswith("BudgetExceeded").fillna(False)
    assert out["cost"].sum() <= 0.05
    assert 0 < refused.sum() < 60
    assert (out.loc[refused, "cost"] == 0).all()


def test_one_prompt_over_its_limit_raises(sent: list[Call]) -> None:
    """run_orchestration raises BudgetExceeded where no model fits, having asked nobody."""
    with pytest.raises(BudgetExceeded, match="more than is left of the limit"):
        orchkit.run_orchestration("Explain tides", "fallback", max_cost=1e-9)
    assert sent == []


def test_a_limit_of_zero_allows_what_is_cached(sent: list[Call]) -> None:
    """max_cost=0 is answered from the cache, and only from there."""
    with pytest.raises(BudgetExceeded):
        orchkit.run_orchestration("What is 2+2?", max_cost=0)
    bought = orchkit.run_orchestration("What is 2+2?")
    again = orchkit.run_orchestration("What is 2+2?", max_cost=0)
    assert again.cached
    assert again.response == bought.response
    assert len(sent) == 1


def test_one_prompt_is_a_frame_of_one() -> None:
    """run_orchestration gives what route gives for that prompt."""
    result = orchkit.run_orchestration("Explain Docker", "fallback", threshold=1.0)
    row = pd.DataFrame({"prompt": ["Explain Docker"]}).orch.route("fallback", threshold=1.0).iloc[0]
    same = ["response", "model_used", "cost", "latency", "confidence", "fallback_chain"]
    assert [getattr(result, name) for name in same] == list(row[same])


def test_one_prompt_takes_every_option_of_route() -> None:
    """A prefix, which means nothing for a single result, does no harm."""
    assert orchkit.run_orchestration("What is 2+2?", prefix="orch_").model_used == "gpt-4o-mini"


def test_an_unknown_option_is_a_type_error(sent: list[Call]) -> None:
    """An option that route does not have is refused like any unknown keyword."""
    with pytest.raises(TypeError, match="treshold"):
        orchkit.run_orchestration("What is 2+2?", "fallback", treshold=0.5)
    assert sent == []


def test_simulated_answers_are_the_same_on_every_run(df: pd.DataFrame) -> None:
    """Asked anew, the simulator answers the same, whatever the concurrency."""
    runs = [df.orch.route("ensemble", cache=False, concurrency=n) for n in (1, 32)]
    kept = runs[0].columns.drop(["timestamp"])
    pd.testing.assert_frame_equal(runs[0][kept], runs[1][kept])


def test_two_threads_may_run_at_once(df: pd.DataFrame) -> None:
    """Runs in several threads do not disturb each other."""
    found: dict[str, pd.DataFrame] = {}

    def run(strategy: str) -> None:
        found[strategy] = df.orch.route(strategy, cache=False)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("fallback", "ensemble")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: set(out["strategy"]) for name, out in found.items()} == {
        "fallback": {"fallback"},
        "ensemble": {"ensemble"},
    }
    assert all(out["error"].isna().all() for out in found.values())
