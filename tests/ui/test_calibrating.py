from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import orchkit
from orchkit.core.signals import agrees_with
from orchkit.errors import (
    MatrixError,
    OrchkitWarning,
    ParameterError,
    PriceMissingError,
    UnknownModelError,
)
from orchkit.lab.calibrated import Calibrated
from orchkit.lab.calibration import cross_fitted
from orchkit.lab.metrics import brier, ece
from orchkit.ui.calibrating import calibrate, confidence_report, confidence_values

MODELS = ["gpt-4o-mini", "gpt-4o"]


@pytest.fixture(scope="module")
def recorded() -> tuple[orchkit.ResponseMatrix, orchkit.ResponseMatrix]:
    """Give two halves of simulated answers to the everyday prompts."""
    df = orchkit.load_dataset("everyday")
    with orchkit.use("simulator"):
        return df.orch.record(MODELS, progress=False).split(seed=1)


def test_a_threshold_means_a_probability(recorded: Any) -> None:
    """Accepted at 0.75, three quarters or more of new answers are right, give or take chance."""
    train, test = recorded
    sure = calibrate(train, source="everyday")
    out = test.route(orchkit.Single("gpt-4o-mini", confidence=sure))
    right = test.quality["gpt-4o-mini"]
    assert [each["calibrated"] for each in out["metadata"]] == [True] * len(test)
    assert ece(out["confidence"], right, kind="debiased") < 0.1
    raw = test.route("gpt-4o-mini")["confidence"]
    assert brier(out["confidence"], right) < brier(raw, right)
    assert right[out["confidence"] >= 0.75].mean() > 0.75


@pytest.mark.parametrize("verb", [calibrate, confidence_report, confidence_values])
@pytest.mark.parametrize("given", [pd.DataFrame({"prompt": ["Why?"]}), None, "mat"])
def test_a_matrix_is_needed(verb: Any, given: Any) -> None:
    """What is no recording is refused, with how to make one."""
    with pytest.raises(ParameterError, match=r"takes a ResponseMatrix.*record\(models\)"):
        verb(given)


def test_a_run_tells_of_drift(recorded: Any) -> None:
    """What a routed run returns is enough to test the calibration by, a model each."""
    train, test = recorded
    sure = calibrate(train)
    out = test.route(orchkit.Fallback(tuple(MODELS), 0.6, sure))
    raw = [each["raw_confidence"] for each in out["metadata"]]
    risen = [
        sure.calibrators[name].predict(each)
        for name, each in zip(out["model_used"], raw, strict=True)
    ]
    assert risen == out["confidence"].tolist()
    told = sure.drift(out, np.zeros(len(out)))
    assert sorted(told.index) == sorted(set(out["model_used"]))
    assert told["drifted"].all()
    assert "raw_confidence" not in test.route("gpt-4o")["metadata"].iloc[0]


def test_it_is_live_as_on_a_recording(recorded: Any) -> None:
    """The same signal gives the same confidence when the same answer is asked for live."""
    _, test = recorded
    sure = calibrate(recorded[0])
    everyday = orchkit.load_dataset("everyday").drop_duplicates("prompt")
    frame = everyday[everyday["prompt"].isin(test.prompts["prompt"])]
    strategy = orchkit.Single("gpt-4o", confidence=sure)
    with orchkit.use("simulator"):
        live = orchkit.record(frame, ["gpt-4o"], progress=False)
        cmp = orchkit.compare(frame, [strategy], progress=False)
    replayed = live.route(strategy)
    assert cmp.results["confidence"].tolist() == replayed["confidence"].tolist()
    assert all(each["calibrated"] for each in cmp.results["metadata"])


