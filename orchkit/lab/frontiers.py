"""Curves of a recording: a strategy at many thresholds, and what no other chain beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.core.calls import Params
from orchkit.core.catalog import NANO, Catalog
from orchkit.core.complexity import KeywordRules
from orchkit.core.drive import prepared
from orchkit.core.plans import Strategy
from orchkit.core.strategies import Fallback, Utility
from orchkit.errors import ParameterError
from orchkit.lab.arrays import Arrays, arrays_of
from orchkit.lab.cascading import hop_grid
from orchkit.lab.experiment import compare, label, recorded_quality
from orchkit.lab.matrix import Matrix
from orchkit.lab.metrics import hull, pareto
from orchkit.lab.metrics.utilities import chosen
from orchkit.lab.routers.lessons import prompts_of
from orchkit.lab.stats import mean_interval
from orchkit.lab.sweeping import binned, by_cost, limits_of, subchains, sweep_frame, swept


def swept_frame(
    matrix: Matrix, catalog: Catalog, strategy: Fallback, thresholds: ArrayLike
) -> pd.DataFrame:
    """Return what a fallback comes to at each threshold, by column arithmetic."""
    if isinstance(strategy.threshold, tuple) and strategy.threshold:
        raise ParameterError(
            f"threshold holds one number for each hop {strategy.threshold}, and this sweep tries "
            "one for all of them: give the chain alone, Fallback(chain), and for each hop a grid, "
            "threshold=[[0.5, 0.6], [0.7, 0.8]]; or put strategies side by side with mat.compare."
        )
    chain = catalog.distinct(strategy.chain) if strategy.chain else catalog.ladder()
    signal = strategy.confidence
    queries = None if signal is None else matrix.queries(KeywordRules().predict, Params())
    arrays = arrays_of(matrix, chain, signal, queries)
    frame = sweep_frame(swept(binned(arrays, thresholds), chain), chain, binary=arrays.binary)
    frame.attrs["left_out"] = arrays.left_out
    frame.attrs["unsure"] = float(np.isneginf(arrays.rank).mean())
    return frame


def swept_utility(
    matrix: Matrix, catalog: Catalog, strategy: Utility, values: ArrayLike
) -> pd.DataFrame:
    """Return what a utility router comes to at each value of a right answer, by column arithmetic.

    Equal to replaying it row by row. Raises ParameterError where a value is not above 0.
    """
    worths = np.unique(np.atleast_1d(np.asarray(values, dtype=float)))
    if not worths.size or not (worths > 0).all():
        raise ParameterError(f"value is {values!r:.60}; give USD above 0.")
    texts = prompts_of(matrix).texts
    known = strategy.prepared(texts).foreseen
    names = [*known[texts[0]]]
    arrays = arrays_of(matrix, [catalog[name].name for name in names])
    told = np.array([[known[texts[at]][name] for name in names] for at in arrays.place])
    hoped, priced = told[:, :, 0], told[:, :, 1]
    taken = [chosen(hoped, priced, 1 / value) for value in worths.tolist()]
    frame = pd.DataFrame(
        [{"value": value, **_routed(arrays, at)} for value, at in zip(worths, taken, strict=True)]
    )
    frame.attrs.update(models=names, left_out=arrays.left_out)
    return frame


def _routed(arrays: Arrays, at: Any) -> dict[str, Any]:
    """Return what choosing a column for each prompt comes to."""
    rows, n = np.arange(len(arrays)), len(arrays)
    quality, cost = arrays.quality[rows, at], int(arrays.cost[rows, at].sum())
    low, high = mean_interval(quality)
    return {
        "quality": quality.mean(),
        "quality_low": low,
        "quality_high": high,
        "cost_per_1k": 1000 * (cost / NANO) / n,
        "cost": cost / NANO,
        "calls": 1.0,
        "n": n,
    }


def hop_frame(
    matrix: Matrix, catalog: Catalog, strategy: Fallback, grids: Sequence[ArrayLike]
) -> pd.DataFrame:
    """Return what a fallback comes to at every combination of thresholds, one grid for each hop."""
    chain = catalog.distinct(strategy.chain) if strategy.chain else catalog.ladder()
    if len(grids) != len(chain) - 1:
        raise ParameterError(
            f"threshold holds {len(grids)} grids for the chain {' → '.join(chain)}; give one for "
            f"each of its {len(chain) - 1} hops, or one list of numbers for all."
        )
    limits = [limits_of(grid) for grid in grids]
    signal = strategy.confidence
    queries = None if signal is None else matrix.queries(KeywordRules().predict, Params())
    arrays = arrays_of(matrix, chain, signal, queries)
    quality, cost = hop_grid(arrays, chain, limits)
    hops = [f"threshold_{hop}" for hop in range(1, len(chain))]
    points = pd.MultiIndex.from_product(limits, names=hops).to_frame(index=False)
    n = len(arrays)
    frame = points.assign(
        quality=np.clip(quality.ravel() / n, 0, 1),
        cost_per_1k=1000 * (cost.ravel() / NANO) / n,
        cost=cost.ravel() / NANO,
        n=n,
    )
    frame.attrs.update(chain=list(chain), left_out=arrays.left_out)
    return frame


def replayed(
    matrix: Matrix, catalog: Catalog, strategy: Strategy, thresholds: ArrayLike
) -> pd.DataFrame:
    """Return what any strategy with a `threshold` comes to at each: driven row by row."""
    if "threshold" not in getattr(strategy, "__dataclass_fields__", {}):
        raise ParameterError(
            f"{label(strategy)} has no threshold to sweep over; give 'fallback', or an object "
            "that has one."
        )
    queries = matrix.queries(KeywordRules().predict, Params())
    rows = prepared([(query, strategy) for query in queries])
    ready = rows[0][1] if rows else strategy
    found = {}
    for limit in limits_of(thresholds).tolist():
        each: Any = replace(ready, threshold=limit)  # type: ignore[type-var]
        told = compare(queries, [each], lambda jobs: matrix.run(jobs, catalog), recorded_quality)
        found[limit] = told.set_index("row")
    known = np.all([each[["quality", "cost"]].notna().all(axis=1) for each in found.values()], 0)
    frame = pd.DataFrame([{"threshold": at, **_means(each[known])} for at, each in found.items()])
    frame.attrs["left_out"] = len(matrix) - int(known.sum())
    return frame


def _means(known: pd.DataFrame) -> dict[str, Any]:
    n = len(known)
    low, high = mean_interval(known["quality"])
    calls = [len(each["calls"]) for each in known["metadata"]]
    return {
        "quality": known["quality"].mean(),
        "quality_low": low,
        "quality_high": high,
        "cost_per_1k": 1000 * known["cost"].mean(),
        "cost": known["cost"].sum(),
        "escalation_rate": known["escalated"].mean(),
        "calls": float(np.mean(calls)) if calls else np.nan,
        "n": n,
    }


def frontier(arrays: Arrays, thresholds: ArrayLike, longest: int) -> pd.DataFrame:
    """Return the single models and chains that no other is as cheap and as good as."""
    table, ranked = binned(arrays, thresholds), by_cost(arrays)
    points = [_points(table_chain(table, (name,)).iloc[:1], (name,)) for name in ranked]
    points += [_points(table_chain(table, each), each) for each in subchains(ranked, longest)]
    frame = pd.concat(points, ignore_index=True)
    kept = frame[pareto(frame["cost_per_1k"], frame["quality"])]
    kept = kept.sort_values("cost_per_1k", ignore_index=True)
    corners = hull(kept["cost_per_1k"], kept["quality"])["index"]
    kept["hull"] = kept.index.isin(corners)
    named = zip(kept["chain"], kept["threshold"], strict=True)
    kept.insert(0, "strategy", [_label(*each) for each in named])
    kept.attrs["left_out"] = arrays.left_out
    return kept


def table_chain(table: Any, chain: Sequence[str]) -> pd.DataFrame:
    """Return quality and cost of one chain at each threshold."""
    sweep = swept(table, chain)
    return pd.DataFrame(
        {
            "threshold": sweep.thresholds,
            # Rounded, or a sum in another order would be better by its last digit.
            "quality": np.clip(np.round(sweep.quality / sweep.n, 12), 0, 1),
            "cost_per_1k": 1000 * (sweep.cost / NANO) / sweep.n,
        }
    )


def _points(frame: pd.DataFrame, chain: tuple[str, ...]) -> pd.DataFrame:
    frame = frame.drop_duplicates(["quality", "cost_per_1k"])
    frame.insert(0, "chain", [chain] * len(frame))
    return frame if len(chain) > 1 else frame.assign(threshold=np.nan)


def _label(chain: tuple[str, ...], threshold: float) -> str:
    return chain[0] if len(chain) == 1 else label(Fallback(chain, threshold))
