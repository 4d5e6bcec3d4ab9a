"""APGR and CPT of many scores at once, in every replicate of a bootstrap.

The same as `orchkit.metrics.apgr` and `cpt`, from counts of how often each prompt was drawn:
scores are sorted once, not in every replicate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchkit.lab.metrics.ties import ranked
from orchkit.lab.routers.lessons import Floats, Ints

#: Shares of the gap whose least share of strong calls is told.
LEVELS = (0.5, 0.8)
#: What is told of each score.
TOLD = ("apgr", "cpt50", "cpt80")


class Recovering:
    """Scores of the same prompts, higher means to the strong model, and what they recover.

    Parameters
    ----------
    scores : sequence of float array (prompts,)
    weak, strong : float array (prompts,)
        Qualities in [0, 1].
    """

    def __init__(self, scores: Sequence[Floats], weak: Floats, strong: Floats) -> None:
        self.gain = strong - weak
        self.ranked = [ranked(score) for score in scores]

    def __call__(self, drawn: Ints) -> Floats:
        """Return scores × `TOLD` of a replicate: positions of the prompts that were drawn."""
        counts = np.bincount(drawn, minlength=len(self.gain)).astype(float)
        gained = counts * self.gain
        gap, n = float(gained.sum()), float(counts.sum())
        if gap <= 1e-12 * n:
            return np.full((len(self.ranked), len(TOLD)), np.nan)
        found = [self._curve(counts[order], gained[order], ends) for order, ends in self.ranked]
        return np.array([_told(sent / n, won / gap) for sent, won in found])

    def _curve(self, counts: Floats, gained: Floats, ends: Ints) -> tuple[Floats, Floats]:
        """Return prompts sent to strong, and quality won, at the ends of groups of one score."""
        sums = (np.concatenate(([0.0], each.cumsum())) for each in (counts, gained))
        sent, won = (each[ends] for each in sums)
        return sent, won


def _told(share: Floats, won: Floats) -> list[float]:
    return [float(np.trapezoid(won, share)), *(_crossing(share, won, each) for each in LEVELS)]


def _crossing(share: Floats, won: Floats, level: float) -> float:
    """Return where the curve first reaches a level, linear between its points."""
    after = int(np.argmax(won >= level - 1e-9))
    rise = won[after] - won[after - 1]
    part = min((level - won[after - 1]) / rise, 1.0) if rise > 0 else 1.0
    return float(share[after - 1] + part * (share[after] - share[after - 1]))
