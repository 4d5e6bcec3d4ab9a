from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import orchkit
from orchkit.core.signals import agrees_with
from orchkit.core.strategies import Fallback, Single
from orchkit.errors import ColumnError, ParameterError, UnknownNameError
from orchkit.lab.baselines import BASELINES
from orchkit.lab.contrasts import CONTRASTS, contrasts
from orchkit.lab.stats import mean_interval
from orchkit.ui.comparison import TOLD, Comparison
from orchkit.ui.recordings import ResponseMatrix

MODELS = ("wee", "big")


def long(n: int = 60, models: tuple[str, ...] = MODELS) -> pd.DataFrame:
    """Return a recording of a cheap model and a dear one, and of how long prompts are."""
    drawn = np.random.default_rng(3)
    rows = [
        {
            "prompt_id": f"q{row}",
            "prompt": "x" * (row + 1),
            "model": model,
            "quality": float(drawn.random() < (0.5, 0.95, 0.5)[place]),
            "cost": float(drawn.uniform(1, 2)) * 1e-5 * 20**place,
            "confidence": float(drawn.random()),
            "response": "1",
        }
        for row in range(n)
        for place, model in enumerate(models)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def comparison() -> Comparison:
    """Give both models and a chain of them."""
    return ResponseMatrix(long()).compare([*MODELS, Fallback(MODELS, 0.5)])


CHAIN = "fallback(wee → big, threshold=0.5)"


def test_a_summary_tells_what_the_contrasts_do(comparison: Comparison) -> None:
    """Cost ratios and verdicts of the summary are those of the contrasts, and none of the rest."""
    told, beside = comparison.summary(margin=0.05), comparison.contrasts(margin=0.05)
    assert tuple(beside.columns) == CONTRASTS
    assert beside.index.tolist() == ["wee", CHAIN]
    for name in beside.index:
        assert told.loc[name, [*TOLD]].tolist() == beside.loc[name, [*TOLD]].tolist()
    assert told.loc["big", "verdict"] == told.loc["oracle", "verdict"] == ""
    assert math.isnan(told.loc["big", "cost_ratio"])


def test_contrasts_are_of_the_results(comparison: Comparison) -> None:
    """They equal what the results alone say, against whatever is asked for."""
    for against in ("big", CHAIN):
        found = comparison.contrasts(against=against, margin=0.1)
        told = contrasts(comparison.results, [*MODELS, CHAIN], against, margin=0.1)
        pd.testing.assert_frame_equal(found, told)
        assert set(found["reference"]) == {against}
    with pytest.raises(UnknownNameError, match=r"No strategy 'bigg' here\. Did you mean 'big'"):
        comparison.contrasts(against="bigg")


def test_the_text_tells_each_verdict_but_those_of_single_models(comparison: Comparison) -> None:
    """A line a strategy; and the same in a notebook, as text."""
    verdict = comparison.contrasts().loc[CHAIN, "verdict"]
    *_, line, conclusion = repr(comparison).splitlines()
    assert line == f"{CHAIN}: {verdict}"
    assert conclusion.startswith("nothing cheaper is shown to be within 1 pt of big")
    assert "\nwee: " not in repr(comparison)
    assert comparison._repr_html_().count("<li>") == 1
    assert f"<strong>{conclusion}</strong>" in comparison._repr_html_()


def test_baselines_are_of_all_recorded_models() -> None:
    """A comparison without single models is held against those recorded, by position."""
    matrix = ResponseMatrix(long())
    alone = matrix.compare([Fallback(MODELS, 0.5)]).baselines()
    beside = matrix.compare([*MODELS, Fallback(MODELS, 0.5)]).baselines()
    assert tuple(alone.columns) == BASELINES
    assert alone.index.tolist() == [CHAIN, *MODELS]
    pd.testing.assert_frame_equal(alone.loc[[CHAIN]], beside.loc[[CHAIN]])
    assert beside["prompt_length"].notna().all()
    assert (beside["regret"] >= -1e-9).all()


def test_a_model_recorded_twice_is_its_own_baseline() -> None:
    """Of several draws the first is replayed, and is what baselines are made of, too."""
    frame = long()
    again = frame.assign(quality=1 - frame["quality"], cost=frame["cost"] * 7)
    twice = ResponseMatrix(pd.concat([frame, again], ignore_index=True))
    once = ResponseMatrix(frame)
    strategies = [*MODELS, Fallback(MODELS, 0.5)]
    pd.testing.assert_frame_equal(
        twice.compare(strategies).baselines(), once.compare(strategies).baselines()
    )


def test_a_failed_call_is_no_part_of_a_baseline() -> None:
    """A row with an error counts for no model, whatever else stands in it."""
    frame = long().assign(error=None)
    frame.loc[1, "error"] = "Timeout: too late"
    found = ResponseMatrix(frame).compare([Single("wee")])
    assert found.baselines()["n"].tolist() == [59, 59]
    assert found.summary()["n"].tolist() == [59, 59]


def test_without_single_models_there_is_no_verdict() -> None:
    """With nothing to hold them against, strategies have no contrasts, and columns all the same."""
    recorded = ResponseMatrix(long()).compare([Fallback(MODELS, 0.5), Fallback(MODELS, 0.9)])
    assert set(recorded.contrasts()["reference"]) == {"big"}
    live = Comparison(recorded.results)
    assert (len(live.contrasts()), tuple(live.contrasts().columns)) == (0, CONTRASTS)
    assert set(live.summary()["verdict"]) == {""}
    with pytest.raises(ParameterError, match="too few single models"):
        live.baselines()


def test_without_qualities_nothing_is_judged() -> None:
    """A recording without qualities has no contrasts and no baselines."""
    bare = ResponseMatrix(long().drop(columns="quality")).compare([*MODELS])
    assert len(bare.contrasts()) == 0
    with pytest.raises(ParameterError, match="No prompt has quality and cost"):
        bare.baselines()


def test_without_a_prompt_in_common_nothing_is_told() -> None:
    """Models that were never recorded for the same prompt are not compared, and nothing fails."""
    frame = long()
    odd = frame["prompt_id"].str[1:].astype(int) % 2 == 1
    apart = ResponseMatrix(frame[(frame["model"] == "wee") == odd]).compare([*MODELS])
    assert len(apart.contrasts()) == 0
    assert apart.contrasts(against="wee")["n"].tolist() == [0]
    assert set(apart.summary(against="wee")["verdict"]) == {""}
    with pytest.raises(ParameterError, match="No prompt has quality and cost"):
        apart.baselines()


def test_a_free_reference_has_no_cost_ratio() -> None:
    """Where the strongest model is free there is no share of its cost, and the rest stands."""
    free = ResponseMatrix(long().assign(cost=0.0)).compare([*MODELS])
    row = free.contrasts().loc["wee"]
    assert math.isnan(row["cost_ratio"])
    assert row["verdict"].startswith("worse than big")
    assert "of its cost" not in row["verdict"]


def test_clusters_are_one_label_a_prompt(comparison: Comparison) -> None:
    """They widen what is told; a wrong number of them is refused by all three."""
    labels = [row // 5 for row in range(60)]
    assert comparison.contrasts(clusters=labels)["test"].tolist() == ["bootstrap"] * 2
    assert comparison.baselines(clusters=labels)["gain_low"].notna().all()
    for told in (comparison.contrasts, comparison.baselines, comparison.summary):
        for wrong in (labels[:-1], [*labels, 1]):
            with pytest.raises(ParameterError, match="one label for each of 60 prompts"):
                told(clusters=wrong)
        with pytest.raises(ColumnError, match="no column 'task'"):
            told(clusters="task")


@pytest.mark.parametrize("margin", [-1, 1, math.nan, "x"])
def test_a_margin_is_a_loss(comparison: Comparison, margin: float) -> None:
    """What is no loss is refused."""
    with pytest.raises(ParameterError, match="margin is"):
        comparison.summary(margin=margin)


def test_clusters_go_by_prompt_and_by_name() -> None:
    """A Series of labels goes by prompt id, whatever its order; a column by its name."""
    frame = long().assign(task=lambda f: f["prompt_id"].str[1:].astype(int) // 5)
    matrix = ResponseMatrix(frame)
    found = matrix.compare([Fallback(MODELS, 0.5)])
    by_id = matrix.per_prompt("task")
    told = [by_id, by_id.sample(frac=1, random_state=0), "task", [row // 5 for row in range(60)]]
    first, *others = (found.contrasts(clusters=clusters) for clusters in told)
    for other in others:
        pd.testing.assert_frame_equal(first, other)
    wide, narrow = found.summary(clusters="task"), found.summary()
    assert (wide["quality_low"] != narrow["quality_low"]).any()
    low, _ = mean_interval(
        found.results.sort_values("row")["quality"], clusters=[row // 5 for row in range(60)]
    )
    assert wide["quality_low"].iloc[0] == low


def test_an_easy_row_does_not_stand_for_a_hard_one() -> None:
    """Prompts with a hole judge nobody, even where a strategy did not come to it; as in a sweep."""
    frame = long(400)
    row = frame["prompt_id"].str[1:].astype(int)
    partial = ResponseMatrix(frame[~((frame["model"] == "big") & (row % 2 == 1))])
    strategy = Fallback(MODELS, 0.5)
    found = partial.compare([strategy]).summary()
    swept = partial.sweep(Fallback(MODELS), threshold=[0.5])
    assert found["n"].iloc[0] == swept["n"].item() == 200
    assert found["quality"].iloc[0] == pytest.approx(swept["quality"].item())
    assert found["escalation_rate"].iloc[0] == pytest.approx(swept["escalation_rate"].item())


def test_rows_that_failed_are_told_below_the_table() -> None:
    """A strategy that breaks is not only a row of zeros: how many rows failed, and why."""

    class Broken:
        name = "broken"

        def plan(self, query: Any, catalog: Any) -> Any:
            yield (query.call(query.prompt),)

    found = ResponseMatrix(long()).compare([Broken()])
    assert "broken: 60 of 60 rows failed; first: StrategyError: AttributeError" in repr(found)
    assert "60 of 60 rows failed" in found._repr_html_()


def test_the_conclusion_names_the_cheapest_that_is_as_good() -> None:
    """Of what is shown to be within a point for less, the cheapest; else the reference itself."""
    frame = long(600)
    right = (frame["model"] == "big") | (frame["quality"] == 1)
    knowing = ResponseMatrix(frame.assign(quality=right.astype(float), confidence=right * 0.9))
    found = knowing.compare([Fallback(MODELS, 0.5), Fallback(MODELS, 0.95), *MODELS])
    assert repr(found).splitlines()[-1] == (
        f"for the least money: {CHAIN}, the cheapest that is shown to be within 1 pt of big"
    )
    found = knowing.compare([Fallback(MODELS, 0.95), *MODELS])
    assert repr(found).splitlines()[-1] == ("nothing cheaper is shown to be within 1 pt of big")


def test_it_is_told_how_many_prompts_would_show_a_way_to_be_as_good() -> None:
    """With so many of the same kind it is shown, and with fewer it is not."""
    quality = {"wee": [1, 0, *[1] * 18], "big": [0, 1, *[1] * 18]}

    def compared(times: int) -> Comparison:
        rows = {
            "prompt_id": [*range(20 * times + 1)] * 2,  # one more, so that big is the better one
            "model": ["wee"] * (20 * times + 1) + ["big"] * (20 * times + 1),
            "quality": [*quality["wee"] * times, 0, *quality["big"] * times, 1],
            "cost": [0.001] * (20 * times + 1) + [0.01] * (20 * times + 1),
        }
        return ResponseMatrix(pd.DataFrame(rows)).compare([*MODELS[:2]])

    few = compared(10).contrasts(against="big")
    (said,) = compared(10).conclusion()
    told = re.search(r"wee may be, but 201 prompts .* about ([\d,]+) would show it$", said)
    assert told is not None
    needed = int(told.group(1).replace(",", ""))
    assert not few["within"].any()
    assert compared(round(1.2 * needed / 20)).contrasts(against="big")["within"].all()
    assert not compared(round(0.8 * needed / 20)).contrasts(against="big")["within"].any()


def test_a_signal_s_own_calls_are_no_escalation() -> None:
    """What asks another model how sure to be has not gone on to a stronger one."""
    frame = long(40, ("wee", "big", "peer")).assign(response="7")
    strategy = Fallback(MODELS, 0.5, agrees_with("peer"))
    found = ResponseMatrix(frame).compare([strategy])
    assert (found.results["rounds"] > 1).all()
    assert found.summary()["escalation_rate"].iloc[0] == 0
    odd = frame.assign(response=frame["response"].where(frame["model"] != "peer", "8"))
    assert ResponseMatrix(odd).compare([strategy]).summary()["escalation_rate"].iloc[0] == 1


def test_without_costs_the_best_model_is_the_reference_all_the_same() -> None:
    """Quality needs no price; what to buy for the least money is then not told."""
    found = ResponseMatrix(long().drop(columns="cost")).compare(["wee"])
    assert found.contrasts()["reference"].tolist() == ["big"]
    assert "for the least money" not in repr(found)


def test_what_was_recorded_can_be_clustered_by_its_own_columns() -> None:
    """A recording keeps the frame's plain columns, and lists and the like are left out."""
    frame = pd.DataFrame({"prompt": ["What is 2+2?"] * 3, "task": ["a", "a", "b"]})
    frame["notes"] = [[1], [2], [3]]
    with orchkit.use("simulator"):
        matrix = frame.orch.record(["gpt-4o-mini", "gpt-4o"])
    assert matrix.per_prompt("task").tolist() == ["a", "a", "b"]
    assert "notes" not in matrix.frame.columns
