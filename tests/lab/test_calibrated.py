import math
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchkit.core.calls import Call, Kind, Message, Response
from orchkit.core.confidence import brevity, judge
from orchkit.core.plans import Confidence, Query
from orchkit.core.signals import (
    LogprobQuantile,
    agrees_with,
    min_logprob,
    p_true,
    self_consistency,
    verbalised,
)
from orchkit.errors import (
    ColumnError,
    MetricWarning,
    OrchkitWarning,
    ParameterError,
    StoreError,
)
from orchkit.lab.calibrated import Calibrated, calibrated, named_too
from orchkit.lab.calibration import Calibrator
from orchkit.lab.sealed_json import write_json

QUERY = Query((Message("user", "What is 6 x 7?"),))


def fitted() -> Calibrator:
    """Return a calibrator that knows 0.9 to be right half of the time, and 0.5 a quarter."""
    sure, right = np.tile([0.9, 0.5], 200), np.tile([1, 0, 0, 0, 0, 1, 1, 0], 50)
    return Calibrator().fit(sure, right, source="made up", date="2026-11-25")


def said(signal: Any, response: Response, *replies: Response) -> Confidence:
    """Return what a strategy hears of a signal."""
    plan = judge(signal, QUERY, response)
    try:
        next(plan)
        plan.send(replies)
    except StopIteration as end:
        sure: Confidence = end.value
        return sure
    raise AssertionError


def own(query: Query, response: Response) -> float:
    """Tell how sure, by the answer's words."""
    return 0.9 if "sure" in (response.text or "") else 0.5


def asking(query: Query, response: Response) -> Generator[tuple[Call, ...], Any, float]:
    """Tell how sure by asking."""
    (told,) = yield (query.call("other"),)
    return float(told.text)


def test_a_strategy_hears_a_probability() -> None:
    """The signal's number comes out as the model's probability, under the signal's name."""
    signal = Calibrated({"m": fitted()}, own)
    sure = said(signal, Response("m", "sure"))
    assert sure == Confidence(fitted().predict(0.9), "own", calibrated=True, raw=0.9)
    assert sure.value == pytest.approx(0.5, abs=0.01)


def test_other_models_stay_raw_and_say_so() -> None:
    """A model without a calibrator, or with one that refused, keeps the number, uncalibrated."""
    with pytest.warns(OrchkitWarning, match="too few"):
        refused = Calibrator().fit([0.5], [1])
    signal = Calibrated({"m": fitted(), "few": refused}, own)
    for name in ("other", "few"):
        assert said(signal, Response(name, "sure")) == Confidence(0.9, "own")


def test_a_signal_that_asks_is_calibrated_after_asking() -> None:
    """The plan of a signal is the plan of its calibrated self."""
    signal = Calibrated({"m": fitted()}, asking)
    sure = said(signal, Response("m", "42"), Response("other", "0.5"))
    assert sure == Confidence(fitted().predict(0.5), "asking", calibrated=True, raw=0.5)


@pytest.mark.parametrize("given", [None, math.nan])
def test_unknown_stays_unknown(given: float | None) -> None:
    """What the signal cannot tell, calibration does not make up."""
    assert math.isnan(
        said(Calibrated({"m": fitted()}, lambda q, r: given), Response("m", "1")).value
    )


def test_a_failure_stays_a_failure() -> None:
    """No answer is never right, calibrated or not, called by hand or by a strategy."""
    signal = Calibrated({"m": fitted()})
    failed = Response.failed("m", Kind.Timeout)
    assert said(signal, failed) == signal(QUERY, failed) == Confidence(0.0, "failure")


def test_without_a_signal_it_is_what_responses_carry() -> None:
    """None stands for the best a response carries: recorded, log-probabilities, wording."""
    signal = Calibrated({"m": fitted()})
    assert signal(QUERY, Response("m", "42", confidence=0.9)).signal == "recorded"
    known = signal(QUERY, Response("m", "42", logprobs=(math.log(0.9),)))
    assert (known.signal, known.calibrated) == ("logprob", True)


def test_each_model_has_its_own() -> None:
    """A frame of what was observed gives a calibrator a model, with its provenance."""
    table = pd.DataFrame(
        {
            "model": ["a"] * 100 + ["b"] * 100 + ["c"] * 10,
            "confidence": [0.9, 0.5] * 105,
            "quality": [1.0] * 100 + [1.0, 0.0] * 55,
        }
    )
    with pytest.warns(OrchkitWarning) as told:
        signal = calibrated(table, own, source="made up", date="2026-11-25")
    assert len(told) == 2  # all right; too few
    assert list(signal.calibrators) == ["a", "b", "c"]
    assert [each.calibrated for each in signal.calibrators.values()] == [True, True, False]
    assert "n=100, 2026-11-25, made up, b" in repr(signal)
    assert str(signal) == "calibrated own"


def test_a_model_may_go_by_another_name() -> None:
    """A calibrator of a recorded name is found under the catalog's, too."""
    signal = named_too(Calibrated({"m-2024": fitted()}, own), [("m-2024", "m"), ("x", "y")])
    assert sorted(signal.calibrators) == ["m", "m-2024"]


def results(raw: Any, model: str = "m") -> pd.DataFrame:
    """Return what a run says of answers of such raw confidences."""
    metadata = [{} if each is None else {"raw_confidence": each} for each in raw]
    return pd.DataFrame({"model_used": model, "metadata": metadata, "confidence": 0.5})


