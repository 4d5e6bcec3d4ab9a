"""What the results of several strategies amount to: one row a strategy, with intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.core.calls import Kind
from orchkit.lab.stats import mean_interval

ORACLE = "oracle"
#: How the error of a row begins that asked for what was not recorded.
GAP = f"{Kind.NotRecorded.name}:"
#: Columns of `summary`, in order.
SUMMARY = (
    "n",
    "quality",
    "quality_low",
    "quality_high",
    "cost_per_1k",
    "saving",
    "latency_p50",
    "latency_p95",
    "confidence",
    "signal",
    "escalation_rate",
    "errors",
    "cost",
    "provider",
)


def summary(
    results: pd.DataFrame, *, singles: tuple[str, ...] = (), clusters: ArrayLike | None = None
) -> pd.DataFrame:
    """Return one row a strategy from tidy results, indexed by strategy.

    Every strategy is judged on the same prompts: those whose quality is known for all of them
    (when no quality is known: those that were recorded for all of them). `n` counts them. Quality
    has a 95 % interval; costs are USD; `saving` is the share of the strongest single model's cost
    that is not spent, NaN without one; latencies are seconds; `escalation_rate` is the share of
    rows that went on to a further model; latency and confidence are of answered rows, `errors`
    counts all rows that failed.

    Parameters
    ----------
    results : DataFrame
        Columns strategy, row, quality, cost, latency, confidence, signal, rounds, error, provider.
    singles : tuple of str
        The strategies that are one model each; two of them or more also give the oracle's row.
    clusters : array-like, optional
        One label for each prompt; intervals of quality then count each cluster once.
    """
    kept = common(results)
    oracle = _oracle_rows(kept[kept["strategy"].isin(singles)]) if len(singles) > 1 else None
    rows = {name: kept[kept["strategy"] == name] for name in results["strategy"].unique()}
    if oracle is not None:
        rows[ORACLE] = oracle
    index = pd.Index(list(rows), name="strategy")
    table = pd.DataFrame([_row(own, clusters) for own in rows.values()], index, SUMMARY)
    failed = results["error"].notna().groupby(results["strategy"]).sum()
    table["errors"] = failed.reindex(index, fill_value=0).astype(int)  # of all rows, judged or not
    base = strongest(table.loc[[name for name in singles if name in rows]])
    baseline = table["cost_per_1k"].get(base, math.nan)
    table["saving"] = 1 - table["cost_per_1k"] / baseline if baseline else math.nan
    table.loc[table["provider"] == "", "saving"] = math.nan  # nothing was answered: no saving
    return table


def common(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the prompts whose quality is known for every strategy.

    When no quality is known at all, those of the prompts that were recorded for every strategy.
    Where a column `complete` says so, a prompt also needs every model the strategy could have asked
    to be recorded for it: those that happened not to need a missing one are the easy ones.
    """
    if "complete" in results:
        holes = results["complete"].eq(other=False)  # what says nothing has none
        results = results[~results["row"].isin(results.loc[holes, "row"])]
    unknown = results["quality"].isna()
    if unknown.all():
        unknown = results["error"].astype("string").str.startswith(GAP).fillna(value=False)
    return results[~results["row"].isin(results.loc[unknown, "row"])]


def strongest(table: pd.DataFrame) -> str | None:
    """Return the single model of the highest quality; the cheapest of equals.

    Without qualities it is the dearest: the one a careful user would have taken.
    """
    if table.empty:
        return None
    if table["quality"].isna().all():
        return str(table["cost_per_1k"].idxmax()) if table["cost_per_1k"].notna().any() else None
    rounded = table.assign(quality=table["quality"].round(9))  # the last digits are the sum's order
    ranked = rounded.sort_values(["quality", "cost_per_1k"], ascending=[False, True])
    return str(ranked.index[0])


def oracle(quality: pd.DataFrame, cost: pd.DataFrame) -> pd.Series[Any]:
    """Return for each prompt the cheapest of the models that answered it best.

    A metric, not a strategy: it reads the truth. Prompts × models in, model names out. Where
    nothing is right, it is the cheapest model (the convention of RouterBench and RouterArena).

    Examples
    --------
    >>> quality = pd.DataFrame({"small": [1.0, 0.0, 0.0], "large": [1.0, 1.0, 0.0]})
    >>> cost = pd.DataFrame({"small": [1.0, 1.0, 1.0], "large": [9.0, 9.0, 9.0]})
    >>> oracle(quality, cost).tolist()
    ['small', 'large', 'small']
    """
    best = quality.ge(quality.max(axis=1) - 1e-12, axis=0)
    priced = cost.where(best & quality.notna())
    known = priced.notna().any(axis=1)
    return priced[known].idxmin(axis=1)


def _oracle_rows(singles: pd.DataFrame) -> pd.DataFrame | None:
    """Return the rows the oracle would have had, as a strategy of their own."""
    if singles["quality"].isna().all() or singles["cost"].isna().all():
        return None
    wide = singles.pivot_table(index="row", columns="strategy", values=["quality", "cost"])
    chosen = oracle(pd.DataFrame(wide["quality"]), pd.DataFrame(wide["cost"]))
    picked = pd.MultiIndex.from_arrays([chosen.index, chosen.to_numpy()])
    rows = singles.set_index(["row", "strategy"]).loc[picked].reset_index(names=["row", "strategy"])
    return rows.assign(strategy=ORACLE)


def _row(rows: pd.DataFrame, clusters: Any) -> dict[str, object]:
    known = rows.dropna(subset=["quality"])
    quality = known["quality"].to_numpy(dtype=float)
    labels = None if clusters is None else np.asarray(clusters)[known["row"].to_numpy(dtype=int)]
    told = mean_interval(quality, clusters=labels) if len(quality) else (math.nan, math.nan)
    low, high = told
    answered = rows[rows["error"].isna()]
    latency = answered["latency"].to_numpy(dtype=float)
    return {
        "n": len(rows),
        "quality": quality.mean() if len(quality) else math.nan,
        "quality_low": low,
        "quality_high": high,
        "cost_per_1k": 1000 * rows["cost"].mean(skipna=False),
        "latency_p50": np.nanquantile(latency, 0.5) if np.isfinite(latency).any() else math.nan,
        "latency_p95": np.nanquantile(latency, 0.95) if np.isfinite(latency).any() else math.nan,
        "confidence": answered["confidence"].mean(),
        "signal": ", ".join(dict.fromkeys(answered["signal"].value_counts().index[:2])),
        "escalation_rate": rows.get("escalated", rows["rounds"] > 1).eq(other=True).mean(),
        "errors": int(rows["error"].notna().sum()),
        "cost": rows["cost"].sum(skipna=False, min_count=1),
        "provider": ", ".join(sorted(set(answered["provider"].dropna()))),
    }
