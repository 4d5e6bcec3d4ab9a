"""Polls: the votes, and the pairs that may disagree, which a recording allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from orchkit.lab.cascading import Routed
from orchkit.lab.goals import Candidate
from orchkit.lab.sweeping import by_cost
from orchkit.lab.voting import Ballots, agreeing, escalated, voted


def votes(table: Ballots, sizes: Sequence[int], selects: Sequence[str]) -> Iterator[Candidate]:
    """Give each vote of so many models, counted in each of these ways."""
    for size in sizes:
        for members in combinations(by_cost(table.arrays), size):
            for select in selects:
                yield _of(members, select, voted(table, members, select))


def pairs(table: Ballots) -> Iterator[Candidate]:
    """Give each pair that a third is asked after where they disagree."""
    ranked = by_cost(table.arrays)
    for cheap in combinations(ranked, 2):
        agreed = agreeing(table, cheap)
        for then in ranked:
            if then not in cheap:
                yield _of(cheap, then, escalated(table, cheap, then, agreed))


def _of(models: tuple[str, ...], setting: Any, routed: Routed) -> Candidate:
    return Candidate(models, setting, routed.quality, routed.cost)
