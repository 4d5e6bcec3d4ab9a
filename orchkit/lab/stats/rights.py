"""Rights and wrongs of two strategies on the same prompts: where they disagree, who is right."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from orchkit.errors import ParameterError
from orchkit.lab.stats.columns import Floats, counts, numbers
from orchkit.lab.stats.intervals import quantile
from orchkit.lab.stats.resampling import known


@dataclass(frozen=True)
class McNemar:
    """Which of two strategies is right where they disagree. Prints in words.

    Attributes
    ----------
    b, c : int
        Prompts that only the first, and that only the second, got right.
    p : float
        Two-sided, for no difference.
    n, dropped : int
        Prompts used, and prompts left out because a value was unknown.
    kind : str
        ``"mid-p"`` or ``"exact"``.

    Examples
    --------
    >>> print(mcnemar([1, 1, 1, 0], [1, 0, 0, 0]))
    only the first right: 2, only the second: 0, p = 0.25 (mid-p McNemar), n = 4 prompts
    """

    b: int
    c: int
    p: float
    n: int
    dropped: int
    kind: str

    def __str__(self) -> str:
        lost = f" ({self.dropped:,} dropped: unknown)" if self.dropped else ""
        return (
            f"only the first right: {self.b:,}, only the second: {self.c:,}, p = {self.p:.2g} "
            f"({self.kind} McNemar), n = {self.n:,} prompts{lost}"
        )


def mcnemar(a: ArrayLike, b: ArrayLike, *, kind: str = "mid-p") -> McNemar:
    """Return McNemar's test of two strategies' rights and wrongs on the same prompts.

    Only the prompts on which they disagree tell them apart; without any, p is 1. Prompts unknown
    in either are dropped from both.

    Parameters
    ----------
    a, b : array_like
        1 (or True) where the strategy is right, 0 where it is wrong; by position.
    kind : str
        ``"mid-p"``, or ``"exact"``, which never rejects too often but often too rarely.

    Raises
    ------
    ParameterError
        Values that are neither 0 nor 1, columns of different lengths, or an unknown kind.

    Notes
    -----
    ``exact = min(1, 2 F(min(b, c)))`` with `F` binomial of ``b + c`` trials at 1/2; mid-p is
    ``2 F(min(b, c)) - f(min(b, c))``: Fagerland, Lydersen and Laake, 2013.

    Examples
    --------
    >>> first, second = [1] * 9 + [0] * 2 + [1] * 50, [0] * 9 + [1] * 2 + [1] * 50
    >>> print(mcnemar(first, second))
    only the first right: 9, only the second: 2, p = 0.039 (mid-p McNemar), n = 61 prompts
    """
    from scipy.stats import binom

    if kind not in ("mid-p", "exact"):
        raise ParameterError(f'kind is {kind!r}; write "mid-p" or "exact".')
    columns = {name: numbers(name, values) for name, values in (("a", a), ("b", b))}
    (first, second), units = known(columns, None)
    for name, values in (("a", first), ("b", second)):
        _refuse_graded(name, values)
    only_first, only_second = int((first > second).sum()), int((second > first).sum())
    less, both = min(only_first, only_second), only_first + only_second
    exact = 2 * float(binom.cdf(less, both, 0.5))
    p = exact - float(binom.pmf(less, both, 0.5)) if kind == "mid-p" else exact
    dropped = len(columns["a"]) - units.rows
    return McNemar(only_first, only_second, min(1.0, p), units.rows, dropped, kind)


def _refuse_graded(name: str, values: Floats) -> None:
    graded = values[(values != 0) & (values != 1)]
    if len(graded):
        raise ParameterError(
            f"{name} holds {graded[0]:g}; mcnemar compares rights (1) and wrongs (0). Use "
            "paired_bootstrap for graded qualities."
        )


def tango(b: int, c: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval for the difference of two strategies' shares of right answers.

    It stays honest where few prompts tell the two apart: with none of 100 it still allows for
    several points of difference, where a bootstrap would be certain. NaN without prompts.

    Parameters
    ----------
    b, c : int
        Prompts that only the first, and that only the second, got right (as in `mcnemar`).
    n : int
        All prompts, the same for both.
    level : float
        Of the two-sided interval, in (0, 1).

    Notes
    -----
    Source: Tango, Statistics in Medicine 17, 1998: the differences that the score test with the
    restricted maximum likelihood does not reject.

    Examples
    --------
    >>> [round(bound, 3) for bound in tango(1, 7, 21)]
    [-0.517, -0.026]
    """
    counts(c, n)
    first, pairs = counts(b, n)
    if b + c > n:
        raise ParameterError(f"b + c is {b + c}, of n = {n} prompts: more than there are.")
    return score_limits(first, c, pairs, quantile(level)) if n else (math.nan, math.nan)


def score_limits(gained: float, lost: float, n: float, z: float) -> tuple[float, float]:
    """Return where the paired score test turns, `z` standard errors from what was seen.

    `gained` and `lost` need not be whole: of graded qualities they are sums, which a count of
    rights and wrongs with the same sums would vary more than, not less.
    """
    return _lower_limit(gained, lost, n, z), -_lower_limit(lost, gained, n, z)


def _lower_limit(gained: float, lost: float, n: float, z: float) -> float:
    low, high = -1.0, (gained - lost) / n
    for _ in range(60):  # halving [-1, 1] until only rounding is left
        middle = (low + high) / 2
        excess = gained - lost - n * middle
        rejected = excess > z * math.sqrt(n * _variance(gained, lost, n, middle))
        low, high = (middle, high) if rejected else (low, middle)
    return low


def _variance(gained: float, lost: float, n: float, difference: float) -> float:
    """Return the variance of one pair at a true difference, the rest estimated from the data."""
    b = (gained + lost) * (1 - difference) - 2 * difference * (n - gained)
    worse = (b + math.sqrt(b * b + 8 * n * lost * difference * (1 - difference))) / (4 * n)
    return max(0.0, 2 * worse + difference - difference * difference)
