"""Fallback: start at the cheapest, escalate while confidence is below the threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar, Self

from orchkit.core.calls import Failure, Response
from orchkit.core.catalog import Catalog, model_names
from orchkit.core.confidence import Signal, hard_failure, judge
from orchkit.core.fitted import Fitted, Recording, tuned
from orchkit.core.plans import UNKNOWN, Answer, Plan, Query, worst
from orchkit.core.repeating import Asked
from orchkit.errors import ParameterError


@dataclass(frozen=True)
class Fallback:
    """Go up a chain of models until one is confident enough.

    Escalates while the call failed, or its confidence is below `threshold` or unknown. When the
    chain ends, the most confident answer seen is returned; of equals, the later model's.

    Parameters
    ----------
    chain : tuple of str, optional
        Models in the order they are tried; by default one per tier, by price.
    threshold : float or tuple of float
        Accept at or above this confidence, in [0, 1]. Or one threshold for each hop, that is for
        each model of `chain` but the last, whose answer is then taken as it is: confidences of
        different models need not be comparable.
    confidence : callable, optional
        A signal ``(query, response) -> float in [0, 1]``; by default the best the response carries.
    fitted : Fitted, optional
        What `fit` remembers.

    Raises
    ------
    ChainError
        The chain is empty or names a model twice.
    ParameterError
        A threshold is not a number in [0, 1], or there is not one for each hop.

    Examples
    --------
    >>> import orchkit
    >>> chain = ("gpt-4o-mini", "gpt-4o")
    >>> with orchkit.use("simulator"):
    ...     result = orchkit.run_orchestration("Explain tides", strategy=Fallback(chain, 1.0))
    >>> [call["model"] for call in result.metadata["calls"]]
    ['gpt-4o-mini', 'gpt-4o']
    """

    chain: tuple[str, ...] | None = None
    threshold: float | tuple[float, ...] = 0.6
    confidence: Signal | None = None
    fitted: Fitted | None = field(default=None, compare=False, repr=False)
    name: ClassVar[str] = "fallback"

    def __post_init__(self) -> None:
        if self.chain is not None:
            object.__setattr__(self, "chain", model_names(self.chain))
        object.__setattr__(self, "threshold", _thresholds(self.threshold, self.chain))

    @classmethod
    def fit(
        cls,
        matrix: Recording,
        *,
        budget: float | None = None,
        max_loss: float | None = None,
        models: Sequence[str] | None = None,
        longest: int = 3,
        confidence: Signal | Sequence[Signal] | None = None,
        guarantee: bool = False,
        caution: float = 1.0,
        test: float = 0.5,
        seed: int = 0,
        groups: Any = None,
    ) -> Self:
        """Return the chain and thresholds that do best on recorded responses.

        Searches all single models, all pairs in the order of their costs, and the triples that
        extend the best pairs, with a threshold for each hop, on one part of the prompts, and
        measures the winner on the other part. Where searching for chains does not pay, which is
        cross-validated, a single model is returned.

        Parameters
        ----------
        matrix : ResponseMatrix
            With qualities and costs; about 200 prompts or more, or thresholds will not hold.
        budget : float, optional
            USD a prompt may cost on average: the best quality for it is searched.
        max_loss : float, optional
            Quality in [0, 1) that may be lost against the best single model: the cheapest such
            strategy is searched. 0.01 when neither is given.
        models : sequence of str, optional
            Recorded models to build chains of, two or more; all of them by default.
        longest : {1, 2, 3}
            Models in a chain at most.
        confidence : callable or sequence of callables, optional
            The signals to try; by default the best each response carries and, where texts were
            recorded, `orchkit.brevity`. One that was itself fitted, as by `orchkit.calibrate`, must
            not have seen `matrix`, or the part kept for measuring is no longer new and its figures
            are too good: calibrate on one part of a recording (``mat.split()``), fit on the other.
        guarantee : bool
            With `max_loss`: choose the threshold of a pair that ends in the best model by
            conformal risk control, so that the expected loss on new prompts like these is at most
            `max_loss`. Uses half of the prompts that are fitted on, and neither `longest` nor
            `caution` nor `groups`.
        caution : float
            Standard errors by which a loss must stay below `max_loss` where it is estimated, and a
            gain above a mix of single models, or what looks best by luck is chosen (the one
            standard error rule of Breiman et al., 1984). 0 takes estimates as they are.
        test : float
            Share of the prompts kept for measuring, in (0, 1).
        seed : int
            Of the split.
        groups : str or array, optional
            Column, or labels, of prompts that belong together: they stay on one side, and count as
            one in intervals.

        Returns
        -------
        Fallback
            With a `fitted` that holds n, date, and held-out quality and cost.

        Raises
        ------
        ParameterError
            No strategy fits the budget, or both `budget` and `max_loss` are given.
        MatrixError
            Qualities or costs are missing.

        Notes
        -----
        Exact replay by column arithmetic. Conformal risk control: Angelopoulos et al., 2022, arXiv
        2208.02814.

        Examples
        --------
        >>> import orchkit
        >>> df = orchkit.load_dataset("everyday")
        >>> with orchkit.use("simulator"):
        ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o", "claude-opus-3"])
        >>> tuned = Fallback.fit(mat, max_loss=0.02)
        >>> tuned.fitted.n_fit, tuned.fitted.n_test, len(tuned.threshold) == len(tuned.chain) - 1
        (132, 132, True)
        """
        found: Self = tuned(
            cls,
            matrix,
            budget=budget,
            max_loss=max_loss,
            models=models,
            longest=longest,
            confidence=confidence,
            guarantee=guarantee,
            caution=caution,
            test=test,
            seed=seed,
            groups=groups,
        )
        return found

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """Ask in rounds of one call, from the foot of the chain upwards."""
        chain = catalog.distinct(self.chain) if self.chain else catalog.ladder()
        best: Response | None = None
        sure, failures = UNKNOWN, list[Failure]()
        asked: Asked = {}  # filled where a signal may ask what the chain asks
        for model, limit in zip(chain, self._limits(len(chain)), strict=True):
            call = query.call(model)
            if asked and call in asked:
                response = asked[call]
            else:
                (response,) = yield (call,)
            if response.problem:
                failures.append(response.problem)
                continue
            if self.confidence is not None:
                asked[call] = response
            now = yield from judge(self.confidence, query, response, asked)
            accepted = now.rank >= limit and not hard_failure(response)
            if best is None or accepted or now.rank >= sure.rank:
                best, sure = response, now
            if accepted:
                break
        return Answer(best, sure, chain, failure=None if best else worst(failures))

    def _limits(self, size: int) -> tuple[float, ...]:
        """Return for each model the confidence at which its answer is accepted."""
        if isinstance(self.threshold, tuple):
            return (*self.threshold, -math.inf)
        return (self.threshold,) * size


def _thresholds(given: Any, chain: tuple[str, ...] | None) -> float | tuple[float, ...]:
    """Return one threshold, or one a hop; of whatever kind of numbers they are."""
    if isinstance(given, str | bytes) or not hasattr(given, "__len__") or not _shape(given):
        return _share(given)
    each = tuple(_share(one) for one in given)
    if chain is None or len(each) != len(chain) - 1:
        told = "chain is not given" if chain is None else f"chain has {len(chain)} models"
        raise ParameterError(
            f"threshold holds {len(each)} numbers and {told}; give one number for all, or name the "
            "chain and give one for each model but the last, which is always accepted."
        )
    return each


def _shape(given: Any) -> Any:
    """Return the shape of what has one; numpy holds a lone number in none."""
    return getattr(given, "shape", (1,))


def _share(given: Any) -> float:
    """Return a number in [0, 1], one of numpy's too; true and false are none."""
    if isinstance(given, bool) or not isinstance(given, Real) or not 0 <= float(given) <= 1:
        raise ParameterError(f"threshold is {given!r}; it must be a number in [0, 1].")
    return float(given)
