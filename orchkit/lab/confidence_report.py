"""How well signals tell right from wrong, and how far their numbers are from probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import MetricWarning, tell
from orchkit.lab.calibration import FEWEST, cross_fitted, curve_of, name_of
from orchkit.lab.curves import Floats
from orchkit.lab.metrics import auroc, brier, ece
from orchkit.lab.stats import auroc_interval

REPORT = (
    "n", "unknown", "quality", "auroc", "auroc_low", "auroc_high", "ties", "ece_debiased",
    "ece_15", "brier", "method", "ece_debiased_calibrated", "ece_15_calibrated",
    "brier_calibrated", "price_per_1k",
)  # fmt: skip


def with_calibrated(table: pd.DataFrame, method: str = "auto") -> pd.DataFrame:
    """Return what was observed with a column `calibrated`: probabilities by curves of the others.

    Five folds of each signal and model; NaN where fewer than 50 outcomes are known.
    """
    held = pd.Series(np.nan, index=table.index)
    known = table.dropna(subset=["confidence", "quality"])
    for _, rows in known.groupby(["signal", "model"], sort=False, observed=True):
        if len(rows) >= FEWEST:
            sure, right = _columns(rows)
            held[rows.index] = cross_fitted(sure, right, method)
    return table.assign(calibrated=held)


def report(table: pd.DataFrame, method: str = "auto") -> pd.DataFrame:
    """Return one row a signal and model of what `with_calibrated` gives."""
    groups = table.groupby(["signal", "model"], sort=False, observed=True)
    rows = {names: _row(rows, method) for names, rows in groups}
    index = pd.MultiIndex.from_tuples(list(rows), names=["signal", "model"])
    return pd.DataFrame(list(rows.values()), index=index, columns=[*REPORT])


def _row(rows: pd.DataFrame, method: str) -> dict[str, Any]:
    known = rows.dropna(subset=["confidence", "quality"])
    told: dict[str, Any] = {
        "n": len(known),
        "unknown": float(rows["confidence"].isna().mean()),
        "price_per_1k": 1000 * float(rows["price"].mean()),
    }
    if known.empty:
        tell(f"{rows['signal'].iloc[0]} tells nothing of {rows['model'].iloc[0]}.", MetricWarning)
        return told
    sure, right = _columns(known)
    told |= {"quality": float(right.mean()), "ties": ties(sure), **_area(sure, right)}
    told |= _errors(sure, right, "")
    held = known["calibrated"].to_numpy(dtype=float)
    if not np.isnan(held).any():
        told |= {"method": name_of(curve_of(sure, right, method))}
        told |= _errors(held, right, "_calibrated")
    return told


def ties(confidence: Floats) -> float:
    """Return the share of answers that are exactly as sure as another.

    Examples
    --------
    >>> ties(np.array([0.5, 0.5, 0.7, 0.9]))
    0.5
    """
    _, counts = np.unique(confidence, return_counts=True)
    return float(counts[counts > 1].sum() / counts.sum())


def _area(sure: Floats, right: Floats) -> dict[str, float]:
    if not np.isin(right, (0.0, 1.0)).all():
        tell("auroc is NaN: correctness is graded.", MetricWarning)
        return dict.fromkeys(("auroc", "auroc_low", "auroc_high"), math.nan)
    low, high = auroc_interval(sure, right)
    return {"auroc": auroc(sure, right), "auroc_low": low, "auroc_high": high}


def _errors(sure: Floats, right: Floats, suffix: str) -> dict[str, float]:
    return {
        f"ece_debiased{suffix}": ece(sure, right, kind="debiased"),
        f"ece_15{suffix}": ece(sure, right),
        f"brier{suffix}": brier(sure, right),
    }


def _columns(rows: pd.DataFrame) -> tuple[Floats, Floats]:
    return rows["confidence"].to_numpy(dtype=float), rows["quality"].to_numpy(dtype=float)
