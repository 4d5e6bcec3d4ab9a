import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.metrics import aiq, hull_value, qnc

NAN = math.nan
GRID = st.tuples(st.integers(1, 6).map(float), st.integers(0, 4).map(lambda k: k / 4))
LOOSE = st.tuples(st.floats(0.01, 100), st.floats(0, 1, allow_subnormal=False))
POINTS = st.lists(GRID, min_size=1, max_size=8) | st.lists(LOOSE, min_size=1, max_size=8)
Points = list[tuple[float, float]]


def columns(points: Points) -> tuple[list[float], list[float]]:
    """Return costs and qualities."""
    return [cost for cost, _ in points], [quality for _, quality in points]


def lifted(points: Points) -> tuple[list[float], list[float]]:
    """RouterBench's non-decreasing hull by its definition: at every cost, the highest chord."""
    at = sorted({cost for cost, _ in points})
    height = []
    for x in at:
        chords = [
            q1 if c1 == c2 else q1 + (q2 - q1) * (x - c1) / (c2 - c1)
            for (c1, q1), (c2, q2) in product(points, repeat=2)
            if (c1 < x < c2) or (c1 == c2 == x)
        ]
        height.append(max([*chords, *height[-1:]]))
    return at, height


def routerbench(points: Points, largest: float) -> float:
    """RouterBench's AIQ as its code has it: own first point to the largest cost, by that cost."""
    at, height = lifted(points)
    at, height = [*at, largest], [*height, height[-1]]
    strips = zip(at, at[1:], height, height[1:], strict=False)
    return sum((b - a) * (low + high) / 2 for a, b, low, high in strips) / largest


@given(POINTS, st.floats(0.01, 10))
def test_routerbench_s_aiq_is_its_published_definition(points: Points, beyond: float) -> None:
    """It equals RouterBench's formula over a hull of all chords, ties and repeats included."""
    largest = max(cost for cost, _ in points) + beyond
    ours = aiq(*columns(points), cost_range=(0, largest), norm="routerbench-code")
    assert ours == pytest.approx(routerbench(points, largest), abs=1e-12)


@given(POINTS, st.floats(0, 10), st.floats(0.01, 10))
def test_aiq_is_the_mean_height_of_the_hull(points: Points, start: float, width: float) -> None:
    """Numerical integration of the Zero router gives the same, wherever the range begins."""
    cost, quality = columns(points)
    low = min(cost) + start
    kinks = [each for each in cost if low < each < low + width]
    area, _ = quad(
        lambda at: hull_value(cost, quality, at), low, low + width, points=kinks or None, limit=200
    )
    assert aiq(cost, quality, cost_range=(low, low + width)) == pytest.approx(
        area / width, abs=1e-7
    )


@given(POINTS, st.floats(0.01, 10))
def test_aiq_of_a_range_is_the_mean_of_its_halves(points: Points, width: float) -> None:
    """Areas add up."""
    low = min(cost for cost, _ in points)
    middle, high = low + width, low + 2 * width
    halves = [aiq(*columns(points), cost_range=each) for each in ((low, middle), (middle, high))]
    whole = aiq(*columns(points), cost_range=(low, high))
    assert whole == pytest.approx(sum(halves) / 2, abs=1e-12)


@given(POINTS, GRID)
def test_one_more_point_never_lowers_aiq(points: Points, more: tuple[float, float]) -> None:
    """What is not worth having is not taken."""
    low = min(cost for cost, _ in points)
    assume(more[0] >= low)
    before = aiq(*columns(points), cost_range=(low, low + 5))
    assert aiq(*columns([*points, more]), cost_range=(low, low + 5)) >= before - 1e-12


def test_one_point_is_its_quality_where_it_can_be_paid() -> None:
    """AIQ of one point is its quality on a range that begins at its cost or later, else NaN."""
    assert aiq([2], [0.7], cost_range=(2, 5)) == pytest.approx(0.7)
    assert aiq([2], [0.7], cost_range=(3, 5)) == pytest.approx(0.7)
    with pytest.warns(MetricWarning, match="begins at 1, left of the curve's cheapest point, 2"):
        assert math.isnan(aiq([2], [0.7], cost_range=(1, 5)))


