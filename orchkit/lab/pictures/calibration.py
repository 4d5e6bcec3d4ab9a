"""Whether confidence is a probability: quality of answers that are about equally sure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from orchkit.lab.metrics import brier, calibration_bins, ece
from orchkit.lab.pictures.columns import chosen, labels, numbers, words
from orchkit.lab.stats import mean_interval

#: What rows are told apart by when nothing is given.
GROUP, ALL = "group", "all answers"
_BINS = ("low", "high", "n", "confidence", "quality", "quality_low", "quality_high")
_SCORES = ("answers", "unknown", "ece_mass", "ece_debiased", "brier")


def reliability_bins(
    frame: pd.DataFrame,
    *,
    confidence: str = "confidence",
    correct: str = "quality",
    bins: int = 10,
    by: str | None = None,
) -> pd.DataFrame:
    """Return one row a bin of about equally many answers: mean confidence and quality.

    Columns: the group's name; low, high (the bin's edges); n; confidence and quality (means in
    [0, 1]); quality_low, quality_high (95 % interval: Wilson's where quality is 0 or 1, else the
    normal one); and, the same for each bin of a group: answers (n in all), unknown (rows left out
    because one of the two is missing; a group of such rows alone has one bin of n 0), ece_mass,
    ece_debiased (over these bins), brier.

    Parameters
    ----------
    frame : DataFrame
        Any with the two columns, both in [0, 1].
    confidence, correct : str
        The columns.
    bins : int
        How many at most; equal confidences stay in one.
    by : str, optional
        The column that tells groups apart; all answers are one group without.

    Raises
    ------
    ColumnError
        A column is missing, or holds what is not in [0, 1].
    ParameterError
        `bins` is no whole number of 1 or more.

    Examples
    --------
    >>> frame = pd.DataFrame({"confidence": [0.2, 0.4, 0.8, 0.8], "quality": [0, 1, 1, 1]})
    >>> reliability_bins(frame, bins=2)[["n", "confidence", "quality"]].round(2).values.tolist()
    [[2.0, 0.3, 0.5], [2.0, 0.8, 1.0]]
    """
    rows = judged(frame, confidence, correct, by)
    found = [
        _binned(rows[rows[GROUP] == label], bins).assign(**{GROUP: label})
        for label in labels(rows[GROUP])
    ]
    table = pd.concat(found) if found else pd.DataFrame(columns=[GROUP])
    table = table.reindex(columns=[GROUP, *_BINS, *_SCORES]).reset_index(drop=True)
    return table.rename(columns={GROUP: by or GROUP})


def strategies(frame: pd.DataFrame) -> int:
    """Return how many strategies a frame of results holds; 0 where it is none."""
    held = isinstance(frame, pd.DataFrame) and "strategy" in frame
    return int(frame["strategy"].nunique()) if held else 0


def judged(frame: pd.DataFrame, confidence: str, correct: str, by: str | None) -> pd.DataFrame:
    """Return columns group, confidence and quality of a frame's rows, by position.

    Examples
    --------
    >>> frame = pd.DataFrame({"sure": [0.5], "right": [True]})
    >>> judged(frame, "sure", "right", None).values.tolist()
    [['all answers', 0.5, 1.0]]
    """
    rows = chosen(frame, confidence, correct, by)
    return pd.DataFrame(
        {
            GROUP: words(rows[by]) if by else ALL,
            "confidence": numbers(rows[confidence], low=0, high=1),
            "quality": numbers(rows[correct], low=0, high=1),
        }
    )


def _binned(rows: pd.DataFrame, bins: int) -> pd.DataFrame:
    known = rows.dropna(subset=["confidence", "quality"])
    sure, right = known["confidence"].to_numpy(), known["quality"].to_numpy()
    if known.empty:  # a group is told of, even so
        return pd.DataFrame({"n": [0], "answers": [0], "unknown": [len(rows)]})
    table = calibration_bins(sure, right, bins=bins).rename(columns={"accuracy": "quality"})
    index = np.searchsorted(table["low"].to_numpy()[1:], sure, side="right")
    ends = [mean_interval(right[index == each]) for each in range(len(table))]
    table["quality_low"], table["quality_high"] = np.transpose(ends)
    return table.assign(unknown=len(rows) - len(known), **_scores(sure, right, bins))


def _scores(sure: Any, right: Any, bins: int) -> dict[str, Any]:
    mass, debiased = (ece(sure, right, bins=bins, kind=kind) for kind in ("mass", "debiased"))
    return {
        "answers": len(sure),
        "ece_mass": mass,
        "ece_debiased": debiased,
        "brier": brier(sure, right),
    }
