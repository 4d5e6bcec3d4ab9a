"""Searches: of all chains of a recording, the one that does best, if searching for one pays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from orchkit.core.confidence import Signal
from orchkit.errors import ParameterError
from orchkit.lab.arrays import Arrays, Floats, Ints
from orchkit.lab.cascading import Routed, cascaded, hop_grid
from orchkit.lab.goals import Candidate, Goal, beats_mixing, best, cautious, singles, strongest
from orchkit.lab.sweeping import by_cost, subchains

#: Thresholds that are tried at each hop, by the number of hops: quantiles of its confidences.
FINENESS = {1: 400, 2: 48}
#: Parts that thresholds are fitted on all but one of, to see what they do on that one.
FOLDS = 5
#: Pairs that are extended to chains of three: the best ones.
EXTENDED = 5


def searched(
    known: Mapping[Signal | None, Arrays], goal: Goal, longest: int, seed: int = 0
) -> Candidate:
    """Return the chain that does best, or a single model where searching for chains does not pay.

    Whether it pays is seen by searching again without a part of the prompts, and routing that
    part: what many chains promise on the prompts they are chosen on is partly luck.

    `known` holds the arrays for each signal. The setting is (thresholds, signal).
    """
    first = next(iter(known.values()))
    found = _best_chain(known, goal, longest, seed)
    if len(found.models) > 1 and not beats_mixing(
        _crossed(known, goal, longest, seed), first, goal.caution
    ):
        return best(singles(first), goal, first)
    return found


def _crossed(
    known: Mapping[Signal | None, Arrays], goal: Goal, longest: int, seed: int
) -> Candidate:
    """Return what the whole search comes to on prompts that had no part in it."""
    n = len(next(iter(known.values())))
    fold = _folds(n, seed + 1)
    quality, cost = np.zeros(n), np.zeros(n, dtype=np.int64)
    for part in range(FOLDS):
        rest = {signal: arrays.at(fold != part) for signal, arrays in known.items()}
        try:
            found = _best_chain(rest, goal, longest, seed)
        except ParameterError:  # nothing meets the goal on so few: then the cheapest
            found = min(singles(next(iter(rest.values()))), key=lambda each: int(each.cost.sum()))
        routed = routed_by(known, found, fold == part)
        quality[fold == part], cost[fold == part] = routed.quality, routed.cost
    return Candidate((), (), quality, cost)


def routed_by(
    known: Mapping[Signal | None, Arrays], found: Candidate, mask: NDArray[np.bool_]
) -> Routed:
    """Return what a chain comes to on the prompts of a mask."""
    limits, signal = found.setting or ((), None)
    arrays = known.get(signal, next(iter(known.values())))
    return cascaded(arrays.at(mask), found.models, (*limits, -math.inf))


def _best_chain(
    known: Mapping[Signal | None, Arrays], goal: Goal, longest: int, seed: int
) -> Candidate:
    """Return the best single model or pair, or triple that extends one of the best pairs."""
    first = next(iter(known.values()))
    ranked, found = by_cost(first), list(singles(first))
    if longest > 1:
        pairs_ = list(subchains(ranked, 2))
        for signal, arrays in known.items():
            found += chains(arrays, pairs_, goal, signal, seed)
    if longest > 2:
        for pair in _leading(found, goal, first):
            triples = [each for each in combinations(ranked, 3) if {*pair.models} < {*each}]
            signal = pair.setting[1]
            found += chains(known[signal], triples, goal, signal, seed)
    return best(found, goal, first)


def _leading(found: Sequence[Candidate], goal: Goal, arrays: Arrays) -> list[Candidate]:
    """Return the best pairs, at most `EXTENDED` of them."""
    reference = arrays.quality[:, arrays.column(strongest(arrays))]
    pairs_ = [each for each in found if len(each.models) == 2]
    return sorted(pairs_, key=lambda each: cautious(goal, each, reference))[:EXTENDED]


def _folds(n: int, seed: int) -> Ints:
    return np.random.default_rng(seed).permutation(n) % FOLDS


def chains(
    arrays: Arrays,
    tried: Sequence[tuple[str, ...]],
    goal: Goal,
    signal: Signal | None = None,
    seed: int = 0,
) -> list[Candidate]:
    """Return each chain with the thresholds that do best.

    What a chain comes to is cross-fitted: each prompt is routed by thresholds that were chosen
    without it. The setting holds those chosen on all prompts, and the signal.
    """
    fold = _folds(len(arrays), seed)
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