def test_a_run_may_contradict_the_calibration() -> None:
    """Each model's rows are tested as its calibrator tests their raw confidences."""
    rng = np.random.default_rng(0)
    raw = rng.choice([0.9, 0.5], 300)
    kept = rng.random(300) < np.where(raw > 0.6, 0.5, 0.25)
    lost = rng.random(300) < 0.05
    signal = Calibrated({"m": fitted(), "n": fitted()}, own)
    both = pd.concat([results(raw), results(raw, "n"), results([None, None])])
    right = np.concatenate([kept, lost, [True, True]])
    told = signal.drift(both.assign(right=right), "right")
    assert told["drifted"].to_dict() == {"m": False, "n": True}
    assert told["n"].tolist() == [300, 300]
    assert told.loc["n", "p"] == fitted().drift(raw, lost).p
    assert told.loc["n", "told"].startswith("DRIFTED, too sure")
    assert told.equals(signal.drift(both, right))


def test_several_models_share_the_level() -> None:
    """With m models each is tested at level / m, so that alarms stay as rare; few rows are none."""
    raw, right = np.tile([0.9, 0.5], 50), np.tile([1, 0, 0, 0, 1, 0, 0, 0, 1, 0], 10)
    p = fitted().drift(raw, right).p
    parts = [results(raw), results(raw, "n"), results(raw[:5], "o")]
    signal = Calibrated({name: fitted() for name in "mno"})
    labels = [*right, *right, *right[:5]]
    for level, drifted in ((1.9 * p, False), (2.1 * p, True)):
        with pytest.warns(MetricWarning, match="5 new labels"):
            told = signal.drift(pd.concat(parts), labels, level=level)
        assert told["drifted"].tolist() == [drifted, drifted, False]


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda s: s.drift(results([None] * 40), [1] * 40), ParameterError, "confidence= this"),
        (lambda s: s.drift(results([0.5] * 40, "x"), [1] * 40), ParameterError, "confidence= this"),
        (lambda s: s.drift(results([0.5] * 40), [1] * 39), ParameterError, "same rows"),
        (lambda s: s.drift(results([0.5] * 40), [2] * 40), ParameterError, "correct"),
        (lambda s: s.drift(results([0.5] * 40), [1] * 40, level=0), ParameterError, "level"),
        (lambda s: s.drift(results([0.5]), "right"), ColumnError, "right"),
        (lambda s: s.drift(pd.DataFrame({"a": [1]}), [1]), ColumnError, "metadata"),
    ],
)
def test_a_run_that_tells_nothing_of_drift(call: Any, error: Any, told: str) -> None:
    """Results of another signal, or no results, are refused with what to give."""
    with pytest.raises(error, match=told):
        call(Calibrated({"m": fitted()}, own))


SIGNALS = (
    None, brevity, min_logprob, verbalised, p_true, agrees_with("a", "b"), LogprobQuantile(0.2),
    self_consistency(3, 0.7),
)  # fmt: skip


@pytest.mark.parametrize("signal", SIGNALS, ids=str)
def test_signals_of_ours_survive_a_file(tmp_path: Path, signal: Any) -> None:
    """A saved signal comes back with its settings and its numbers."""
    path = tmp_path / "s.json"
    Calibrated({"m": fitted()}, signal).save(path)
    loaded = Calibrated.load(path)
    assert loaded.signal == signal
    assert loaded.calibrators["m"].predict(0.9) == fitted().predict(0.9)
    assert Calibrated.load(path, signal=signal).signal == signal


def test_a_signal_of_ones_own_is_given_again(tmp_path: Path) -> None:
    """Functions are not written; without the function, or with another, loading is refused."""
    Calibrated({"m": fitted()}, own).save(tmp_path / "own.json")
    assert Calibrated.load(tmp_path / "own.json", signal=own).signal is own
    with pytest.raises(ParameterError, match="signal=own"):
        Calibrated.load(tmp_path / "own.json")
    Calibrated({"m": fitted()}, brevity).save(tmp_path / "ours.json")
    with pytest.raises(ParameterError, match="brevity, not verbalised"):
        Calibrated.load(tmp_path / "ours.json", signal=verbalised)


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"signal": None},
        {"signal": {"name": "magic"}, "calibrators": {}},
        {"signal": {"name": "AgreesWith", "settings": {"who": ["a"]}}, "calibrators": {}},
        {"signal": {"name": "SelfConsistency", "settings": {"draws": 0}}, "calibrators": {}},
        {"signal": "brevity", "calibrators": {}},
        {"signal": None, "calibrators": {"m": {}}},
        {"signal": None, "calibrators": []},
    ],
)
def test_a_file_that_was_made_up_is_refused(tmp_path: Path, content: Any) -> None:
    """A sealed file of other content is no calibrated signal."""
    write_json(tmp_path / "s.json", "calibrated signal", 1, content)
    with pytest.raises(StoreError, match=r"s\.json is no readable calibrated signal"):
        Calibrated.load(tmp_path / "s.json")


def test_a_calibrator_is_no_signal(tmp_path: Path) -> None:
    """Files of the two kinds are not mistaken for each other."""
    fitted().save(tmp_path / "c.json")
    with pytest.raises(StoreError, match="calibrated signal"):
        Calibrated.load(tmp_path / "c.json")
