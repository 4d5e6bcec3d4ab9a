"""Whether confidence tells right answers from wrong ones: how it is spread over both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import ParameterError, whole
from orchkit.lab.metrics import auroc
from orchkit.lab.pictures.calibration import judged, strategies

SPREAD = ("right", "low", "high", "n", "share", "answers", "unknown", "auroc")


def confidence_spread(
    frame: pd.DataFrame,
    *,
    confidence: str = "confidence",
    correct: str = "quality",
    threshold: float | None = None,
    bins: int = 20,
) -> pd.DataFrame:
    """Return how the confidences of right and of wrong answers are spread over [0, 1].

    Columns: right (bool); low, high (edges of equal parts of [0, 1], closed on the left); n
    (answers); share (of the right, or the wrong, answers); and, the same in every row, answers
    (n of both), unknown (rows left out because one of the two is missing), auroc (the chance that
    a right answer is surer than a wrong one, ties counted half; NaN where there is one kind only).

    Parameters
    ----------
    frame : DataFrame
        Any with the two columns, both in [0, 1].
    confidence, correct : str
        The columns.
    threshold : float, optional
        Answers of at least this quality are right; without it quality must be 0 or 1.
    bins : int
        How many parts.

    Raises
    ------
    ColumnError
        A column is missing, or holds what is not in [0, 1].
    ParameterError
        Quality is graded and no threshold is given, `bins` is no whole number of 1 or more, or
        the frame holds several strategies.

    Examples
    --------
    >>> frame = pd.DataFrame({"confidence": [0.2, 0.6, 0.9], "quality": [0, 1, 1]})
    >>> spread = confidence_spread(frame, bins=2)
    >>> spread["n"].tolist(), spread["auroc"].iloc[0].item()
    ([0, 2, 1, 0], 1.0)
    """
    if strategies(frame) > 1:
        raise ParameterError(
            f"The frame holds {strategies(frame)} strategies, whose answers to one prompt are no "
            "independent evidence; pass one of them: frame[frame['strategy'] == 'fallback']."
        )
    rows = judged(frame, confidence, correct, None)
    known = rows.dropna()
    right = _right(known["quality"], threshold)
    sure, parts = known["confidence"], whole("bins", bins)
    index = np.minimum((sure * parts).astype("int64"), parts - 1)
    found = []
    for kind in (True, False):
        counts = np.bincount(index[right == kind], minlength=parts)
        edges = {"low": np.arange(parts) / parts, "high": np.arange(1, parts + 1) / parts}
        share = counts / max(counts.sum(), 1)
        found.append(pd.DataFrame({"right": kind, **edges, "n": counts, "share": share}))
    told = {"answers": len(known), "unknown": len(rows) - len(known), "auroc": _auroc(sure, right)}
    return pd.concat(found, ignore_index=True).assign(**told)[list(SPREAD)]


def _right(quality: pd.Series[float], threshold: float | None) -> pd.Series[bool]:
    if threshold is not None:
        return quality >= threshold
    graded = quality[~quality.isin((0, 1))]
    if len(graded):
        raise ParameterError(
            f"quality is graded ({graded.iloc[0]:g} is there); say which answers are right with "
            "threshold=, for instance threshold=0.5."
        )
    return quality == 1


def _auroc(sure: pd.Series[float], right: pd.Series[bool]) -> Any:
    """Return the AUROC; the figure itself says where there is none, so nothing is warned of."""
    return auroc(sure, right) if right.nunique() == 2 else math.nan
