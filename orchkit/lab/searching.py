"""Searches: of all chains of a recording, the one that does best, if searching for one pays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from orchkit.core.confidence import Signal
from orchkit.errors import ParameterError
from orchkit.lab.arrays import Arrays, Flags, Floats, Ints
from orchkit.lab.cascading import Routed, cascaded, hop_grid
from orchkit.lab.goals import (
    Candidate,
    Goal,
    beats_mixing,
    best,
    cautious,
    parts,
    singles,
    strongest,
)
from orchkit.lab.sweeping import by_cost, subchains

#: Thresholds that are tried at each hop, by the number of hops: quantiles of its confidences.
FINENESS = {1: 400, 2: 48}
#: Parts that thresholds are fitted on all but one of, to see what they do on that one.
FOLDS = 5
#: Of fewer prompts a single model is taken.
FEWEST = 2 * FOLDS
#: Pairs that are extended to chains of three: the best ones.
EXTENDED = 5
#: The arrays of a recording, for each signal that confidence may be judged by.
Known = Mapping[Signal | None, Arrays]


@dataclass(frozen=True)
class Search:
    """What is searched for, among how long chains, and how prompts are drawn into folds.

    Parameters
    ----------
    goal : Goal
    longest : int
        Models in a chain at most.
    seed : int
    groups : sequence, optional
        A label a prompt; equal ones are in one fold.
    """

    goal: Goal
    longest: int = 3
    seed: int = 0
    groups: Sequence[Any] | None = None

    def folds(self, total: int, more: int = 0) -> Ints:
        """Return the fold of each prompt."""
        return parts(total, FOLDS, self.seed + more, self.groups)

    def at(self, mask: Flags) -> Search:
        """Return the search among the prompts of a mask."""
        if self.groups is None:
            return self
        return replace(self, groups=[self.groups[place] for place in np.flatnonzero(mask).tolist()])


def searched(known: Known, search: Search) -> Candidate:
    """Return the chain that does best, or a single model where searching for chains does not pay.

    Whether it pays is seen by searching again without a part of the prompts, and routing that
    part: what many chains promise on the prompts they are chosen on is partly luck.

    Fewer than `FEWEST` prompts tell nothing of chains. `known` holds the arrays for each signal;
    the setting is (thresholds, signal).
    """
    first, goal = next(iter(known.values())), search.goal
    if len(first) < FEWEST:
        return best(singles(first), goal, first)
    found = _best_chain(known, search)
    pays = len(found.models) == 1 or beats_mixing(_crossed(known, search), first, goal.caution)
    return found if pays else best(singles(first), goal, first)


def _crossed(known: Known, search: Search) -> Candidate:
    """Return what the whole search comes to on prompts that had no part in it."""
    n = len(next(iter(known.values())))
    fold = search.folds(n, more=1)
    quality, cost = np.zeros(n), np.zeros(n, dtype=np.int64)
    for part in range(FOLDS):
        rest = {signal: arrays.at(fold != part) for signal, arrays in known.items()}
        try:
            found = _best_chain(rest, search.at(fold != part))
        except ParameterError:  # nothing meets the goal on so few: then the cheapest
            found = min(singles(next(iter(rest.values()))), key=lambda each: int(each.cost.sum()))
        routed = routed_by(known, found, fold == part)
        quality[fold == part], cost[fold == part] = routed.quality, routed.cost
    return Candidate((), (), quality, cost)


def routed_by(known: Known, found: Candidate, mask: Flags) -> Routed:
    """Return what a chain comes to on the prompts of a mask."""
    limits, signal = found.setting or ((), None)
    arrays = known.get(signal, next(iter(known.values())))
    return cascaded(arrays.at(mask), found.models, (*limits, -math.inf))


def _best_chain(known: Known, search: Search) -> Candidate:
    """Return the best single model or pair, or triple that extends one of the best pairs."""
    first = next(iter(known.values()))
    ranked, found = by_cost(first), list(singles(first))
    if search.longest > 1:
        for signal, arrays in known.items():
            found += chains(arrays, list(subchains(ranked, 2)), search, signal)
    if search.longest > 2:
        for pair in _leading(found, search.goal, first):
            triples = [each for each in combinations(ranked, 3) if {*pair.models} < {*each}]
            signal = pair.setting[1]
            found += chains(known[signal], triples, search, signal)
    return best(found, search.goal, first)


def _leading(found: Sequence[Candidate], goal: Goal, arrays: Arrays) -> list[Candidate]:
    """Return the best pairs, at most `EXTENDED` of them."""
    reference = arrays.quality[:, arrays.column(strongest(arrays))]
    pairs_ = [each for each in found if len(each.models) == 2]
    return sorted(pairs_, key=lambda each: cautious(goal, each, reference))[:EXTENDED]


def chains(
    arrays: Arrays,
    tried: Sequence[tuple[str, ...]],
    search: Search,
    signal: Signal | None = None,
) -> list[Candidate]:
    """Return each chain with the thresholds that do best.

    What a chain comes to is cross-fitted: each prompt is routed by thresholds that were chosen
    without it and its group. The setting holds those chosen on all prompts, and the signal.
    """
    fold, goal = search.folds(len(arrays)), search.goal
    quality = {chain: np.zeros(len(arrays)) for chain in tried}
    cost = {chain: np.zeros(len(arrays), dtype=np.int64) for chain in tried}
    for part in range(FOLDS):
        rest, here = arrays.at(fold != part), arrays.at(fold == part)
        for chain in tried:
            routed = cascaded(here, chain, (*thresholds(rest, chain, goal), -math.inf))
            quality[chain][fold == part] = routed.quality
            cost[chain][fold == part] = routed.cost
    fitted = {chain: (thresholds(arrays, chain, goal), signal) for chain in tried}
    return [Candidate(chain, fitted[chain], quality[chain], cost[chain]) for chain in tried]


def thresholds(arrays: Arrays, chain: Sequence[str], goal: Goal) -> tuple[float, ...]:
    """Return the thresholds of a chain, one a hop, that come nearest to the goal."""
    limits = [_cuts(arrays, name, FINENESS[len(chain) - 1]) for name in chain[:-1]]
    quality, cost = hop_grid(arrays, chain, limits)
    reference = arrays.quality[:, arrays.column(strongest(arrays))]
    if goal.budget is None:
        squares = (arrays.quality - reference[:, None]) ** 2
        spread, _ = hop_grid(replace(arrays, quality=squares), chain, limits)
        quality = quality - goal.caution * _errors(quality - reference.sum(), spread, len(arrays))
    keys = goal.order(quality.ravel(), cost.ravel(), len(arrays), float(reference.sum()))
    at = np.unravel_index(np.lexsort(keys[::-1])[0], quality.shape)
    chosen = zip(chain[:-1], limits, at, strict=True)
    return tuple(_short(arrays, name, float(each[place])) for name, each, place in chosen)


def _errors(total: Floats, squares: Floats, n: int) -> Floats:
    """Return standard errors of sums over n prompts, from the sums and those of squares."""
    variance = np.maximum(squares - total**2 / n, 0) / max(n - 1, 1)
    errors: Floats = np.sqrt(n * variance)
    return errors


def _short(arrays: Arrays, model: str, limit: float) -> float:
    """Return the shortest number that accepts the same of a model's answers as the limit does."""
    below = arrays.rank[:, arrays.column(model)]
    lower = below[below < limit].max(initial=-math.inf)
    rounded = (math.floor(limit * 10**digits) / 10**digits for digits in range(1, 9))
    return next((each for each in rounded if each > lower), limit)


def _cuts(arrays: Arrays, model: str, most: int) -> Floats:
    """Return thresholds among a model's confidences: at most so many of their quantiles."""
    column = arrays.column(model)
    known = arrays.rank[arrays.usable[:, column], column]
    known = known[np.isfinite(known)]
    distinct = np.unique(known)
    if len(distinct) > most:
        distinct = np.unique(np.quantile(known, np.linspace(0, 1, most), method="nearest"))
    return distinct if len(distinct) else np.ones(1)
