import math
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.metrics import augrc, aurc, auroc, e_aurc, risk_coverage

NAN = math.nan
SURE = st.integers(0, 4).map(lambda k: k / 4) | st.floats(-100, 100)
BINARY = st.sampled_from([0, 1])
GRADES = st.sampled_from([0.0, 0.3, 1.0])
Rows = list[tuple[float, float]]
JUDGED = st.lists(st.tuples(SURE, BINARY), min_size=1, max_size=30)
GRADED = st.lists(st.tuples(SURE, GRADES), min_size=1, max_size=30)


def columns(rows: Rows) -> tuple[list[float], list[float]]:
    """Return confidences and correctness."""
    return [sure for sure, _ in rows], [right for _, right in rows]


@given(JUDGED)
def test_auroc_is_scikit_learn_s_and_mann_and_whitney_s(rows: Rows) -> None:
    """Two independent implementations agree, ties included."""
    sure, right = np.array(rows).T
    assume(0 < right.sum() < len(right))
    ours = auroc(sure, right)
    assert ours == pytest.approx(roc_auc_score(right, sure), abs=1e-12)
    u = mannwhitneyu(sure[right == 1], sure[right == 0]).statistic
    assert ours == pytest.approx(u / (right.sum() * (1 - right).sum()), abs=1e-12)


@given(JUDGED)
def test_only_the_order_counts(rows: Rows) -> None:
    """Ranks do as well as confidences."""
    sure, right = columns(rows)
    ranks = np.unique(sure, return_inverse=True)[1]
    for metric in (aurc, augrc, e_aurc):
        assert metric(ranks, right) == metric(sure, right)


@given(GRADED)
def test_risk_and_coverage_are_every_threshold_tried(rows: Rows) -> None:
    """Kept is what is at or above the threshold, by hand."""
    frame = risk_coverage(*columns(rows))
    thresholds = sorted({sure for sure, _ in rows}, reverse=True)
    kept = [[1 - right for sure, right in rows if sure >= at] for at in thresholds]
    assert frame["threshold"].tolist() == thresholds
    assert frame["coverage"].tolist() == pytest.approx([len(each) / len(rows) for each in kept])
    assert frame["risk"].tolist() == pytest.approx([np.mean(each) for each in kept])


@given(st.lists(st.tuples(st.integers(0, 2), GRADES), min_size=1, max_size=6))
def test_aurc_is_the_mean_over_all_orders_of_ties(rows: Rows) -> None:
    """Enumerating every order the confidences allow: mean risk of the first k, over k."""
    areas = []
    for order in permutations(rows):
        if all(a[0] >= b[0] for a, b in pairwise(order)):
            wrong = np.cumsum([1 - right for _, right in order])
            areas.append(np.mean(wrong / np.arange(1, len(order) + 1)))
    assert aurc(*columns(rows)) == pytest.approx(np.mean(areas), abs=1e-12)


@given(GRADED, st.floats(0, 1))
def test_a_constant_confidence_has_the_mean_error(rows: Rows, constant: float) -> None:
    """AURC is e, AUGRC e / 2."""
    right = columns(rows)[1]
    error = 1 - np.mean(right)
    assert aurc([constant] * len(right), right) == pytest.approx(error)
    assert augrc([constant] * len(right), right) == pytest.approx(error / 2)


@given(JUDGED)
def test_augrc_follows_from_auroc_and_accuracy(rows: Rows) -> None:
    """AUGRC = (1 - AUROC) e (1 - e) + e² / 2, exactly, ties included."""
    sure, right = np.array(rows).T
    assume(0 < right.sum() < len(right))
    error = 1 - right.mean()
    expected = (1 - roc_auc_score(right, sure)) * error * (1 - error) + error**2 / 2
    assert augrc(sure, right) == pytest.approx(expected, abs=1e-12)


@given(GRADED)
def test_augrc_is_the_area_of_a_random_threshold(rows: Rows) -> None:
    """By strips under coverage and share of failures kept, thresholds from above."""
    frame = risk_coverage(*columns(rows))
    coverage = np.concatenate(([0], frame["coverage"]))
    unseen = np.concatenate(([0], frame["coverage"] * frame["risk"]))
    strips = np.diff(coverage) * (unseen[1:] + unseen[:-1]) / 2
    assert augrc(*columns(rows)) == pytest.approx(strips.sum(), abs=1e-12)


@given(JUDGED)
def test_no_ranking_is_better_than_the_truth(rows: Rows) -> None:
    """Ranked by the truth, AURC and AUGRC are least; e_aurc is then near 0, and AUGRC e² / 2."""
    sure, right = columns(rows)
    error = 1 - np.mean(right)
    assert aurc(right, right) <= aurc(sure, right) + 1e-12
    assert augrc(right, right) == pytest.approx(error**2 / 2, abs=1e-12)
    assert -1e-12 <= e_aurc(right, right) <= e_aurc(sure, right) + 1e-12
    assert e_aurc(sure, right) - aurc(sure, right) == pytest.approx(
        -(error + (1 - error) * math.log(1 - error) if error < 1 else 1), abs=1e-9
    )


def test_the_optimum_is_the_limit_for_many_rows() -> None:
    """A perfect ranking of 20,000 rows has no excess to four digits."""
    right = np.repeat([1, 0], [14_000, 6_000])
    assert e_aurc(right, right) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(("right", "word"), [([1, 1], "right"), ([0, 0, 0], "wrong")])
def test_one_class_has_no_auroc(right: list[int], word: str) -> None:
    """NaN, and told."""
    with pytest.warns(MetricWarning, match=f"auroc is NaN: all {len(right)} answers are {word}"):
        assert math.isnan(auroc(range(len(right)), right))


@pytest.mark.parametrize("metric", [auroc, aurc, e_aurc, augrc])
def test_rows_without_a_confidence_are_left_out_and_told(metric: object) -> None:
    """The value is that of the others."""
    with pytest.warns(MetricWarning, match="leaves out 2 of 5"):
        some = metric([0.9, NAN, 0.4, 0.5, 0.6], [1, 1, 0, NAN, 1])  # type: ignore[operator]
    assert some == metric([0.9, 0.4, 0.6], [1, 0, 1])  # type: ignore[operator]


@pytest.mark.parametrize("metric", [auroc, aurc, e_aurc, augrc])
def test_of_nothing_there_is_no_ranking(metric: object) -> None:
    """NaN, and told."""
    with pytest.warns(MetricWarning, match=r"is NaN: there is no row"):
        assert math.isnan(metric([], []))  # type: ignore[operator]


def test_the_curve_of_nothing_is_empty() -> None:
    """The columns without rows, and a count of what was left out."""
    for sure in ([], [NAN]):
        frame = risk_coverage(sure, [1] * len(sure))
        assert list(frame.columns) == ["threshold", "coverage", "risk"]
        assert len(frame) == 0
        assert frame.attrs["dropped"] == len(sure)


@pytest.mark.parametrize("metric", [auroc, e_aurc])
def test_some_metrics_need_right_and_wrong(metric: object) -> None:
    """Graded correctness is refused with what to give instead."""
    with pytest.raises(ParameterError, match=r"give correct >= 0\.5"):
        metric([0.1, 0.2], [0.5, 1])  # type: ignore[operator]
