"""Cost and quality: the points of a summary, and what single models reach without a router."""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchkit.lab.metrics import hull_value
from orchkit.lab.pictures.columns import chosen, numbers

_REMEDY = "Pass a comparison's summary: orchkit.compare(df, [...]).summary()."
_ORACLE = "Pass what orchkit.metrics.oracle_frontier returns."


def points(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a summary whose quality and cost are known, as numbers.

    Columns quality, quality_low, quality_high, cost_per_1k, cost_low, cost_high (NaN where they are
    not given), under the summary's index.

    Raises
    ------
    ColumnError
        Quality or cost_per_1k is missing, or holds no numbers.

    Examples
    --------
    >>> summary = pd.DataFrame({"quality": [0.8, None], "cost_per_1k": [1, 2]}, index=["a", "b"])
    >>> points(summary)[["quality", "cost_per_1k"]].to_dict("index")
    {'a': {'quality': 0.8, 'cost_per_1k': 1.0}}
    """
    optional = ("quality_low", "quality_high", "cost_low", "cost_high")
    given = [name for name in optional if name in summary]
    rows = chosen(summary, "quality", "cost_per_1k", *given, remedy=_REMEDY)
    table = pd.DataFrame({name: numbers(rows[name], low=0) for name in rows.columns})
    table = table.reindex(columns=["quality", "cost_per_1k", *optional]).set_axis(summary.index)
    return table.dropna(subset=["quality", "cost_per_1k"])


def zero_router(models: pd.DataFrame, up_to: float, *, n: int = 200) -> pd.DataFrame:
    """Return cost_per_1k and quality of the best random mix of models, from the cheapest on.

    The concave hull of the models, flat beyond the best: sampled at factors of cost, or evenly
    where a model is free, and at every model, so that it is true on any axis.

    Parameters
    ----------
    models : DataFrame
        cost_per_1k (USD) and quality of one model a row; at least one.
    up_to : float
        The cost it ends at, USD per 1,000 prompts.
    n : int
        How many samples, beside the models.

    Notes
    -----
    Source: RouterBench, Hu et al., 2024, arXiv 2403.12031.

    Examples
    --------
    >>> models = pd.DataFrame({"cost_per_1k": [1, 3], "quality": [0.5, 0.9]})
    >>> zero_router(models, 4, n=0)["quality"].tolist()
    [0.5, 0.9]
    """
    cost, quality = models["cost_per_1k"].to_numpy(dtype=float), models["quality"].to_numpy()
    first, last = cost.min(), max(float(up_to), cost.max())
    between = np.geomspace(first, last, n) if first > 0 else np.linspace(first, last, n)
    at = np.unique(np.clip([*between, *cost], first, last))
    value = hull_value(cost, quality, at)
    return pd.DataFrame({"cost_per_1k": at, "quality": value})


def oracle_line(frontier: pd.DataFrame) -> pd.DataFrame:
    """Return cost_per_1k and quality of an oracle's frontier whose cost is USD a prompt.

    Raises
    ------
    ColumnError
        Quality is missing, or both cost and cost_per_1k are.

    Examples
    --------
    >>> oracle_line(pd.DataFrame({"cost": [0.001], "quality": [0.9]}))["cost_per_1k"].tolist()
    [1.0]
    """
    known = isinstance(frontier, pd.DataFrame) and "cost_per_1k" in frontier
    name, factor = ("cost_per_1k", 1) if known else ("cost", 1000)
    rows = chosen(frontier, name, "quality", remedy=_ORACLE)
    quality = numbers(rows["quality"], low=0, high=1)
    table = pd.DataFrame({"cost_per_1k": factor * numbers(rows[name], low=0), "quality": quality})
    return table.dropna().sort_values("cost_per_1k")
