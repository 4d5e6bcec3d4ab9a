import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.errors import MisuseError, OrchkitWarning, ParameterError, StoreError
from orchkit.lab.calibration import Calibrator, cross_fitted
from orchkit.lab.metrics import brier, ece


def made(n: int, seed: int = 0, slope: float = 0.4) -> tuple[Any, Any]:
    """Return confidences that are too sure, and outcomes."""
    rng = np.random.default_rng(seed)
    truth = rng.beta(4, 2, n)
    odds = np.log(truth / (1 - truth)) / slope
    return 1 / (1 + np.exp(-odds)), (rng.random(n) < truth).astype(float)


def fitted(n: int = 400, method: str = "auto") -> Calibrator:
    """Return a calibrator of made-up answers."""
    return Calibrator(method).fit(*made(n), source="made up", date="2026-11-25")


@pytest.mark.parametrize(("n", "name"), [(50, "platt"), (999, "platt"), (1000, "isotonic")])
def test_labels_decide_the_method(n: int, name: str) -> None:
    """A line up to 999 labels, steps from 1,000 on; `repr` tells which."""
    assert f"Calibrator({name}, n={n:,}, 2026-11-25, made up" in repr(fitted(n))


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_errors_fall_on_answers_nobody_fitted_on(method: str) -> None:
    """On new answers of the same kind both calibration error and Brier score are less than raw."""
    calibrator = fitted(600, method)
    sure, right = made(4000, seed=1)
    held = calibrator.predict(sure)
    assert ece(held, right, kind="debiased") < 0.05 < ece(sure, right, kind="debiased")
    assert brier(held, right) < brier(sure, right) - 0.01
    assert calibrator.after.brier < calibrator.before.brier
    assert calibrator.after.brier == pytest.approx(brier(held, right), abs=0.03)


def test_fewer_than_fifty_labels_change_nothing() -> None:
    """With 49 labels the raw numbers stay, the calibrator says that it is none, and a warning."""
    sure, right = made(49)
    with pytest.warns(OrchkitWarning, match="49 labels are too few"):
        calibrator = Calibrator().fit(sure, right)
    assert not calibrator.calibrated
    assert calibrator.predict(sure).tolist() == sure.tolist()
    assert "uncalibrated" in repr(calibrator)
    assert math.isnan(calibrator.after.brier)
    with pytest.raises(MisuseError, match="drift"):
        calibrator.drift(sure, right)


def test_unknown_rows_do_not_count() -> None:
    """Rows of which confidence or outcome is missing are no labels."""
    sure, right = made(60)
    gaps = pd.Series(sure).where(np.arange(60) >= 11)
    with pytest.warns(OrchkitWarning, match="49 labels"):
        assert Calibrator().fit(gaps, right).n == 49


@pytest.mark.parametrize(
    ("sure", "right", "told", "value"),
    [
        (0.7, [0, 1, 1, 1], "all confidences are equal", 0.75),
        (None, [1, 1, 1, 1], "all answers are right", 101 / 102),
        (None, [0, 0, 0, 0], "all answers are wrong", 1 / 102),
        (None, [1, 0, 0, 0], "confidence tells nothing", 0.26),
    ],
)
def test_degenerate_labels_give_the_share(
    sure: float | None, right: Any, told: str, value: float
) -> None:
    """Where confidence tells nothing all get what is known of all, and a warning says why."""
    column = np.tile([0.2, 0.4, 0.6, 0.8], 25) if sure is None else np.full(100, sure)
    with pytest.warns(OrchkitWarning, match=told):
        calibrator = Calibrator().fit(column, np.tile(right, 25))
    assert calibrator.calibrated
    assert calibrator.predict(column) == pytest.approx(value, abs=0.01)


def test_graded_quality_is_allowed() -> None:
    """Qualities between 0 and 1 are calibrated to their mean; only the AUROC is undefined."""
    sure = np.tile([0.2, 0.9], 100)
    calibrator = Calibrator().fit(sure, np.tile([0.3, 0.6], 100))
    assert calibrator.predict([0.2, 0.9]) == pytest.approx([0.3, 0.6], abs=0.01)
    assert math.isnan(calibrator.before.auroc)
    assert calibrator.after.brier < calibrator.before.brier


def test_a_number_gives_a_number() -> None:
    """A confidence gives a float, a column an array, an unknown one NaN; calling is predicting."""
    calibrator = fitted()
    assert isinstance(calibrator.predict(0.5), float)
    assert calibrator(0.5) == calibrator.predict([0.5])[0]
    assert math.isnan(calibrator(math.nan))


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: Calibrator("plat"), ParameterError, "Did you mean 'platt'"),
        (lambda: Calibrator().predict(0.5), MisuseError, "not fitted"),
        (lambda: Calibrator().save("x.json"), MisuseError, "not fitted"),
        (lambda: fitted().predict(1.5), ParameterError, r"\[0, 1\]"),
        (lambda: Calibrator().fit([0.1, 2], [1, 0]), ParameterError, r"\[0, 1\]"),
        (lambda: Calibrator().fit([0.1], [1, 0]), ParameterError, "same rows"),
        (lambda: fitted().drift([0.5], [1], level=5), ParameterError, "0.05"),
    ],
)
def test_misuse_says_what_to_write(call: Any, error: Any, told: str) -> None:
    """What cannot be meant is refused with a typed error."""
    with pytest.raises(error, match=told):
        call()


