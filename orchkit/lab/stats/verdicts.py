"""The claim a routing strategy must prove: as good as the reference, within a margin, for less."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from orchkit.errors import ParameterError, whole
from orchkit.lab.stats.bootstrap import ratio_interval
from orchkit.lab.stats.columns import Floats, numbers, share
from orchkit.lab.stats.intervals import quantile, standard_error
from orchkit.lab.stats.paired import paired_bootstrap
from orchkit.lab.stats.percentiles import Interval, percentile, plain
from orchkit.lab.stats.resampling import Units, generator, known
from orchkit.lab.stats.rights import score_limits

#: With fewer prompts (or clusters) that differ, a bootstrap has too little to draw from.
FEWEST_DIFFERENT = 10
#: Where bounds of graded qualities, of clusters and of costs come from.
METHODS = ("bootstrap", "normal")


@dataclass(frozen=True)
class Verdict:
    """Whether `a` is within a margin of `b`, and at what cost. True in `if`; prints in words.

    Attributes
    ----------
    verdict : bool
        Whether `lower` lies above minus `margin`.
    margin : float
        The loss of quality that would be accepted, decided before looking.
    difference, lower : float
        Mean quality of `a` minus that of `b`, and its one-sided lower bound.
    low, high : float
        The ends of its two-sided interval.
    cost_ratio : Interval or None
        The mean cost of `a` as a share of that of `b`; None where no costs were given.
    n, dropped, differ : int
        Prompts used, prompts left out because a value was unknown, and prompts that differ.
    clusters : int or None
        Clusters drawn as a whole.
    level : float
        Of the bound and of the interval.
    method : str
        ``"bootstrap"`` or ``"normal"``; ``"score"`` of right and wrong answers, and where too few
        prompts differ.
    name_a, name_b : str
        What the two are called in the sentence.

    Examples
    --------
    >>> found = noninferior([1.0] * 95 + [0.0] * 5, [1.0] * 96 + [0.0] * 4, 0.05)
    >>> bool(found), found.n, found.differ
    (True, 100, 1)
    """

    verdict: bool
    margin: float
    difference: float
    lower: float
    low: float
    high: float
    cost_ratio: Interval | None
    n: int
    dropped: int
    differ: int
    clusters: int | None
    level: float
    method: str
    name_a: str
    name_b: str

    def __bool__(self) -> bool:
        return self.verdict

    @property
    def better(self) -> bool:
        """Whether `a` is shown to be better: the whole interval lies above 0."""
        return self.low > 0

    @property
    def worse(self) -> bool:
        """Whether `a` is shown to be worse: the whole interval lies below 0."""
        return self.high < 0

    @property
    def cheaper(self) -> bool:
        """Whether `a` is shown to cost less: the whole interval of the cost ratio is below 1."""
        return self.cost_ratio is not None and bool(self.cost_ratio.high < 1)

    def __str__(self) -> str:
        who = f"{self.name_a} is " if self.name_a else ""
        lost = f" ({self.dropped:,} dropped: unknown)" if self.dropped else ""
        return f"{who}{_finding(self)}{_price(self)}{_why(self)}, n={self.n:,}{lost}"


def noninferior(
    a: ArrayLike,
    b: ArrayLike,
    margin: float = 0.01,
    *,
    cost_a: ArrayLike | None = None,
    cost_b: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n: int = 2000,
    seed: int = 0,
    method: str = "bootstrap",
    name_a: str = "",
    name_b: str = "the reference",
) -> Verdict:
    """Return whether quality `a` is within `margin` of quality `b`, and at what share of its cost.

    It is where the one-sided lower bound of the mean of ``a - b`` lies above ``-margin``. Decide
    the margin before looking. Prompts with an unknown value in any column are dropped from all.
    With fewer than 2 prompts or 10 clusters nothing is shown: NaN with a MetricWarning.

    Parameters
    ----------
    a, b : array_like
        Quality of the strategy and of the reference in [0, 1], one value a prompt, by position.
    margin : float
        The accepted loss of mean quality, in [0, 1): 0.01 is one point.
    cost_a, cost_b : array_like, optional
        What each prompt cost, 0 or more, both in one unit. Both or neither.
    clusters, n, seed
        As in `paired_bootstrap`.
    level : float
        Of the one-sided bound and of the two-sided intervals, in (0.5, 1).
    method : {"bootstrap", "normal"}
        Percentiles of resamplings; or normal quantiles of standard errors, which take milliseconds
        for 100,000 prompts and agree with them from some hundreds on.
    name_a, name_b : str
        What the two are called when the verdict is printed.

    Returns
    -------
    Verdict

    Raises
    ------
    ParameterError
        Columns of different lengths, a value outside its range, or the costs of one alone.

    Notes
    -----
    Of answers that are right or wrong the bounds are Tango's score interval (1998). Of graded
    ones, and of clusters, they are percentiles of the paired bootstrap, or normal; where fewer than
    10 prompts (or clusters) differ that knows too little of what did not happen, and the score
    interval stands in, with a cluster counted as one prompt. The normal interval of a ratio of
    costs is that of the delta method.

    Examples
    --------
    >>> routed, strong = [1, 1, 1, 0, 1] * 200, [1, 1, 1, 0, 1] * 200
    >>> print(noninferior(routed, strong, cost_a=[1, 2, 3, 4, 5] * 200, cost_b=[9] * 1000))
    within 1 pt of the reference at 33 % [32, 34] of its cost, n=1,000
    """
    share("level", level, 0.5)
    if method not in METHODS:
        raise ParameterError(f"method is {method!r}; write {' or '.join(map(repr, METHODS))}.")
    whole("n", n)
    generator(seed)  # says what is wrong with one that is not used, too
    if not (isinstance(margin, (int, float, np.number)) and 0 <= margin < 1):
        raise ParameterError(f"margin is {margin!r}; it is a loss in [0, 1): 0.01 is one point.")
    columns = {"a": numbers("a", a, low=0, high=1), "b": numbers("b", b, low=0, high=1)}
    if (cost_a is None) != (cost_b is None):
        raise ParameterError("Only one of cost_a and cost_b was given; give both, or neither.")
    if cost_a is not None and cost_b is not None:
        columns |= {"cost_a": numbers("cost_a", cost_a, low=0)}
        columns |= {"cost_b": numbers("cost_b", cost_b, low=0)}
    (left, right, *costs), units = known(columns, clusters)
    drawing: dict[str, Any] = {"clusters": units.codes, "n": n, "seed": seed, "level": level}
    difference = left - right
    lower, low, high, used = _bounds(left, right, units, drawing, method)
    return Verdict(
        verdict=lower > -margin,
        margin=margin,
        difference=float(difference.mean()) if len(difference) else math.nan,
        lower=lower,
        low=low,
        high=high,
        cost_ratio=_cost_ratio(costs, units, drawing, method) if costs else None,
        n=units.rows,
        dropped=len(columns["a"]) - units.rows,
        differ=int(np.count_nonzero(difference)),
        clusters=units.clusters,
        level=level,
        method=used,
        name_a=name_a,
        name_b=name_b,
    )


def _bounds(
    left: Floats, right: Floats, units: Units, drawing: dict[str, Any], method: str
) -> tuple[float, float, float, str]:
    """Return the one-sided lower bound, the ends of the two-sided interval, and their method."""
    difference, level = left - right, drawing["level"]
    counted = units.codes is None and bool(np.isin(difference, (-1, 0, 1)).all())
    differ = np.count_nonzero(units.totals(np.abs(difference)))
    if method == "normal" and not counted and differ >= FEWEST_DIFFERENT:
        return (*_normal(difference, units, level), method)
    if units.too_few or (not counted and differ >= FEWEST_DIFFERENT):
        found = paired_bootstrap(left, right, **drawing)
        lower = math.nan if units.too_few else float(percentile(found.replicates, 1 - level))
        return lower, found.low, found.high, "bootstrap"
    gained = units.count * float(np.maximum(difference, 0).mean())
    lost = units.count * float(np.maximum(-difference, 0).mean())
    lower, _ = score_limits(gained, lost, units.count, NormalDist().inv_cdf(level))
    return lower, *score_limits(gained, lost, units.count, quantile(level)), "score"


def _normal(difference: Floats, units: Units, level: float) -> tuple[float, float, float]:
    """Return the one-sided lower bound, and the ends of the two-sided normal interval."""
    mean, error = float(difference.mean()), standard_error(difference, clusters=units.codes)
    half = quantile(level) * error
    return mean - NormalDist().inv_cdf(level) * error, mean - half, mean + half


def _cost_ratio(
    costs: list[Floats], units: Units, drawing: dict[str, Any], method: str
) -> Interval:
    """Return the ratio of mean costs: with the bootstrap's interval, or the delta method's."""
    if method != "normal" or units.too_few or not costs[1].sum() > 0:
        return ratio_interval(*costs, **drawing)
    ratio = float(costs[0].sum() / costs[1].sum())
    off = costs[0] - ratio * costs[1]
    half = quantile(drawing["level"]) * standard_error(off, clusters=units.codes)
    low, high = ratio - half / costs[1].mean(), ratio + half / costs[1].mean()
    ends = (plain(max(0.0, low)), plain(high), drawing["level"])
    return Interval(ratio, *ends, units.rows, 0, units.clusters, 0.0, np.empty(0))


def _finding(told: Verdict) -> str:
    within = f"within {_points(told.margin)} pt of {told.name_b}"
    apart = f"{_points(abs(told.difference))} pt"
    if told.better:
        return f"better than {told.name_b} by {apart} [{_points(told.low)}, {_points(told.high)}]"
    if told.verdict:
        return f"{within}{f', though worse by {apart},' if told.worse else ''}"
    if told.worse:
        return f"worse than {told.name_b} by {apart} [{_points(-told.high)}, {_points(-told.low)}]"
    return f"not shown to be {within}"


def _why(told: Verdict) -> str:
    if told.verdict or told.worse:
        return ""
    if math.isnan(told.lower):
        return ": too little to judge by"
    most = math.ceil(-1000 * told.lower - 1e-9) / 10  # never rounded to look smaller
    return f": at most {most:g} pt worse"


def _price(told: Verdict) -> str:
    cost = told.cost_ratio
    if cost is None or math.isnan(cost.low):
        return ""
    shown = f"{_percent(cost.estimate)} % [{_percent(cost.low)}, {_percent(cost.high)}]"
    open_ = cost.low <= 1 <= cost.high
    return f" at {shown} of its cost{' (not shown to be cheaper)' if open_ else ''}"


def _points(quality: float) -> str:
    return f"{round(100 * quality, 1) or round(100 * quality, 4):g}"


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.0f}" if ratio >= 0.1 else f"{100 * ratio:.2g}"
