from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import orchkit
from orchkit.core.calls import Call, Message
from orchkit.core.catalog import NANO
from orchkit.core.signals import agrees_with, p_true, self_consistency, verbalised
from orchkit.runtime.limits import Policy
from orchkit.ui.session import SESSION

STRATEGIES = st.one_of(
    st.just(orchkit.Cheapest()),
    st.sampled_from(["gpt-4o-mini", "claude-opus-3", "gpt-6-luna"]).map(orchkit.Single),
    st.floats(0, 1).map(lambda threshold: orchkit.Fallback(threshold=threshold)),
    st.integers(1, 6).map(orchkit.Ensemble),
)
PROMPTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), max_size=6
)
LIMITS = st.sampled_from([1, 40, 1024])


def brief(_: Any, response: Any) -> float:
    """Trust answers of one character."""
    return float(len(response.text) == 1)


def asked(prompts: list[str], strategy: Any, max_tokens: int) -> tuple[orchkit.Estimate, float]:
    """Return what a run was estimated at, and what it cost."""
    frame = pd.DataFrame({"prompt": pd.Series(prompts, dtype=object)}).drop_duplicates()
    with orchkit.use("simulator"):
        told = frame.orch.estimate(strategy, max_tokens=max_tokens, cache=False)
        out = frame.orch.route(strategy, max_tokens=max_tokens, cache=False, progress=False)
    return told, out["cost"].sum()


@settings(max_examples=30, deadline=None)
@given(PROMPTS, STRATEGIES, LIMITS)
def test_no_run_costs_more_than_the_worst_case(
    prompts: list[str], strategy: Any, max_tokens: int
) -> None:
    """Neither what is expected nor what a simulated run costs exceeds the worst case."""
    told, spent = asked(prompts, strategy, max_tokens)
    assert spent <= told.worst_cost + 1e-12
    assert told.expected_cost <= told.worst_cost
    assert told.calls <= told.worst_calls


@settings(max_examples=30, deadline=None)
@given(PROMPTS, STRATEGIES, LIMITS)
def test_a_simulated_run_costs_what_was_expected(
    prompts: list[str], strategy: Any, max_tokens: int
) -> None:
    """What is expected is the cost of the same run on the simulator."""
    told, spent = asked(prompts, strategy, max_tokens)
    assert told.expected_cost == pytest.approx(spent, abs=1e-12)


def test_the_worst_case_holds_for_any_confidence(df: pd.DataFrame) -> None:
    """A confidence of one's own cannot make a run dearer than its worst case."""
    told = df.orch.estimate("fallback", confidence=brief)
    assert told.worst_cost >= df.orch.route("fallback", confidence=brief)["cost"].sum()
    assert told.worst_cost >= told.expected_cost


def test_an_estimate_counts_rows_and_calls(df: pd.DataFrame) -> None:
    """Rows, refused rows, and calls are counted before anything is asked."""
    frame = pd.concat([df, pd.DataFrame({"prompt": ["", None]})])
    told = frame.orch.estimate("ensemble", ensemble_size=2)
    assert (told.rows, told.refused, told.calls, told.worst_calls) == (4, 2, 8, 8)


def test_an_estimate_sends_nothing(df: pd.DataFrame, sent: list[Call]) -> None:
    """Nobody is asked for an estimate."""
    df.orch.estimate("ensemble")
    assert sent == []


@pytest.mark.parametrize("strategy", ["cheapest", "fallback", "ensemble"])
def test_what_has_been_run_is_free(df: pd.DataFrame, strategy: str) -> None:
    """A run whose answers are all in the cache is expected to cost nothing, at the very most."""
    ran = df.orch.route(strategy)
    told = df.orch.estimate(strategy)
    assert (told.calls, told.expected_cost, told.worst_cost) == (0, 0, 0)
    assert told.cached == sum(len(each["calls"]) for each in ran["metadata"])


