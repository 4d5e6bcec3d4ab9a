"""Which tier prompts have, and which they were taken for: counts and their agreement."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from orchkit.core.catalog import Tier
from orchkit.errors import MetricWarning, tell
from orchkit.lab.pictures.columns import chosen, words

_REMEDY = (
    "Pass a frame with the tier and what it was taken for, for instance "
    'df.assign(predicted=orchkit.KeywordRules().predict(df["prompt"])).'
)


def tier_counts(
    frame: pd.DataFrame, *, truth: str = "complexity", predicted: str = "predicted"
) -> pd.DataFrame:
    """Return one row per tier × tier: truth, predicted, n, and its share of the truth's prompts.

    Tiers stand in their order, all four of them; other labels in the order of the alphabet.
    Prompts without one of the two are left out. A share is NaN where no prompt has that truth.

    Raises
    ------
    ColumnError
        A column is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"complexity": ["basic", "basic"], "predicted": ["basic", "expert"]})
    >>> tier_counts(frame).query("n > 0").values.tolist()
    [['basic', 'basic', 1, 0.5], ['basic', 'expert', 1, 0.5]]
    """
    pairs = chosen(frame, truth, predicted, remedy=_REMEDY)
    left, right = words(pairs[truth]), words(pairs[predicted])
    known = left.notna() & right.notna()
    order = _ordered({*left[known], *right[known]})
    counts = pd.crosstab(left[known], right[known], rownames=["truth"], colnames=["predicted"])
    counts = counts.reindex(index=order, columns=order, fill_value=0)
    sides = pd.MultiIndex.from_product([order, order], names=["truth", "predicted"])
    table = sides.to_frame(index=False).assign(n=counts.to_numpy(dtype="int64").ravel())
    total = table.groupby("truth")["n"].transform("sum")
    return table.assign(share=table["n"] / total.where(total > 0))


def weighted_kappa(counts: pd.DataFrame) -> float:
    """Return Cohen's kappa with quadratic weights of what `tier_counts` returned, in [-1, 1].

    1 is agreement, 0 what chance would give. NaN with a MetricWarning where every prompt
    has one tier and is taken for it, or where there is none.

    Source: Cohen, 1968, "Weighted kappa".

    Examples
    --------
    >>> frame = pd.DataFrame({"complexity": ["basic", "expert"], "predicted": ["basic", "expert"]})
    >>> weighted_kappa(tier_counts(frame))
    1.0
    """
    rank = np.arange(counts["truth"].nunique())
    seen = counts["n"].to_numpy(dtype=float).reshape(len(rank), -1)
    weight = np.subtract.outer(rank, rank) ** 2
    n = seen.sum()
    chance = (weight * np.outer(seen.sum(1), seen.sum(0))).sum() / n if n else 0.0
    if not chance:
        tell("kappa is undefined: every prompt has one tier, and is taken for it.", MetricWarning)
        return math.nan
    return float(1 - (weight * seen).sum() / chance)


def _ordered(found: set[str]) -> list[str]:
    tiers = [tier.value for tier in Tier]
    return tiers if found and found <= set(tiers) else sorted(found)
