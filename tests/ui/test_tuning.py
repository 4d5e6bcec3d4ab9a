from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import orchkit
from benchmarks.recorded import zeroeval
from orchkit.core.catalog import Catalog
from orchkit.core.confidence import brevity
from orchkit.core.plans import Plan, Query
from orchkit.core.strategies import AgreeThenEscalate, Ensemble, Fallback, Single
from orchkit.errors import (
    ChainError,
    ColumnError,
    MatrixError,
    MisuseError,
    OrchkitWarning,
    ParameterError,
    UnknownModelError,
)
from orchkit.lab.experiment import label
from orchkit.ui.recordings import ResponseMatrix

MODELS = ("gpt-4o-mini", "gpt-4o", "claude-opus-3")
DATED = ("gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06", "claude-3-opus-20240229")
KINDS = pytest.mark.parametrize(
    "kind", [Fallback, Ensemble, AgreeThenEscalate], ids=lambda kind: kind.name
)


def long(models: tuple[str, ...] = MODELS, n: int = 120) -> pd.DataFrame:
    """Return a recording in which right answers are alike, and confidence tells a little."""
    drawn = np.random.default_rng(5)
    rows = [
        {
            "prompt_id": n,
            "prompt": "What is it?" + "!" * (n % 9),
            "model": model,
            "quality": float(right := drawn.random() < 0.6 + 0.15 * place),
            "response": "1" if right else str(drawn.integers(2, 99)),
            "cost": 1e-5 * 9**place,
            "confidence": 0.4 * right + 0.6 * drawn.random(),
            "task": f"t{n // 4}",
        }
        for n in range(n)
        for place, model in enumerate(models)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def matrix() -> ResponseMatrix:
    """Give a recording of three models, each dearer and better."""
    return ResponseMatrix(long())


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Let an ensemble say that it is not worth its money."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The ensemble does not beat", OrchkitWarning)
        yield


@KINDS
def test_what_was_fitted_is_measured_as_a_user_would(matrix: ResponseMatrix, kind: Any) -> None:
    """Replaying it on the held-out part of the same split gives what it remembers."""
    found = kind.fit(matrix, max_loss=0.2, caution=0, test=0.3, seed=4)
    _, test = matrix.split(test=0.3, seed=4)
    told = test.compare([found]).summary().iloc[0]
    assert found.fitted.n_test == len(test) == told["n"]
    assert found.fitted.quality == pytest.approx(told["quality"])
    assert [found.fitted.quality_low, found.fitted.quality_high] == pytest.approx(
        told[["quality_low", "quality_high"]].tolist()
    )
    assert 1000 * found.fitted.cost == pytest.approx(told["cost_per_1k"])
    assert found.fitted.date == datetime.now(UTC).date().isoformat()


@KINDS
def test_it_is_a_value_like_any_other(matrix: ResponseMatrix, kind: Any) -> None:
    """A fitted strategy is a key, survives a pickle with its memory, and is its own text."""
    found = kind.fit(matrix, max_loss=0.2, caution=0)
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 - our own
    assert (again, hash(again), again.fitted) == (found, hash(found), found.fitted)
    if found.confidence is None:
        assert eval(repr(found)) == found  # noqa: S307 - our own
    assert "fitted" not in repr(found)
    assert len(label(found)) < 100


def test_a_label_tells_thresholds_in_few_digits() -> None:
    """What has all digits of a quantile is still short in a table, and one model has no hop."""
    found = Fallback(("a", "b"), (0.43478260869565216,), brevity)
    assert label(found) == "fallback(a → b, threshold=0.434783, confidence=brevity)"
    assert label(Fallback(("a",), ())) == "fallback(chain=a)"
    assert label(Fallback(threshold=0.35000000000000003)) == "fallback(threshold=0.35)"


@dataclass(frozen=True)
class Named(Fallback):
    """A fallback of one's own, with a field more."""

    note: str = "mine"


class Other(Fallback):
    """A fallback that does something else."""

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """Ask the first only."""
        return Single("gpt-4o-mini").plan(query, catalog)


def test_a_class_of_one_s_own_is_returned(matrix: ResponseMatrix) -> None:
    """What is fitted is of the class that asked; one that plans otherwise would be told lies."""
    found = Named.fit(matrix, max_loss=0.1)
    plain = Fallback.fit(matrix, max_loss=0.1)
    assert type(found) is Named
    assert (found.chain, found.threshold, found.note) == (plain.chain, plain.threshold, "mine")
    assert found.fitted == plain.fitted
    with pytest.raises(ParameterError, match="Other cannot be tuned"):
        Other.fit(matrix)