def test_without_the_cache_it_is_bought_again(df: pd.DataFrame) -> None:
    """With cache=False an estimate does not count on earlier answers."""
    ran = df.orch.route("cheapest")
    told = df.orch.estimate("cheapest", cache=False)
    assert told.cached == 0
    assert told.expected_cost == pytest.approx(ran["cost"].sum())


def test_equal_rows_are_bought_once(df: pd.DataFrame) -> None:
    """A prompt that stands twice is expected to be paid once."""
    once, twice = (frame.orch.estimate("gpt-4o") for frame in (df, pd.concat([df, df])))
    assert twice.expected_cost == once.expected_cost
    assert (twice.calls, twice.cached) == (4, 4)


def test_an_unknown_price_makes_an_unknown_estimate(df: pd.DataFrame) -> None:
    """Where a price is missing the estimate is NaN, and says so in words."""
    orchkit.add_model("dear", provider="simulator")
    with orchkit.use("simulator"):
        told = df.orch.estimate("dear")
    assert math.isnan(told.expected_cost)
    assert math.isnan(told.worst_cost)
    assert "expect unknown by the simulator's guess, at most unknown" in str(told)


def test_an_estimate_reads_like_a_sentence() -> None:
    """Its text names rows, calls and both amounts."""
    told = orchkit.Estimate(1200, 0, 3000, 7, 0.0123, 12.5, 4800)
    assert "in full, and once again after a lost reply" in str(replace(told, rebuys=1))
    assert "in full, and 3 times again after lost replies" in str(replace(told, rebuys=3))
    assert str(told) == (
        "1,200 rows, about 3,000 calls (at most 4,800; 7 need not be bought): "
        "expect $0.012 by the simulator's guess, at most $12.50 if no answer is trusted and each "
        "is charged in full"
    )


def test_dollars_are_not_typeset_as_formulas(df: pd.DataFrame) -> None:
    """Its HTML keeps a notebook from reading what stands between two dollar signs as a formula."""
    shown = df.orch.estimate("fallback")._repr_html_()
    assert shown.count("$") == 2
    assert 'class="tex2jax_ignore mathjax_ignore"' in shown


def test_the_worst_case_buys_each_call_again(df: pd.DataFrame) -> None:
    """A reply may be lost after it was charged: the worst case holds both purchases."""
    told = df.orch.estimate("gpt-4o", max_tokens=10, cache=False)
    model = SESSION.catalog()["gpt-4o"]
    bounds = [model.bound([Message("user", text)], 10) or 0 for text in df["prompt"]]
    assert told.rebuys == Policy().rebuys == 1
    assert told.worst_cost == pytest.approx(2 * sum(bounds) / NANO)
    assert told.worst_calls == len(df)


MODELS = st.lists(
    st.sampled_from(["gpt-4o-mini", "gpt-4o", "claude-opus-3"]), min_size=1, max_size=4
)


@settings(max_examples=10, deadline=None)
@given(PROMPTS, MODELS, LIMITS)
def test_models_cost_what_recording_them_costs(
    prompts: list[str], models: list[str], max_tokens: int
) -> None:
    """An estimate of several models is the sum of the single ones, each counted once."""
    asked = [prompt for prompt in prompts if prompt.strip()]
    frame = pd.DataFrame({"prompt": pd.Series(asked, dtype=object)})
    distinct = list(dict.fromkeys(models))
    with orchkit.use("simulator"):
        told = frame.orch.estimate(models, max_tokens=max_tokens, cache=False)
        each = [frame.orch.estimate(m, max_tokens=max_tokens, cache=False) for m in distinct]
        matrix = frame.orch.record(distinct, max_tokens=max_tokens, cache=False, progress=False)
    assert told.calls == sum(one.calls for one in each)
    assert told.worst_cost == pytest.approx(sum(one.worst_cost for one in each), abs=1e-12)
    paid = matrix.frame.drop_duplicates(["prompt", "model"])["cost"].sum()
    assert told.expected_cost == pytest.approx(paid, abs=1e-12)


