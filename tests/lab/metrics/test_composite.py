import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.metrics import (
    ibc_lift,
    pareto,
    pareto_distance,
    relative_gain,
    routerarena_optimality,
    routerarena_score,
)

NAN = math.nan
SHARES = st.floats(0, 1, allow_subnormal=False)


def arena(accuracy: float, cost: float) -> float:
    """RouterArena's score as its code has it, with its constants."""
    cheap = (math.log2(200) - math.log2(cost)) / (math.log2(200) - math.log2(0.0044))
    return (1.1 * accuracy * cheap) / (0.1 * accuracy + cheap)


@given(st.floats(0.01, 1), st.floats(1e-4, 199))
def test_routerarena_s_score_is_its_published_formula(accuracy: float, cost: float) -> None:
    """An independent transcription agrees, below its cheapest cost too."""
    assert routerarena_score(accuracy, cost) == pytest.approx(arena(accuracy, cost), abs=1e-12)


@given(SHARES, st.floats(0.0044, 200), st.floats(1.01, 5))
def test_dearer_and_worse_never_score_higher(accuracy: float, cost: float, more: float) -> None:
    """The score rises with accuracy, falls with cost, and lies in [0, 1]."""
    score = routerarena_score(accuracy, cost)
    assert 0 <= score <= 1 + 1e-12
    assert routerarena_score(accuracy, min(cost * more, 200)) <= score + 1e-12
    assert routerarena_score(accuracy / more, cost) <= score + 1e-12


def test_the_ends_of_the_scale() -> None:
    """As cheap as can be and right is 1; as dear as can be, or never right, is 0."""
    assert routerarena_score(1, 0.0044) == pytest.approx(1)
    assert routerarena_score(1, 200) == 0
    assert routerarena_score(0, 1) == 0
    assert routerarena_score(0, 200) == 0


@pytest.mark.parametrize(("accuracy", "cost"), [(0.5, 0), (0.5, 500), (0.5, NAN), (NAN, 1)])
def test_a_cost_of_nothing_has_no_logarithm(accuracy: float, cost: float) -> None:
    """A free model, or an unknown, has no score: NaN, and told."""
    with pytest.warns(MetricWarning, match="routerarena_score is NaN"):
        assert math.isnan(routerarena_score(accuracy, cost))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"accuracy": 70}, "accuracy holds 70"),
        ({"cost_per_1k": -1}, "cost_per_1k holds -1"),
        ({"cost_per_1k": [1.0]}, "cost_per_1k is"),
        ({"beta": 0}, "beta"),
        ({"c_min": 300}, "c_min"),
        ({"c_min": 0}, "c_min"),
    ],
)
def test_what_has_no_place_on_the_scale_is_refused(options: dict[str, object], told: str) -> None:
    """The message names what was given."""
    with pytest.raises(ParameterError, match=told):
        routerarena_score(**{"accuracy": 0.5, "cost_per_1k": 1.0, **options})  # type: ignore[arg-type]


CELL = st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 4).map(float))
PROMPT = st.tuples(st.lists(CELL, min_size=3, max_size=3), st.integers(0, 2))


@given(st.lists(PROMPT, min_size=1, max_size=8))
def test_routerarena_s_optimality_by_hand(
    prompts: list[tuple[list[tuple[float, float]], int]],
) -> None:
    """Counting prompt by prompt which model is chosen gives the same three shares."""
    right = [
        (cells, chosen) for cells, chosen in prompts if any(quality == 1 for quality, _ in cells)
    ]
    assume(right)
    least = [min(cost for quality, cost in cells if quality == 1) for cells, _ in right]
    picked = [cells[chosen] for cells, chosen in right]
    best = np.mean([max(quality for quality, _ in cells) for cells, _ in prompts])
    mine = [cells[chosen] for cells, chosen in prompts]
    table = np.array([cells for cells, _ in prompts])
    ours = routerarena_optimality(
        [quality for quality, _ in mine],
        [cost for _, cost in mine],
        model_quality=table[:, :, 0],
        model_cost=table[:, :, 1],
    )
    hits = [q == 1 and c == low for (q, c), low in zip(picked, least, strict=True)]
    ratios = [low / c for (_, c), low in zip(picked, least, strict=True)]
    assert ours.to_dict() == pytest.approx(
        {
            "selection": np.mean(hits),
            "cost": np.mean(ratios),
            "accuracy": np.mean([quality for quality, _ in mine]) / best,
        }
    )


def test_optimality_without_a_right_answer_is_nan() -> None:
    """Told for each of the three."""
    with pytest.warns(MetricWarning) as told:
        parts = routerarena_optimality([0.0], [1.0], model_quality=[[0.0]], model_cost=[[1.0]])
    assert parts.isna().all()
    assert [str(each.message).split()[0] for each in told] == ["selection", "cost", "accuracy"]


