from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orchkit.errors import ColumnError
from orchkit.ui.plots import drawn, spending

USD = st.floats(0, 1e6)


def stats(*days: str, cost: float = 2.0, presumed: float = 0.5, saved: float = 1.0) -> pd.DataFrame:
    """Return what was spent, as much in each period."""
    index = pd.DatetimeIndex(days, name="period")
    return pd.DataFrame({"cost": cost, "presumed": presumed, "saved": saved}, index=index)


def report(costs: dict[str, float], day: str = "2026-03-01", saved: float = 1.0) -> pd.DataFrame:
    """Return what was spent by model in one period."""
    index = pd.MultiIndex.from_tuples(
        [(pd.Timestamp(day), name) for name in costs], names=["period", "model"]
    )
    values = {"cost": [*costs.values()], "presumed": 0.0, "saved": saved}
    return pd.DataFrame(values, index=index)


def canvas() -> Axes:
    """Return Axes that no window waits for."""
    axes: Axes = Figure().subplots()
    return axes


def heights(ax: Axes) -> dict[str, list[float]]:
    """Return the heights of the bars of each part, in USD."""
    return {
        str(bars.get_label()): [float(bar.get_height()) for bar in bars] for bars in ax.containers
    }


def tops(ax: Axes) -> list[float]:
    """Return how high each pile of bars is, the first one first."""
    (*_, last) = ax.containers
    return [float(bar.get_y() + bar.get_height()) for bar in last]


def dated(ax: Axes) -> list[str]:
    """Return the dates that stand under the bars."""
    return [label.get_text() for label in ax.get_xticklabels()]


def test_it_draws_where_it_is_told() -> None:
    """It returns the Axes given, which hand over the frame that was drawn."""
    ax, frame = canvas(), stats("2026-03-01", "2026-03-02")
    assert spending(frame, ax=ax) is ax
    pd.testing.assert_frame_equal(drawn(ax), frame)
    assert ax.get_ylabel() == "cost [USD]"


def test_it_makes_axes_of_its_own(no_figures: Any) -> None:
    """Without Axes it makes one figure."""
    ax = spending(stats("2026-03-01"))
    assert no_figures.get_fignums() == [ax.figure.number]


@given(st.lists(st.tuples(USD, st.floats(0, 1), USD), min_size=1, max_size=8))
def test_a_bar_ends_at_the_cost_without_the_cache(rows: list[tuple[float, float, float]]) -> None:
    """Paid, presumed and saved add up, in every period, to what it would have been."""
    frame = stats(*pd.date_range("2026-03-01", periods=len(rows)).strftime("%Y-%m-%d"))
    frame[:] = [(cost, cost * share, saved) for cost, share, saved in rows]
    ax = spending(frame, ax=canvas())
    whole = (frame["cost"] + frame["saved"]).to_numpy()
    piles = np.sum([*heights(ax).values()], axis=0) if ax.containers else np.zeros(len(rows))
    np.testing.assert_allclose(piles, whole, atol=1e-9)
    if ax.containers:
        np.testing.assert_allclose(tops(ax), whole, atol=1e-9)


def test_parts_are_told_apart() -> None:
    """What was paid, what is presumed and what the cache saved have bars of their own."""
    ax = spending(stats("2026-03-01"), ax=canvas())
    assert heights(ax) == {"paid": [1.5], "presumed paid": [0.5], "saved by the cache": [1.0]}
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [*heights(ax)]


def test_what_was_nothing_is_no_part() -> None:
    """Where nothing is presumed, nor saved, neither is in the legend."""
    assert [*heights(spending(stats("2026-03-01", presumed=0, saved=0), ax=canvas()))] == ["paid"]


def test_models_are_piled_up_the_dearest_lowest() -> None:
    """A report has a part for each model, and what the cache saved for all on top."""
    ax = spending(report({"small": 1.0, "large": 5.0}), ax=canvas())
    assert heights(ax) == {"large": [5.0], "small": [1.0], "saved by the cache": [2.0]}


