import math
import warnings

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import MetricWarning
from orchkit.lab.confidence_report import REPORT, report, ties, with_calibrated
from orchkit.lab.metrics import auroc, brier, ece


def table(n: int = 300, model: str = "m", seed: int = 0) -> pd.DataFrame:
    """Return answers that are too sure."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.2, 0.9, n)
    return pd.DataFrame(
        {
            "signal": "own",
            "model": model,
            "prompt_id": np.arange(n),
            "confidence": np.sqrt(truth),
            "quality": (rng.random(n) < truth).astype(float),
            "price": 2e-6,
        }
    )


def test_a_row_tells_of_a_signal_and_a_model() -> None:
    """Each figure is the metric of the same name on these answers, raw and held out."""
    values = with_calibrated(table())
    row = report(values).loc[("own", "m")]
    sure, held, right = (values[name] for name in ("confidence", "calibrated", "quality"))
    assert tuple(report(values).columns) == REPORT
    assert (row["n"], row["unknown"], row["method"]) == (300, 0, "platt")
    assert row["auroc"] == auroc(sure, right)
    assert row["auroc_low"] < row["auroc"] < row["auroc_high"]
    assert row["ece_debiased"] == ece(sure, right, kind="debiased")
    assert row["ece_15_calibrated"] == ece(held, right)
    assert row["brier_calibrated"] == brier(held, right) < row["brier"]
    assert row["price_per_1k"] == pytest.approx(0.002)


def test_calibrated_values_are_held_out() -> None:
    """Calibrated values are not those of a curve that saw the answer, and cost accuracy little."""
    values = with_calibrated(table(120))
    flipped = table(120)
    flipped.loc[0, "quality"] = 1 - flipped.loc[0, "quality"]
    assert with_calibrated(flipped)["calibrated"].iloc[0] == values["calibrated"].iloc[0]


def test_unknown_answers_are_counted() -> None:
    """Where the signal tells nothing the answer is left out, and its share is told."""
    values = table(200)
    values.loc[:49, "confidence"] = math.nan
    values.loc[50:59, "quality"] = math.nan
    row = report(with_calibrated(values)).iloc[0]
    assert (row["n"], row["unknown"]) == (140, 0.25)


def test_few_outcomes_are_not_calibrated() -> None:
    """Below 50 outcomes the raw figures stand alone."""
    row = report(with_calibrated(table(49))).iloc[0]
    assert not math.isnan(row["brier"])
    assert math.isnan(row["brier_calibrated"])
    assert pd.isna(row["method"])


def test_what_is_undefined_is_told() -> None:
    """A silent signal, graded quality and one kind of outcome are NaN with a warning."""
    silent = table(60).assign(confidence=math.nan)
    with pytest.warns(MetricWarning, match="own tells nothing of m"):
        row = report(with_calibrated(silent)).iloc[0]
    assert (row["n"], row["unknown"]) == (0, 1)
    graded = table(60).assign(quality=0.5)
    with pytest.warns(MetricWarning, match="graded"):
        assert math.isnan(report(with_calibrated(graded)).iloc[0]["auroc"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert math.isnan(report(with_calibrated(table(60).assign(quality=1.0))).iloc[0]["auroc"])


def test_ties_are_a_share() -> None:
    """All equal are all tied, all distinct are none."""
    assert ties(np.full(5, 0.3)) == 1
    assert ties(np.linspace(0, 1, 5)) == 0
