"""Where the names of points stand: beside them, covering neither a point, a bar nor a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from orchkit.ui.plots.canvas import LINE
from orchkit.ui.plots.lettering import PLAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

#: Left, bottom, right and top, in pixels.
Box = tuple[float, float, float, float]
#: Where a point's name may stand, in points from it, the nearest first.
_PLACES = sorted(
    ((x * side, y) for x in (8, 30, 60, 90, 120) for y in range(-76, 77, 9) for side in (1, -1)),
    key=lambda place: (abs(place[0]) + 1.5 * abs(place[1] + 3), place[0] < 0, place[1]),
)
#: Pixels between a name and whatever it must not cover.
_GAP = 4


def name_points(
    ax: Axes,
    named: Sequence[tuple[str, float, float]],
    taken: Iterable[Box],
    *,
    drop: bool = False,
    **look: Any,
) -> list[Annotation]:
    """Write names beside their points: (name, x, y) each, the first where it stands best.

    Parameters
    ----------
    ax : Axes
        Laid out as it will be drawn.
    named : sequence of (str, float, float)
    taken : iterable of Box
        What must not be covered.
    drop : bool
        Leave out a name that would cover something wherever it stood.
    **look
        Passed to ``Axes.annotate``.
    """
    filled, labels = [_wider(box) for box in taken], list[Any]()
    for name, x, y in named:
        label = _written(ax, name, (x, y), _PLACES[0], look)
        place, box, free = _free(_sizes(label), ax.bbox.extents, filled)
        if drop and not free:
            label.remove()
            continue
        if place != _PLACES[0]:
            label.remove()
            label = _written(ax, name, (x, y), place, look)
        filled.append(_wider(box))
        labels.append(label)
    return labels


def _written(
    ax: Axes, name: str, point: tuple[float, float], place: tuple[int, int], look: dict[str, Any]
) -> Annotation:
    """Write a name at a place, with a line to its point where it stands far from it."""
    from matplotlib.patheffects import withStroke

    style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9}
    style |= {"path_effects": [withStroke(linewidth=3, foreground="white")]}
    style |= {"horizontalalignment": "left" if place[0] > 0 else "right"}
    if abs(place[0]) > 8 or abs(place[1] + 3) > 18:
        line = {"arrowstyle": "-", "color": LINE, "linewidth": 0.5, "shrinkB": 4}
        style |= {"arrowprops": line}
    return ax.annotate(name, point, xytext=place, **{**style, **PLAIN, **look})


def _sizes(label: Annotation) -> list[tuple[tuple[int, int], Box]]:
    """Return the space the name takes at each place: measured once, moved by arithmetic."""
    at = label.get_window_extent()
    pixels = label.get_figure(root=True).dpi / 72  # type: ignore[union-attr] # it is drawn
    left, low = at.x0 - _PLACES[0][0] * pixels, at.y0 - _PLACES[0][1] * pixels
    found = list[tuple[tuple[int, int], Box]]()
    for x, y in _PLACES:
        start, foot = left + x * pixels - (at.width if x < 0 else 0), low + y * pixels
        found.append(((x, y), (start, foot, start + at.width, foot + at.height)))
    return found


def _free(
    sizes: list[tuple[tuple[int, int], Box]], inside: Any, filled: list[Box]
) -> tuple[tuple[int, int], Box, bool]:
    """Return the first place that covers nothing; without one, that which covers least: False."""
    costs = list[tuple[bool, int]]()
    for place, box in sizes:
        cost = (not _within(box, inside), sum(_overlap(box, other) for other in filled))
        if cost == (False, 0):
            return place, box, True
        costs.append(cost)
    return *sizes[min(range(len(sizes)), key=costs.__getitem__)], False


def _wider(box: Box) -> Box:
    return box[0] - _GAP, box[1] - _GAP, box[2] + _GAP, box[3] + _GAP


def _within(box: Box, inside: Any) -> bool:
    left, low, right, high = inside
    return bool(left <= box[0] and box[2] <= right and low <= box[1] and box[3] <= high)


def _overlap(one: Box, other: Box) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]
