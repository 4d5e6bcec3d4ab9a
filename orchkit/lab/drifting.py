"""Whether new labels contradict what confidence was calibrated to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from orchkit.errors import MetricWarning, tell
from orchkit.lab.curves import Floats, logit, newton

#: With fewer new labels the test's p-value is not to be trusted.
FEWEST = 30
TEST = "score test of calibration in the large and slope"


@dataclass(frozen=True)
class Drift:
    """Whether new answers are as often right as was promised. True in `if`; prints in words.

    Attributes
    ----------
    drifted : bool
        Whether `p` is below `level`.
    p : float
        Of the test, two-sided; NaN with too few labels.
    statistic : float
        Chi-squared, with `freedom` degrees of freedom: 2, or 1 where all are equally sure.
    freedom : int
    n : int
        New labels.
    expected, observed : float
        Mean calibrated confidence and mean correctness of the new answers, in [0, 1].
    slope : float
        Of the new answers' log-odds on the promised ones: 1 is right, below 1 it spreads too far.
    level : float
        The share of false alarms that was accepted.
    test : str
        Its name.

    Examples
    --------
    >>> from orchkit.lab.calibration import Calibrator
    >>> sure = np.tile([0.6, 0.7, 0.8, 0.9], 50)
    >>> told = Calibrator().fit(sure, np.arange(200) % 10 < 8).drift(sure, np.arange(200) % 10 < 5)
    >>> bool(told), str(told).partition(":")[0]
    (True, 'DRIFTED, too sure')
    """

    drifted: bool
    p: float
    statistic: float
    freedom: int
    n: int
    expected: float
    observed: float
    slope: float
    level: float
    test: str = TEST

    def __bool__(self) -> bool:
        return self.drifted

    def __str__(self) -> str:
        if math.isnan(self.p):
            return f"too little to judge by: {self.n:,} new labels, {FEWEST} are needed"
        shown = f"{100 * self.expected:.1f} % promised, {100 * self.observed:.1f} % right"
        how = f"{self.test}: chi-squared {self.statistic:.2f}, p = {self.p:.2g}, n = {self.n:,}"
        if not self.drifted:
            return f"no sign of drift: {shown} ({how})"
        return f"DRIFTED, {_direction(self)}: {shown} ({how}); fit anew on labels like these"


def _direction(told: Drift) -> str:
    gap = told.expected - told.observed
    if abs(gap) > 0.01:
        return "too sure" if gap > 0 else "not sure enough"
    return "too far apart" if told.slope < 1 else "too close together"


def drift_of(promised: Floats, correct: Floats, information: Floats, level: float) -> Drift:
    """Return the test of new labels against promised probabilities.

    `information` is that of the fit about intercept and slope on the promised log-odds (2 × 2):
    what the calibration itself does not know is no drift.

    Sources: Cox, 1958 (two further applications of the logistic); Rao's score test, the variance
    of the score widened by that of the fit.
    """
    n = len(promised)
    expected, observed = (float(x.mean()) if n else math.nan for x in (promised, correct))
    if n < FEWEST:
        tell(f"drift is unknown: {n} new labels, {FEWEST} are needed.", MetricWarning)
        nan = math.nan
        return Drift(False, nan, nan, 0, n, expected, observed, nan, level)
    new = information_of(promised)
    design = _design(promised)
    score = design.T @ (correct - promised)
    variance = new + new @ np.linalg.pinv(information, rcond=1e-9, hermitian=True) @ new
    inverse = np.linalg.pinv(variance, rcond=1e-9, hermitian=True)
    freedom = int(np.linalg.matrix_rank(variance, rtol=1e-9, hermitian=True))
    statistic = float(score @ inverse @ score)
    # The tail of chi-squared with two degrees of freedom, or one.
    p = math.exp(-statistic / 2) if freedom == 2 else math.erfc(math.sqrt(statistic / 2))
    _, slope = newton(design[:, 1], np.clip(correct, 1 / (n + 2), 1 - 1 / (n + 2)))
    slope = slope if freedom == 2 else math.nan
    return Drift(p < level, p, statistic, freedom, n, expected, observed, slope, level)


def information_of(promised: Floats) -> Floats:
    """Return what answers of these probabilities tell of intercept and slope (2 × 2)."""
    design = _design(promised)
    weight = promised * (1 - promised)
    told: Floats = (design.T * weight) @ design
    return told


def _design(promised: Floats) -> Floats:
    return np.column_stack([np.ones_like(promised), logit(promised)])
