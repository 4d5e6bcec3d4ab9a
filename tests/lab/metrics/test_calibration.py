import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.metrics import brier, brier_parts, calibration_bins, ece

NAN = math.nan
SURE = st.integers(0, 10).map(lambda k: k / 10) | st.floats(0, 1, allow_subnormal=False)
BINARY = st.sampled_from([0.0, 1.0])
GRADES = st.sampled_from([0.0, 0.3, 0.5, 1.0])
Rows = list[tuple[float, float]]
ROWS = st.lists(st.tuples(SURE, GRADES), min_size=1, max_size=40)
KINDS = st.sampled_from(["width", "mass"])


def columns(rows: Rows) -> tuple[list[float], list[float]]:
    """Return confidences and correctness."""
    return [sure for sure, _ in rows], [right for _, right in rows]


def grouped(rows: Rows, bins: int, kind: str) -> list[Rows]:
    """Put rows into bins by a loop: by floor, or by edges at quantiles.

    Few values are a bin each, and so is the greatest where it fills one.
    """
    values = sorted({sure for sure, _ in rows})
    cuts = np.quantile([sure for sure, _ in rows], np.arange(bins + 1) / bins).tolist()
    edges = values[1:] if len(values) <= bins else sorted(set(cuts))[1:-1]
    if len(values) > bins and cuts.count(cuts[-1]) > 1:
        edges.append(cuts[-1])
    groups: dict[int, Rows] = {}
    for sure, right in rows:
        by_edge = sum(sure >= edge for edge in edges)
        number = min(math.floor(sure * bins), bins - 1) if kind == "width" else by_edge
        groups.setdefault(number, []).append((sure, right))
    return [groups[number] for number in sorted(groups)]


@given(ROWS, st.integers(1, 20), KINDS)
def test_bins_hold_every_row_once(rows: Rows, bins: int, kind: str) -> None:
    """Counts and means are those of putting rows into bins one by one."""
    frame = calibration_bins(*columns(rows), bins=bins, kind=kind)
    groups = grouped(rows, bins, kind)
    assert frame["n"].tolist() == [len(group) for group in groups]
    means = [np.mean(group, axis=0) for group in groups]
    assert frame[["confidence", "accuracy"]].to_numpy() == pytest.approx(np.array(means))


@given(ROWS, st.integers(1, 20), KINDS)
def test_bins_hold_the_confidences_between_their_edges(rows: Rows, bins: int, kind: str) -> None:
    """A bin's mean lies between its edges, and bins do not overlap."""
    frame = calibration_bins(*columns(rows), bins=bins, kind=kind)
    assert (frame["low"] <= frame["confidence"] + 1e-12).all()
    assert (frame["confidence"] <= frame["high"] + 1e-12).all()
    assert (frame["high"].to_numpy()[:-1] <= frame["low"].to_numpy()[1:]).all()
    assert len(frame) <= bins


@given(ROWS, st.integers(1, 20), KINDS)
def test_ece_is_the_mean_gap_over_bins(rows: Rows, bins: int, kind: str) -> None:
    """By a loop over bins."""
    gaps = [len(g) * abs(np.mean([s - r for s, r in g])) for g in grouped(rows, bins, kind)]
    assert ece(*columns(rows), bins=bins, kind=kind) == pytest.approx(
        sum(gaps) / len(rows), abs=1e-12
    )


