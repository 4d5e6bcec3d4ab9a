"""The conclusion of a comparison: which way is as good as the best model for the least money."""

from __future__ import annotations

from statistics import NormalDist

import pandas as pd

from orchkit.lab.contrasts import LEVEL


def concluded(contrasts: pd.DataFrame, margin: float) -> list[str]:
    """Return which way is shown to be as good as the reference for the least money.

    Where none is, also the best of those that may be, and about how many prompts would show it if
    it were exactly as good, at today's scatter. Nothing where no costs are known.
    """
    beside = contrasts[contrasts["n"] > 1]
    if not len(beside) or beside["cost_ratio"].isna().all():
        return []
    reference = beside["reference"].iloc[0]
    cheaper = beside[beside["within"].astype(bool) & (beside["cost_ratio_high"] < 1)]
    within = f"within {100 * margin:g} pt of {reference}"
    if not len(cheaper):
        return [f"nothing cheaper is shown to be {within}{_undecided(beside, margin)}"]
    best = cheaper["cost_ratio"].astype(float).idxmin()
    return [f"for the least money: {best}, the cheapest that is shown to be {within}"]


def _undecided(beside: pd.DataFrame, margin: float) -> str:
    """Return the best cheaper way that is not shown to be worse, and how many prompts would tell.

    The bound comes as near as the root of the number of prompts allows.
    """
    open_ = beside[(beside["cost_ratio_high"] < 1) & (beside["high"] >= 0)]
    if not len(open_):
        return ""
    best = open_.sort_values("difference", ascending=False, kind="stable").iloc[0]
    one_sided = NormalDist().inv_cdf(1 - (1 - LEVEL) / len(beside))
    reach = (best["difference"] - best["low"]) * one_sided / NormalDist().inv_cdf((1 + LEVEL) / 2)
    needed = float(f"{best['n'] * (reach / margin) ** 2:.2g}")
    if needed <= best["n"]:  # there are enough, and they did not show it
        return ""
    few = f"{best['n']:,} prompts are too few to tell: if it is just as good"
    return f"; {best.name} may be, but {few}, about {needed:,.0f} would show it"
