import math
import random
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.errors import MetricWarning
from orchkit.lab.metrics import hull, hull_value, pareto

NAN = math.nan
#: Few values, so that costs tie, qualities tie, and points repeat.
FEW = st.tuples(st.integers(0, 5).map(float), st.integers(0, 4).map(lambda k: k / 4))
MANY = st.tuples(st.floats(1e-6, 1e3), st.floats(0, 1, allow_subnormal=False))
POINTS = st.lists(FEW, min_size=1, max_size=9) | st.lists(MANY, min_size=1, max_size=9)
GAPPY = st.lists(
    st.tuples(st.integers(0, 4).map(float) | st.just(NAN), st.sampled_from([0.0, 0.5, 1.0, NAN])),
    max_size=8,
)
Points = list[tuple[float, float]]


def columns(points: Points) -> tuple[list[float], list[float]]:
    """Return costs and qualities."""
    return [cost for cost, _ in points], [quality for _, quality in points]


def beaten(points: Points, n: int) -> bool:
    """Whether a point is beaten by the definition: a loop over all others."""
    cost, quality = points[n]
    for other, (c, q) in enumerate(points):
        if c <= cost and q >= quality and ((c, q) != (cost, quality) or other < n):
            return True
    return False


def best_mix(points: Points, at: float) -> float:
    """Return the best quality that one point, or a mix of two, has at a cost of at most `at`."""
    best = max((q for c, q in points if c <= at), default=NAN)
    for (c1, q1), (c2, q2) in combinations(sorted(points), 2):
        if c1 <= at < c2:
            best = max(best, q1 + (q2 - q1) * (at - c1) / (c2 - c1))
    return best


@given(POINTS)
def test_pareto_is_what_nothing_beats(points: Points) -> None:
    """The mask is that of comparing each point with each other."""
    expected = [not beaten(points, n) for n in range(len(points))]
    assert pareto(*columns(points)).tolist() == expected


@given(POINTS, st.randoms(use_true_random=False))
def test_pareto_keeps_the_same_points_in_any_order(points: Points, shuffler: random.Random) -> None:
    """A permutation changes positions, not which points are kept."""
    shuffled = shuffler.sample(points, len(points))
    kept = {points[n] for n in np.flatnonzero(pareto(*columns(points)))}
    assert {shuffled[n] for n in np.flatnonzero(pareto(*columns(shuffled)))} == kept


@given(GAPPY)
def test_unknown_points_are_never_kept_nor_in_the_way(points: Points) -> None:
    """A point with a NaN is not on the frontier, and the others fare as without it."""
    known = [not math.isnan(cost + quality) for cost, quality in points]
    mask = pareto(*columns(points))
    assert not mask[~np.array(known, dtype=bool)].any()
    rest = [point for point, there in zip(points, known, strict=True) if there]
    assert mask[np.array(known, dtype=bool)].tolist() == pareto(*columns(rest)).tolist()
    frame = hull(*columns(points))
    assert frame.attrs["dropped"] == len(points) - len(rest)
    assert frame["cost"].tolist() == hull(*columns(rest))["cost"].tolist()


@given(POINTS)
def test_the_hull_is_the_best_mix_of_two(points: Points) -> None:
    """At and between all costs, the hull's value is that of the best mix, by brute force."""
    costs = sorted({cost for cost, _ in points})
    grid = costs + [(a + b) / 2 for a, b in pairwise(costs)]
    grid.append(costs[-1] + 1)
    value = hull_value(*columns(points), grid)
    assert value == pytest.approx([best_mix(points, at) for at in grid], abs=1e-12)


@given(POINTS)
def test_the_hull_is_concave_and_dominates_all(points: Points) -> None:
    """Costs and qualities rise, slopes fall, and no point lies above it."""
    cost, quality = columns(points)
    frame = hull(cost, quality)
    slopes = np.diff(frame["quality"]) / np.diff(frame["cost"])
    assert (np.diff(frame["cost"]) > 0).all()
    assert (slopes > 0).all()
    assert (np.diff(slopes) <= 1e-9 * slopes[:-1]).all()
    assert (hull_value(cost, quality, cost) >= np.array(quality) - 1e-12).all()
    assert frame["cost"].iloc[0] == min(cost)


@given(POINTS)
def test_the_hull_names_the_points_it_is_made_of(points: Points) -> None:
    """`index` is the position of the point that was given; each is on the Pareto frontier."""
    frame = hull(*columns(points))
    assert [points[n] for n in frame["index"]] == list(
        zip(frame["cost"], frame["quality"], strict=True)
    )
    assert pareto(*columns(points))[frame["index"]].all()
    assert frame["index"].dtype == np.int64


@given(POINTS)
def test_the_hull_of_a_hull_is_itself(points: Points) -> None:
    """Corners are all corners."""
    frame = hull(*columns(points))
    again = hull(frame["cost"], frame["quality"])
    assert again["cost"].tolist() == frame["cost"].tolist()


@pytest.mark.parametrize(
    ("points", "corners"),
    [
        ([(2, 0.5)], [0]),
        ([(2, 0.5), (2, 0.5)], [0]),
        ([(2, 0.5), (2, 0.7)], [1]),
        ([(1, 0.5), (2, 0.4)], [0]),
        ([(1, 0.5), (2, 0.9)], [0, 1]),
        ([(1, 0.5), (2, 0.7), (3, 0.9)], [0, 2]),
        ([(0, 0.0), (0, 0.5), (1, 1.0)], [1, 2]),
    ],
    ids=["one", "twice", "same cost", "dearer and worse", "two", "on a line", "free"],
)
def test_small_hulls(points: Points, corners: list[int]) -> None:
    """One point, two, ties and lines have the corners one would draw."""
    assert hull(*columns(points))["index"].tolist() == corners


def test_the_zero_router_knows_nothing_left_of_the_cheapest() -> None:
    """NaN to the left, flat to the right, linear between; one budget gives one number."""
    at = [0.5, 1.0, 2.0, 3.0, 99.0, math.inf, NAN]
    value = hull_value([1, 3], [0.5, 0.9], at)
    assert value == pytest.approx([NAN, 0.5, 0.7, 0.9, 0.9, 0.9, NAN], nan_ok=True)
    assert isinstance(hull_value([1, 3], [0.5, 0.9], 2), float)


def test_a_budget_that_rounding_put_beside_the_cheapest_is_the_cheapest() -> None:
    """The mean of one model's costs, summed in another order, is that model's cost."""
    assert hull_value([0.3, 1.0], [0.5, 0.9], 0.3 - 1e-16) == 0.5


def test_no_points_have_no_hull() -> None:
    """Of nothing, the hull is empty, and its value NaN with the reason."""
    assert list(hull([], []).columns) == ["cost", "quality", "index"]
    assert pareto([], []).tolist() == []
    with pytest.warns(MetricWarning, match="hull_value is NaN: there is no row"):
        assert math.isnan(hull_value([NAN], [0.5], 1.0))
    with pytest.warns(MetricWarning, match="hull_value is NaN"):
        assert np.isnan(hull_value([], [], [1.0, 2.0])).tolist() == [True, True]


def test_the_zero_router_of_recorded_models() -> None:
    """Three models by hand: the middle one lies under the line, so it is never asked."""
    cost = pd.Series([0.1, 2.0, 1.0], index=["small", "large", "middle"])
    quality = pd.Series([0.6, 0.9, 0.7], index=["small", "large", "middle"])
    assert hull(cost, quality)["index"].tolist() == [0, 1]
    assert hull_value(cost, quality, 1.05) == pytest.approx(0.75)
