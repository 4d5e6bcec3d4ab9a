"""From replicates to an interval and a p-value, or to why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from orchkit.errors import MetricWarning, tell
from orchkit.lab.stats.columns import Floats
from orchkit.lab.stats.resampling import Units

#: A statistic that is undefined in more of its replicates has no interval.
UNDEFINED = 0.01


@dataclass(frozen=True)
class Interval:
    """A statistic with its percentile interval. Prints in words.

    Attributes
    ----------
    estimate, low, high : float or array
        The statistic of all prompts, and the ends of its interval; NaN where undefined.
    level : float
        How often such an interval holds the truth.
    n, dropped : int
        Prompts used, and prompts left out because a value was unknown.
    clusters : int or None
        Clusters drawn as a whole; None where every prompt was drawn by itself.
    undefined : float or array
        Share of replicates in which the statistic was undefined, in [0, 1]; 1 without inference.
    replicates : array
        The statistic of each replicate, along the first axis.

    Examples
    --------
    >>> from orchkit.lab.stats import bootstrap
    >>> found = bootstrap(np.mean, [0.0, 1.0, 1.0, 1.0])
    >>> float(found.estimate), found.n, found.low < 0.75 < found.high
    (0.75, 4, True)
    """

    estimate: Any
    low: Any
    high: Any
    level: float
    n: int
    dropped: int
    clusters: int | None
    undefined: Any
    replicates: Floats = field(repr=False, compare=False)

    def __str__(self) -> str:
        if np.ndim(self.estimate):
            return f"{np.size(self.estimate):,} values with intervals, {sample(self)}"
        shown = f"{self.estimate:.3g} [{self.low:.3g}, {self.high:.3g}]"
        lost = f", undefined in {self.undefined:.1%} of replicates" if self.undefined else ""
        return f"{shown}, {sample(self)}{lost}"


def interval(
    estimate: Any,
    replicates: Floats,
    units: Units,
    level: float,
    *,
    dropped: int = 0,
    max_undefined: float = UNDEFINED,
    undefined: str = "the statistic is undefined",
) -> Interval:
    """Return the interval of replicates, or NaN and say why there is none."""
    lost = np.isnan(replicates).mean(axis=0)
    refused = (lost > max_undefined) | bool(units.too_few)
    if np.any(refused):
        why = units.too_few or f"{undefined} in {np.max(lost):.1%} of the replicates"
        tell(f"No interval: {why}.", MetricWarning)
    low, high = (
        np.broadcast_to(
            np.where(refused, math.nan, percentile(replicates, end)), np.shape(estimate)
        )
        for end in ((1 - level) / 2, (1 + level) / 2)
    )
    return Interval(
        plain(estimate), plain(low), plain(high), level, units.rows, dropped, units.clusters,
        plain(lost), replicates,
    )  # fmt: skip


def sample(result: Any) -> str:
    """Return what a result rests on, in words: prompts, clusters, and what was dropped."""
    within = "" if result.clusters is None else f" in {result.clusters:,} clusters"
    dropped = f" ({result.dropped:,} dropped: unknown)" if result.dropped else ""
    return f"n = {result.n:,} prompts{within}{dropped}"


def percentile(replicates: Floats, level: float) -> Any:
    """Return the smallest replicate that a share `level` of the defined ones does not exceed.

    NaN replicates are left out, infinite ones count. Along the first axis.
    """
    ordered = np.sort(replicates, axis=0)  # NaN comes last
    known = (~np.isnan(ordered)).sum(axis=0)
    place = np.maximum(np.ceil(level * known - 1e-9).astype(int) - 1, 0)
    return np.take_along_axis(ordered, np.expand_dims(place, 0), axis=0)[0]


def p_value(replicates: Floats) -> float:
    """Return the two-sided p-value of no difference; a difference of rounding error is none."""
    drawn = replicates[~np.isnan(replicates)]
    tiny = 1e-12 * np.abs(drawn[np.isfinite(drawn)]).max(initial=0.0)
    tail: Any = min((drawn <= tiny).sum(), (drawn >= -tiny).sum())
    return float(min(1.0, 2 * (1 + tail) / (len(drawn) + 1)))


def plain(result: Any) -> Any:
    """Return a float for one value, else an array."""
    return float(result) if np.ndim(result) == 0 else np.asarray(result, dtype=float)
