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
    undefined : float
        Share of replicates in which the statistic was undefined, in [0, 1].
    replicates : array
        The statistic of each replicate, along the first axis.
    """

    estimate: Any
    low: Any
    high: Any
    level: float
    n: int
    dropped: int
    clusters: int | None
    undefined: float
    replicates: Floats = field(repr=False, compare=False)

    def __str__(self) -> str:
        many = f"{np.size(self.estimate):,} values with intervals"
        one = f"{_short(self.estimate)} [{_short(self.low)}, {_short(self.high)}]"
        lost = f", undefined in {self.undefined:.1%} of replicates" if self.undefined else ""
        return f"{many if np.ndim(self.estimate) else one}, {sample(self)}{lost}"


def interval(
    estimate: Any,
    replicates: Floats | None,
    units: Units,
    level: float,
    *,
    dropped: int = 0,
    max_undefined: float = UNDEFINED,
) -> Interval:
    """Return the interval of replicates, or NaN and say why there is none."""
    drawn = np.empty(0) if replicates is None else replicates
    lost = float(np.isnan(drawn).mean()) if drawn.size else 0.0
    why = units.too_few
    if why is None and lost > max_undefined:
        why = f"the statistic is undefined in {lost:.1%} of the replicates"
    if why is not None:
        tell(f"No interval: {why}.", MetricWarning)
        low = high = np.full(np.shape(estimate), math.nan)
    else:
        low, high = (percentile(drawn, end) for end in ((1 - level) / 2, (1 + level) / 2))
    return Interval(
        plain(estimate), plain(low), plain(high), level, units.rows, dropped, units.clusters,
        lost, drawn,
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


def _short(value: float) -> str:
    return f"{value:.3g}"
