from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import MetricWarning, ParameterError, UnknownNameError
from orchkit.lab.contrasts import CONTRASTS, contrasts, reference_of
from orchkit.lab.stats import holm, mcnemar, noninferior, paired_bootstrap
from orchkit.lab.summary import summary

AB = ("r", "a", "b")


def results(graded: bool = False, n: int = 120) -> pd.DataFrame:
    """Return tidy results of a reference r and strategies a, b, of 0 and 1 or graded."""
    drawn = np.random.default_rng(4)
    frames = []
    for place, name in enumerate("rab"):
        quality = (drawn.random(n) < 0.8 - 0.1 * place).astype(float)
        quality = np.where(drawn.random(n) < 0.3, 0.5, quality) if graded else quality
        frames.append(
            pd.DataFrame(
                {"strategy": name, "row": range(n), "quality": quality,
                 "cost": drawn.uniform(1, 2, n) / (1 + place), "error": None}
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def column(frame: pd.DataFrame, strategy: str, name: str) -> np.ndarray:
    """Return one strategy's column by prompt."""
    rows = frame[frame["strategy"] == strategy].sort_values("row")
    return rows[name].to_numpy(float)


@pytest.mark.parametrize("graded", [False, True], ids=["binary", "graded"])
@pytest.mark.parametrize("clustered", [False, True], ids=["prompts", "clusters"])
def test_each_row_is_what_the_statistics_say_by_hand(graded: bool, clustered: bool) -> None:
    """Differences, intervals, ratios, p and verdicts equal those of `orchkit.stats`."""
    frame = results(graded)
    clusters = np.arange(120) // 4 if clustered else None
    table = contrasts(frame.sample(frac=1, random_state=0), AB, "r", margin=0.05, clusters=clusters)
    assert tuple(table.columns) == CONTRASTS
    assert sorted(table.index) == ["a", "b"]
    p = {}
    for name in table.index:
        own, other = column(frame, name, "quality"), column(frame, "r", "quality")
        costs = {"cost_a": column(frame, name, "cost"), "cost_b": column(frame, "r", "cost")}
        told = noninferior(own, other, 0.05, clusters=clusters, name_b="r", **costs)
        row = table.loc[name]
        assert row[["difference", "low", "high"]].tolist() == [
            told.difference, told.low, told.high
        ]  # fmt: skip
        ratio: Any = told.cost_ratio
        assert row[["cost_ratio", "cost_ratio_low", "cost_ratio_high"]].tolist() == [
            ratio.estimate, ratio.low, ratio.high
        ]  # fmt: skip
        # All verdicts together hold with 95 %: two of them, each with 97.5 %.
        claim = noninferior(own, other, 0.05, level=0.975, clusters=clusters, name_b="r", **costs)
        assert (row["within"], row["verdict"], row["n"]) == (bool(claim), str(claim), 120)
        exact = not graded and not clustered
        p[name] = (
            mcnemar(own, other).p if exact else paired_bootstrap(own, other, clusters=clusters).p
        )
        assert row["test"] == ("mcnemar mid-p" if exact else "bootstrap")
        assert row["p"] == p[name]
    assert table["p_holm"].tolist() == holm([p[name] for name in table.index]).tolist()


def test_only_prompts_that_all_were_judged_on_count() -> None:
    """A prompt without quality of any strategy counts for none of them."""
    frame = results()
    frame.loc[(frame["strategy"] == "b") & (frame["row"] < 20), "quality"] = math.nan
    table = contrasts(frame, AB, "r")
    assert set(table["n"]) == {100}
    kept = column(frame, "a", "quality")[20:] - column(frame, "r", "quality")[20:]
    assert table.loc["a", "difference"] == pytest.approx(kept.mean())


def test_unknown_costs_leave_the_ratio_unknown() -> None:
    """Where a price is missing the difference still holds, and no ratio is told."""
    frame = results()
    frame.loc[frame["strategy"] == "a", "cost"] = math.nan
    table = contrasts(frame, AB, "r")
    assert math.isnan(table.loc["a", "cost_ratio"])
    assert "of its cost" not in table.loc["a", "verdict"]
    assert table.loc["b", "cost_ratio"] < 1
    assert table["n"].tolist() == [120, 120]


def test_equal_strategies_do_not_differ() -> None:
    """Against a copy of itself a strategy has no difference, and p is 1."""
    frame = results().query("strategy == 'r'")
    both = pd.concat([frame, frame.assign(strategy="copy")])
    row = contrasts(both, ("copy",), "r", margin=0.05).loc["copy"]
    assert row[["difference", "p", "p_holm", "within"]].tolist() == [0.0, 1.0, 1.0, True]
    assert row["verdict"] == "the same as r, n=120"
    assert row["cost_ratio"] == pytest.approx(1)


def test_one_prompt_shows_nothing() -> None:
    """A single prompt has a difference, no interval, and a warning."""
    with pytest.warns(MetricWarning, match="too few prompts"):
        row = contrasts(results(n=1), AB, "r").loc["a"]
    assert np.isnan([row["low"], row["high"]]).all()
    assert not row["within"]
    assert "too little to judge by" in row["verdict"]


def test_without_a_prompt_in_common_nothing_is_told() -> None:
    """Strategies that were never judged on the same prompt have a row of unknowns, and n is 0."""
    frame = results(n=4)
    frame.loc[(frame["strategy"] == "a") & (frame["row"] < 2), "quality"] = math.nan
    frame.loc[(frame["strategy"] == "r") & (frame["row"] >= 2), "quality"] = math.nan
    table = contrasts(frame, AB, "r", clusters=[1, 2, 3, 4])
    assert table["n"].tolist() == [0, 0]
    assert table[["difference", "p", "p_holm", "cost_ratio"]].isna().all(axis=None)
    assert not table["within"].any()


def test_alone_there_is_nothing_to_contrast() -> None:
    """The reference by itself has no rows, and all columns."""
    table = contrasts(results().query("strategy == 'r'"), ("r",), "r")
    assert (len(table), tuple(table.columns)) == (0, CONTRASTS)


@pytest.mark.parametrize("margin", [-0.1, 1, math.nan, "x", None])
def test_a_margin_is_a_loss(margin: Any) -> None:
    """What is no loss in [0, 1) is refused."""
    with pytest.raises(ParameterError, match="margin is"):
        contrasts(results(), AB, "r", margin=margin)


@pytest.mark.parametrize("labels", [[1] * 119, [1] * 121, 3, "task"], ids=str)
def test_each_prompt_needs_a_cluster(labels: Any) -> None:
    """As many labels as prompts, no more and no fewer."""
    with pytest.raises(ParameterError, match="one label for each of 120 prompts"):
        contrasts(results(), AB, "r", clusters=labels)


def test_the_reference_is_the_strongest_single_model() -> None:
    """By quality among single models, unless another is asked for by name."""
    frame = results().assign(latency=1.0, confidence=0.5, signal="x", rounds=1, provider="replay")
    table = summary(frame)
    assert reference_of(table, ("a", "b"), None) == "a"
    assert reference_of(table, ("b", "gone"), None) == "b"
    assert reference_of(table, (), None) is None
    assert reference_of(table, ("a",), "b") == "b"
    with pytest.raises(UnknownNameError, match="No strategy 'c' here"):
        reference_of(table, ("a",), "c")


def test_verdicts_hold_together() -> None:
    """Of ten strategies that are as good as the reference, a false finding is rare in any row."""
    wrong = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        names = ["r", *(f"s{n}" for n in range(10))]
        frame = pd.concat(
            pd.DataFrame({"strategy": name, "row": range(150), "cost": rng.uniform(1, 2, 150),
                          "quality": (rng.random(150) < 0.8).astype(float), "error": None})
            for name in names
        )  # fmt: skip
        said = contrasts(frame.assign(cost=math.nan), names, "r")["verdict"]
        wrong += said.str.contains("better|worse than").any()
    assert wrong <= 10