def test_optimality_of_free_models() -> None:
    """Nothing by nothing is 1, something by nothing is unknown and told."""
    free = {"model_quality": [[1.0, 1.0]], "model_cost": [[0.0, 2.0]]}
    assert routerarena_optimality([1.0], [0.0], **free).tolist() == [1, 1, 1]
    with pytest.warns(MetricWarning, match="cost is NaN"):
        parts = routerarena_optimality([1.0], [0.0], model_quality=[[1.0]], model_cost=[[2.0]])
    assert parts["selection"] == 1
    assert math.isnan(parts["cost"])


def test_optimality_is_of_the_same_prompts() -> None:
    """Another number of prompts is refused, an unknown cell is left out and told."""
    with pytest.raises(ParameterError, match="quality has 1 values and model_quality has 2"):
        routerarena_optimality([1], [1], model_quality=[[1], [1]], model_cost=[[1], [1]])
    with pytest.warns(MetricWarning, match="leaves out 1 of 2"):
        parts = routerarena_optimality(
            [1, NAN], [1, 1], model_quality=[[1], [1]], model_cost=[[1], [1]]
        )
    assert parts.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("accuracy", "baseline", "gain"), [(0.72, 0.6, 0.2), (0.6, 0.72, -1 / 6), (0.5, 0.5, 0.0)]
)
def test_a_gain_is_a_share_of_the_baseline(accuracy: float, baseline: float, gain: float) -> None:
    """Gain@R and Gain@B of LLMRouterBench; Gap@O is its negative."""
    assert relative_gain(accuracy, baseline) == pytest.approx(gain)


@pytest.mark.parametrize(("accuracy", "baseline"), [(0.5, 0), (NAN, 0.5), (0.5, NAN)])
def test_a_gain_needs_a_baseline(accuracy: float, baseline: float) -> None:
    """NaN, and told."""
    with pytest.warns(MetricWarning, match="relative_gain is NaN"):
        assert math.isnan(relative_gain(accuracy, baseline))


POINTS = st.lists(
    st.tuples(st.integers(1, 9).map(float), st.integers(0, 4).map(lambda k: k / 4)),
    min_size=1,
    max_size=8,
)


@given(POINTS, st.booleans())
def test_the_distance_is_to_the_nearest_point_of_the_frontier(
    points: list[tuple[float, float]], log_cost: bool
) -> None:
    """By two loops over points scaled by hand; 0 exactly where a frontier point lies."""
    cost = [math.log(c) if log_cost else c for c, _ in points]
    quality = [q for _, q in points]
    wide, high = max(cost) - min(cost) or 1, max(quality) - min(quality) or 1
    place = [(c / wide, q / high) for c, q in zip(cost, quality, strict=True)]
    front = pareto([c for c, _ in points], quality)
    best = [p for p, there in zip(place, front, strict=True) if there]
    expected = [min(math.dist(p, other) for other in best) for p in place]
    ours = pareto_distance([c for c, _ in points], quality, log_cost=log_cost)
    assert ours == pytest.approx(expected, abs=1e-9)
    assert (ours[front] == 0).all()


def test_a_distance_needs_points() -> None:
    """A point with a NaN has none; a cost of 0 has no logarithm; of nothing there is none."""
    assert pareto_distance([1, 2, NAN], [0.5, 0.5, 1]) == pytest.approx([0, 1, NAN], nan_ok=True)
    with pytest.warns(MetricWarning, match="a cost of 0 has no logarithm"):
        assert np.isnan(pareto_distance([0, 1], [0.5, 0.6], log_cost=True)).all()
    with pytest.warns(MetricWarning, match="there is no row"):
        assert np.isnan(pareto_distance([NAN], [0.5])).all()


PAIR = {"weak_cost": 1, "weak_quality": 0.5, "strong_cost": 11, "strong_quality": 0.9}


@given(st.floats(0.01, 1))
def test_mixing_at_random_has_no_lift(share: float) -> None:
    """On the line between the two models every dollar buys the same."""
    assert ibc_lift(1 + 10 * share, 0.5 + 0.4 * share, **PAIR) == pytest.approx(0, abs=1e-6)


def test_the_lift_is_in_percent() -> None:
    """Twice the benefit of the strong model's dollar is a lift of 100."""
    assert ibc_lift(2, 0.58, **PAIR) == pytest.approx(100)
    assert ibc_lift(2, 0.46, **PAIR) == pytest.approx(-200)


@pytest.mark.parametrize(
    ("cost", "changed", "why"),
    [
        (1, {}, "a cost is unknown, or no higher"),
        (NAN, {}, "a cost is unknown, or no higher"),
        (2, {"strong_cost": 1}, "a cost is unknown, or no higher"),
        (2, {"strong_quality": 0.5}, "strong is no better than weak"),
        (2, {"strong_quality": 0.4}, "strong is no better than weak"),
        (2, {"weak_quality": NAN}, "a quality is unknown"),
    ],
)
def test_the_lift_needs_a_slope(cost: float, changed: dict[str, float], why: str) -> None:
    """NaN and the reason, not a flipped sign."""
    with pytest.warns(MetricWarning, match=why):
        assert math.isnan(ibc_lift(cost, 0.6, **{**PAIR, **changed}))
