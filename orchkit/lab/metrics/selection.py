"""Confidence as a ranking: whether the answers that are kept are right more often.

Only the order of the confidences counts, so any numbers will do; equal ones are as if in random
order. Correctness lies in [0, 1]. Rows of which either is missing are left out, and counted.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.errors import ParameterError
from orchkit.lab.metrics.reading import NOTHING, Floats, judged, left_out, numbers, undefined
from orchkit.lab.metrics.ties import Positions, ranked, running

_WHAT = "confidence or correctness is"


def auroc(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Return the chance that a right answer is surer than a wrong one, ties counting half.

    Parameters
    ----------
    confidence : array-like, shape (n,)
        Any numbers, higher is surer.
    correct : array-like, shape (n,)
        0 or 1.

    Returns
    -------
    float
        In [0, 1], 0.5 for a blind guess; NaN with a `MetricWarning` where all are right or all
        are wrong.

    Raises
    ------
    ParameterError
        Lengths differ, or correctness is graded.

    Notes
    -----
    Source: Hanley and McNeil, 1982; by mid-ranks (Mann-Whitney).

    Examples
    --------
    >>> auroc([0.9, 0.8, 0.8, 0.1], [1, 1, 0, 0])
    0.875
    """
    sure, right = _read("auroc", confidence, correct)
    won = _binary("auroc", right).sum()
    lost = len(right) - won
    if not len(right):
        return undefined("auroc", NOTHING)
    if not won * lost:
        return undefined("auroc", f"all {len(right)} answers are {'right' if won else 'wrong'}")
    _, group, sizes = np.unique(sure, return_inverse=True, return_counts=True)
    ranks = np.cumsum(sizes) - (sizes - 1) / 2
    return float((ranks[group][right == 1].sum() - won * (won + 1) / 2) / (won * lost))


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> pd.DataFrame:
    """Return how wrong the answers are that are kept, for every threshold of confidence.

    Parameters
    ----------
    confidence : array-like, shape (n,)
        Any numbers, higher is surer.
    correct : array-like, shape (n,)
        In [0, 1].

    Returns
    -------
    DataFrame
        Columns threshold (kept are those at or above it), coverage (share kept) and risk (mean of
        1 - correct of those kept), the highest threshold first. ``.attrs["dropped"]`` counts rows
        left out.

    Examples
    --------
    >>> risk_coverage([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0]).round(3)
       threshold  coverage   risk
    0        0.9      0.25  0.000
    1        0.5      0.75  0.333
    2        0.1      1.00  0.500
    """
    sure, right, dropped = judged(confidence, correct, read=numbers)
    order, ends = ranked(sure)
    kept, lost = ends[1:], running(1 - right[order], ends)[1:]
    frame = pd.DataFrame(
        {
            "threshold": sure[order][kept - 1],
            "coverage": kept / max(len(sure), 1),
            "risk": lost / kept,
        }
    )
    frame.attrs["dropped"] = dropped
    return frame


def aurc(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Return the area under risk and coverage: the mean risk over keeping 1, 2, …, n answers.

    Parameters
    ----------
    confidence : array-like, shape (n,)
        Any numbers, higher is surer.
    correct : array-like, shape (n,)
        In [0, 1].

    Returns
    -------
    float
        In [0, 1], lower is better; a constant confidence has the mean error. NaN with a
        `MetricWarning` where nothing is known.

    Notes
    -----
    Source: Geifman, Uziel and El-Yaniv, 2019, arXiv 1805.08206; within ties the mean over all
    orders. `augrc` is steadier on few rows.

    Examples
    --------
    >>> aurc([0.9, 0.5, 0.1], [1, 0, 1]), aurc([0.5, 0.5], [1, 0])
    (0.27777777777777773, 0.5)
    """
    sure, right = _read("aurc", confidence, correct)
    return _mean_risk(sure, right) if len(sure) else undefined("aurc", NOTHING)


def e_aurc(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Return the excess of `aurc` over that of a perfect ranking of as many wrong answers.

    Parameters
    ----------
    confidence : array-like, shape (n,)
        Any numbers, higher is surer.
    correct : array-like, shape (n,)
        0 or 1.

    Returns
    -------
    float
        Lower is better. The optimum is its limit for many rows, e + (1 - e) ln(1 - e) at a mean
        error e, so a perfect ranking of few rows is a little above 0. NaN with a `MetricWarning`
        where nothing is known.

    Notes
    -----
    Source: Geifman, Uziel and El-Yaniv, 2019, arXiv 1805.08206.

    Examples
    --------
    >>> round(e_aurc([0.5, 0.5], [1, 0]), 4)
    0.3466
    """
    sure, right = _read("e_aurc", confidence, correct)
    if not len(sure):
        return undefined("e_aurc", NOTHING)
    held = float(_binary("e_aurc", right).mean())
    optimum = 1 - held + (held * math.log(held) if held else 0.0)
    return _mean_risk(sure, right) - optimum


def augrc(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Return the area under coverage and wrong answers kept: the mean share of failures unseen.

    Parameters
    ----------
    confidence : array-like, shape (n,)
        Any numbers, higher is surer.
    correct : array-like, shape (n,)
        In [0, 1].

    Returns
    -------
    float
        In [0, 0.5], lower is better; a perfect ranking has e² / 2 at a mean error e. NaN with a
        `MetricWarning` where nothing is known.

    Notes
    -----
    Source: Traub et al., 2024, arXiv 2407.01032. Of right and wrong answers it is
    (1 - AUROC) e (1 - e) + e² / 2.

    Examples
    --------
    >>> augrc([0.9, 0.5, 0.1], [1, 1, 0]) * 18
    1.0
    """
    sure, right = _read("augrc", confidence, correct)
    if not len(sure):
        return undefined("augrc", NOTHING)
    ends, lost = _lost(sure, right)
    return float(np.trapezoid(lost, ends) / len(sure) ** 2)


def _read(metric: str, confidence: ArrayLike, correct: ArrayLike) -> tuple[Floats, Floats]:
    sure, right, dropped = judged(confidence, correct, read=numbers)
    left_out(metric, dropped, len(sure) + dropped, _WHAT)
    return sure, right


def _mean_risk(sure: Floats, right: Floats) -> float:
    ends, lost = _lost(sure, right)
    kept = np.arange(1, len(sure) + 1)
    return float(np.mean(np.interp(kept, ends, lost) / kept))


def _lost(sure: Floats, right: Floats) -> tuple[Positions, Floats]:
    """Return how many are kept at each threshold, none first, and the failures among them."""
    order, ends = ranked(sure)
    return ends, running(1 - right[order], ends)


def _binary(metric: str, right: Floats) -> Floats:
    if not np.isin(right, (0.0, 1.0)).all():
        raise ParameterError(f"{metric} takes right and wrong; give correct >= 0.5, for one.")
    return right
