"""Fallback: start at the cheapest, escalate while confidence is below the threshold."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

from orchkit.core.calls import Failure, Kind, Response
from orchkit.core.catalog import Catalog, model_names
from orchkit.core.confidence import Signal, hard_failure, judge
from orchkit.core.plans import UNKNOWN, Answer, Plan, Query
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
    threshold : float
        Accept at or above this confidence, in [0, 1].
    confidence : callable, optional
        A signal ``(query, response) -> float in [0, 1]``; by default the best the response carries.

    Raises
    ------
    ChainError
        The chain is empty or names a model twice.
    ParameterError
        The threshold is not a number in [0, 1].

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
    threshold: float = 0.6
    confidence: Signal | None = None
    name: ClassVar[str] = "fallback"

    def __post_init__(self) -> None:
        if self.chain is not None:
            object.__setattr__(self, "chain", model_names(self.chain))
        given: Any = self.threshold  # one of numpy's numbers, too; true and false are none
        if isinstance(given, bool) or not isinstance(given, Real) or not 0 <= float(given) <= 1:
            raise ParameterError(f"threshold is {given!r}; it must be a number in [0, 1].")
        object.__setattr__(self, "threshold", float(given))

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """Ask in rounds of one call, from the foot of the chain upwards."""
        chain = catalog.distinct(self.chain) if self.chain else catalog.ladder()
        best: Response | None = None
        sure, failures = UNKNOWN, list[Failure]()
        for model in chain:
            (response,) = yield (query.call(model),)
            if response.problem:
                failures.append(response.problem)
                continue
            now = yield from judge(self.confidence, query, response)
            accepted = now.rank >= self.threshold and not hard_failure(response)
            if best is None or accepted or now.rank >= sure.rank:
                best, sure = response, now
            if accepted:
                break
        return Answer(best, sure, chain, failure=None if best else _worst(failures))


def _worst(failures: list[Failure]) -> Failure:
    """Return what the row failed of: a vendor's last failure, or the limit's nearest miss."""
    told = [failure for failure in failures if failure.kind is not Kind.BudgetExceeded]
    return told[-1] if told else failures[0]
