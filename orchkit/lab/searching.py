"""Searches: of all chains, votes and pairs of a recording, the one that does best on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from orchkit.core.catalog import NANO
from orchkit.errors import ParameterError
from orchkit.lab.arrays import Arrays, Floats
from orchkit.lab.cascading import Routed, hop_grid
from orchkit.lab.sweeping import by_cost, subchains
from orchkit.lab.voting import Ballots, agreeing, escalated, voted

#: Thresholds that are tried at each hop, by the number of hops: quantiles of its confidences.
FINENESS = {1: 400, 2: 48}
#: Sums of qualities are compared with this much patience.
_SLACK = 1e-9


@dataclass(frozen=True)
class Goal:
    """What is searched for: the best quality within a cost, or the lowest cost within a loss.

    Parameters
    ----------
    budget : float, optional
        USD a prompt, on average.
    max_loss : float, optional
        Quality in [0, 1] that may be lost against the best single model.
    """

    budget: float | None = None
    max_loss: float | None = None

    def __post_init__(self) -> None:
        if self.budget is not None and self.max_loss is not None:
            raise ParameterError("budget and max_loss are both given; fit one, and read the other.")
        if self.budget is not None and not 0 <= self.budget < float("inf"):
            raise ParameterError(f"budget is {self.budget!r}; it must be USD a prompt, 0 or more.")
        if self.max_loss is not None and not 0 <= self.max_loss <= 1:
            raise ParameterError(f"max_loss is {self.max_loss!r}; it must lie in [0, 1].")
        if self.budget is None and self.max_loss is None:
            object.__setattr__(self, "max_loss", 0.01)

    def __str__(self) -> str:
        if self.budget is not None:
            return f"budget={self.budget:.4g} USD a prompt"
        return f"max_loss={self.max_loss:g}"

    def order(self, quality: Any, cost: Any, n: int, reference: float) -> tuple[Any, Any, Any]:
        """Return what to sort sums over `n` prompts by, the best first: feasible, then two keys."""
        if self.budget is not None:
            return cost > self.budget * NANO * n, -quality, cost
        assert self.max_loss is not None  # noqa: S101 - one of them is set at birth
        return quality < reference - self.max_loss * n - _SLACK, cost, -quality


@dataclass(frozen=True)
class Candidate:
    """A way of routing with the sums it came to where it was fitted.

    Parameters
    ----------
    models : tuple of str
    setting : Any
        Thresholds of a chain, the way a vote is counted, the strong model of a pair.
    quality : float
        Sum over prompts.
    cost : int
        Nano-dollars over prompts.
    """

    models: tuple[str, ...]
    setting: Any
    quality: float
    cost: int


def best(candidates: Iterable[Candidate], goal: Goal, arrays: Arrays) -> Candidate:
    """Return the best of the candidates, or say that none does what is asked."""
    reference = top_quality(arrays)
    ranked = [(*goal.order(c.quality, c.cost, len(arrays), reference), c) for c in candidates]
    if not ranked:
        raise ParameterError(
            "There are too few models for this; name more of them, or record more."
        )
    infeasible, _, _, found = min(ranked, key=lambda each: each[:3])
    if infeasible:
        cheapest = min(arrays.cost.sum(axis=0)) / len(arrays) / NANO
        raise ParameterError(
            f"Nothing meets {goal}: the cheapest model alone costs {cheapest:.4g} USD a prompt "
            f"here, and the best reaches {reference / len(arrays):.3f}. Ask for less."
        )
    return found


def top_quality(arrays: Arrays) -> float:
    """Return the sum of qualities of the best single model."""
    return float(arrays.quality.sum(axis=0).max())


def strongest(arrays: Arrays) -> str:
    """Return the single model of the highest quality; of equals, the cheapest."""
    quality, cost = arrays.quality.sum(axis=0), arrays.cost.sum(axis=0)
    return arrays.models[int(np.lexsort((cost, -quality))[0])]


def singles(arrays: Arrays) -> Iterator[Candidate]:
    """Give each model alone."""
    quality, cost = arrays.quality.sum(axis=0).tolist(), arrays.cost.sum(axis=0).tolist()
    for name, right, paid in zip(arrays.models, quality, cost, strict=True):
        yield Candidate((name,), (), right, paid)


def chains(arrays: Arrays, goal: Goal, longest: int) -> Iterator[Candidate]:
    """Give each single model, and each chain in the order of costs with its best thresholds."""
    yield from singles(arrays)
    reference = top_quality(arrays)
    for chain in subchains(by_cost(arrays), longest):
        limits = [cuts(arrays, name, FINENESS[len(chain) - 1]) for name in chain[:-1]]
        if all(len(each) for each in limits):
            yield _tuned(arrays, chain, limits, goal, reference)


def _tuned(
    arrays: Arrays, chain: Sequence[str], limits: list[Floats], goal: Goal, reference: float
) -> Candidate:
    quality, cost = hop_grid(arrays, chain, limits)
    keys = goal.order(quality.ravel(), cost.ravel(), len(arrays), reference)
    at = np.unravel_index(np.lexsort(keys[::-1])[0], quality.shape)
    chosen = tuple(float(each[place]) for each, place in zip(limits, at, strict=True))
    return Candidate(tuple(chain), chosen, float(quality[at]), int(cost[at]))


def cuts(arrays: Arrays, model: str, most: int) -> Floats:
    """Return thresholds between a model's confidences: at most so many of their quantiles."""
    column = arrays.column(model)
    known = arrays.rank[arrays.usable[:, column], column]
    known = known[np.isfinite(known)]
    distinct = np.unique(known)
    if len(distinct) <= most:
        return distinct
    return np.unique(np.quantile(known, np.linspace(0, 1, most), method="nearest"))


def votes(table: Ballots, sizes: Sequence[int], selects: Sequence[str]) -> Iterator[Candidate]:
    """Give each vote of so many models, counted in each of these ways."""
    for size in sizes:
        for members in combinations(by_cost(table.arrays), size):
            for select in selects:
                yield _of(members, select, voted(table, members, select))


def pairs(table: Ballots) -> Iterator[Candidate]:
    """Give each pair of models that a third is asked after where they disagree."""
    ranked = by_cost(table.arrays)
    for cheap in combinations(ranked, 2):
        agreed = agreeing(table, cheap)
        for then in ranked:
            if then not in cheap:
                yield _of(cheap, then, escalated(table, cheap, then, agreed))


def _of(models: tuple[str, ...], setting: Any, routed: Routed) -> Candidate:
    return Candidate(models, setting, float(routed.quality.sum()), int(routed.cost.sum()))