def test_it_stands_wherever_a_signal_does(recorded: Any) -> None:
    """Sweeps, fits, estimates and comparisons take it, and labels tell of it."""
    train, test = recorded
    sure = calibrate(train)
    swept = test.sweep("fallback", chain=MODELS, confidence=sure, threshold=[0.2, 0.9])
    by_hand = test.route(orchkit.Fallback(tuple(MODELS), 0.9, sure))
    assert swept["quality"].iloc[1] == pytest.approx(
        np.mean([test.quality.loc[at, name] for at, name in by_hand["model_used"].items()])
    )
    cmp = test.compare([orchkit.Fallback(tuple(MODELS), 0.9, sure), "gpt-4o"])
    assert "confidence=calibrated auto" in cmp.results["strategy"].iloc[0]
    tuned = orchkit.Fallback.fit(test, max_loss=0.05, confidence=sure)
    assert tuned.confidence in (sure, None)
    frame = pd.DataFrame({"prompt": ["Why?"]})
    with orchkit.use("simulator"):
        told = orchkit.estimate(frame, orchkit.Fallback(tuple(MODELS), 0.9, sure), cache=False)
    assert told.worst_calls == 2


def test_provenance_is_told(recorded: Any, tmp_path: Path) -> None:
    """Who reads it sees how many labels of what, on which day, and the errors before and after."""
    sure = calibrate(recorded[0], source="everyday")
    told = repr(sure)
    told_of = "everyday, SIMULATED answers, gpt-4o-mini"
    assert f"n={len(recorded[0])}, {datetime.now(UTC):%Y-%m-%d}, {told_of}" in told
    assert "debiased ECE" in told
    sure.save(tmp_path / "sure.json")
    assert repr(Calibrated.load(tmp_path / "sure.json")) == told


@pytest.mark.parametrize("source", ["", "everyday"])
def test_provenance_says_that_answers_were_simulated(recorded: Any, source: str) -> None:
    """Whatever the answers are called, a calibration on simulated ones says so; others do not."""
    train, _ = recorded
    told = calibrate(train, source=source).calibrators["gpt-4o-mini"].source
    assert "SIMULATED" in told
    assert told.startswith(source)
    real = orchkit.ResponseMatrix(train.frame.assign(provider="openai"))
    assert "SIMULATED" not in repr(calibrate(real, source=source))


def test_few_answers_are_not_calibrated(recorded: Any) -> None:
    """Below 50 answers a warning tells, numbers stay as they are, and say so."""
    few = recorded[0].subset(prompts=recorded[0].prompts.index[:30])
    with pytest.warns(OrchkitWarning, match="30 labels are too few"):
        sure = calibrate(few)
    out = few.route(orchkit.Single("gpt-4o", confidence=sure))
    assert out["confidence"].tolist() == few.route("gpt-4o")["confidence"].tolist()
    assert [each["calibrated"] for each in out["metadata"]] == [False] * 30


def test_a_dated_name_is_found_under_the_catalogs(recorded: Any) -> None:
    """Recorded as gpt-4o-mini-2024-07-18, it calibrates what the session calls gpt-4o-mini."""
    frame = recorded[0].frame.replace({"model": {"gpt-4o-mini": "gpt-4o-mini-2024-07-18"}})
    sure = calibrate(orchkit.ResponseMatrix(frame))
    assert sorted(sure.calibrators) == ["gpt-4o", "gpt-4o-mini", "gpt-4o-mini-2024-07-18"]


def test_a_signal_that_asks_others_is_calibrated(recorded: Any) -> None:
    """Agreement becomes a probability, and its calls stay part of the row's cost."""
    train, test = recorded
    signal = agrees_with("gpt-4o")
    sure = calibrate(train, signal, models=["gpt-4o-mini"])
    strategy = orchkit.Single("gpt-4o-mini", confidence=sure)
    out = test.route(strategy)
    known = out["confidence"].dropna()
    assert known.nunique() == 2
    row = out.loc[known.index[0]]
    assert [call["model"] for call in row["metadata"]["calls"]] == MODELS
    assert row["cost"] == pytest.approx(test.cost.loc[known.index[0]].sum())


