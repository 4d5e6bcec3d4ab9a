"""How long answers took: quantiles of each strategy's latency."""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchkit.lab.pictures.columns import RESULTS, chosen, labels, numbers, words

#: Columns of `latency_quantiles` and the share of answers that took no longer.
QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def latency_quantiles(
    frame: pd.DataFrame, *, latency: str = "latency", by: str = "strategy", remedy: str = RESULTS
) -> pd.DataFrame:
    """Return one row a strategy: n, unknown, and the quantiles of its latency in seconds.

    `n` counts the answered rows whose latency is known, `unknown` the answered rows whose latency
    is not. Rows with an error took no time that says anything, and are left out.

    Raises
    ------
    ColumnError
        A column is missing, or a latency is no number of 0 or more.

    Examples
    --------
    >>> frame = pd.DataFrame({"strategy": ["a", "a", "b"], "latency": [1.0, 3.0, None]})
    >>> latency_quantiles(frame)[["strategy", "n", "unknown", "p50"]].values.tolist()
    [['a', 2, 0, 2.0], ['b', 0, 1, nan]]
    """
    rows = chosen(frame, by, latency, "error" if "error" in frame else None, remedy=remedy)
    rows[by], rows[latency] = words(rows[by]), numbers(rows[latency], low=0)
    answered = rows[rows["error"].isna()] if "error" in rows else rows
    found = []
    for label in labels(rows[by]):
        taken = answered.loc[answered[by] == label, latency]
        known = taken.dropna()
        at = np.quantile(known, list(QUANTILES.values())) if len(known) else [np.nan] * 5
        counts = {by: label, "n": len(known), "unknown": len(taken) - len(known)}
        found.append(counts | dict(zip(QUANTILES, map(float, at), strict=True)))
    return pd.DataFrame(found, columns=[by, "n", "unknown", *QUANTILES])
