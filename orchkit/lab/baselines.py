"""Baselines: what a strategy's money would have bought without it.

Every one is read at the strategy's own cost: a random mix of the cheapest and the best model, the
zero router (the best mix of single models), a router that goes by the length of the prompt, and
the oracle, which reads the truth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.errors import ParameterError
from orchkit.lab.arrays import Floats
from orchkit.lab.metrics import deferral_curve, hull_value, oracle_frontier
from orchkit.lab.metrics.reading import ROUNDING
from orchkit.lab.stats import bootstrap
from orchkit.lab.summary import common

#: Columns of `at_equal_cost`, in order.
BASELINES = (
    "cost_per_1k",
    "quality",
    "random_mix",
    "zero_router",
    "prompt_length",
    "oracle_frontier",
    "gain",
    "gain_low",
    "gain_high",
    "regret",
    "n",
)

#: The share of prompts that may not be lost to what single models were not recorded for.
NEARLY = 0.95
#: The share of prompts a model must be known for, to be what strategies are held against.
HALF = 0.5


class Beside(NamedTuple):
    """Tidy results with single models' rows, all their names, and those with too many gaps."""

    results: pd.DataFrame
    singles: tuple[str, ...]
    left_out: tuple[str, ...]


def beside_models(results: pd.DataFrame, singles: Sequence[str], alone: pd.DataFrame) -> Beside:
    """Return results with the single models that were recorded too.

    The strongest of those known for half of the prompts is always there, as strategies are held
    against it, and prompts it is not known for judge nobody. The others of `alone` (tidy, a
    strategy a model) are added, those known for most prompts first, as long as nearly all of these
    prompts stay.
    """
    judged = common(results)
    rows = sorted(judged["row"].unique())
    priced = len(alone) > 0 and alone["cost"].notna().any()
    known = alone.dropna(subset=["quality", "cost"] if priced else ["quality"])
    cells = known[known["row"].isin(rows) & ~known["strategy"].isin(results["strategy"])]
    named = {str(name): set(own["row"]) for name, own in cells.groupby("strategy", sort=False)}
    added = _added(named, _stronger(cells, judged, singles, len(rows)), set(rows))
    every = pd.MultiIndex.from_product([added, rows], names=["strategy", "row"])
    told = cells.set_index(["strategy", "row"]).reindex(every).reset_index()  # a gap is told as one
    left_out = tuple(name for name in named if name not in added)
    told = told.dropna(axis=1, how="all")  # an empty column would change a full one's type
    table = pd.concat([results, told], ignore_index=True) if added else results
    return Beside(table, (*singles, *added), left_out)


def _stronger(
    cells: pd.DataFrame, judged: pd.DataFrame, singles: Sequence[str], total: int
) -> str | None:
    """Return the recorded model that is better than the single models compared, if there is one."""
    each = cells.groupby("strategy", sort=False)["quality"].agg(["mean", "size"])
    able = each.loc[each["size"] >= HALF * total, "mean"].round(9)
    named = judged[judged["strategy"].isin(singles)].groupby("strategy")["quality"].mean()
    best = named.max() if len(named) else -math.inf
    return str(able.idxmax()) if len(able) and able.max() > round(float(best), 9) else None


def _added(named: Mapping[str, set[int]], strongest: str | None, rows: set[int]) -> list[str]:
    """Return the models to add, in their order: as many as leave nearly all of the prompts."""
    kept = rows if strongest is None else rows & named[strongest]
    added = set() if strongest is None else {strongest}
    enough = NEARLY * len(kept)
    for name in sorted(named, key=lambda name: -len(named[name])):
        if len(kept & named[name]) >= enough:
            kept, added = kept & named[name], {*added, name}
    return [name for name in named if name in added]