def test_many_models_are_drawn_as_six_and_others() -> None:
    """What costs least stands together, and nothing is left out of the pile."""
    ax = spending(report({f"model{n}": float(n) for n in range(1, 11)}, saved=0), ax=canvas())
    assert [*heights(ax)] == [f"model{n}" for n in range(10, 4, -1)] + ["other"]
    assert heights(ax)["other"] == [10.0]
    assert tops(ax) == [55.0]


def test_days_have_bars_of_their_own() -> None:
    """With days among what is told apart each has its bar, whatever the period."""
    days = pd.to_datetime(["2026-03-03", "2026-03-05"])
    index = pd.MultiIndex.from_product(
        [[pd.Timestamp("2026-03-01")], days], names=["period", "day"]
    )
    frame = pd.DataFrame({"cost": [1.0, 2.0], "presumed": 0.0, "saved": 0.0}, index=index)
    ax = spending(frame, ax=canvas())
    assert heights(ax) == {"paid": [1.0, 2.0]}
    assert dated(ax) == ["2026-03-03", "2026-03-05"]


def test_periods_stand_where_they_are_in_time() -> None:
    """A day without spending leaves a gap."""
    ax = spending(stats("2026-03-03", "2026-03-04", "2026-03-10"), ax=canvas())
    middles = [dates.num2date(bar.get_x() + bar.get_width() / 2) for bar in ax.containers[0]]
    assert [f"{day:%d %H}" for day in middles] == ["03 12", "04 12", "10 12"]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (["2026-02-01", "2026-03-01"], ["2026-02", "2026-03"]),
        (["2026-03-02", "2026-03-09"], ["2026-03-02", "2026-03-09"]),
        (["2026-03-01"], ["2026-03-01"]),
    ],
)
def test_few_periods_are_dated_each(days: list[str], told: list[str]) -> None:
    """Months by month, weeks and days by their first day."""
    assert dated(spending(stats(*days), ax=canvas())) == told


def test_many_periods_are_dated_along_the_axis() -> None:
    """Labels of a year of days do not cover each other."""
    days = pd.date_range("2026-01-01", periods=365).strftime("%Y-%m-%d")
    ax = spending(stats(*days), ax=canvas())
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    boxes = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
    assert 3 <= len(boxes) <= 20
    assert not any(one.overlaps(two) for one, two in pairwise(boxes))


def test_an_unknown_cost_is_a_question_mark() -> None:
    """A period whose cost nobody knows has no bar that looks like a sum, and the title says so."""
    frame = stats("2026-03-01", "2026-03-02")
    frame.loc["2026-03-02", "cost"] = math.nan
    ax = spending(frame, ax=canvas())
    assert [text.get_text() for text in ax.texts] == ["?"]
    assert tops(ax) == [3.0, 0.0]
    assert ax.get_title().startswith("Spent unknown")


def test_nothing_spent_is_said() -> None:
    """An empty frame is drawn as a sentence."""
    ax = spending(stats(), ax=canvas())
    assert [text.get_text() for text in ax.texts] == ["nothing was spent"]
    assert ax.get_title() == "Spent $0; saved by the cache $0"


def test_a_name_is_no_formula() -> None:
    """Dollars in a name or the title are drawn as they are."""
    ax = spending(report({"$a$": 1.0}), ax=canvas())
    legend = ax.get_legend()
    assert legend is not None
    assert not any(text.get_parse_math() for text in [*legend.get_texts(), ax.title])


@pytest.mark.parametrize(
    "frame", [stats("2026-03-01").drop(columns="saved"), stats("2026-03-01").reset_index()]
)
def test_another_frame_is_refused(frame: pd.DataFrame) -> None:
    """The error says what to pass."""
    with pytest.raises(ColumnError, match=r"costs\.stats"):
        spending(frame, ax=canvas())
