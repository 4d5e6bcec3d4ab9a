from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.baselines import BASELINES, at_equal_cost, beside_models, labels_of, zero_router
from orchkit.lab.metrics import hull_value, oracle_frontier
from orchkit.lab.summary import summary

points = st.integers(1, 5).flatmap(
    lambda m: st.tuples(
        st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]), min_size=m, max_size=m),
        st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, 7.0]), min_size=m, max_size=m),
    )
)


@given(points, st.lists(st.sampled_from([0.0, 0.5, 1, 2, 2.5, 6, 9]), min_size=1, max_size=4))
def test_the_zero_router_is_the_hull_s_value(
    told: tuple[list[float], list[float]], budgets: list[float]
) -> None:
    """For any models, ties and doubles too, each draw is the concave hull's value at its budget."""
    quality, cost = (np.tile(np.array(each)[:, None], len(budgets)) for each in told)
    found = zero_router(quality, cost, np.array(budgets))
    expected = [hull_value(told[1], told[0], budget) for budget in budgets]
    assert found.tolist() == pytest.approx(expected, abs=1e-12, nan_ok=True)


def results(**strategies: tuple[Any, Any]) -> pd.DataFrame:
    """Return tidy results from each strategy's qualities and costs."""
    frames = [
        pd.DataFrame({"strategy": name, "row": range(len(quality)), "quality": quality,
                      "cost": cost, "error": None})
        for name, (quality, cost) in strategies.items()
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def drawn(n: int, seed: int = 0) -> dict[str, tuple[Any, Any]]:
    """Return a cheap and a strong model, and a strategy that knows where the cheap one is right."""
    rng = np.random.default_rng(seed)
    cheap, strong = (rng.random(n) < 0.6).astype(float), (rng.random(n) < 0.9).astype(float)
    sent = rng.random(n) < np.where(cheap, 0.3, 0.8)
    paid, dear = rng.uniform(1, 2, n), rng.uniform(8, 12, n)
    return {
        "cheap": (cheap, paid),
        "strong": (strong, dear),
        "routed": (np.where(sent, strong, cheap), paid + sent * dear),
    }


SINGLES = ("cheap", "strong")


def beside(frame: pd.DataFrame, **settings: Any) -> pd.DataFrame:
    """Return strategies beside the baselines of the two models."""
    return at_equal_cost(frame, SINGLES, **settings)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(3, 60))
def test_a_single_model_gains_nothing_on_itself(seed: int, n: int) -> None:
    """Each model on the hull reaches the zero router exactly, and the cheapest any mix."""
    made = drawn(n, seed)
    frame = results(cheap=made["cheap"], strong=made["strong"])
    table = beside(frame)
    assert tuple(table.columns) == BASELINES
    quality = [float(made[name][0].mean()) for name in SINGLES]
    assert table["random_mix"].tolist() == pytest.approx([quality[0], max(quality)])
    assert table.loc["cheap", ["gain", "gain_low"]].tolist() == pytest.approx([0, 0], abs=1e-12)
    assert table["zero_router"].tolist() == pytest.approx([quality[0], max(quality)])


def test_baselines_are_read_at_the_strategy_s_own_cost() -> None:
    """Each baseline is its curve's value at the mean that the strategy spent."""
    made = drawn(400)
    row = beside(results(**made)).loc["routed"]
    spent = made["routed"][1].mean()
    quality = np.array([made[name][0].mean() for name in SINGLES])
    cost = np.array([made[name][1].mean() for name in SINGLES])
    share = (spent - cost[0]) / (cost[1] - cost[0])
    assert row["cost_per_1k"] == pytest.approx(1000 * spent)
    assert row["random_mix"] == pytest.approx(quality[0] + share * (quality[1] - quality[0]))
    assert row["zero_router"] == pytest.approx(row["random_mix"])
    assert row["gain"] == pytest.approx(row["quality"] - row["zero_router"])
    oracle = oracle_frontier(*(np.column_stack([made[m][at] for m in SINGLES]) for at in (0, 1)))
    best = np.interp(spent, oracle["cost"], oracle["quality"])
    assert row["oracle_frontier"] == pytest.approx(best)
    assert row["regret"] == pytest.approx(best - row["quality"])
    assert math.isnan(row["prompt_length"])
    assert row["n"] == 400


