"""Ordered classes from numbers: one logistic regression a step, after Frank and Hall.

This module loads scikit-learn; whoever needs it imports it when it is used.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

#: From so many rows on, `calibrate="auto"` calibrates; in so many folds, each with both sides.
ENOUGH, FOLDS = 500, 5


class OrdinalLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # sklearn has no types
    """Predict ordered classes: K - 1 logistic regressions of "is it above class k?".

    Each step's probability P(y > k) is lowered to that of the step before it where it exceeds it
    (the cumulative minimum), so that no class has less than nothing.

    Parameters
    ----------
    C : float
        Inverse strength of the L2 penalty, above 0.
    calibrate : {"auto"} or bool
        Whether each step's scores are mapped to probabilities by a sigmoid that is fitted to
        out-of-fold scores (Platt); "auto" does so from 500 rows on. A step with fewer than five
        rows on a side stays as it is.
    max_iter : int
        Iterations of a regression at most.
    tol : float, optional
        Where a regression stops; None for what is usual of its solver: with more columns than
        rows that is liblinear's dual (1e-2; it shrinks the intercept too), else L-BFGS (1e-4).
    random_state : int, optional
        Which rows share a fold.

    Attributes
    ----------
    classes_ : array (K,)
        In order.
    coef_ : array (K - 1, n_features_in_)
    intercept_ : array (K - 1,)
    sigmoid_ : array (K - 1, 2)
        Slope and offset of each step's scores; 1 and 0 where it is not calibrated.
    n_iter_ : array (K - 1,)
    n_features_in_ : int

    References
    ----------
    Frank and Hall, 2001, "A simple approach to ordinal classification"; Platt, 1999.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> OrdinalLogistic(C=100).fit(X, [0, 0, 1, 2]).predict(X).tolist()
    [0, 0, 1, 2]
    """

    def __init__(
        self,
        C: float = 1.0,  # noqa: N803 - scikit-learn's name
        *,
        calibrate: str | bool = "auto",
        max_iter: int = 1000,
        tol: float | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.C = C
        self.calibrate = calibrate
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Fit to rows of numbers and their classes; ValueError where there is one class alone."""
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)  # noqa: N806
        check_classification_targets(y)
        self.classes_, ranks = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds 1 class, {self.classes_[0]!r}; there must be two or more.")
        above = [ranks > step for step in range(len(self.classes_) - 1)]
        steps = [self._step(X).fit(X, each) for each in above]
        self.coef_ = np.vstack([step.coef_ for step in steps])
        self.intercept_ = np.concatenate([step.intercept_ for step in steps])
        self.n_iter_ = np.array([int(step.n_iter_[0]) for step in steps])
        self.sigmoid_ = np.array([self._sigmoid(X, each) for each in above])
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803 - scikit-learn's name
        """Return rows × classes: probabilities in the order of `classes_`."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)  # noqa: N806
        return posterior(X @ self.coef_.T + self.intercept_, self.sigmoid_)

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803 - scikit-learn's name
        """Return the most probable class of each row."""
        chance = self.predict_proba(X)
        told: NDArray[Any] = self.classes_[chance.argmax(axis=1)]
        return told

    def _step(self, X: Any) -> LogisticRegression:  # noqa: N803
        """Return a regression with the solver that suits the shape of X."""
        wide = X.shape[1] > X.shape[0]
        usual = 1e-2 if wide else 1e-4
        return LogisticRegression(
            C=self.C,
            solver="liblinear" if wide else "lbfgs",
            dual=wide,
            max_iter=self.max_iter,
            tol=usual if self.tol is None else self.tol,
            random_state=self.random_state,
        )

    def _sigmoid(self, X: Any, above: NDArray[np.bool_]) -> tuple[float, float]:  # noqa: N803
        """Return slope and offset that make probabilities of a step's out-of-fold scores."""
        wanted = len(above) >= ENOUGH if self.calibrate == "auto" else self.calibrate
        if not wanted or min(above.sum(), (~above).sum()) < FOLDS:
            return 1.0, 0.0
        scores = np.empty(len(above))
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=self.random_state)
        for train, test in folds.split(np.zeros(len(above)), above):
            step = self._step(X).fit(X[train], above[train])
            scores[test] = step.decision_function(X[test])
        platt = LogisticRegression(C=1e6).fit(scores[:, None], above)
        return float(platt.coef_[0, 0]), float(platt.intercept_[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def posterior(scores: NDArray[np.float64], sigmoid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows × classes: probabilities, of the scores of "above class k" for each step.

    Examples
    --------
    >>> posterior(np.array([[0.0, 9.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])).tolist()
    [[0.5, 0.0, 0.5]]
    """
    above = np.minimum.accumulate(expit(scores * sigmoid[:, 0] + sigmoid[:, 1]), axis=1)
    edges = np.column_stack([np.ones(len(above)), above, np.zeros(len(above))])
    told: NDArray[np.float64] = edges[:, :-1] - edges[:, 1:]
    return told
