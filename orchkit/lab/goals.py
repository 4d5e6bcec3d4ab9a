"""Goals: what is searched for among ways of routing, and which of them is best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from orchkit.core.catalog import NANO
from orchkit.errors import ParameterError
from orchkit.lab.arrays import Arrays, Floats, Ints
from orchkit.lab.metrics import hull

#: Sums of qualities are compared with this much patience: their last digits are the order's.
_SLACK, _DIGITS = 1e-9, 9


@dataclass(frozen=True)
class Goal:
    """What is searched for: the best quality within a cost, or the lowest cost within a loss.

    Parameters
    ----------
    budget : float, optional
        USD a prompt, on average.
    max_loss : float, optional
        Quality in [0, 1) that may be lost against the best single model.
    caution : float
        Standard errors by which a loss must stay below `max_loss` where it is estimated.
    """

    budget: float | None = None
    max_loss: float | None = None
    caution: float = 1.0

    def __post_init__(self) -> None:
        if self.budget is not None and self.max_loss is not None:
            raise ParameterError("budget and max_loss are both given; fit one, and read the other.")
        if self.budget is not None and not _number(self.budget) >= 0:
            raise ParameterError(f"budget is {self.budget!r}; it must be USD a prompt, 0 or more.")
        if self.max_loss is not None and not 0 <= _number(self.max_loss) < 1:
            raise ParameterError(f"max_loss is {self.max_loss!r}; it must lie in [0, 1).")
        if not 0 <= _number(self.caution) < math.inf:
            raise ParameterError(f"caution is {self.caution!r}; it must be 0 or more.")
        if self.budget is None and self.max_loss is None:
            object.__setattr__(self, "max_loss", 0.01)

    def __str__(self) -> str:
        if self.budget == math.inf:
            return "the best quality"
        if self.budget is not None:
            return f"budget={self.budget:.4g} USD a prompt"
        return f"max_loss={self.max_loss:g}"

    def order(self, quality: Any, cost: Any, n: int, reference: float) -> tuple[Any, Any, Any]:
        """Return what to sort sums over `n` prompts by, the best first: what is missed, two keys.

        Nothing is missed (0) where the goal is met.
        """
        good = np.round(quality, _DIGITS)
        if self.budget is not None:
            return np.maximum(cost - self.budget * NANO * n - 0.5, 0), -good, cost
        lost = reference - quality
        return np.maximum(lost - (self.max_loss or 0) * n - _SLACK, 0), cost, -good


def _number(given: Any) -> float:
    """Return a number as a float; what is none as NaN, which lies nowhere."""
    return math.nan if isinstance(given, bool) or not isinstance(given, Real) else float(given)


@dataclass(frozen=True)
class Candidate:
    """A way of routing, and what each prompt came to where that was estimated.

    Parameters
    ----------
    models : tuple of str
    setting : Any
        Thresholds of a chain, the way a vote is counted, the strong model of a pair.
    quality : float array (prompts,)
    cost : int array (prompts,)
        Nano-dollars.
    """

    models: tuple[str, ...]
    setting: Any
    quality: Floats
    cost: Ints


def best(
    candidates: Iterable[Candidate], goal: Goal, arrays: Arrays, *, mixing: bool = False
) -> Candidate:
    """Return the best of the candidates, or say that none does what is asked.

    One that a mix of single models matches for its money is passed over, unless `mixing`.
    """
    reference = arrays.quality[:, arrays.column(strongest(arrays))]
    plain = [(each, mixing or len(each.models) == 1) for each in candidates]
    worth = [each for each, allowed in plain if allowed or beats_mixing(each, arrays)]
    if plain and not worth:
        raise ParameterError(
            f"None of {len(plain):,} ways does better on these prompts than single models mixed "
            "at its cost. Take a single model, or another kind of strategy."
        )
    keys = [cautious(goal, each, reference) for each in worth]
    found = min(range(len(keys)), key=keys.__getitem__, default=None)
    if found is None or keys[found][0]:
        cheapest = min(arrays.cost.mean(axis=0), default=math.nan) / NANO
        raise ParameterError(
            f"Nothing meets {goal}: the cheapest model alone costs {cheapest:.4g} USD a prompt "
            f"here, and the best reaches a quality of {reference.mean():.3f}. Ask for less."
        )
    return worth[found]


def cautious(goal: Goal, candidate: Candidate, reference: Floats) -> tuple[bool, float, float]:
    """Return the goal's keys, the loss taken to be some standard errors larger than it looks."""
    n = len(reference)
    error = float((candidate.quality - reference).std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    assumed = float(candidate.quality.sum()) - goal.caution * error * n * (goal.budget is None)
    keys = goal.order(assumed, int(candidate.cost.sum()), n, float(reference.sum()))
    return bool(keys[0] > 0), float(keys[1]), float(keys[2])


def beats_mixing(candidate: Candidate, arrays: Arrays, caution: float = 0.0) -> bool:
    """Whether it does better than the best mix of single models at its cost, the zero router.

    By so many standard errors of what it gains.
    """
    mixed = _mixture(arrays, float(candidate.cost.mean()))
    if mixed is None:
        return True
    gain = candidate.quality - mixed
    error = float(gain.std(ddof=1)) / math.sqrt(len(gain)) if caution and len(gain) > 1 else 0.0
    return float(gain.mean()) > caution * error + _SLACK


def _mixture(arrays: Arrays, spent: float) -> Floats | None:
    """Return the expected quality of each prompt under the best mix of models for this money.

    None where no model is that cheap.
    """
    corners = hull(arrays.cost.mean(axis=0), arrays.quality.mean(axis=0))
    cost, column = corners["cost"].to_numpy(), corners["index"].to_numpy()
    if spent < cost[0]:
        return None
    at = np.interp(spent, cost, np.arange(len(cost)))
    low, share = int(at), at % 1
    high = min(low + 1, len(cost) - 1)
    quality = arrays.quality[:, column]
    mixed: Floats = (1 - share) * quality[:, low] + share * quality[:, high]
    return mixed


def strongest(arrays: Arrays) -> str:
    """Return the single model of the highest quality; of equals, the cheapest."""
    quality, cost = np.round(arrays.quality.sum(axis=0), _DIGITS), arrays.cost.sum(axis=0)
    return arrays.models[int(np.lexsort((cost, -quality))[0])]


def singles(arrays: Arrays) -> Iterator[Candidate]:
    """Give each model alone."""
    for column, name in enumerate(arrays.models):
        yield Candidate((name,), (), arrays.quality[:, column], arrays.cost[:, column])


def parts(total: int, number: int, seed: int, groups: Sequence[Any] | None = None) -> Ints:
    """Return which of so many parts each prompt is drawn into, a group always as a whole.

    Examples
    --------
    >>> parts(4, 2, seed=0).tolist(), parts(4, 2, seed=0, groups="aabb").tolist()
    ([0, 0, 1, 1], [0, 0, 1, 1])
    """
    codes = np.arange(total)
    if groups is not None:
        codes = pd.factorize(np.array([*groups], dtype=object))[0]
    drawn = np.random.default_rng(seed).permutation(codes.max(initial=-1) + 1) % number
    found: Ints = drawn[codes]
    return found
