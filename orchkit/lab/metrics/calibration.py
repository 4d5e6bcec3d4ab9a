"""Confidence as a probability: whether of the answers that are 80 % sure, 80 % are right.

Confidence and correctness lie in [0, 1]; correctness may be graded. Rows of which either is
missing are left out, and counted.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from orchkit.errors import whole
from orchkit.lab.metrics.reading import NOTHING, Floats, judged, left_out, one_of, undefined

_WHAT = "confidence or correctness is"


def calibration_bins(
    confidence: ArrayLike, correct: ArrayLike, *, bins: int = 15, kind: str = "mass"
) -> pd.DataFrame:
    """Return mean confidence and accuracy of rows of about the same confidence.

    Parameters
    ----------
    confidence, correct : array-like, shape (n,)
        In [0, 1].
    bins : int
        How many at most; empty ones are not shown.
    kind : {"mass", "width"}
        ``"mass"``: edges at quantiles of the confidence, about as many rows in each; equal
        confidences stay together, and of no more values than bins each is one.
        ``"width"``: equal parts of [0, 1], closed on the left.

    Returns
    -------
    DataFrame
        Columns low, high (edges), n (rows), confidence and accuracy (means), lowest bin first.
        ``.attrs["dropped"]`` counts rows left out.

    Raises
    ------
    ParameterError
        Lengths differ, a value is outside its range, or there is no such kind.

    Examples
    --------
    >>> calibration_bins([0.1, 0.3, 0.8, 0.9], [0, 1, 1, 1], bins=2, kind="width")
       low  high  n  confidence  accuracy
    0  0.0   0.5  2        0.20       0.5
    1  0.5   1.0  2        0.85       1.0
    """
    sure, right, dropped = judged(confidence, correct)
    edges, index = _binned(sure, bins, kind)
    filled, group, counts = np.unique(index, return_inverse=True, return_counts=True)
    frame = pd.DataFrame(
        {
            "low": edges[filled],
            "high": edges[filled + 1],
            "n": counts,
            "confidence": _means(sure, group),
            "accuracy": _means(right, group),
        }
    )
    frame.attrs["dropped"] = dropped
    return frame


def ece(confidence: ArrayLike, correct: ArrayLike, *, bins: int = 15, kind: str = "width") -> float:
    """Return the expected calibration error: how far confidence is from accuracy, over bins.

    Parameters
    ----------
    confidence, correct : array-like, shape (n,)
        In [0, 1].
    bins : int
        How many at most.
    kind : {"width", "mass", "debiased"}
        ``"width"`` and ``"mass"``: mean absolute gap over bins of equal width, or of equal mass.
        Both are too high on few rows, even where calibration is perfect. ``"debiased"``: root mean
        square gap over bins of equal mass, less what chance alone would put there.

    Returns
    -------
    float
        In [0, 1]; NaN with a `MetricWarning` where nothing is known.

    Notes
    -----
    Sources: Guo et al., 2017, arXiv 1706.04599 (15 bins of equal width); Kumar, Liang and Ma,
    2019, arXiv 1909.10155 (debiased; bins of one row count as no error).

    Examples
    --------
    >>> round(ece([0.9, 0.9, 0.6, 0.6], [1, 1, 1, 0]), 3)
    0.1
    """
    one_of("kind", kind, ("width", "mass", "debiased"))
    sure, right, dropped = judged(confidence, correct)
    left_out("ece", dropped, np.size(confidence), _WHAT)
    if not len(sure):
        return undefined("ece", NOTHING)
    _, index = _binned(sure, bins, "mass" if kind == "debiased" else kind)
    _, group, counts = np.unique(index, return_inverse=True, return_counts=True)
    gap, weight = _means(sure - right, group), counts / len(sure)
    if kind != "debiased":
        return float(weight @ np.abs(gap))
    spread = _means((right - _means(right, group)[group]) ** 2, group)
    chance = np.divide(spread, counts - 1, out=gap**2, where=counts > 1)
    return math.sqrt(max(0.0, float(weight @ (gap**2 - chance))))


def brier(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Return the mean squared gap of confidence and correctness: 0 is perfect, 0.25 a blind half.

    Parameters
    ----------
    confidence, correct : array-like, shape (n,)
        In [0, 1].

    Returns
    -------
    float
        In [0, 1]; NaN with a `MetricWarning` where nothing is known.

    Notes
    -----
    Source: Brier, 1950.

    Examples
    --------
    >>> brier([1.0, 0.5], [1, 0])
    0.125
    """
    sure, right, dropped = judged(confidence, correct)
    left_out("brier", dropped, np.size(confidence), _WHAT)
    return float(np.mean((sure - right) ** 2)) if len(sure) else undefined("brier", NOTHING)