@pytest.mark.parametrize("kind", [Single, "fallback", None, Fallback()], ids=str)
def test_only_kinds_that_can_be_tuned_are(matrix: ResponseMatrix, kind: Any) -> None:
    """The message names those that can be."""
    with pytest.raises(ParameterError, match="Fallback, Ensemble, AgreeThenEscalate can"):
        matrix.tune(kind)


def test_a_kind_is_tuned_with_the_same_defaults(matrix: ResponseMatrix) -> None:
    """Asking the recording is asking the class."""
    for kind in (Fallback, Ensemble):
        found, told = matrix.tune(kind, max_loss=0.2), kind.fit(matrix, max_loss=0.2)  # type: ignore[attr-defined]
        assert (found, found.fitted) == (told, told.fitted)


def test_an_ensemble_is_for_quality_unless_told_otherwise(matrix: ResponseMatrix) -> None:
    """Without budget and loss it is the best quality; a loss that is asked for counts, as is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OrchkitWarning)  # whether it beats its best member
        asked = [
            Ensemble.fit(matrix, **settings).fitted.asked  # type: ignore[union-attr, arg-type]
            for settings in ({}, {"caution": 2.0}, {"max_loss": 0.01, "caution": 0}, {"budget": 1})
        ]
    best = "the best quality"
    assert asked == [best, best, "max_loss=0.01", "budget=1 USD a prompt"]


def test_models_go_by_any_name(matrix: ResponseMatrix) -> None:
    """Catalog names stand for recorded ones, in any order, and text with commas is a list."""
    dated = ResponseMatrix(long(DATED))
    names = ["gpt-4o", "gpt-4o-mini"]
    found = [
        Fallback.fit(dated, budget=5e-5, models=given)
        for given in (names, names[::-1], tuple(DATED[:2]), "gpt-4o, gpt-4o-mini", pd.Index(names))
    ]
    assert set(found) == {found[0]}
    assert set(found[0].chain or ()) <= {*DATED[:2]}
    assert dated.compare([found[0]]).summary()["errors"].iloc[0] == 0
    assert dated.frontier(models=names)["chain"].explode().isin(DATED[:2]).all()
    same = Fallback.fit(matrix, budget=5e-5, models=names)
    assert same.threshold == found[0].threshold


def test_a_model_recorded_twice_counts_by_its_first_draw(matrix: ResponseMatrix) -> None:
    """Further draws change neither what is fitted, nor what is measured."""
    frame = long()
    draws = frame.assign(quality=1 - frame["quality"], cost=1.0, confidence=0.5, response="x")
    twice = ResponseMatrix(pd.concat([frame, draws], ignore_index=True))
    one, other = Fallback.fit(matrix, max_loss=0.2), Fallback.fit(twice, max_loss=0.2)
    assert (one, one.fitted) == (other, other.fitted)


@pytest.mark.parametrize("groups", ["task", "array", "series"])
def test_groups_are_told_in_any_form(matrix: ResponseMatrix, groups: str) -> None:
    """A column, one label a prompt, or a Series by prompt id in any order are the same groups."""
    labels = matrix.per_prompt("task")
    given = {"task": "task", "array": labels.to_numpy(), "series": labels[::-1]}[groups]
    found = Fallback.fit(matrix, max_loss=0.2, groups=given)
    told = Fallback.fit(matrix, max_loss=0.2, groups=labels.tolist())
    assert (found, found.fitted) == (told, told.fitted)
    assert found.fitted is not None
    assert found.fitted.n_test % 4 == 0


@KINDS
@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"test": 0}, ParameterError),
        ({"test": 1}, ParameterError),
        ({"test": "half"}, ParameterError),
        ({"seed": -1}, ParameterError),
        ({"seed": 0.5}, ParameterError),
        ({"max_loss": -1}, ParameterError),
        ({"max_loss": math.nan}, ParameterError),
        ({"max_loss": "x"}, ParameterError),
        ({"max_loss": 1}, ParameterError),
        ({"budget": math.nan}, ParameterError),
        ({"budget": -1}, ParameterError),
        ({"budget": 0}, ParameterError),
        ({"budget": "x"}, ParameterError),
        ({"budget": 1, "max_loss": 0.1}, ParameterError),
        ({"caution": -1}, ParameterError),
        ({"caution": "x"}, ParameterError),
        ({"models": ["nobody"]}, UnknownModelError),
        ({"models": ["gpt-4o"]}, ParameterError),
        ({"models": "gpt-4o"}, ParameterError),
        ({"models": []}, ChainError),
        ({"models": ["gpt-4o", "gpt-4o-2024-08-06"]}, MisuseError),
        ({"models": ["gpt-4o", "gpt-4o"]}, ChainError),
        ({"models": 5}, ChainError),
        ({"groups": [1, 2]}, MatrixError),
        ({"groups": "nope"}, ColumnError),
        ({"groups": [1] * 120}, MatrixError),
        ({"groups": [None] * 120}, MatrixError),
    ],
    ids=str,
)
def test_what_is_asked_wrongly_is_refused(
    matrix: ResponseMatrix, kind: Any, asked: dict[str, Any], error: type[Exception]
) -> None:
    """Each kind refuses it with the error of its sort, and nothing else is raised or warned of."""
    with pytest.raises(error):
        kind.fit(matrix, **asked)


def test_a_recording_that_tells_too_little_is_refused() -> None:
    """Without qualities, without costs, or of one prompt, there is nothing to fit."""
    frame = long()
    for bare in (frame.drop(columns="quality"), frame.drop(columns="cost")):
        with pytest.raises(MatrixError, match="No prompt has quality and cost"):
            Fallback.fit(ResponseMatrix(bare))
    with pytest.raises(MatrixError, match="record at least 2"):
        Fallback.fit(ResponseMatrix(long(n=1)))
    gaps = frame[(frame["model"] == "gpt-4o") ^ (frame["prompt_id"] % 2 == 0)]
    with pytest.raises(MatrixError, match="No prompt has quality and cost"):
        Fallback.fit(ResponseMatrix(gaps))


def test_a_signal_that_asks_again_cannot_be_fitted(matrix: ResponseMatrix) -> None:
    """It is refused with what to do instead, as is one that fails."""

    def again(query: Query, _: Any) -> Any:
        (other,) = yield (query.call("gpt-4o", draw=1),)
        return float(other.ok)

    with pytest.raises(ParameterError, match="asks models again"):
        Fallback.fit(matrix, confidence=again)
    with pytest.raises(ParameterError, match="failed on"):
        Fallback.fit(matrix, confidence=lambda query, response: 1 / 0)


@pytest.mark.data
def test_agreeing_is_as_good_as_the_strong_model_for_a_quarter(recorded: Path) -> None:
    """On ten held-out halves of GSM8K two cheap models that escalate are as good as Sonnet 3.5."""
    three = ["gemini-1.5-flash", "gpt-4o-mini-2024-07-18", "claude-3-5-sonnet-20241022"]
    matrix = zeroeval(recorded).subset(models=three)
    strong = Single(three[-1])
    pair = AgreeThenEscalate(("gemini-1.5-flash", "gpt-4o-mini"), strong.model)
    for seed in range(10):
        _, test = matrix.split(test=0.5, seed=seed)
        row = test.compare([pair, strong]).contrasts().loc[label(pair)]
        assert row["reference"] == strong.model
        assert row["high"] >= 0  # not shown to be worse
        assert row["cost_ratio_high"] <= 0.25


def test_what_rests_on_simulated_answers_says_so() -> None:
    """Fits, calibrators, sweeps, figures and evaluations name the simulator; others do not."""
    prompts = orchkit.load_dataset("everyday").head(80)
    with orchkit.use("simulator"):
        made_up = prompts.orch.record(["gpt-4o-mini", "gpt-4o", "claude-opus-3"])
    real = ResponseMatrix(made_up.frame.drop(columns="provider"))
    for matrix, told in ((made_up, True), (real, False)):
        fitted = Fallback.fit(matrix, max_loss=0.1)
        swept = matrix.sweep("fallback", threshold=[0.5, 0.9])
        results = matrix.compare(["fallback"]).results
        ran = orchkit.evaluate_routers(matrix, [orchkit.LengthRouter()], folds=3, n=50)
        said = [
            str(fitted.fitted),
            repr(orchkit.calibrate(matrix)),
            orchkit.plots.deferral(swept).get_title(),
            orchkit.plots.latency(results).get_title(),
            repr(ran),
            ran.plot().get_title(),
        ]
        assert ["SIMULATED" in each for each in said] == [told] * len(said)
    plt.close("all")
