"""Rankings in which equals move together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchkit.lab.metrics.reading import Floats

Positions = NDArray[np.intp]


def ranked(score: Floats) -> tuple[Positions, Positions]:
    """Return the order from the highest score down, and how many come before each group's end.

    A group is all of one score. The second begins with 0 and ends with the number of scores.
    """
    order = np.argsort(-score, kind="stable")
    lowered = np.flatnonzero(score[order][1:] < score[order][:-1]) + 1
    last = [len(score)] if len(score) else []
    return order, np.concatenate(([0], lowered, last)).astype(np.intp)


def running(values: Floats, ends: Positions) -> Floats:
    """Return the sums of the first 0, …, n values, at the ends of groups."""
    sums: Floats = np.concatenate(([0.0], np.cumsum(values)))
    return sums[ends]