@pytest.mark.parametrize(
    ("cost", "quality", "options", "why"),
    [
        ([1, 2], [0.1, 0.2], {"cost_range": (2, 2)}, "no width between 2 and 2"),
        ([1], [0.1], {"cost_range": (0, 1), "norm": "routerbench-code"}, "no width between 1 and"),
        ([3], [0.1], {"cost_range": (0, 2), "norm": "routerbench-code"}, "no width between 3 and"),
        ([], [], {"cost_range": (0, 1)}, "there is no row"),
    ],
)
def test_aiq_without_a_range_or_a_point_is_nan(
    cost: list[float], quality: list[float], options: dict[str, object], why: str
) -> None:
    """The reason is told."""
    with pytest.warns(MetricWarning, match=f"aiq is NaN: .*{why}"):
        assert math.isnan(aiq(cost, quality, **options))  # type: ignore[arg-type]


def test_aiq_tells_of_points_left_out() -> None:
    """A point with a NaN is counted, not silently dropped."""
    with pytest.warns(MetricWarning, match="aiq leaves out 1 of 3"):
        assert aiq([1, 3, 2], [0.5, 0.9, NAN], cost_range=(1, 3)) == pytest.approx(0.7)


@pytest.mark.parametrize("cost_range", [(3, 1), (-1, 2), (0, math.inf), (NAN, 1), (1,), 5, "ab"])
def test_a_range_is_two_costs(cost_range: object) -> None:
    """Anything else is refused."""
    with pytest.raises(ParameterError, match="cost_range"):
        aiq([1], [0.5], cost_range=cost_range)  # type: ignore[arg-type]


def test_the_norm_has_a_name() -> None:
    """An unknown one is refused with what there is."""
    with pytest.raises(ParameterError, match="Did you mean 'width'"):
        aiq([1], [0.5], cost_range=(1, 2), norm="widht")


def first_reach(points: Points, wanted: float) -> float:
    """Return the least cost of a point that is as good."""
    return min((cost for cost, quality in points if quality >= wanted - 1e-12), default=math.inf)


@given(POINTS, st.integers(0, 4).map(lambda k: k / 4), st.floats(0.1, 10))
def test_qnc_is_the_cheapest_setting_as_good(points: Points, wanted: float, paid: float) -> None:
    """By a loop over all points; never reached is infinite."""
    ours = qnc(*columns(points), best_cost=paid, best_quality=wanted)
    assert ours == pytest.approx(first_reach(points, wanted) / paid)


@given(POINTS, st.integers(0, 4).map(lambda k: k / 4))
def test_mixing_reaches_a_quality_no_later(points: Points, wanted: float) -> None:
    """The mixed QNC is the lowest budget at which the Zero router is as good."""
    cost, quality = columns(points)
    alone = qnc(cost, quality, best_cost=2, best_quality=wanted)
    mixed = qnc(cost, quality, best_cost=2, best_quality=wanted, mixed=True)
    assert mixed <= alone
    if math.isfinite(mixed):
        assert hull_value(cost, quality, 2 * mixed) >= wanted - 1e-9
        if 2 * mixed > min(cost) * (1 + 1e-6):
            assert hull_value(cost, quality, 2 * mixed * (1 - 1e-7)) < wanted


def test_a_curve_that_begins_above_the_best_costs_its_cheapest() -> None:
    """Reached left of everything, QNC is the cheapest point's share."""
    reached: Sequence[float] = [
        qnc([1, 2], [0.9, 0.95], best_cost=4, best_quality=0.8, mixed=mixed)
        for mixed in (False, True)
    ]
    assert reached == [0.25, 0.25]


@pytest.mark.parametrize(
    ("cost", "best_cost", "best_quality", "why"),
    [
        ([1], 0, 0.5, "the best model's cost is unknown or 0"),
        ([1], NAN, 0.5, "the best model's cost is unknown or 0"),
        ([1], 1, NAN, "there is no row"),
        ([NAN], 1, 0.5, "there is no row"),
    ],
)
@pytest.mark.filterwarnings("ignore:qnc leaves out")
def test_qnc_without_a_reference_is_nan(
    cost: list[float], best_cost: float, best_quality: float, why: str
) -> None:
    """The reason is told."""
    with pytest.warns(MetricWarning, match=why):
        assert math.isnan(qnc(cost, [0.5], best_cost=best_cost, best_quality=best_quality))


def test_rounding_does_not_hide_that_a_quality_is_reached() -> None:
    """0.1 + 0.2 is as good as 0.3."""
    assert qnc([1], [0.3], best_cost=1, best_quality=0.1 + 0.2) == 1.0
    assert np.isinf(qnc([1], [0.3], best_cost=1, best_quality=0.31))
