from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.text import Text

from orchkit.ui.plots import cost_quality


def table(**costs: float) -> pd.DataFrame:
    """Return a summary of strategies with these costs."""
    rows = [
        {"quality": 0.5 + n / 20, "quality_low": 0.4, "quality_high": 0.95, "cost_per_1k": cost}
        for n, cost in enumerate(costs.values())
    ]
    return pd.DataFrame(rows, index=list(costs))


def named(ax: Axes) -> set[str]:
    """Return the names that stand beside points."""
    return {text.get_text() for text in ax.texts}


@pytest.fixture
def ax(no_figures: Any) -> Axes:
    """Give Axes to draw into."""
    axes: Axes = no_figures.figure().subplots()
    return axes


def test_it_returns_the_axes_given(ax: Axes, no_figures: Any) -> None:
    """It draws where it is told, and opens no figure beside it."""
    assert cost_quality(table(cheapest=1, fallback=2), ax=ax) is ax
    assert no_figures.get_fignums() == [1]


def test_it_makes_axes_of_its_own(no_figures: Any) -> None:
    """Without Axes it makes one figure and returns its Axes."""
    drawn = cost_quality(table(cheapest=1))
    assert isinstance(drawn, Axes)
    assert no_figures.get_fignums() == [drawn.figure.number]


def test_axes_carry_units(ax: Axes) -> None:
    """Both axes say what they show, in which unit."""
    cost_quality(table(cheapest=1), ax=ax)
    assert "USD per 1,000 prompts" in ax.get_xlabel()
    assert "95 % interval" in ax.get_ylabel()


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_data_is_named(ax: Axes, simulated: bool) -> None:
    """The title says that answers are simulated when they are, and only then."""
    cost_quality(table(cheapest=1), ax=ax, simulated=simulated)
    assert ("SIMULATED" in ax.get_title()) is simulated


def test_every_strategy_is_named(ax: Axes) -> None:
    """Each point has its name beside it."""
    cost_quality(table(cheapest=1, fallback=2, oracle=0.5), ax=ax)
    assert named(ax) == {"cheapest", "fallback", "oracle"}


def test_costs_stand_on_a_logarithmic_axis(ax: Axes) -> None:
    """Costs that are all above zero are told apart by factors."""
    cost_quality(table(cheap=0.01, dear=50), ax=ax)
    assert ax.get_xscale() == "log"


def test_a_free_model_can_be_drawn(ax: Axes) -> None:
    """A cost of zero is drawn, on an axis that has a place for it."""
    cost_quality(table(free=0, dear=50), ax=ax)
    assert ax.get_xscale() == "linear"
    assert named(ax) == {"free", "dear"}


def test_no_axis_goes_far_below_free(ax: Axes) -> None:
    """Beside a free model the axis of cost starts at about nothing, and both points are on it."""
    cost_quality(table(free=0, dear=50), ax=ax)
    left, right = ax.get_xlim()
    assert -0.05 * 50 <= left <= 0
    assert right > 50


def test_what_is_unknown_is_not_drawn(ax: Axes) -> None:
    """Rows without a quality or a cost are left out, the others stay."""
    frame = table(cheapest=1, unscored=2, unpriced=3)
    frame.loc["unscored", "quality"] = math.nan
    frame.loc["unpriced", "cost_per_1k"] = math.nan
    cost_quality(frame, ax=ax)
    assert named(ax) == {"cheapest"}


def test_without_an_interval_there_is_still_a_point(ax: Axes) -> None:
    """A quality whose interval is unknown is drawn without one."""
    frame = table(cheapest=1, fallback=2)
    frame.loc["fallback", ["quality_low", "quality_high"]] = math.nan
    cost_quality(frame, ax=ax)
    assert named(ax) == {"cheapest", "fallback"}


def test_nothing_known_is_an_empty_figure(ax: Axes) -> None:
    """Where no quality is known the Axes say so, without a warning."""
    cost_quality(table(cheapest=1).assign(quality=math.nan), ax=ax, simulated=True)
    assert named(ax) == {"no quality is known"}
    assert "SIMULATED" in ax.get_title()


def test_single_models_are_joined_by_their_frontier(ax: Axes) -> None:
    """The frontier leaves out a model that costs more and is no better."""
    frame = table(small=1, large=9, waste=5)
    frame.loc["waste", "quality"] = 0.45
    cost_quality(frame, ax=ax, singles=("small", "large", "waste"))
    (line,) = (line for line in ax.get_lines() if line.get_linestyle() == "--")
    assert list(line.get_xdata()) == [1, 9]


