"""How much of the way from a weak to a strong model a router recovers, and for how many calls.

All are shares of the gap in mean quality between the two, so there must be one: where the models
are equally good, or the strong one is worse, they are NaN and say so.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.errors import MetricWarning, ParameterError, tell
from orchkit.lab.metrics.deferral import Pair, paired
from orchkit.lab.metrics.reading import (
    EPSILON,
    NOTHING,
    ROUNDING,
    aligned,
    each,
    known,
    left_out,
    length,
    number,
    one_of,
    shares,
    undefined,
)


def pgr(quality: float | ArrayLike, weak: float | ArrayLike, strong: float | ArrayLike) -> float:
    """Return the performance gap recovered: (quality - weak) / (strong - weak), of means.

    Parameters
    ----------
    quality, weak, strong : float or array-like, shape (n,)
        Of the router and of the two models: mean qualities, or those of the same prompts; in
        [0, 1]. Prompts with a missing value are left out for all three.

    Returns
    -------
    float
        0 is as good as weak, 1 as strong; it may lie outside. NaN with a `MetricWarning` where
        the models are equally good, or strong is worse than weak.

    Notes
    -----
    Source: RouteLLM, Ong et al., 2024, arXiv 2406.18665.

    Examples
    --------
    >>> pgr(0.75, 0.5, 1.0), pgr([1, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 0])
    (0.5, 1.0)
    """
    given = {"quality": quality, "weak": weak, "strong": strong}
    n = length(*given.values())
    read = {name: each(shares, name, column, n) for name, column in given.items()}
    aligned(**read)
    kept = known(*read.values())
    left_out("pgr", int((~kept).sum()), n, "a quality is")
    if not kept.any():
        return undefined("pgr", NOTHING)
    mine, low, high = (float(column[kept].mean()) for column in read.values())
    without = _no_gap(low, high)
    return undefined("pgr", without) if without else (mine - low) / (high - low)


def apgr(score: ArrayLike, weak: ArrayLike, strong: ArrayLike, *, kind: str = "exact") -> float:
    """Return the performance gap recovered on average over all shares of strong calls.

    Parameters
    ----------
    score, weak, strong : array-like, shape (n,)
        As for `deferral_curve`.
    kind : {"exact", "routellm-code", "paper"}
        ``"exact"``: area under the whole deferral curve. ``"routellm-code"``: trapezoids between
        the eleven thresholds RouteLLM's code tries, the deciles of the score; undefined where it
        stops, at deciles that repeat. ``"paper"``: mean over 10 %, 20 %, …, 100 % of strong calls,
        right ends only, so that a coin reaches 0.55.

    Returns
    -------
    float
        A score that knows nothing has 0.5 (``"paper"``: 0.55); above 1 is possible. NaN with a
        `MetricWarning` where it is undefined.

    Notes
    -----
    Source: RouteLLM, Ong et al., 2024, arXiv 2406.18665, and its `routellm/evals`.

    Examples
    --------
    >>> score, weak, strong = [0.9, 0.6, 0.3, 0.1], [0, 1, 0, 1], [1, 1, 1, 1]
    >>> apgr(score, weak, strong), apgr([0.5] * 4, weak, strong)
    (0.625, 0.5)
    """
    one_of("kind", kind, ("exact", "routellm-code", "paper"))
    pair = _with_gap("apgr", paired(score, weak, strong))
    if pair is None:
        return math.nan
    if kind == "exact":
        return float(np.trapezoid(pair.gain, pair.ends) / (pair.n * pair.gain[-1]))
    if kind == "paper":
        shares_of_n = pair.n * np.arange(1, 11) / 10
        return float(np.interp(shares_of_n, pair.ends, pair.gain).mean() / pair.gain[-1])
    return _by_deciles(pair)


def cpt(score: ArrayLike, weak: ArrayLike, strong: ArrayLike, level: float) -> float:
    """Return the call-performance threshold: the least share of strong calls that gets so far.

    Parameters
    ----------
    score, weak, strong : array-like, shape (n,)
        As for `deferral_curve`.
    level : float
        Share of the gap to recover, 0 or more.

    Returns
    -------
    float
        In [0, 1]: where the exact curve first reaches the level. NaN with a `MetricWarning` where
        it never does, or is undefined.

    Notes
    -----
    Source: RouteLLM, Ong et al., 2024, arXiv 2406.18665. Its code interpolates as if quality only
    rose with the share; this does not.

    Examples
    --------
    >>> cpt([0.9, 0.6, 0.3, 0.1], [0, 1, 0, 1], [1, 1, 1, 1], 0.5)
    0.25
    """
    wanted = number("level", level)
    if not 0 <= wanted < math.inf:
        raise ParameterError(f"level is {level!r}; it must be a finite share of 0 or more.")
    pair = _with_gap("cpt", paired(score, weak, strong))
    if pair is None:
        return math.nan
    gap = pair.gain[-1]
    reached = np.flatnonzero(pair.gain >= (wanted - ROUNDING) * gap)
    if not len(reached):
        return undefined("cpt", f"no share of strong calls recovers {wanted:g} of the gap")
    after = int(reached[0])
    if after == 0:
        return 0.0
    before = after - 1
    step = (wanted * gap - pair.gain[before]) / (pair.gain[after] - pair.gain[before])
    sent = pair.ends[before] + min(step, 1.0) * (pair.ends[after] - pair.ends[before])
    return float(sent / pair.n)


def cost_apgr(
    score: ArrayLike,
    weak: ArrayLike,
    strong: ArrayLike,
    *,
    weak_cost: float | ArrayLike,
    strong_cost: float | ArrayLike,
) -> float:
    """Return the performance gap recovered on average over all shares of the extra cost.

    `apgr` counts calls; this counts what they cost, from all weak (0) to all strong (1).

    Parameters
    ----------
    score, weak, strong : array-like, shape (n,)
        As for `deferral_curve`.
    weak_cost, strong_cost : float or array-like, shape (n,)
        What a prompt costs when the weak, or the strong model answers it.

    Returns
    -------
    float
        NaN with a `MetricWarning` where it is undefined, also where strong is not dearer.

    Examples
    --------
    >>> cost_apgr([0.9, 0.1], [0, 0], [1, 1], weak_cost=[0, 0], strong_cost=[1, 3])
    0.625
    """
    read = paired(score, weak, strong, weak_cost, strong_cost)
    pair = _with_gap("cost_apgr", read)
    if pair is None:
        return math.nan
    extra = float(pair.spent[-1])
    if extra <= EPSILON * pair.weak_cost:
        return undefined("cost_apgr", "strong is not dearer than weak")
    return float(np.trapezoid(pair.gain, pair.spent) / (extra * pair.gain[-1]))


def _with_gap(metric: str, pair: Pair) -> Pair | None:
    """Return the curve if it has a gap to recover; tell what is left out, or why it has none."""
    left_out(metric, pair.dropped, pair.n + pair.dropped, "a quality or a cost is")
    if pair.unscored:
        told = f"{pair.unscored} of {pair.n} prompts have no score and go to strong first"
        tell(f"{metric}: {told}.", MetricWarning)
    n = pair.n or math.nan
    without = _no_gap(pair.weak / n, (pair.weak + float(pair.gain[-1])) / n)
    if without:
        undefined(metric, without)
    return None if without else pair


def _no_gap(weak: float, strong: float) -> str | None:
    if math.isnan(weak + strong):
        return NOTHING
    if abs(strong - weak) < EPSILON:
        return f"weak and strong are equally good ({weak:.4g})"
    return f"strong is worse than weak ({strong:.4g} < {weak:.4g})" if strong < weak else None


def _by_deciles(pair: Pair) -> float:
    """Return APGR as RouteLLM's code has it: at or above each decile goes to strong."""
    if not np.isfinite(pair.score).all():
        return undefined("apgr", "RouteLLM's code has no deciles of scores that are not finite")
    try:  # what it calls, since the last digit of a decile decides who is at or above it
        _, edges = pd.qcut(pair.score, 10, labels=False, retbins=True)
    except ValueError:
        return undefined("apgr", "RouteLLM's code stops where deciles of the score repeat")
    sent = np.searchsorted(-pair.score, -edges, side="right")
    sent[-1] = 0  # above the highest score there is nothing
    sent = np.sort(sent)
    gain = np.interp(sent, pair.ends, pair.gain)
    return float(np.trapezoid(gain, sent) / (pair.n * pair.gain[-1]))