def at_equal_cost(
    results: pd.DataFrame,
    singles: Sequence[str],
    *,
    length: pd.Series[Any] | None = None,
    clusters: ArrayLike | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return each strategy beside what its baselines reach for the same money.

    All are judged on the same prompts: those known for every strategy and every single model.

    Parameters
    ----------
    results : DataFrame
        Tidy: strategy, row, quality, cost (USD), error.
    singles : sequence of str
        The strategies that are one model each: what every baseline is made of.
    length : Series, optional
        Characters of each prompt, by its position.
    clusters : array-like, optional
        One label a prompt, by position; equal ones are resampled together.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        One row a strategy: cost_per_1k (USD), quality; the quality that random_mix, zero_router,
        prompt_length and oracle_frontier have at that cost, NaN where they cannot cost that
        little; gain, how much better than the zero router, with its 95 % interval from a paired
        bootstrap in which strategy and models are resampled together; regret, how much worse than
        the oracle; n.
    """
    quality, cost = paired(results)
    if len(singles) < 2:
        raise ParameterError(
            f"There are too few single models to make baselines of ({len(singles)}); add two or "
            "more to the strategies, or compare on a recording (df.orch.record) that has costs "
            "(mat.reprice)."
        )
    if not len(quality):
        raise ParameterError(
            "No prompt has quality and cost of every strategy and single model; without them "
            "there is nothing to compare. Score responses (mat.score), or give costs (mat.reprice)."
        )
    field = _Field(quality[[*singles]].to_numpy(float), cost[[*singles]].to_numpy(float))
    long = None if length is None else length.loc[quality.index].to_numpy(float)
    labels = None if clusters is None else labels_of(clusters, results, quality.index)
    own = {name: (quality[name].to_numpy(float), cost[name].to_numpy(float)) for name in quality}
    table = [
        {**field.beside(good, spent, long), **field.gain(good, spent, labels, seed)}
        for good, spent in own.values()
    ]
    return pd.DataFrame(table, pd.Index(list(own), name="strategy"), BASELINES)


def paired(results: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return quality and cost, prompts × strategies, of the prompts known for all of them."""
    names = list(results["strategy"].unique())
    if not names:
        return pd.DataFrame(), pd.DataFrame()
    wide = common(results).pivot(index="row", columns="strategy", values=["quality", "cost"])
    columns = pd.MultiIndex.from_product([("quality", "cost"), names])
    known = wide.reindex(columns=columns).dropna()
    quality, cost = (pd.DataFrame(known[each]) for each in ("quality", "cost"))
    return quality, cost


def labels_of(labels: ArrayLike, results: pd.DataFrame, rows: pd.Index[Any]) -> Any:
    """Return the labels of these prompts, from one for each prompt of a comparison."""
    told, prompts = np.asarray(labels), results["row"].nunique()
    if told.shape != (prompts,):
        raise ParameterError(
            f"clusters has the shape {told.shape}; give one label for each of {prompts} prompts."
        )
    return told[rows.to_numpy()]


class _Field:
    """Single models on the same prompts, and what can be made of them for an amount of money."""

    def __init__(self, quality: Floats, cost: Floats) -> None:
        self.quality, self.cost = quality, cost
        self.right, self.paid = quality.mean(axis=0), cost.mean(axis=0)
        good = np.round(self.right, 12)  # of equals the cheaper, whatever the order of the sums
        self.weak = int(np.lexsort((-good, self.paid))[0])
        self.strong = int(np.lexsort((self.paid, -good))[0])
        self.oracle = oracle_frontier(quality, cost)

    def beside(self, quality: Floats, cost: Floats, length: Floats | None) -> dict[str, float]:
        """Return what each baseline reaches for a strategy's money."""
        good, spent = float(quality.mean()), float(cost.mean())
        best = _at(spent, self.oracle["cost"], self.oracle["quality"])
        zero = hull_value(self.paid, self.right, spent)
        return {
            "cost_per_1k": 1000 * spent,
            "quality": good,
            "random_mix": self._mixed(spent),
            "zero_router": zero,
            "prompt_length": self._by_length(spent, length),
            "oracle_frontier": best,
            "gain": good - zero,
            "regret": best - good,
            "n": len(quality),
        }

    def _mixed(self, spent: float) -> float:
        """Return the quality of asking the best model at random as often as the money lasts."""
        ends = [self.weak] if self.weak == self.strong else [self.weak, self.strong]
        return _at(spent, self.paid[ends], self.right[ends])

    def _by_length(self, spent: float, length: Floats | None) -> float:
        """Return the quality of asking the best model about the longest prompts."""
        if length is None or self.weak == self.strong:
            return math.nan
        curve = deferral_curve(
            length,
            self.quality[:, self.weak],
            self.quality[:, self.strong],
            weak_cost=self.cost[:, self.weak],
            strong_cost=self.cost[:, self.strong],
        )
        # Where the best model was the cheaper one, asking it more often costs less: as far as
        # the money lasts.
        reached = np.minimum.accumulate(curve["cost"].to_numpy()[::-1])[::-1]
        return _at(spent, reached, curve["quality"].to_numpy())

    def gain(self, quality: Floats, cost: Floats, clusters: Any, seed: int) -> dict[str, float]:
        """Return the interval of the gain over the zero router, all of it resampled together."""
        if math.isnan(hull_value(self.paid, self.right, float(cost.mean()))):
            return {"gain_low": math.nan, "gain_high": math.nan}
        models = len(self.right)

        def gained(*means: Any) -> Floats:
            good, spent = np.stack(means[2 : 2 + models]), np.stack(means[2 + models :])
            return np.asarray(means[0] - zero_router(good, spent, means[1]))

        columns = [quality, cost, *self.quality.T, *self.cost.T]
        drawing: dict[str, Any] = {"clusters": clusters, "seed": seed, "of_means": True}
        found = bootstrap(gained, *columns, **drawing)
        return {"gain_low": float(found.low), "gain_high": float(found.high)}


def _at(spent: float, cost: Any, quality: Any) -> float:
    """Return the quality of a curve for this money, NaN where it cannot cost that little."""
    cost = np.asarray(cost)
    spent = float(cost[0]) if cost[0] * (1 - ROUNDING) <= spent < cost[0] else spent
    return float(np.interp(spent, cost, quality, left=math.nan))


def zero_router(quality: Floats, cost: Floats, budget: Any) -> Floats:
    """Return the zero router's quality of many draws at once: models × draws in, a draw each out.

    The concave hull at a cost is the best of all mixes of two points around it, and of the points
    to its left. NaN where nothing is that cheap.
    """
    within = cost * (1 - ROUNDING) <= budget  # a mean that was summed in another order
    value = np.where(within, quality, -np.inf).max(axis=0)
    for one, other in combinations(range(len(cost)), 2):
        gap = cost[other] - cost[one]
        share = np.divide(budget - cost[one], gap, out=np.full_like(gap, -1.0), where=gap != 0)
        between = (share >= 0) & (share <= 1)
        mixed = quality[one] + share * (quality[other] - quality[one])
        value = np.where(between, np.maximum(value, mixed), value)
    reachable: Floats = np.where(np.isfinite(value), value, math.nan)
    return reachable