@pytest.mark.parametrize(
    "strategy",
    [
        orchkit.Single("gpt-4o", agrees_with("gpt-5o")),
        orchkit.Fallback(MODELS, confidence=Calibrated({}, agrees_with("gpt-5o"))),
        orchkit.Ensemble(models=MODELS, select="judge", judge="gpt-5o"),
    ],
    ids=["signal", "calibrated", "judge"],
)
def test_whom_a_signal_asks_is_checked_first(df: pd.DataFrame, sent: Any, strategy: Any) -> None:
    """A model nobody knows shows before anything is sent, wherever it is named."""
    with pytest.raises(UnknownModelError, match="gpt-5o"):
        df.orch.route(strategy)
    assert sent == []


def test_whom_a_signal_asks_has_a_price_under_a_cap(df: pd.DataFrame, sent: Any) -> None:
    """A cap over a model without a price is refused, though only a signal asks it."""
    orchkit.add_model("dear", provider="simulator")
    with orchkit.use("simulator"), pytest.raises(PriceMissingError, match="dear"):
        df.orch.route(orchkit.Single("gpt-4o", agrees_with("dear")), budget=1.0)
    assert sent == []


def test_a_report_has_a_row_for_each(recorded: Any) -> None:
    """By default: what responses carry, brevity, and agreement, of each model."""
    mat = recorded[0]
    values = confidence_values(mat)
    told = confidence_report(mat)
    assert told.index.get_level_values("signal").unique().tolist() == [
        "auto",
        "brevity",
        "agrees_with(gpt-4o-mini, gpt-4o)",
    ]
    auto = values[(values["signal"] == "auto") & (values["model"] == "gpt-4o")]
    sure, right = auto["confidence"].to_numpy(), auto["quality"].to_numpy()
    assert auto["calibrated"].tolist() == cross_fitted(sure, right).tolist()
    row = told.loc[("auto", "gpt-4o")]
    assert row["brier_calibrated"] == brier(cross_fitted(sure, right), right)
    assert row["price_per_1k"] == 0


def test_one_signal_of_one_model(recorded: Any) -> None:
    """A function alone is a list of one; models can be chosen."""
    told = confidence_report(recorded[0], orchkit.brevity, models=["gpt-4o"], method="isotonic")
    assert told.index.tolist() == [("brevity", "gpt-4o")]
    assert told["method"].item() == "isotonic"


def test_values_are_drawn(recorded: Any) -> None:
    """What signals say is what the reliability diagram draws, raw or calibrated."""
    values = confidence_values(recorded[0], [None])
    ax = orchkit.plots.reliability(values, confidence="calibrated", by="model")
    assert orchkit.plots.drawn(ax)["model"].unique().tolist() == MODELS


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"models": ["gpt-5o"]}, UnknownModelError, "gpt-5o"),
        ({"method": "magic"}, ParameterError, "magic"),
        ({"signal": "logprob"}, ParameterError, "logprob"),
    ],
)
def test_misuse_says_what_to_write(recorded: Any, given: Any, error: Any, told: str) -> None:
    """What cannot be meant is refused with a typed error."""
    with pytest.raises(error, match=told):
        calibrate(recorded[0], **given)


def test_without_quality_there_is_nothing_to_fit() -> None:
    """A recording nobody scored is refused with what to do."""
    bare = orchkit.ResponseMatrix(
        pd.DataFrame({"prompt_id": [1], "model": ["gpt-4o"], "response": ["42"]})
    )
    for verb in (calibrate, confidence_report, confidence_values):
        with pytest.raises(MatrixError, match="score"):
            verb(bare)


def test_a_judge_cannot_be_fitted(recorded: Any) -> None:
    """What is in no recording is refused by name."""
    with pytest.raises(ParameterError, match="'judge'"):
        orchkit.Ensemble.fit(recorded[0], selects=("majority", "judge"))
