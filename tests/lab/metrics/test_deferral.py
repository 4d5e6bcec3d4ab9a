import math
from collections.abc import Callable
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.errors import ParameterError
from orchkit.lab.metrics import deferral_curve

NAN = math.nan
SCORES = st.integers(0, 3).map(lambda k: k / 4) | st.floats(-5, 5)
GRADES = st.sampled_from([0.0, 0.25, 1.0])
PRICES = st.integers(0, 4).map(float)
ROWS = st.lists(st.tuples(SCORES, GRADES, GRADES, PRICES, PRICES), min_size=1, max_size=12)
Rows = list[tuple[float, float, float, float, float]]


def curve(rows: Rows) -> pd.DataFrame:
    """Return the curve of rows of score, weak, strong and their costs."""
    score, weak, strong, less, more = zip(*rows, strict=True)
    return deferral_curve(score, weak, strong, weak_cost=less, strong_cost=more)


def by_threshold(rows: Rows, at: float) -> tuple[float, float, float]:
    """Return one point by its definition: whoever scores at least the threshold goes to strong."""
    sent = [row[0] >= at for row in rows]
    return (
        float(np.mean(sent)),
        float(np.mean([row[2 if go else 1] for row, go in zip(rows, sent, strict=True)])),
        float(np.mean([row[4 if go else 3] for row, go in zip(rows, sent, strict=True)])),
    )


@given(ROWS)
def test_the_curve_is_every_threshold_tried(rows: Rows) -> None:
    """Above all scores, then at each of them: share, quality and cost of routing by hand."""
    thresholds = [math.inf, *sorted({row[0] for row in rows}, reverse=True)]
    expected = [by_threshold(rows, at) for at in thresholds]
    assert curve(rows).to_numpy() == pytest.approx(np.array(expected), abs=1e-12)


@given(ROWS)
def test_the_curve_goes_from_weak_to_strong(rows: Rows) -> None:
    """It begins with all weak and ends with all strong."""
    drawn = curve(rows)
    _, weak, strong, less, more = np.array(rows).T
    assert drawn.iloc[0].tolist() == pytest.approx([0, weak.mean(), less.mean()])
    assert drawn.iloc[-1].tolist() == pytest.approx([1, strong.mean(), more.mean()])
    assert (np.diff(drawn["share"]) > 0).all()


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_prompts_does_not_matter(rows: Rows, shuffler: object) -> None:
    """Shuffled prompts have the same curve, ties included."""
    shuffled = shuffler.sample(rows, len(rows))  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(curve(shuffled), curve(rows), atol=1e-12)


def test_inside_a_tie_the_line_is_the_mean_over_all_orders() -> None:
    """Sending k of a tied group, in every order, gives the line between its ends on average."""
    weak, strong = [0.0, 0.25, 1.0, 0.0], [1.0, 1.0, 0.0, 0.25]
    drawn = deferral_curve([0.5] * 4, weak, strong)
    for sent in range(5):
        orders = permutations(range(4), sent)
        mean = np.mean([np.where(np.isin(range(4), o), strong, weak).mean() for o in orders])
        assert np.interp(sent / 4, drawn["share"], drawn["quality"]) == pytest.approx(mean)


def test_who_has_no_score_goes_first_and_with_the_surest() -> None:
    """A missing score is the highest there is, and is counted."""
    drawn = deferral_curve([NAN, 9.0, math.inf], [0, 0, 0], [1.0, 0.0, 0.5])
    assert drawn["share"].tolist() == pytest.approx([0, 2 / 3, 1])
    assert drawn["quality"].tolist() == pytest.approx([0, 0.5, 0.5])
    assert drawn.attrs == {"n": 3, "dropped": 0, "unscored": 1, "tied": 2 / 3}


def test_a_prompt_with_a_missing_value_is_left_out_for_both() -> None:
    """Quality or cost unknown on either side: the prompt counts for none."""
    drawn = deferral_curve(
        [0.9, 0.8, 0.7, 0.1],
        [NAN, 0, 0, 1],
        [1, NAN, 1, 1],
        weak_cost=1,
        strong_cost=[5, 5, 5, 7],
    )
    assert drawn.attrs["dropped"] == 2
    assert drawn.to_numpy().tolist() == [[0, 0.5, 1], [0.5, 1, 3], [1, 1, 6]]


def test_one_cost_is_everyones() -> None:
    """A single number stands for a column of it."""
    one = deferral_curve([2, 1], [0, 0], [1, 1], weak_cost=1, strong_cost=3)
    two = deferral_curve([2, 1], [0, 0], [1, 1], weak_cost=[1, 1], strong_cost=[3, 3])
    pd.testing.assert_frame_equal(one, two)
    assert one["cost"].tolist() == [1, 2, 3]


def test_nothing_has_an_empty_curve() -> None:
    """No prompts, or none with both qualities: the columns without rows."""
    for weak in ([], [NAN]):
        drawn = deferral_curve(weak, weak, weak)
        assert list(drawn.columns) == ["share", "quality"]
        assert len(drawn) == 0
        assert drawn.attrs["dropped"] == len(weak)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: deferral_curve([1], [0], [1], weak_cost=1), "give both or neither"),
        (lambda: deferral_curve([1, 2], [0], [1]), "score has 2 values and weak has 1"),
        (lambda: deferral_curve([1], [0], [1.5]), r"strong holds 1\.5"),
        (lambda: deferral_curve([1], [0], [1], weak_cost=-1, strong_cost=1), "weak_cost holds -1"),
        (lambda: deferral_curve(0.5, [0], [1]), r"score is 0\.5"),
    ],
)
def test_what_is_no_pair_is_refused(call: Callable[[], object], told: str) -> None:
    """The message names what was given."""
    with pytest.raises(ParameterError, match=told):
        call()
