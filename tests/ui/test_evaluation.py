from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

import orchkit
from orchkit.core.calls import Call
from orchkit.core.strategies import Threshold, Utility
from orchkit.errors import MetricWarning, OrchkitWarning, ParameterError
from orchkit.lab.routers import KNNRouter, LengthRouter, LogisticRouter
from orchkit.ui.evaluation import RouterEvaluation, evaluate_routers


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep small matrices on one thread: on a busy machine several wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def everyday() -> pd.DataFrame:
    """Give prompts with answers."""
    return orchkit.load_dataset("everyday").head(60)


@pytest.fixture
def mat(everyday: pd.DataFrame) -> orchkit.ResponseMatrix:
    """Give a recording on the simulator."""
    with orchkit.use("simulator"):
        return orchkit.record(everyday, ["gpt-4o-mini", "claude-opus-3"], progress=False)


def test_an_evaluation_reads_as_a_table(mat: Any, no_figures: Any) -> None:
    """It names routers, baselines and the variants of its metrics, and draws its curves."""
    found = evaluate_routers(mat, folds=2, n=50)
    assert isinstance(found, RouterEvaluation)
    told = repr(found)
    for words in ("longest first", "logistic", "oracle", "exact area", "paired bootstrap", "AIQ"):
        assert words in told
    assert "<table" in found._repr_html_()
    names = ["length", "kNN", "logistic", "blend"]
    assert found.summary().index.tolist() == ["random mix", "longest first", *names, "oracle"]
    axes = found.plot()
    assert len(axes.get_legend().get_texts()) == len(names) + 3
    said = found.predictions("kNN")
    assert said.shape == (60, 2)
    assert said.index.tolist() == mat.prompts.index.tolist()
    with pytest.raises(ParameterError, match="known"):
        found.predictions("forest")


def test_groups_may_be_a_column(mat: Any) -> None:
    """With a column of groups their means are a router, and all are judged on groups left out."""
    tasks = ["even" if n % 2 else "odd" for n in range(len(mat))]
    frame = mat.frame.assign(
        task=mat.frame["prompt_id"].map(dict(zip(mat.prompts.index, tasks, strict=True)))
    )
    found = evaluate_routers(orchkit.ResponseMatrix(frame), folds=2, n=50, groups="task")
    assert "group mean, groups left out" in found.summary().index
    assert "fitted on other groups" in repr(found)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"folds": 1}, "folds"),
        ({"seed": -1}, "seed"),
        ({"n": 0}, "n is 0"),
        ({"routers": []}, "empty"),
        ({"routers": LengthRouter()}, r"give a list of routers, like \[Len"),
        ({"routers": "length"}, "give a list of routers"),
        ({"routers": [LengthRouter(), LengthRouter()]}, "the same"),
        ({"routers": {"oracle": LengthRouter()}}, "baseline"),
    ],
)
def test_settings_are_checked(mat: Any, given: dict[str, Any], told: str) -> None:
    """What is out of range is refused by name."""
    with pytest.raises(ParameterError, match=told):
        evaluate_routers(mat, **given)


def test_utility_routes_live_and_on_replay_alike(
    mat: Any, everyday: pd.DataFrame, sent: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live and replayed it asks the same models, having asked its router once for the frame."""
    router = KNNRouter(k=10).fit(mat)
    asked: list[int] = []
    predict = KNNRouter.predict

    def counted(self: KNNRouter, texts: Any) -> pd.DataFrame:
        asked.append(len(list(texts)))
        return predict(self, texts)

    monkeypatch.setattr(KNNRouter, "predict", counted)
    strategy = Utility(router, value=0.05)
    with orchkit.use("simulator"):
        sent.clear()
        live = orchkit.route(everyday, strategy, progress=False, cache=False)
    assert max(asked) == everyday["prompt"].nunique()
    assert len(asked) <= 2  # once to see what it would open with, once for all
    back = mat.route(strategy)
    assert live["model_used"].tolist() == back["model_used"].tolist()
    assert live["model_used"].nunique() == 2
    assert len(sent) == len(everyday)
    assert orchkit.estimate(everyday, strategy, cache=False).calls <= len(everyday)


def test_utility_is_compared_and_swept(mat: Any) -> None:
    """A comparison labels it by its settings; a sweep has a row a value."""
    router = LogisticRouter(strength=1.0).fit(mat)
    budget = float(mat.cost.mean().mean())
    ways = [Utility(router, budget=budget), Threshold(router, *mat.models, 0.1), *mat.models]
    summary = mat.compare(ways).summary()
    assert summary.index[0].startswith("utility(router=LogisticRouter(strength=1.0), budget=")
    assert mat.sweep(Utility(router, 1.0), value=[0.01, 1.0])["value"].tolist() == [0.01, 1.0]
    for wrong in ({"threshold": [0.5]}, {}):
        with pytest.raises(ParameterError, match="swept over"):
            mat.sweep(Utility(router, 1.0), **wrong)
    with pytest.raises(ParameterError, match="swept over"):
        mat.sweep("fallback", value=[1.0])


def test_a_live_run_says_once_that_prompts_are_new(mat: Any) -> None:
    """Prompts of another kind are told of once for the whole frame, not row by row."""
    new = pd.DataFrame({"prompt": ["Quelle heure est-il?", "Où est la gare?", "Pourquoi?"]})
    strategy = Utility(LengthRouter().fit(mat), value=1.0)
    with orchkit.use("simulator"), pytest.warns(OrchkitWarning) as told:
        orchkit.route(new, strategy, progress=False)
    assert sum("are unlike" in str(each.message) for each in told) == 1


def test_a_model_that_cannot_be_asked_is_refused_first(mat: Any, everyday: pd.DataFrame) -> None:
    """A model of the router that the catalog does not know shows before anything is sent."""
    frame = mat.frame.replace({"model": {"claude-opus-3": "my-model"}})
    strategy = Utility(LengthRouter().fit(orchkit.ResponseMatrix(frame)), value=1.0)
    with orchkit.use("simulator"), pytest.raises(orchkit.UnknownModelError, match="'my-model'"):
        orchkit.route(everyday, strategy)


def test_recorded_pairs_are_evaluated(recorded: Any) -> None:
    """On RouteLLM's GSM8K pair length recovers what was published, and the oracle 1.1."""
    pair = orchkit.read_routellm(recorded / "routellm_gsm8k_pair.csv.gz")
    with pytest.warns(MetricWarning, match="no prompt has the costs"):
        table = evaluate_routers(pair, [LengthRouter()], n=100).summary()
    assert table.loc["longest first", "apgr"] == pytest.approx(0.60, abs=0.005)
    assert table.loc["oracle", "apgr"] == pytest.approx(1.11, abs=0.02)
    assert table.loc["LengthRouter()", "apgr_low"] > 0.5


def test_names_of_models_steer_no_terminal(mat: Any) -> None:
    """What is printed of an evaluation, or of a calibration, has no escape sequence of theirs."""
    frame = mat.frame
    frame["model"] = frame["model"] + "\x1b[2J"
    renamed = orchkit.ResponseMatrix(frame)
    for found in (
        evaluate_routers(renamed, {"length": LengthRouter()}),
        orchkit.calibrate(renamed),
    ):
        assert "\x1b" not in repr(found)
        assert "\n" in repr(found)