def test_long_prompts_go_to_the_best_model() -> None:
    """At half of the money the longest half is asked of the strong one."""
    n = 10
    long = np.arange(n) >= 5
    frame = results(
        cheap=(1 - long, np.ones(n)), strong=(np.ones(n), np.full(n, 3.0)),
        half=(np.ones(n), np.full(n, 2.0)), quarter=(np.ones(n), np.full(n, 1.5)),
    )  # fmt: skip
    table = beside(frame, length=pd.Series(np.arange(n, dtype=float)))
    assert table.loc[["half", "quarter"], "prompt_length"].tolist() == [1.0, 0.75]
    assert table.loc["half", "random_mix"] == 0.75


def test_a_best_model_that_is_sometimes_cheaper_breaks_no_curve() -> None:
    """Where asking the best model more often costs less, the curve still reads left to right."""
    n = 6
    dear = np.array([0.5, 9, 0.5, 9, 0.5, 9])
    frame = results(
        cheap=([0, 1, 0, 1, 0, 0], np.ones(n)), strong=(np.ones(n), dear),
        same=(np.ones(n), dear),
    )  # fmt: skip
    table = beside(frame, length=pd.Series(np.arange(n, dtype=float)))
    assert table.loc["same", "prompt_length"] == 1.0
    assert 0 <= table.loc["cheap", "prompt_length"] <= 1


