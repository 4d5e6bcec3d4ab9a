"""Threshold: of two models, the strong one where it is expected to gain enough."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, ClassVar, Self

from orchkit.core.calls import Kind
from orchkit.core.catalog import Catalog
from orchkit.core.confidence import Signal, judge
from orchkit.core.plans import Answer, Plan, Query
from orchkit.core.predicting import among, told
from orchkit.errors import ParameterError


@dataclass(frozen=True)
class Threshold:
    """Ask the strong model where the expected gain is at least the threshold, else the weak one.

    Where the strong model's worst case does not fit the cost limit the weak one is asked. A prompt
    without a score goes to the strong model.

    Parameters
    ----------
    router : object or callable
        With ``predict(texts)``: texts × models, the probability to be right; the score is that of
        `strong` minus that of `weak`. Or a function of a list of texts that gives one score each.
    weak, strong : str
        Two models; by the router's names, if it is one.
    threshold : float
        The least score that goes to the strong model.
    confidence : callable, optional
        A signal ``(query, response) -> float in [0, 1]``; by default the best the response carries.
    foreseen : mapping, optional
        Text -> its score, as `prepared` fills it in.

    Raises
    ------
    ParameterError
        The threshold is no finite number, or weak and strong are the same.

    Examples
    --------
    >>> import orchkit
    >>> longest = Threshold(lambda texts: map(len, texts), "gpt-4o-mini", "gpt-4o", 10)
    >>> with orchkit.use("simulator"):
    ...     for prompt in ("Why?", "Why do tides rise?"):
    ...         print(orchkit.run_orchestration(prompt, longest).model_used)
    gpt-4o-mini
    gpt-4o
    """

    router: Any
    weak: str
    strong: str
    threshold: float
    confidence: Signal | None = None
    foreseen: Mapping[str, float] = field(default_factory=dict, compare=False, repr=False)
    name: ClassVar[str] = "threshold"

    def __post_init__(self) -> None:
        limit: Any = self.threshold
        if isinstance(limit, bool) or not isinstance(limit, Real) or not math.isfinite(limit):
            raise ParameterError(f"threshold is {limit!r}; it must be a finite number.")
        object.__setattr__(self, "threshold", float(limit))
        if self.weak == self.strong:
            raise ParameterError(f"weak and strong are both {self.weak!r}; name two models.")

    @property
    def may_ask(self) -> tuple[str, ...]:
        """Every model it may ask."""
        return self.weak, self.strong

    def prepared(self, texts: Sequence[str]) -> Self:
        """Return the strategy that has scored all of these texts at once."""
        new = [text for text in dict.fromkeys(texts) if text not in self.foreseen]
        if not new:
            return self
        known = dict(zip(new, self._scores(new), strict=True))
        return replace(self, foreseen={**self.foreseen, **known})

    def _scores(self, texts: Sequence[str]) -> list[float]:
        if callable(self.router) and not hasattr(self.router, "predict"):
            return _one_each(self.router(list(texts)), texts)
        rows = told(self.router, texts)
        among(self.may_ask, [*rows[0]])
        return [float(row[self.strong] - row[self.weak]) for row in rows]

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """Ask one model; a second one only where the first does not fit the cost limit."""
        weak, strong = catalog.distinct(self.may_ask)
        score = self.foreseen.get(query.text)
        score = self._scores([query.text])[0] if score is None else score
        asked: tuple[str, ...] = (weak if score < self.threshold else strong,)
        (response,) = yield (query.call(asked[0]),)
        failure = response.failure
        if asked == (strong,) and failure and failure.kind is Kind.BudgetExceeded:
            asked = (strong, weak)
            (response,) = yield (query.call(weak),)
        confidence = yield from judge(self.confidence, query, response)
        return replace(Answer.of(response, confidence, asked), notes={"score": score})


def _one_each(given: Any, texts: Sequence[str]) -> list[float]:
    scores = [float(score) for score in given]
    if len(scores) != len(texts):
        raise ParameterError(
            f"router gave {len(scores)} scores for {len(texts)} texts; it must give one each."
        )
    return scores