def test_cross_fitting_never_sees_the_answer() -> None:
    """A label changes no probability of its own fold, and some of the others."""
    sure, right = made(100)
    fold = np.random.default_rng(0).permutation(100) % 5
    other = right.copy()
    other[0] = 1 - other[0]
    changed = cross_fitted(sure, right) != cross_fitted(sure, other)
    assert not changed[fold == fold[0]].any()
    assert changed[fold != fold[0]].any()


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=50, max_size=70))
@pytest.mark.filterwarnings("ignore::orchkit.errors.OrchkitWarning")
def test_what_is_saved_is_what_is_loaded(tmp_path_factory: Any, drawn: Any) -> None:
    """A saved calibrator gives the same numbers to the last bit, and the same provenance."""
    path = tmp_path_factory.mktemp("saved") / "c.json"
    sure, right = zip(*drawn, strict=True)
    for method in ("platt", "isotonic"):
        calibrator = Calibrator(method).fit(sure, right, source="dräwn", date="2026-11-25")
        calibrator.save(path)
        loaded = Calibrator.load(path)
        assert loaded.predict(sure).tolist() == calibrator.predict(sure).tolist()
        assert repr(loaded) == repr(calibrator)
        assert loaded.to_dict() == calibrator.to_dict()
        assert loaded.drift(sure, right) == calibrator.drift(sure, right)


def test_an_unfitted_line_survives(tmp_path: Path) -> None:
    """A calibrator that refused is saved as one that refused."""
    with pytest.warns(OrchkitWarning):
        calibrator = Calibrator().fit([0.5], [1])
    calibrator.save(tmp_path / "c.json")
    loaded = Calibrator.load(tmp_path / "c.json")
    assert (loaded.calibrated, loaded.n) == (False, 1)
    assert loaded.predict(0.3) == 0.3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('"slope": 0', '"slope": 1'),
        lambda text: text.replace("made up", "measured"),
        lambda text: text.replace('"schema": 1', '"schema": 2'),
        lambda text: text.replace('"calibrator"', '"matrix"'),
        lambda text: text[:-40],
        lambda text: "[" * 100_000,
        lambda text: "{}",
        lambda text: "null",
        lambda text: "\x80",
    ],
)
def test_a_file_that_was_changed_is_refused(tmp_path: Path, spoil: Any) -> None:
    """What is no calibrator, is newer, or was touched by a hair is refused by name."""
    path = tmp_path / "c.json"
    fitted().save(path)
    spoilt = spoil(path.read_text("utf-8"))
    assert spoilt != path.read_text("utf-8")
    path.write_text(spoilt, "latin-1")
    with pytest.raises(StoreError, match=r"c\.json"):
        Calibrator.load(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("curve", {"slope": -1, "intercept": 0}), ("curve", {"at": [0.5], "to": [2]}),
     ("curve", {}), ("method", "magic"), ("information", [1]), ("after", {}), ("n", None),
     ("line", {"slope": 1}), ("line", {"slope": "nan", "intercept": 0})],
)  # fmt: skip
def test_a_file_that_was_made_up_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    """A seal alone makes no calibrator: what would reverse an order is refused, too."""
    from orchkit.lab.sealed_json import write_json

    content = {**fitted().to_dict(), name: value}
    write_json(tmp_path / "c.json", "calibrator", 1, content)
    with pytest.raises(StoreError, match="no readable calibrator"):
        Calibrator.load(tmp_path / "c.json")


def test_a_path_that_cannot_be_written_or_read(tmp_path: Path) -> None:
    """Both directions name the file."""
    with pytest.raises(StoreError, match="nowhere"):
        fitted().save(tmp_path / "nowhere" / "c.json")
    with pytest.raises(StoreError, match="nothing"):
        Calibrator.load(tmp_path / "nothing.json")


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    """Anybody can read what is in it; nothing of it is code."""
    fitted().save(tmp_path / "c.json")
    told = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert told["content"]["n"] == 400
    assert set(told["content"]["curve"]) == {"slope", "intercept"}


def test_calibration_does_not_change_how_well_answers_are_told_apart() -> None:
    """A line keeps the order, so its held-out AUROC is that of raw confidences, but for the folds.

    Agreement, of two values, is the case in which curves of several folds would mix the two up.
    """
    rng = np.random.default_rng(2)
    sure = (rng.random(500) < 0.8).astype(float)
    right = rng.random(500) < 0.4 + 0.5 * sure
    calibrator = Calibrator().fit(sure, right)
    assert calibrator.after.auroc == pytest.approx(calibrator.before.auroc, abs=0.02)