def test_gain_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Over seeded recordings the 95 % interval holds the gain of the population."""
    made = drawn(400_000, seed=99)
    means = {name: (each[0].mean(), each[1].mean()) for name, each in made.items()}
    cost, quality = ([means[name][at] for name in SINGLES] for at in (1, 0))
    truth = means["routed"][0] - hull_value(cost, quality, means["routed"][1])
    held = []
    for seed in range(60):
        row = beside(results(**drawn(250, seed)), seed=seed).loc["routed"]
        held.append(row["gain_low"] <= truth <= row["gain_high"])
    assert 0.88 <= np.mean(held) <= 1
    assert truth > 0.05


def test_what_costs_less_than_any_model_has_no_baseline() -> None:
    """Left of the cheapest model no single one can be, so there is no gain and no interval."""
    n = 30
    frame = results(
        cheap=(np.ones(n), np.ones(n)), strong=(np.ones(n), np.ones(n) * 5),
        free=(np.ones(n), np.zeros(n)),
    )  # fmt: skip
    row = beside(frame).loc["free"]
    told = ["random_mix", "zero_router", "oracle_frontier", "gain", "gain_low", "gain_high"]
    assert row[told].isna().all()


def test_free_models_are_judged_by_quality_alone() -> None:
    """Where nothing costs anything, the best model is what every strategy could have asked."""
    made = {name: (each[0], np.zeros(50)) for name, each in drawn(50).items()}
    table = beside(results(**made))
    best = max(made[name][0].mean() for name in SINGLES)
    assert table["zero_router"].tolist() == pytest.approx([best] * 3)
    assert table["random_mix"].tolist() == pytest.approx([best] * 3)


def test_all_are_judged_on_the_same_prompts() -> None:
    """A prompt of which anything is unknown counts for nobody."""
    made = drawn(40)
    frame = results(**made)
    frame.loc[(frame["strategy"] == "strong") & (frame["row"] == 3), "quality"] = math.nan
    frame.loc[(frame["strategy"] == "cheap") & (frame["row"] == 4), "cost"] = math.nan
    table = beside(frame)
    kept = np.array([row not in (3, 4) for row in range(40)])
    assert set(table["n"]) == {38}
    assert table.loc["routed", "quality"] == pytest.approx(made["routed"][0][kept].mean())


def test_with_nothing_known_there_is_nothing_to_compare() -> None:
    """Without a prompt that is known for all, it is said so."""
    frame = results(**drawn(5)).assign(quality=math.nan)
    with pytest.raises(ParameterError, match="No prompt has quality and cost"):
        beside(frame)


def test_clusters_are_drawn_together() -> None:
    """Ten copies of each prompt, told apart by cluster, are as wide as the prompts themselves."""
    made = drawn(60)
    frame = results(**{name: tuple(np.repeat(x, 10) for x in both) for name, both in made.items()})  # type: ignore[misc]
    once = beside(results(**made)).loc["routed"]
    told = beside(frame, clusters=np.repeat(np.arange(60), 10)).loc["routed"]
    naive = beside(frame).loc["routed"]
    assert told[["gain_low", "gain_high"]].tolist() == pytest.approx(
        once[["gain_low", "gain_high"]].tolist()
    )
    assert naive["gain_high"] - naive["gain_low"] < 0.5 * (told["gain_high"] - told["gain_low"])


def test_with_few_clusters_there_is_no_interval() -> None:
    """Fewer than ten clusters show nothing, and it is said."""
    with pytest.warns(MetricWarning, match="too few clusters"):
        table = beside(results(**drawn(40)), clusters=np.arange(40) % 3)
    assert table["gain_low"].isna().all()


@pytest.mark.parametrize("labels", [[1] * 39, [1] * 41, "task", [[1]] * 40, 7], ids=str)
def test_each_prompt_needs_a_label(labels: Any) -> None:
    """One label for each prompt of the comparison, no more and no fewer."""
    frame = results(**drawn(40))
    with pytest.raises(ParameterError, match="one label for each of 40 prompts"):
        labels_of(labels, frame, pd.RangeIndex(40))


def test_models_that_were_recorded_too_are_added() -> None:
    """Those known for nearly all judged prompts stand beside; the others are named."""
    made = drawn(20)
    frame = results(routed=made["routed"], strong=made["strong"])
    alone = results(cheap=made["cheap"], strong=made["strong"])
    gone = (alone["strategy"] == "cheap") & (alone["row"] < 2)
    found = beside_models(frame, ("strong",), alone[~gone])
    assert (found.singles, found.left_out) == (("strong",), ("cheap",))
    one = (alone["strategy"] == "cheap") & (alone["row"] == 3)
    found = beside_models(frame, ("strong",), alone[~one])
    assert (found.singles, found.left_out) == (("strong", "cheap"), ())
    assert set(at_equal_cost(found.results, found.singles)["n"]) == {19}


def test_the_strongest_model_is_there_whatever_its_gaps() -> None:
    """What strategies are held against is not lost: prompts it is not known for judge nobody."""
    made = drawn(40)
    alone = results(cheap=made["cheap"], strong=made["strong"])
    gone = (alone["strategy"] == "strong") & (alone["row"] < 10)
    found = beside_models(results(routed=made["routed"]), (), alone[~gone])
    assert found.singles == ("cheap", "strong")
    assert set(at_equal_cost(found.results, found.singles)["n"]) == {30}


def test_gaps_of_many_models_do_not_add_up() -> None:
    """Twelve models with other gaps each leave nearly all prompts to judge strategies by."""
    made, rng = drawn(400), np.random.default_rng(0)
    others = {f"m{n}": (made["cheap"][0] * 0.5, made["cheap"][1]) for n in range(12)}
    alone = results(strong=made["strong"], **others)
    gone = (alone["strategy"] != "strong") & (rng.random(len(alone)) < 0.04)
    found = beside_models(results(routed=made["routed"]), (), alone[~gone])
    assert summary(told(found.results), singles=found.singles).loc["routed", "n"] >= 0.95 * 400
    assert len(found.left_out) + len(found.singles) == 13


def told(frame: pd.DataFrame) -> pd.DataFrame:
    """Return tidy results with the columns that a summary tells of."""
    return frame.assign(latency=1.0, confidence=0.5, signal="x", rounds=1, provider="replay")