def test_kinds_of_points_are_told_apart(ax: Axes) -> None:
    """Single models, strategies and the oracle each have a place in the legend."""
    cost_quality(table(cheapest=1, small=2, oracle=1), ax=ax, singles=("small",))
    legend = ax.get_legend()
    assert legend is not None
    told = {text.get_text() for text in legend.get_texts()}
    assert told == {"single model", "strategy", "oracle"}


def test_a_name_is_not_read_as_a_formula(ax: Axes) -> None:
    """Dollar signs in a strategy's name are drawn, not parsed."""
    cost_quality(table(**{r"$\frac$": 1}), ax=ax)
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert named(ax) == {r"$\frac$"}


def test_the_frame_is_left_as_it_was(ax: Axes) -> None:
    """Drawing reads the frame and changes nothing in it."""
    frame = table(cheapest=1, fallback=2)
    before = frame.copy(deep=True)
    cost_quality(frame, ax=ax, singles=("fallback",))
    pd.testing.assert_frame_equal(frame, before)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.one_of(st.just(0.0), st.floats(1e-6, 1e4))),
        min_size=1,
        max_size=4,
    )
)
def test_any_summary_can_be_drawn(points: list[tuple[float, float]]) -> None:
    """Equal, free and far-apart points are all drawn, each with its name."""
    from matplotlib.figure import Figure

    rows = [
        {"quality": q, "quality_low": q / 2, "quality_high": (1 + q) / 2, "cost_per_1k": cost}
        for q, cost in points
    ]
    names = [f"s{n}" for n in range(len(rows))]
    drawn = cost_quality(pd.DataFrame(rows, index=names), ax=Figure().subplots())
    assert named(drawn) == set(names)


def test_the_zero_router_is_true_on_a_logarithmic_axis(ax: Axes) -> None:
    """The dotted line is the straight mix of two models, though the axis is logarithmic."""
    cost_quality(table(small=1, large=100), ax=ax, singles=("small", "large"))
    (line,) = (line for line in ax.get_lines() if line.get_linestyle() == ":")
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert len(x) > 100
    np.testing.assert_allclose(y, 0.5 + 0.05 * (x - 1) / 99)


def test_an_oracles_frontier_can_be_drawn(ax: Axes) -> None:
    """The oracle's frontier, USD a prompt, is drawn per 1,000 of them."""
    frontier = pd.DataFrame({"cost": [0.001, 0.002], "quality": [0.7, 0.9]})
    cost_quality(table(cheapest=1, fallback=4), ax=ax, oracle=frontier)
    (line,) = (line for line in ax.get_lines() if line.get_label() == "oracle's frontier")
    assert list(line.get_xdata()) == [1, 2]  # type: ignore[arg-type]


def test_intervals_of_cost_are_drawn(ax: Axes) -> None:
    """Where a cost has an interval there is a horizontal bar from one end to the other."""
    frame = table(cheapest=1, fallback=4)
    cost_quality(frame.assign(cost_low=[0.5, 3], cost_high=[2, 5]), ax=ax)
    ends = [path.vertices[:, 0] for bars in ax.collections for path in bars.get_paths()]
    assert any(list(each) == [0.5, 2] for each in ends)
    assert any(list(each) == [3, 5] for each in ends)


def test_equal_costs_stand_on_an_even_axis(ax: Axes) -> None:
    """Costs within a factor of two need no logarithm, whose ticks would crowd."""
    cost_quality(table(cheapest=1.0, fallback=1.5), ax=ax)
    assert ax.get_xscale() == "linear"


def test_of_many_strategies_those_with_room_are_named(ax: Axes) -> None:
    """No name is written over another one, however many there are; the best is always named."""
    rng = np.random.default_rng(0)
    quality = rng.random(50)
    ends = {"quality_low": quality - 0.05, "quality_high": quality + 0.05}
    frame = pd.DataFrame({"quality": quality, **ends, "cost_per_1k": rng.random(50) * 10})
    frame.index = pd.Index([f"strategy number {n}" for n in range(50)])
    frame[["quality_low", "quality_high"]] = frame[["quality_low", "quality_high"]].clip(0, 1)
    cost_quality(frame, ax=ax).figure.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in ax.texts]  # without the line to the point
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert frame["quality"].idxmax() in named(ax)
    assert len(boxes) > 12