def brier_parts(
    confidence: ArrayLike, correct: ArrayLike, *, bins: int = 15, kind: str = "mass"
) -> pd.Series[float]:
    """Return the five parts of the Brier score, exact for any bins.

    brier = reliability - resolution + uncertainty + within_variance - within_covariance.

    Parameters
    ----------
    confidence, correct : array-like, shape (n,)
        In [0, 1].
    bins, kind
        As for `calibration_bins`.

    Returns
    -------
    Series
        reliability (squared gaps of bins, lower is better), resolution (how far the accuracies of
        bins spread, higher is better), uncertainty (variance of correctness), within_variance and
        within_covariance (what is lost by putting rows into bins). NaN with a `MetricWarning`
        where nothing is known.

    Notes
    -----
    Source: Stephenson, Coelho and Jolliffe, 2008, Weather and Forecasting 23.

    Examples
    --------
    >>> brier_parts([0.9, 0.9, 0.6, 0.6], [1, 1, 1, 0]).round(4).to_dict()["resolution"]
    0.0625
    """
    sure, right, dropped = judged(confidence, correct)
    left_out("brier_parts", dropped, np.size(confidence), _WHAT)
    names = ("reliability", "resolution", "uncertainty", "within_variance", "within_covariance")
    if not len(sure):
        return pd.Series(undefined("brier_parts", NOTHING), index=names)
    _, group = np.unique(_binned(sure, bins, kind)[1], return_inverse=True)
    said, held = _means(sure, group)[group], _means(right, group)[group]
    parts = (
        np.mean((said - held) ** 2),
        np.mean((held - right.mean()) ** 2),
        right.var(),
        np.mean((sure - said) ** 2),
        2 * np.mean((right - held) * (sure - said)),
    )
    return pd.Series(parts, index=names, dtype=np.float64)


def _binned(sure: Floats, bins: int, kind: str) -> tuple[Floats, NDArray[np.intp]]:
    """Return the edges of bins, and which of them each confidence is in."""
    parts = whole("bins", bins)
    if one_of("kind", kind, ("mass", "width")) == "width":
        index = np.minimum((sure * parts).astype(np.intp), parts - 1)
        return np.arange(parts + 1) / parts, index
    if not len(sure):
        return np.array([0.0, 1.0]), np.empty(0, dtype=np.intp)
    distinct = np.unique(sure)
    if len(distinct) > parts:
        distinct = np.unique(quantiles := np.quantile(sure, np.arange(parts + 1) / parts))
        if quantiles[-2] < quantiles[-1]:
            return distinct, np.searchsorted(distinct[1:-1], sure, side="right")
    # Each value, or the greatest one that fills a bin by itself, is a bin of its own.
    return np.append(distinct, distinct[-1]), np.searchsorted(distinct[1:], sure, side="right")


def _means(values: Floats, group: NDArray[np.intp]) -> Floats:
    """Return the mean of each group's values; every group has one."""
    means: Floats = np.bincount(group, weights=values) / np.bincount(group)
    return means
