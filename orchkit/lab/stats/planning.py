"""How many prompts a question needs, and how small a difference so many can show."""

from __future__ import annotations

import math
from statistics import NormalDist

from orchkit.errors import MetricWarning, ParameterError, tell, whole
from orchkit.lab.stats.columns import share


def sample_size(
    delta: float,
    *,
    discordance: float | None = None,
    variance: float | None = None,
    power: float = 0.8,
    level: float = 0.95,
    noninferiority: bool = False,
) -> int:
    """Return how many prompts show a difference of `delta` between two strategies on all of them.

    Parameters
    ----------
    delta : float
        The difference of mean quality to show, in (0, 1); with `noninferiority` the margin, the
        strategies being truly equal.
    discordance : float
        For rights and wrongs: the share of prompts that exactly one of the two gets right, in
        (0, 1]; at least `delta`.
    variance : float
        For graded qualities: the variance of the difference of the two on one prompt. Where each
        prompt is answered `K` times, add the variance of repeated answers divided by `K`, of both.
    power : float
        The probability of showing it if it is there, in [0.5, 1).
    level : float
        Of the two-sided test, or of the one-sided bound with `noninferiority`, in (0, 1).
    noninferiority : bool
        Plan for `noninferior` instead of a difference.

    Raises
    ------
    ParameterError
        A value outside its range, or not exactly one of `discordance` and `variance`.

    Notes
    -----
    Rights and wrongs: Connor, Biometrics 43, 1987. Graded: Miller, arXiv 2411.00640, 2024.
    Rounded to the nearest prompt: the formulas are approximations by more than that.

    Examples
    --------
    >>> sample_size(0.03, discordance=0.17)  # 10 % against 7 % right alone
    1480
    >>> sample_size(0.03, variance=1 / 9)
    969
    >>> sample_size(0.01, discordance=0.05, noninferiority=True)
    3091
    """
    share("delta", delta)
    spread, connor = _spread(discordance, variance)
    if connor and not noninferiority and delta > spread:
        raise ParameterError(
            f"delta is {delta:g}, above the discordance of {spread:g}: strategies that disagree on "
            f"{spread:.1%} of prompts differ by no more than that."
        )
    sure, strong = _quantiles(power, level, noninferiority=noninferiority)
    there = spread - delta**2 if connor and not noninferiority else spread
    root = (sure * math.sqrt(spread) + strong * math.sqrt(there)) / delta
    return max(2, round(root**2))


def detectable(
    n: int,
    *,
    discordance: float | None = None,
    variance: float | None = None,
    power: float = 0.8,
    level: float = 0.95,
    noninferiority: bool = False,
) -> float:
    """Return the smallest difference that `n` prompts can show: `sample_size` turned round.

    NaN with a MetricWarning where even strategies that never agree on which is better could not
    differ by so much.

    Parameters
    ----------
    n : int
        Prompts, the same for both strategies.
    discordance, variance, power, level, noninferiority
        As in `sample_size`.

    Examples
    --------
    >>> round(detectable(1000, discordance=0.10), 3)
    0.028
    >>> round(detectable(198, variance=1 / 9 + 1 / 6 + 1 / 6), 4)
    0.1327
    """
    whole("n", n)
    spread, connor = _spread(discordance, variance)
    sure, strong = _quantiles(power, level, noninferiority=noninferiority)
    if noninferiority or not connor:
        found = (sure + strong) * math.sqrt(spread / n)
    else:  # Connor's formula solved for the difference: a quadratic equation
        under = sure**2 * n - (n + strong**2) * (sure**2 - strong**2)
        found = math.sqrt(spread) * (sure * math.sqrt(n) + math.sqrt(max(0.0, under)))
        found /= n + strong**2
    if found > (spread if connor and not noninferiority else 1):
        tell(f"{n:,} prompts are too few to show any difference so surely.", MetricWarning)
        return math.nan
    return found


def _spread(discordance: float | None, variance: float | None) -> tuple[float, bool]:
    """Return the variance of a prompt's difference were there none, and whether it is of counts."""
    if (discordance is None) == (variance is None):
        raise ParameterError(
            "Give exactly one of discordance= (the share of prompts that one alone gets right) and "
            "variance= (of the difference of graded qualities); both come from a pilot of some "
            "100 prompts."
        )
    if discordance is not None:
        return share("discordance", discordance, 0, math.nextafter(1, 2)), True
    return share("variance", variance or 0.0, 0, math.inf), False


def _quantiles(power: float, level: float, *, noninferiority: bool) -> tuple[float, float]:
    """Return how many standard errors the test, and the power, ask for."""
    share("level", level)
    share("power", power, math.nextafter(0.5, 0))
    tail = level if noninferiority else 0.5 + level / 2
    return NormalDist().inv_cdf(tail), NormalDist().inv_cdf(power)
