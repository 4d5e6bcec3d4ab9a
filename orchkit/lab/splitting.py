"""Prompts for fitting and prompts for judging: whole clusters on one side, strata on both.

Each prompt draws a number from its id and the seed, so a split does not depend on the order of
rows or models, and two recordings of the same prompts are split alike.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from hashlib import sha256
from numbers import Real
from typing import Any

import numpy as np

from orchkit.errors import MatrixError, ParameterError

Labels = Sequence[Hashable]


def held_out(
    ids: Sequence[Any],
    test: float,
    seed: int,
    groups: Labels | None = None,
    strata: Labels | None = None,
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which prompts are for the test: of every stratum its share, of groups all or none.

    Without groups the share is met to a prompt, in each stratum to one. With groups it is, in each
    stratum, the nearest that whole groups can add up to.

    Examples
    --------
    >>> int(held_out(range(10), 0.3, seed=0).sum())
    3
    >>> sides = held_out(range(4), 0.5, seed=0, groups=["a", "a", "b", "b"])
    >>> bool(sides[0] == sides[1] != sides[2] == sides[3])
    True
    """
    total = len(ids)
    wanted = _wanted(total, test)
    clusters: Labels = list(range(total)) if groups is None else groups
    _refuse_one_cluster(clusters, total)
    members = _members(ids, clusters, seed)
    layers = _layers(members, strata)
    sides, seen, given = np.zeros(total, dtype=bool), 0, 0
    for layer in layers:
        # What one stratum has too many of, the next has fewer: the whole keeps its share.
        seen += sum(map(len, layer))
        places = _drawn(layer, round(wanted * seen / total) - given, seed, whole=len(layers) == 1)
        sides[places] = True
        given += len(places)
    if not 0 < given < total:
        raise MatrixError(
            f"No split of {total} prompts has both sides: whole groups in {len(layers)} strata put "
            "all of them on one. Leave out groups or stratify."
        )
    return sides


def _wanted(total: int, test: Any) -> int:
    """Return how many prompts the test wants, at least one and not all."""
    number = isinstance(test, Real) and not isinstance(test, bool)
    if not number or not 0 < test < 1:
        raise ParameterError(
            f"test is {test!r:.60}; it must be a share of the prompts between 0 and 1, like 0.5."
        )
    if total < 2:
        raise MatrixError(f"{total} prompts cannot be split in two; record at least 2.")
    return min(max(round(float(test) * total), 1), total - 1)


def _refuse_one_cluster(clusters: Labels, total: int) -> None:
    if len(set(clusters)) < 2:
        raise MatrixError(
            f"All {total} prompts are of one group, {clusters[0]!r:.60}, and a group is never "
            "split. Name groups that tell prompts apart, or leave groups out."
        )


def _members(ids: Sequence[Any], clusters: Labels, seed: int) -> list[list[int]]:
    """Return the places of each cluster's prompts, clusters in the order the seed draws."""
    drawn = [_number(name, seed) for name in ids]
    places: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place in sorted(range(len(ids)), key=drawn.__getitem__):
        places[clusters[place]].append(place)
    return list(places.values())


def _number(name: Any, seed: int) -> bytes:
    """Return what a prompt draws: of an id, the same whatever integer or text type holds it."""
    kind = "text" if isinstance(name, str) else "other"
    return sha256(f"{seed}|{kind}|{name}".encode("utf-8", "surrogatepass")).digest()


def _layers(members: Sequence[list[int]], strata: Labels | None) -> list[list[list[int]]]:
    """Return the clusters of each stratum, larger strata first; MatrixError where one is in two."""
    if strata is None:
        return [list(members)]
    layers: defaultdict[Hashable, list[list[int]]] = defaultdict(list)
    for places in members:
        found = {strata[place] for place in places}
        if len(found) > 1:
            told = ", ".join(sorted(map(repr, found))[:3])
            raise MatrixError(
                f"A group of {len(places)} prompts lies in several strata ({told}) and is never "
                "split. Stratify by what is the same within a group, or leave stratify out."
            )
        layers[found.pop()].append(places)
    return sorted(layers.values(), key=lambda layer: -sum(map(len, layer)))


def _drawn(layer: Sequence[list[int]], wanted: int, seed: int, *, whole: bool) -> list[int]:
    """Return places of whole clusters, as many as can be nearest to `wanted`, drawn at random."""
    counts = Counter(map(len, layer))
    sizes = sorted(counts, reverse=True)
    reach = _reachable(sizes, counts)
    total = sum(map(len, layer))
    low, high = (1, total - 1) if whole else (0, total)
    left = _nearest(reach[0], min(max(wanted, low), high), low, high)
    rng = np.random.default_rng(seed)
    taken = dict.fromkeys(sizes, 0)
    for step, size in enumerate(sizes):
        rest = sum(each * counts[each] for each in sizes[step:])
        share = left / rest if rest else 0.0
        liked = int(rng.binomial(counts[size], share))
        able = [n for n in range(counts[size] + 1) if _has(reach[step + 1], left - n * size)]
        taken[size] = min(able, key=lambda n, liked=liked: abs(n - liked))  # type: ignore[misc]
        left -= taken[size] * size
    return _first(layer, taken)


def _reachable(sizes: Sequence[int], counts: Counter[int]) -> list[int]:
    """Return, for each step, the sums that the sizes from there on can make: bits of a number."""
    sums = [1]
    for size in reversed(sizes):
        bits, left, power = sums[-1], counts[size], 1
        while left:  # 1, 2, 4, … copies at a time: any number of them up to all
            bits |= bits << size * min(power, left)
            left -= min(power, left)
            power *= 2
        sums.append(bits)
    return sums[::-1]


def _has(bits: int, total: int) -> bool:
    return total >= 0 and bool(bits >> total & 1)


def _nearest(bits: int, wanted: int, low: int, high: int) -> int:
    """Return the sum nearest to `wanted` that can be made, the smaller of two."""
    sums = (wanted + step for gap in range(high - low + 1) for step in (-gap, gap))
    return next(total for total in sums if low <= total <= high and _has(bits, total))


def _first(layer: Sequence[list[int]], taken: dict[int, int]) -> list[int]:
    """Return the places of the first clusters of each size, as many as are taken."""
    left, chosen = dict(taken), []
    for places in layer:
        if left[len(places)] > 0:
            left[len(places)] -= 1
            chosen += places
    return chosen


def seeded(seed: Any) -> int:
    """Return a seed as a whole number of 0 or more, or say what it must be."""
    number = -1 if isinstance(seed, bool) or not isinstance(seed, int | np.integer) else int(seed)
    if number < 0:
        raise ParameterError(f"seed is {seed!r:.60}; it must be a whole number of 0 or more.")
    return number