@given(st.lists(st.tuples(SURE, BINARY), min_size=1, max_size=40), st.integers(1, 15))
def test_the_debiased_error_is_that_of_kumar_liang_and_ma(rows: Rows, bins: int) -> None:
    """Squared gaps less a(1 - a)/(n - 1) over bins of equal mass, by a loop."""
    total = 0.0
    for group in grouped(rows, bins, "mass"):
        n = len(group)
        said, held = np.mean(group, axis=0)
        if n > 1:
            total += n / len(rows) * ((said - held) ** 2 - held * (1 - held) / (n - 1))
    ours = ece(*columns(rows), bins=bins, kind="debiased")
    assert ours**2 == pytest.approx(max(0.0, total), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("kind", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_bins_agree_with_scikit_learn(
    seed: int, kind: str, strategy: Literal["uniform", "quantile"]
) -> None:
    """Where no confidence lies on an edge, the reliability curve is scikit-learn's."""
    rng = np.random.default_rng(seed)
    sure = rng.random(503)
    right = rng.random(503) < sure**2
    accuracy, said = calibration_curve(right, sure, n_bins=15, strategy=strategy)
    frame = calibration_bins(sure, right, bins=15, kind=kind)
    assert frame["accuracy"].to_numpy() == pytest.approx(accuracy, abs=1e-12)
    assert frame["confidence"].to_numpy() == pytest.approx(said, abs=1e-12)


def test_perfect_calibration_is_biased_up_unless_debiased() -> None:
    """On 300 calibrated rows ECE reads 0.05 and more on the mean, the debiased error far less."""
    rng = np.random.default_rng(0)
    read = dict.fromkeys(("width", "mass", "debiased"), 0.0)
    for _ in range(40):
        sure = rng.random(300)
        right = rng.random(300) < sure
        for kind in read:
            read[kind] += ece(sure, right, kind=kind) / 40
    assert read["width"] > 0.05
    assert read["mass"] > 0.05
    assert read["debiased"] < 0.03


@given(st.lists(st.tuples(SURE, BINARY), min_size=1, max_size=40))
def test_brier_is_scikit_learn_s(rows: Rows) -> None:
    """Mean squared difference."""
    sure, right = columns(rows)
    expected = brier_score_loss(right, sure, pos_label=1, labels=[0, 1])
    assert brier(sure, right) == pytest.approx(expected, abs=1e-12)


@given(ROWS, st.integers(1, 20), KINDS)
def test_the_five_parts_make_the_brier_score(rows: Rows, bins: int, kind: str) -> None:
    """Whatever the bins, and for graded correctness too."""
    parts = brier_parts(*columns(rows), bins=bins, kind=kind)
    signs = [1, -1, 1, 1, -1]
    assert float(parts @ signs) == pytest.approx(brier(*columns(rows)), abs=1e-12)
    assert (parts.drop("within_covariance") >= 0).all()
    right = columns(rows)[1]
    assert parts["uncertainty"] == pytest.approx(np.var(right))


@given(ROWS)
def test_one_bin_resolves_nothing(rows: Rows) -> None:
    """With one bin, reliability is the squared gap of means and resolution is 0."""
    parts = brier_parts(*columns(rows), bins=1)
    sure, right = columns(rows)
    assert parts["resolution"] == pytest.approx(0, abs=1e-12)
    assert parts["reliability"] == pytest.approx((np.mean(sure) - np.mean(right)) ** 2)


def test_equal_confidences_are_one_bin() -> None:
    """A constant has one bin of no width, by mass."""
    frame = calibration_bins([0.7] * 4, [1, 1, 0, 0])
    assert frame.to_numpy().tolist() == [[0.7, 0.7, 4, 0.7, 0.5]]
    assert ece([0.7] * 4, [1, 1, 0, 0], kind="mass") == pytest.approx(0.2)


def test_a_confidence_of_one_is_in_the_last_bin() -> None:
    """Bins are closed on the left, the last one on both sides."""
    frame = calibration_bins([0.0, 0.5, 1.0], [0, 0, 1], bins=2, kind="width")
    assert frame["n"].tolist() == [1, 2]


METRICS = {
    "ece": ece,
    "ece-mass": lambda sure, right: ece(sure, right, kind="mass"),
    "ece-debiased": lambda sure, right: ece(sure, right, kind="debiased"),
    "brier": brier,
    "brier_parts": lambda sure, right: brier_parts(sure, right)["reliability"],
}


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_rows_without_a_confidence_are_left_out_and_told(metric: object) -> None:
    """The value is that of the others."""
    with pytest.warns(MetricWarning, match="leaves out 2 of 5"):
        some = metric([0.9, NAN, 0.4, 0.5, 0.5], [1, 1, 0, NAN, 1])  # type: ignore[operator]
    assert some == metric([0.9, 0.4, 0.5], [1, 0, 1])  # type: ignore[operator]


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_of_nothing_there_is_no_calibration(metric: object) -> None:
    """NaN, and told."""
    with pytest.warns(MetricWarning, match="is NaN: there is no row"):
        assert math.isnan(metric([], []))  # type: ignore[operator]


def test_the_frame_counts_what_it_leaves_out() -> None:
    """Counted in `.attrs`, with the columns there even of nothing."""
    assert calibration_bins([0.5, NAN], [1, 1]).attrs["dropped"] == 1
    for kind in ("mass", "width"):
        frame = calibration_bins([], [], kind=kind)
        assert list(frame.columns) == ["low", "high", "n", "confidence", "accuracy"]
        assert len(frame) == 0


@pytest.mark.parametrize("bins", [0, -1, 2.5, True, "15"])
def test_bins_are_counted(bins: object) -> None:
    """A number of bins is a whole number of 1 or more."""
    with pytest.raises(ParameterError, match="bins"):
        ece([0.5], [1], bins=bins)  # type: ignore[arg-type]


def test_the_kind_has_a_name() -> None:
    """An unknown one is refused with what there is."""
    with pytest.raises(ParameterError, match="Did you mean 'debiased'"):
        ece([0.5], [1], kind="debias")
    with pytest.raises(ParameterError, match="Known: 'mass', 'width'"):
        calibration_bins([0.5], [1], kind="debiased")


@given(
    values=st.lists(st.sampled_from([0.0, 1 / 3, 0.5, 2 / 3, 1.0]), min_size=1, max_size=60),
    bins=st.integers(5, 15),
)
def test_few_values_are_a_bin_each(values: list[float], bins: int) -> None:
    """Of no more values than bins each is a bin: what is always said does not hide what is rare."""
    frame = calibration_bins(values, [1.0] * len(values), bins=bins)
    assert frame["confidence"].tolist() == pytest.approx(sorted(set(values)))
    assert frame["n"].tolist() == [values.count(value) for value in sorted(set(values))]


def test_a_value_that_fills_a_bin_is_one() -> None:
    """Where most are certain, those that are nearly so are not among them."""
    sure = [*(0.5 + n / 100 for n in range(20)), *[1.0] * 80]
    frame = calibration_bins(sure, [0.0] * 20 + [1.0] * 80, bins=10)
    assert frame["n"].tolist()[-1] == 80
    assert frame["accuracy"].tolist()[:-1] == [0.0] * (len(frame) - 1)


def test_errors_of_opposite_answers_do_not_cancel() -> None:
    """Agreement that is 0 for some right answers and 1 for some wrong ones is no probability."""
    sure, right = [0.0] * 60 + [1.0] * 940, [1.0] * 30 + [0.0] * 30 + [1.0] * 910 + [0.0] * 30
    told = ece(sure, right, kind="debiased")
    assert told == pytest.approx(math.sqrt(0.06 * 0.5**2 + 0.94 * (30 / 940) ** 2), rel=0.02)
