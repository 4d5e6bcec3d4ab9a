"""How sure one can be of an AUROC."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from orchkit.errors import MetricWarning, ParameterError, tell
from orchkit.lab.stats.columns import Floats, as_long, numbers
from orchkit.lab.stats.intervals import clopper_pearson, quantile


def auroc_interval(
    confidence: ArrayLike, correct: ArrayLike, *, level: float = 0.95
) -> tuple[float, float]:
    """Return DeLong's interval for the AUROC of independent answers, on the log-odds.

    Where the same prompts stand several times (several models) answers are not independent:
    `bootstrap` with `clusters` then.

    Parameters
    ----------
    confidence : array_like, shape (n,)
        Any numbers, higher is surer; ties count half.
    correct : array_like, shape (n,)
        0 or 1.
    level : float
        In (0, 1).

    Returns
    -------
    (low, high) : tuple of float
        In [0, 1]. NaN with a MetricWarning where fewer than two answers are right, or wrong. An
        AUROC of 0 or 1 has no spread to be seen: its other end is then a bound that rather holds
        too often, that of Clopper and Pearson for as many pairs as the smaller kind has answers.

    Raises
    ------
    ParameterError
        Lengths differ, or correctness is graded.

    Notes
    -----
    Source: DeLong, DeLong and Clarke-Pearson, 1988; by mid-ranks, Sun and Xu, 2014. On the
    log-odds, as its distribution is skew near 1 (Pepe, 2003). The bound: all answers are only told
    apart where m pairs without an answer in common are, by chance at most the AUROC to the m.

    Examples
    --------
    >>> low, high = auroc_interval([0.1, 0.4, 0.35, 0.8] * 10, [0, 0, 1, 1] * 10)
    >>> round(low, 3), round(high, 3)
    (0.562, 0.875)
    """
    sure = numbers("confidence", confidence)
    right = numbers("correct", correct, low=0, high=1)
    as_long(confidence=sure, correct=right)
    known = ~(np.isnan(sure) | np.isnan(right))
    sure, right = sure[known], right[known]
    if not np.isin(right, (0.0, 1.0)).all():
        raise ParameterError("auroc_interval takes right and wrong; give correct >= 0.5, for one.")
    won, lost = sure[right == 1], sure[right == 0]
    if min(len(won), len(lost)) < 2:
        told = f"{len(won)} answers are right and {len(lost)} are wrong"
        tell(f"No interval of the AUROC: {told}; two of each are needed.", MetricWarning)
        return math.nan, math.nan
    above, below = _above(won, lost), 1 - _above(lost, won)
    area = float(above.mean())
    spread = math.sqrt(above.var(ddof=1) / len(won) + below.var(ddof=1) / len(lost))
    if not 0 < area < 1:
        pairs = min(len(won), len(lost))
        return clopper_pearson(round(area) * pairs, pairs, level=level)
    odds, reach = math.log(area / (1 - area)), quantile(level) * spread / (area * (1 - area))
    low, high = (1 / (1 + math.exp(-(odds + side))) for side in (-reach, reach))
    return low, high


def _above(these: Floats, those: Floats) -> Floats:
    """Return for each of these the share of those below it, equal ones counting half."""
    ranked = np.sort(those)
    low, high = (np.searchsorted(ranked, these, side=side) for side in ("left", "right"))
    half: Floats = (low + high) / (2 * len(ranked))
    return half
