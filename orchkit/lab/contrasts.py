"""Contrasts: each strategy against one reference, on the same prompts, with how sure one can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.errors import UnknownNameError, did_you_mean
from orchkit.lab.arrays import Floats
from orchkit.lab.baselines import labels_of
from orchkit.lab.stats import holm, mcnemar, noninferior, paired_bootstrap
from orchkit.lab.summary import ORACLE, common, strongest

#: Columns of `contrasts`, in order.
CONTRASTS = (
    "reference", "difference", "low", "high", "p", "p_holm", "test", "cost_ratio",
    "cost_ratio_low", "cost_ratio_high", "within", "verdict", "n",
)  # fmt: skip

#: The confidence with which all verdicts hold together.
LEVEL = 0.95


def reference_of(summary: pd.DataFrame, singles: Sequence[str], against: str | None) -> str | None:
    """Return what strategies are held against: as asked, else the strongest single model."""
    if against is None:
        return strongest(summary[summary.index.isin(singles)])
    if against not in summary.index or against == ORACLE:
        known = [str(name) for name in summary.index if name != ORACLE]
        raise UnknownNameError(f"No strategy {against!r} here. {did_you_mean(against, known)}")
    return against


def contrasts(
    results: pd.DataFrame,
    names: Sequence[str],
    reference: str,
    *,
    margin: float = 0.01,
    clusters: ArrayLike | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return each strategy against the reference.

    Parameters
    ----------
    results : DataFrame
        Tidy: strategy, row, quality, cost (USD), error.
    names : sequence of str
        The strategies that are held against the reference.
    reference : str
        A strategy of the results.
    margin : float
        Quality in [0, 1] that may be lost and still count as as good. State it before looking.
    clusters : array-like, optional
        One label a prompt, by position; equal ones are resampled together.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        One row a name but the reference: difference of quality with its 95 % interval (Tango's
        score interval where every answer is right or wrong and prompts are independent, else a
        paired bootstrap); p of no difference, by McNemar's mid-p test or the bootstrap, and p_holm,
        adjusted for all rows; cost_ratio with its 95 % interval; within, whether it is shown to be
        within the margin; the verdict in words; n prompts.

        `within` and the verdicts, with the intervals told in them, hold for all rows together with
        95 % confidence: each is made at ``1 - 0.05 / rows`` (Bonferroni).
    """
    wide = common(results).pivot(index="row", columns="strategy", values=["quality", "cost"])
    names = [name for name in names if name != reference]
    labels = None if clusters is None else labels_of(clusters, results, wide.index)
    drawing: dict[str, Any] = {"clusters": labels, "seed": seed, "name_b": reference}
    level = 1 - (1 - LEVEL) / max(len(names), 1)
    told = [_against(wide, name, reference, margin, level, drawing) for name in names]
    table = pd.DataFrame(told, pd.Index(names, name="strategy"), CONTRASTS)
    if len(table):
        table["p_holm"] = holm(table["p"].to_numpy(float))
    return table


def _against(
    wide: pd.DataFrame,
    name: str,
    reference: str,
    margin: float,
    level: float,
    drawing: dict[str, Any],
) -> dict[str, Any]:
    if wide.empty:  # no prompt was judged for all of them
        return {"reference": reference, "test": "", "within": False, "verdict": "", "n": 0}
    own, other = (wide["quality"][each].to_numpy(float) for each in (name, reference))
    costs = {"cost_a": wide["cost"][name], "cost_b": wide["cost"][reference]}
    known = all(np.isfinite(each).all() for each in costs.values())
    priced = costs if known and costs["cost_b"].sum() > 0 else {}  # nothing is a share of nothing
    found = noninferior(own, other, margin, **priced, **drawing)
    claim = (
        found
        if level == LEVEL
        else noninferior(own, other, margin, level=level, **priced, **drawing)
    )
    same = known and (own == other).all() and (costs["cost_a"] == costs["cost_b"]).all()
    p, test = _p(own, other, drawing["clusters"], drawing["seed"])
    ratio = found.cost_ratio
    ends = (ratio.estimate, ratio.low, ratio.high) if ratio else (math.nan,) * 3
    return {
        "reference": reference,
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "p": p,
        "test": test,
        **dict(zip(("cost_ratio", "cost_ratio_low", "cost_ratio_high"), ends, strict=True)),
        "within": bool(claim) or bool(same),
        "verdict": f"the same as {reference}, n={found.n:,}" if same else str(claim),
        "n": found.n,
    }


def _p(own: Floats, other: Floats, labels: Any, seed: int) -> tuple[float, str]:
    """Return p of no difference, and the test it comes from."""
    binary = bool(np.isin(np.concatenate([own, other]), (0, 1)).all())
    if binary and labels is None:
        return float(mcnemar(own, other).p), "mcnemar mid-p"
    return float(paired_bootstrap(own, other, clusters=labels, seed=seed).p), "bootstrap"
