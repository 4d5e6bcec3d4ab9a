"""Router: one face for all that learns from a recording how likely each model is right."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchkit.core.predicting import among
from orchkit.errors import MatrixError, ParameterError, did_you_mean
from orchkit.lab.matrix import Matrix
from orchkit.lab.metrics import utility_curve
from orchkit.lab.metrics.utilities import chosen
from orchkit.lab.routers.expenses import Expenses
from orchkit.lab.routers.lessons import Floats, Lesson, Prompts, lacking, texts_of
from orchkit.lab.routers.novelty import Novelty


@dataclass(eq=False, repr=False)
class Router(ABC):
    """Learns from a recording, and tells of texts how likely each of its models is right.

    A router has the manners of a scikit-learn estimator: parameters are fields, `fit` returns it,
    what was learned ends in an underscore.

    Attributes
    ----------
    models_ : tuple of str
        The columns of what it predicts.
    n_ : int
        Prompts it was fitted on.
    date_ : str
        Day of fitting, ISO 8601, UTC.
    out_of_fold_ : array, shape (n_, models)
        What it would have said of its own prompts had it not seen them.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(60)
    >>> with orchkit.use("simulator"):
    ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o"])
    >>> router = orchkit.LengthRouter().fit(mat)
    >>> isinstance(router, Router), router.predict(["Why do tides rise?"]).shape
    (True, (1, 2))
    """

    def fit(self, matrix: Matrix) -> Self:
        """Learn from recorded qualities, of each model those that are known; return the router.

        Raises MatrixError where no quality of a model is known, or prompts have no words.
        """
        return self._fit(Lesson.of(matrix))

    def _fit(self, lesson: Lesson) -> Self:
        if not any(text.strip() for text in lesson.prompts.texts):
            raise MatrixError("The recording holds no prompts' texts, so nothing can be learned.")
        self.models_, self.n_ = lesson.models, len(lesson)
        self.date_ = datetime.now(UTC).date().isoformat()
        self._quality, self._cost = lesson.quality, lesson.cost
        self.out_of_fold_ = self._learn(lesson)
        self._expenses = Expenses.of(lesson)
        self._spending = self._expenses.of_texts(lesson.prompts.texts)
        self._novelty = Novelty.of(lesson.prompts.texts)
        return self

    @abstractmethod
    def _learn(self, lesson: Lesson) -> Floats:
        """Learn; return what would have been said of each prompt had it not been seen."""

    @abstractmethod
    def _tell(self, prompts: Prompts) -> Floats:
        """Return prompts × models: the probability to be right."""

    def predict(self, texts: Iterable[str]) -> pd.DataFrame:
        """Return texts × models: how likely each model is right, in [0, 1].

        Warns (`OrchkitWarning`) where more of the texts are unlike all it was fitted on than
        chance would have it.
        """
        self._refuse_unfitted()
        told = texts_of(texts)
        self._novelty.tell(told, repr(self), self.n_)
        blank = pd.DataFrame(index=range(len(told)))
        none = np.empty((0, len(self.models_)))
        return self._frame(self._tell(Prompts(told, blank)) if told else none, texts)

    def predict_cost(self, texts: Iterable[str]) -> pd.DataFrame:
        """Return texts × models: USD to expect of a call; NaN for a model without costs."""
        self._refuse_unfitted()
        return self._frame(self._expenses.of_texts(texts_of(texts)), texts)

    def unlike(self, texts: Iterable[str]) -> NDArray[np.bool_]:
        """Return which texts are unlike all it was fitted on: one boolean a text."""
        self._refuse_unfitted()
        return self._novelty.unlike(texts_of(texts))

    def price_for(self, budget: float, models: Sequence[str] | None = None) -> float:
        """Return the quality one USD must be worth for its own prompts to cost `budget` on average.

        Parameters
        ----------
        budget : float
            USD a prompt.
        models : sequence of str, optional
            The models to choose among; all by default.

        Returns
        -------
        float
            Halfway from the lowest such price of money to the next step down, at which prompts
            would turn to dearer models; 0 where the budget is never reached. Prompts are routed
            by what the router would have said had it not seen them.

        Raises
        ------
        ParameterError
            Even the cheapest choices cost more, or no prompt has all costs and qualities.
        """
        self._refuse_unfitted()
        columns = [self.models_.index(name) for name in among(models, self.models_)]
        cells = (self.out_of_fold_, self._spending, self._quality, self._cost)
        hoped, priced, good, spent = (cell[:, columns] for cell in cells)
        kept = np.isfinite(np.hstack([hoped, priced, good, spent])).all(axis=1)
        if not kept.any():
            told = f"no prompt has {lacking(good, spent)} of all models recorded"
            raise ParameterError(f"budget is {budget:.4g} USD a prompt, and {told}.")
        return _price(budget, *(cell[kept] for cell in (hoped, priced, good, spent)))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, as scikit-learn's estimators do."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        inner = {
            f"{name}__{key}": value
            for name, router in (own.items() if deep else ())
            if isinstance(router, Router)
            for key, value in router.get_params().items()
        }
        return {**own, **inner}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, and return the router."""
        own = [each.name for each in fields(self)]
        for name, value in params.items():
            if name not in own:
                hint = did_you_mean(name, own)
                raise ParameterError(f"{type(self).__name__} has no parameter {name!r}. {hint}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = (
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if each.default is MISSING or getattr(self, each.name) != each.default
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def _refuse_unfitted(self) -> None:
        if not hasattr(self, "n_"):
            raise ParameterError(f"{self!r} is not fitted; call fit(matrix) first.")

    def _frame(self, told: Floats, texts: Any) -> pd.DataFrame:
        index = texts.index if isinstance(texts, pd.Series) else None
        return pd.DataFrame(told, index=index, columns=pd.Index(self.models_))


def _price(budget: float, hoped: Floats, priced: Floats, good: Floats, spent: Floats) -> float:
    """Return the lowest price of money, well between two steps, whose choices are in the budget."""
    curve = utility_curve(hoped, priced, good, spent)
    steps = [*curve["gain_per_cost"], 0.0]
    rows = np.arange(len(spent))
    for row in np.flatnonzero(curve["cost"].to_numpy() <= budget)[::-1]:
        price = _between(steps[row], steps[row + 1])
        paid = spent[rows, chosen(hoped, priced, price)].mean()
        if paid <= budget * (1 + 1e-9):  # steps a rounding error apart are taken together
            return price
    least = f"the cheapest choices cost {curve['cost'].min():.4g} USD a prompt"
    raise ParameterError(f"budget is {budget:.4g} USD a prompt, and {least}.")


def _between(this: float, following: float) -> float:
    """Return a price below this step and above the one that follows; the last has none to meet."""
    if not following:
        return 0.0
    return (this + following) / 2 if np.isfinite(this) else following * (1 + 1e-9)
