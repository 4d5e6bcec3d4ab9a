"""Thresholds that keep a promise: what is lost by accepting cheap answers stays below a limit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from orchkit.errors import MetricWarning, ParameterError, tell
from orchkit.lab.stats.columns import as_long, numbers, share


def conformal_threshold(score: ArrayLike, loss: ArrayLike, alpha: float) -> float:
    """Return the lowest threshold whose expected loss on a new prompt is at most `alpha`.

    Answers with a score of at least the threshold are accepted. The promise holds on average over
    calibration sets and new prompts that are exchangeable with them, for any score; it dies when
    the prompts change. It is of the loss of all prompts, those not accepted losing nothing, and
    no promise on the accepted ones alone.

    Parameters
    ----------
    score : array_like
        Confidence in [0, 1] of each calibration prompt; one that is unknown is never accepted.
    loss : array_like
        What accepting that answer loses, in [0, 1]: for instance 1 where the cheap model is wrong
        and the strong one right.
    alpha : float
        The expected loss to stay below, in (0, 1).

    Returns
    -------
    float
        One of the scores, or 0 (accept all), or just above the highest score. Infinity (accept
        nothing) with a MetricWarning where there are too few prompts for any promise, that is for
        ``alpha < 1 / (n + 1)``; NaN with a MetricWarning where a loss is unknown.

    Raises
    ------
    ParameterError
        Columns of different lengths, or a value outside its range.

    Notes
    -----
    The lowest `t` with ``n / (n + 1) R(t) + 1 / (n + 1) <= alpha``, where `R` is the mean loss of
    what `t` accepts: conformal risk control, Angelopoulos, Bates, Fisch, Lei and Schuster, 2022.

    Examples
    --------
    >>> score = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    >>> loss = [1, 0, 1, 0, 0, 1, 0, 0, 0]
    >>> conformal_threshold(score, loss, alpha=0.2)
    0.4
    """
    scores = numbers("score", score, low=0, high=1)
    losses = numbers("loss", loss, low=0, high=1)
    n = as_long(score=scores, loss=losses)
    share("alpha", alpha)
    if np.isnan(losses).any():
        missing = int(np.isnan(losses).sum())
        tell(f"No threshold: {missing:,} losses are unknown; drop those prompts.", MetricWarning)
        return math.nan
    if alpha * (n + 1) < 1 - 1e-12:
        least = math.ceil(1 / alpha - 1e-9) - 1
        tell(f"No threshold keeps a loss of {alpha:g} with {n:,} prompts: at least {least:,} "
             "are needed.", MetricWarning)  # fmt: skip
        return math.inf
    return _lowest(scores, losses, alpha * (n + 1) - 1)


def _lowest(scores: np.ndarray, losses: np.ndarray, allowed: float) -> float:
    """Return the lowest candidate at which the accepted losses sum to at most what is allowed."""
    order = np.argsort(scores)[: np.count_nonzero(~np.isnan(scores))]  # NaN sorts last
    ranked, lost = scores[order], losses[order]
    highest = float(ranked[-1]) if len(ranked) else 0.0
    # Accepted from each candidate on; equal scores are accepted together, from their first.
    candidates = np.append(np.unique(np.append(ranked, 0.0)), np.nextafter(highest, math.inf))
    summed = np.append(lost[::-1].cumsum()[::-1], 0.0)
    accepted = summed[np.searchsorted(ranked, candidates)]
    return float(candidates[accepted <= allowed + 1e-9][0])


def least_escalation(risk: float, alpha: float) -> float:
    """Return the share of prompts that must be handed on for at most `alpha` of the rest to fail.

    No score can do with less, not even one that knows every failure. Print it before trying.

    Parameters
    ----------
    risk : float
        Share of all prompts whose cheap answer fails, in [0, 1].
    alpha : float
        Share of failures among the accepted answers to stay below, in (0, 1).

    Notes
    -----
    ``max(0, (risk - alpha) / (1 - alpha))`` (arXiv 2606.29054): handing on failures alone, a
    share `e` leaves ``(risk - e) / (1 - e) <= alpha``.

    Examples
    --------
    >>> round(least_escalation(0.3, 0.1), 3)
    0.222
    """
    if not 0 <= risk <= 1:
        raise ParameterError(f"risk is {risk!r}; it is a share of prompts in [0, 1].")
    return max(0.0, (risk - share("alpha", alpha)) / (1 - alpha))
