"""Two strategies on the same prompts: how far apart they are, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from numpy.typing import ArrayLike

from orchkit.errors import whole
from orchkit.lab.stats.columns import Floats, numbers, share
from orchkit.lab.stats.percentiles import interval, p_value, sample
from orchkit.lab.stats.resampling import known, replicated, replicated_means


@dataclass(frozen=True)
class PairedDifference:
    """How much higher `a` is than `b` on the same prompts. Prints in words.

    Attributes
    ----------
    difference, low, high : float
        Of `a` minus `b`, and the ends of its interval; NaN where undefined.
    p : float
        Two-sided, for no difference; at least 2 / (replicates + 1).
    level : float
        How often such an interval holds the truth.
    n, dropped, differ : int
        Prompts used, prompts left out because a value was unknown, and prompts that differ.
    clusters : int or None
        Clusters drawn as a whole; None where every prompt was drawn by itself.
    undefined : float
        Share of replicates in which the statistic was undefined, in [0, 1]; 1 without inference.
    replicates : array
        The difference in each replicate.

    Examples
    --------
    >>> found = paired_bootstrap([1, 1, 1, 0], [1, 0, 0, 0])
    >>> found.difference, found.n, found.differ
    (0.5, 4, 2)
    """

    difference: float
    low: float
    high: float
    p: float
    level: float
    n: int
    dropped: int
    differ: int
    clusters: int | None
    undefined: float
    replicates: Floats = field(repr=False, compare=False)

    def __str__(self) -> str:
        return (
            f"{self.difference:+.3g} [{self.low:+.3g}, {self.high:+.3g}], p = {self.p:.2g}, "
            f"{sample(self)}, {self.differ:,} of them differ"
        )


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    statistic: Callable[[Floats, Floats], float] | None = None,
) -> PairedDifference:
    """Return how much higher `a` is than `b` on the same prompts, with interval and p-value.

    Each replicate draws prompts, or whole clusters, with replacement, the same for both. Prompts
    that are unknown in either are dropped from both, and counted. With fewer than 2 prompts or 10
    clusters nothing is inferred: NaN with a MetricWarning.

    Parameters
    ----------
    a, b : array_like
        Quality, cost or latency of two strategies: one finite value a prompt, by position.
    clusters : array_like, optional
        A label for each prompt: its passage, template, conversation or source. Prompts of one
        label are drawn together, since they are no independent evidence.
    n : int
        Replicates; 10,000 where p-values below 0.01 matter.
    seed : int
        The same seed gives the same result.
    level : float
        Of the two-sided interval, in (0, 1).
    statistic : callable, optional
        Takes the drawn `a` and `b`, returns a float that is 0 for no difference; the difference
        of means if left out.

    Returns
    -------
    PairedDifference

    Raises
    ------
    ParameterError
        Columns of different lengths, or a value or setting outside its range.

    Notes
    -----
    ``p = 2 min((1 + #{d* <= 0}) / (B + 1), (1 + #{d* >= 0}) / (B + 1))``, at most 1, over the `B`
    defined replicates (Davison and Hinkley, 1997, chapter 4). Few differing prompts make interval
    and p-value too sure: see `tango` and `mcnemar` for rights and wrongs.

    Examples
    --------
    >>> strong, cheap = [1, 1, 0, 1, 1] * 20, [1, 0, 0, 1, 1] * 20
    >>> print(paired_bootstrap(strong, cheap))
    +0.2 [+0.13, +0.28], p = 0.001, n = 100 prompts, 20 of them differ
    """
    whole("n", n)
    share("level", level)
    columns = {"a": numbers("a", a), "b": numbers("b", b)}
    (left, right), units = known(columns, clusters)
    function = statistic or _mean_difference
    estimate = float(function(left, right)) if units.rows else math.nan
    if statistic is None:
        (drawn,) = replicated_means([left - right], units, n, seed)
    else:
        drawn = replicated(statistic, [left, right], units, n, seed)
    found = interval(estimate, drawn, units, level, dropped=len(columns["a"]) - units.rows)
    p = math.nan if math.isnan(found.low) else p_value(found.replicates)
    return PairedDifference(
        found.estimate, found.low, found.high, p, level, found.n, found.dropped,
        int((left != right).sum()), found.clusters, found.undefined, found.replicates,
    )  # fmt: skip


def _mean_difference(a: Floats, b: Floats) -> float:
    return float((a - b).mean())
