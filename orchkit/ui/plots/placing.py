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
#: Where a point's name may stand, in points from it, the best first.
_PLACES = [
    (x, y)
    for out in (8, 60, 120)
    for y in (6, -13, 20, -27, 34, -41, 48, -55, 62, -69)
    for x in (out, -out)
]


def name_points(
    ax: Axes, named: Sequence[tuple[str, float, float]], taken: Iterable[Box], **look: Any
) -> list[Annotation]:
    """Write names beside their points: (name, x, y) each, the first where it stands best.

    Parameters
    ----------
    ax : Axes
        Laid out as it will be drawn.
    named : sequence of (str, float, float)
    taken : iterable of Box
        What must not be covered.
    **look
        Passed to ``Axes.annotate``.
    """
    filled, labels = list(taken), list[Any]()
    for name, x, y in named:
        label = _written(ax, name, x, y, look)
        place, box = _free(_sizes(label), ax.bbox.extents, filled)
        label.set_position(place)
        label.set_horizontalalignment("left" if place[0] > 0 else "right")
        filled.append(box)
        labels.append(label)
    return labels


def _written(ax: Axes, name: str, x: float, y: float, look: dict[str, Any]) -> Annotation:
    from matplotlib.patheffects import withStroke

    line = {"arrowstyle": "-", "color": LINE, "linewidth": 0.5, "shrinkB": 4}
    style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9, "arrowprops": line}
    style |= {"path_effects": [withStroke(linewidth=3, foreground="white")]}
    return ax.annotate(name, (x, y), xytext=_PLACES[0], **{**style, **PLAIN, **look})


def _sizes(label: Annotation) -> list[tuple[tuple[int, int], Box]]:
    """Return the space the name takes at each place: measured once, moved by arithmetic."""
    from matplotlib.text import Text

    label.get_window_extent()  # settles the position
    at = Text.get_window_extent(label)  # and this is it without the line to its point
    scale = label.figure.dpi / 72
    left, low = at.x0 - _PLACES[0][0] * scale, at.y0 - _PLACES[0][1] * scale
    found = list[tuple[tuple[int, int], Box]]()
    for x, y in _PLACES:
        start = left + x * scale - (at.width if x < 0 else 0)
        found.append(
            ((x, y), (start, low + y * scale, start + at.width, low + y * scale + at.height))
        )
    return found


def _free(
    sizes: list[tuple[tuple[int, int], Box]], inside: Any, filled: list[Box]
) -> tuple[tuple[int, int], Box]:
    """Return the first place that covers nothing; without one, that which covers least."""
    costs = list[tuple[bool, int]]()
    for place, box in sizes:
        cost = (not _within(box, inside), sum(_overlap(box, other) for other in filled))
        if cost == (False, 0):
            return place, box
        costs.append(cost)
    return sizes[min(range(len(sizes)), key=costs.__getitem__)]


def _within(box: Box, inside: Any) -> bool:
    left, low, right, high = inside
    return bool(left <= box[0] and box[2] <= right and low <= box[1] and box[3] <= high)


def _overlap(one: Box, other: Box) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]