def test_strategies_share_their_calls(df: pd.DataFrame) -> None:
    """A call that several strategies make is counted once; together they cost less."""
    names = ["cheapest", "fallback", orchkit.Ensemble(2), "gpt-4o-mini"]
    told = df.orch.estimate(names, cache=False)
    each = [df.orch.estimate(name, cache=False) for name in names]
    assert max(one.worst_cost for one in each) <= told.worst_cost
    assert told.worst_cost < sum(one.worst_cost for one in each)
    assert (told.rows, told.strategies) == (4, 4)
    assert str(told).startswith("4 rows \u00d7 4 strategies, about")


def test_one_in_a_list_is_one(df: pd.DataFrame) -> None:
    """A list of one strategy is estimated as the strategy is, with its settings."""
    one = df.orch.estimate("fallback", threshold=0.9, cache=False)
    assert df.orch.estimate(["fallback"], threshold=0.9, cache=False) == one
    assert df.orch.estimate(orchkit.Fallback(threshold=0.9), cache=False) == one


@pytest.mark.parametrize(
    ("given", "told"), [([], "at least one"), (["gpt-4o", 3], "strategy=3"), (3, "strategy=3")]
)
def test_what_is_no_strategy_is_refused(df: pd.DataFrame, given: Any, told: str) -> None:
    """Nothing, and what is neither a name nor a strategy, is refused in a list as alone."""
    with pytest.raises(orchkit.ParameterError, match=told):
        df.orch.estimate(given)


class Talker:
    """A provider of models that say as much as they may, never the same, and that nobody trusts."""

    name = "talker"

    async def complete(self, call: Call) -> orchkit.Response:
        """Say eight bytes a token, all of them charged."""
        size = call.params.max_tokens
        said = f"{call.key[:8]}{'x ' * 4 * size}"[: 8 * size]
        read = sum(len(message.content.encode()) for message in call.messages)
        return orchkit.Response(call.model, said, orchkit.Usage(read, size))


JUDGE = orchkit.Judge("three", otherwise="confidence")
ASKING = {
    "agrees": orchkit.Fallback(("one", "two"), 1.0, agrees_with("three")),
    "consistent": orchkit.Fallback(("one", "two"), 1.0, self_consistency(2)),
    "verbalised": orchkit.Fallback(("one", "two"), 1.0, verbalised),
    "true": orchkit.Fallback(("one", "two"), 1.0, p_true),
    "judged": orchkit.Ensemble(models=("one", "two"), select="judge", judge=JUDGE),
    "agree": orchkit.AgreeThenEscalate(("one", "two"), "three"),
}


def test_a_verdict_is_no_answer_in_the_worst_case() -> None:
    """How long an answer may be does not make a verdict dearer, but for what it reads."""
    for name in ("one", "two", "three"):
        price = {"one": 0, "two": 0, "three": 3}[name]
        orchkit.add_model(name, provider=Talker(), tier="basic", input_price=0, output_price=price)
    frame = pd.DataFrame({"prompt": ["Why?"]})
    told = frame.orch.estimate(ASKING["judged"], max_tokens=5_000, cache=False)
    assert told.worst_cost == pytest.approx((1 + told.rebuys) * 2 * 64 * 3e-6)


@pytest.mark.parametrize("strategy", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("max_tokens", [1, 50])
def test_the_worst_case_covers_what_asks_again(strategy: Any, max_tokens: int) -> None:
    """Signals, judges and strong models that are asked about answers are in it, with all they read.

    The models talk as long as they may, and are believed by nobody.
    """
    for name in ("one", "two", "three"):
        orchkit.add_model(name, provider=Talker(), tier="basic", input_price=7, output_price=3)
    frame = pd.DataFrame({"prompt": ["Why?", "How?"]})
    settings_ = {"max_tokens": max_tokens, "cache": False}
    told = frame.orch.estimate(strategy, **settings_)
    out = frame.orch.route(strategy, progress=False, **settings_)
    asked = sum(len(each["calls"]) for each in out["metadata"])
    assert out["error"].isna().all()
    assert out["cost"].sum() <= told.worst_cost / (1 + told.rebuys)
    assert asked <= told.worst_calls
    assert told.worst_calls > 2 * len(frame)
