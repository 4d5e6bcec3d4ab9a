from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from orchkit.errors import ParameterError
from orchkit.lab.pictures.confidences import confidence_spread


def frame() -> pd.DataFrame:
    """Return graded answers with ties in their confidence, one of them unknown."""
    rng = np.random.default_rng(1)
    sure = rng.random(200).round(1)
    quality = np.clip(sure + rng.normal(0, 0.3, 200), 0, 1)
    return pd.DataFrame({"confidence": [*sure, np.nan], "quality": [*quality, 1.0]})


def test_the_spread_is_a_histogram() -> None:
    """Counts are those of a histogram of right and of wrong answers; shares add up to one."""
    spread, known = confidence_spread(frame(), threshold=0.5, bins=5), frame().dropna()
    for right, own in spread.groupby("right"):
        answers = known.loc[(known["quality"] >= 0.5) == right, "confidence"]
        index = np.minimum(np.floor(answers * 5).astype(int), 4)
        assert own["n"].tolist() == [int((index == n).sum()) for n in range(5)]
        assert own["share"].sum() == pytest.approx(1)
    assert spread[["answers", "unknown"]].iloc[0].tolist() == [200, 1]


def test_auroc_is_scikit_learns() -> None:
    """The AUROC is what scikit-learn computes, ties and all."""
    known = frame().dropna()
    found = confidence_spread(frame(), threshold=0.5)["auroc"].iloc[0]
    assert found == pytest.approx(roc_auc_score(known["quality"] >= 0.5, known["confidence"]))


def test_graded_quality_needs_a_threshold() -> None:
    """Graded quality without a threshold is refused, with what to write."""
    with pytest.raises(ParameterError, match=r"threshold=0\.5"):
        confidence_spread(frame())


def test_one_kind_has_no_auroc() -> None:
    """Where all answers are right there is no AUROC."""
    spread = confidence_spread(pd.DataFrame({"confidence": [0.5], "quality": [True]}))
    assert math.isnan(spread["auroc"].iloc[0])
    assert spread.loc[~spread["right"], "n"].sum() == 0
