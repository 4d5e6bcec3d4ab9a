from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from orchkit.lab.complexity.ordinal import ENOUGH, OrdinalLogistic, posterior


def _noisy(n: int, seed: int = 0) -> tuple[Any, Any]:
    """Return three features, of which one tells the class, and classes from 0 to 3."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(n, 3))
    return rows, np.digitize(rows[:, 0] + draw.logistic(scale=0.5, size=n), [-1, 0, 1])


@parametrize_with_checks([OrdinalLogistic()])
def test_it_is_a_classifier_of_scikit_learn(estimator: Any, check: Any) -> None:
    """Every check that scikit-learn has for a classifier of numbers is passed."""
    check(estimator)


def test_two_classes_are_logistic_regression() -> None:
    """With two classes it is the one regression."""
    rows, classes = _noisy(80)
    ours = OrdinalLogistic(C=2).fit(rows, classes > 1).predict_proba(rows)
    theirs = LogisticRegression(C=2, max_iter=1000).fit(rows, classes > 1).predict_proba(rows)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_each_step_is_the_regression_of_being_above() -> None:
    """P(y > k) is that of K - 1 regressions, lowered to the minimum so far."""
    rows, classes = _noisy(120)
    steps = [LogisticRegression(max_iter=1000).fit(rows, classes > k) for k in range(3)]
    above = np.column_stack([step.predict_proba(rows)[:, 1] for step in steps])
    lowered = np.minimum.accumulate(above, axis=1)
    found = OrdinalLogistic().fit(rows, classes).predict_proba(rows)
    np.testing.assert_allclose(1 - found.cumsum(axis=1)[:, :3], lowered, atol=1e-9)


def test_probabilities_are_probabilities() -> None:
    """Whatever the scores are, none is negative and a row sums to 1."""
    scores = np.random.default_rng(1).normal(scale=9, size=(500, 3))
    found = posterior(scores, np.array([[1.0, 0.0]] * 3))
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_calibration_brings_probabilities_nearer_to_the_truth() -> None:
    """Scores of an overfitted model are mapped to probabilities that lose less on other rows."""
    draw = np.random.default_rng(2)
    rows = draw.normal(size=(1200, 300))
    classes = (rows[:, 0] + draw.logistic(size=1200) > 0).astype(int)
    lost = []
    for calibrate in (False, True):
        model = OrdinalLogistic(C=1e4, calibrate=calibrate).fit(rows[:600], classes[:600])
        chance = model.predict_proba(rows[600:])[np.arange(600), classes[600:]]
        lost.append(-np.log(np.maximum(chance, 1e-15)).mean())
    assert lost[1] < 0.7 * lost[0]


@pytest.mark.parametrize(("n", "calibrated"), [(ENOUGH - 1, False), (ENOUGH, True)])
def test_calibration_begins_where_there_are_enough(n: int, calibrated: bool) -> None:
    """By itself it calibrates from 500 rows on."""
    model = OrdinalLogistic().fit(*_noisy(n))
    assert (model.sigmoid_ != [1, 0]).any() == calibrated


def test_a_step_with_few_on_a_side_stays_as_it_is() -> None:
    """A sigmoid is not fitted where a fold would have one side alone."""
    rows, classes = _noisy(60)
    classes = np.where(classes == 3, 2, classes)
    classes[:2] = 3
    model = OrdinalLogistic(calibrate=True).fit(rows, classes)
    assert model.sigmoid_[2].tolist() == [1, 0]
    assert model.sigmoid_[0].tolist() != [1, 0]


def test_one_class_cannot_be_learnt() -> None:
    """A single class is refused by its name."""
    with pytest.raises(ValueError, match="1 class"):
        OrdinalLogistic().fit([[0.0], [1.0]], [2, 2])


def test_classes_keep_their_order_and_type() -> None:
    """Classes are any labels that sort; predictions are among them."""
    rows, classes = _noisy(90)
    names = np.array(["a", "b", "c", "d"])[classes]
    model = OrdinalLogistic().fit(rows, names)
    assert model.classes_.tolist() == ["a", "b", "c", "d"]
    assert set(model.predict(rows)) <= set("abcd")
