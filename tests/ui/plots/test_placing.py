from __future__ import annotations

from itertools import combinations

import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text

from orchkit.ui.plots.canvas import settle
from orchkit.ui.plots.placing import Box, name_points

POINTS = [(f"model-{at}", 1 + at % 4 / 10, 0.5 + at // 4 / 20) for at in range(8)]


def boxes(ax: Axes, named: list[tuple[str, float, float]], taken: list[Box]) -> list[Box]:
    """Return the space each name takes; the line to its point is no part of it."""
    labels = name_points(ax, named, taken)
    settle(ax)
    return [Text.get_window_extent(label).extents for label in labels]


def apart(one: Box, other: Box) -> bool:
    """Whether two boxes share nothing."""
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.fixture
def laid(ax: Axes) -> Axes:
    """Give axes with points, laid out."""
    ax.plot([x for _, x, _ in POINTS], [y for *_, y in POINTS], "o")
    ax.set(xlim=(0.8, 1.6), ylim=(0.3, 0.8))
    settle(ax)
    return ax


def test_names_cover_neither_points_nor_one_another(laid: Axes) -> None:
    """And all of them lie within the axes."""
    at = [laid.transData.transform((x, y)) for _, x, y in POINTS]
    points = [(x - 5, y - 5, x + 5, y + 5) for x, y in at]
    found = boxes(laid, POINTS, points)
    assert all(apart(*pair) for pair in combinations([*found, *points], 2))
    left, low, right, high = laid.bbox.extents
    assert all(left <= x0 and low <= y0 and x1 <= right and y1 <= high for x0, y0, x1, y1 in found)


def test_a_name_that_fits_nowhere_still_stands_within(laid: Axes) -> None:
    """Where all is taken it covers something, and is not left out."""
    everything: Box = tuple(laid.bbox.extents)
    ((x0, y0, x1, y1),) = boxes(laid, POINTS[:1], [everything])
    assert laid.bbox.containsx(x0)
    assert laid.bbox.containsx(x1)
    assert laid.bbox.containsy(y0)
    assert laid.bbox.containsy(y1)
