"""What a tuned strategy remembers of its tuning: on what, when, and how it did on the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from orchkit.errors import ParameterError

#: On fewer prompts, what is fitted is much luck: it looked 3.6 pt better than it was on 50 prompts,
#: 0.8 pt on 200 (tuned pairs on recorded log-probabilities).
FEW = 200


@dataclass(frozen=True)
class Fitted:
    """How a strategy was tuned, and what it did on prompts it was not tuned on.

    Parameters
    ----------
    n_fit, n_test : int
        Prompts it was tuned on, and others it was then measured on.
    date : str
        Day of the tuning, ISO 8601, UTC.
    asked : str
        What was asked for, like ``max_loss=0.01``.
    quality, quality_low, quality_high : float
        Mean in [0, 1] on the `n_test` prompts, with its 95 % interval.
    cost : float
        USD per prompt, mean on the `n_test` prompts.
    fit_quality, fit_cost : float
        The same on the `n_fit` prompts: too good, as it was chosen to look good there.
    zero_router : float
        Quality of the best mix of single models at the same cost, on the `n_test` prompts; NaN
        below the cheapest.
    reference : str
        The best single model of the `n_fit` prompts.
    verdict : str
        The strategy beside the reference on the `n_test` prompts, in words.
    guarantee : str, optional
        What is guaranteed of new prompts like these, in words; None when nothing was asked for.
    simulated : bool
        Whether any answer of the recording came from the simulator.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(100)
    >>> with orchkit.use("simulator"):
    ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o"])
    >>> fitted = orchkit.Fallback.fit(mat, max_loss=0.2).fitted
    >>> fitted.n_fit, fitted.n_test, fitted.asked
    (50, 50, 'max_loss=0.2')
    """

    n_fit: int
    n_test: int
    date: str
    asked: str
    quality: float
    quality_low: float
    quality_high: float
    cost: float
    fit_quality: float
    fit_cost: float
    zero_router: float
    reference: str
    verdict: str
    guarantee: str | None = None
    simulated: bool = False

    @property
    def optimism(self) -> float:
        """How much better it looked where it was tuned than it was elsewhere, in quality."""
        return self.fit_quality - self.quality

    def __str__(self) -> str:
        low, high = 100 * self.quality_low, 100 * self.quality_high
        told = (
            f"{self.asked}, fitted on {'SIMULATED answers to ' if self.simulated else ''}"
            f"{self.n_fit:,} prompts ({self.date}); on {self.n_test:,} "
            f"others: {100 * self.quality:.1f} % [{low:.1f}, {high:.1f}] at "
            f"${1000 * self.cost:.4g} per 1,000 prompts (where fitted: "
            f"{100 * self.fit_quality:.1f} % at ${1000 * self.fit_cost:.4g}); {self.verdict}"
        )
        few = "; fitted on fewer than 200 prompts, it may not hold" if self.n_fit < FEW else ""
        return told + (f"; {self.guarantee}" if self.guarantee else "") + few


class Recording(Protocol):
    """Recorded responses that can tune a strategy: a response matrix."""

    def tune(self, kind: type[Any], **asked: Any) -> Any:
        """Return the strategy of that kind that does best, with what it remembers."""
        ...


def tuned(kind: type[Any], matrix: Recording, **asked: Any) -> Any:
    """Return what a recording makes of a kind of strategy, or say that it is no recording."""
    if not callable(getattr(matrix, "tune", None)):
        raise ParameterError(
            f"{kind.__name__}.fit needs a ResponseMatrix, not {type(matrix).__name__}: record one "
            "(df.orch.record), or make one of a table (ResponseMatrix.from_long)."
        )
    return matrix.tune(kind, **asked)
