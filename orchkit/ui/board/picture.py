"""The board's picture, in layers: what moves is drawn in milliseconds, the rest when it must."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from orchkit.lab.pictures.tradeoff import zero_router
from orchkit.ui.money import usd
from orchkit.ui.plots.canvas import LINE, ORACLE_COLOUR, OTHER, PALETTE, SINGLE, STRATEGY
from orchkit.ui.plots.lettering import PLAIN, legend, short
from orchkit.ui.plots.placing import Box, name_points
from orchkit.ui.plots.tradeoff import NAMED, scale

#: Inches, and pixels an inch: half again those of the page, for sharp letters.
SIZE, DPI = (7.2, 4.3), 144
#: Share of the span that stays free around the points: room to move in without a new frame.
_MARGIN = 0.2
Standing = Mapping[str, float]


@dataclass(frozen=True)
class Scene:
    """What is to be seen: standings (quality with its interval, cost_per_1k) by name.

    `now` is the strategy that is being tried, `curve` what it comes to at other thresholds,
    `budget` a limit in USD per 1,000 prompts; with an equal `key` all but `now` and `budget` is
    equal.
    """

    now: tuple[str, Standing]
    singles: Mapping[str, Standing]
    others: Mapping[str, Standing]
    oracle: Standing | None = None
    curve: pd.DataFrame | None = None
    budget: float | None = None
    simulated: bool = False
    key: Any = None

    @property
    def title(self) -> str:
        """What is drawn, and whether answers are simulated."""
        return "Cost and quality" + (" (SIMULATED answers)" if self.simulated else "")


class Picture:
    """A figure that is drawn again and again: `draw` gives it as PNG.

    Layers: the frame, redrawn when something would lie outside; what stays while a threshold moves,
    redrawn when the scene's `key` changes; and what moves.
    """

    def __init__(self) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=SIZE, dpi=DPI)
        self._canvas: Any = FigureCanvasAgg(figure)
        self._ax = figure.add_axes((0.09, 0.26, 0.89, 0.67))
        self._frame: tuple[Any, ...] | None = None
        self._key: Any = None
        self._framed: Any = None
        self._settled: Any = None
        self._taken: list[Box] = []

    def draw(self, scene: Scene) -> bytes:
        """Return the picture of a scene as PNG."""
        frame = _frame(scene, self._frame)
        if frame != self._frame:
            self._draw_frame(scene, frame)
        if (frame, scene.key) != self._key:
            self._draw_still(scene)
            self._key = (frame, scene.key)
        self._canvas.restore_region(self._settled)
        self._stamp(_limit(self._ax, scene) + _point(self._ax, "now", scene.now[1]))
        box = _box(self._ax, scene.now[1])
        self._stamp(self._labels([("now", *scene.now)], [*self._taken, box]))
        return self._png()

    def _draw_frame(self, scene: Scene, frame: tuple[Any, ...]) -> None:
        """Draw what stays longest: axes, their numbers, the title and the legend."""
        self._frame, ax = frame, self._ax
        ax.clear()
        left, right, low, high = frame[1]
        scale(ax, pd.Series([left, right]))
        ax.set(xlim=(left, right), ylim=(low, high))
        ax.set_title(scene.title, **PLAIN)
        ax.set_xlabel("cost [USD per 1,000 prompts]")
        ax.set_ylabel("quality [mean score, 95 % interval]")
        ax.grid(alpha=0.25)
        samples = [_sample(ax, name) for name in frame[2]]
        legend(ax)
        for sample in samples:
            sample.remove()
        self._canvas.draw()
        self._framed = self._canvas.copy_from_bbox(ax.figure.bbox)

    def _draw_still(self, scene: Scene) -> None:
        """Draw what stays while a threshold moves, with its names."""
        self._canvas.restore_region(self._framed)
        points = _still(scene)
        artists = _lines(self._ax, scene)
        for kind, _, standing in points:
            artists += _point(self._ax, kind, standing)
        self._stamp(artists)
        self._taken = [_box(self._ax, standing) for _, _, standing in points]
        labels = self._labels(points, self._taken)
        self._taken += [label.get_window_extent().extents for label in labels]
        self._stamp(labels)
        self._settled = self._canvas.copy_from_bbox(self._ax.figure.bbox)

    def _labels(self, points: Sequence[tuple[str, str, Standing]], taken: list[Box]) -> list[Any]:
        told = [(short(name, 30), at["cost_per_1k"], at["quality"]) for _, name, at in points]
        return name_points(self._ax, told, taken, drop=len(told) > NAMED)

    def _stamp(self, artists: Sequence[Any]) -> None:
        """Draw artists where they are, and forget them."""
        for artist in artists:
            self._ax.draw_artist(artist)
            artist.remove()

    def _png(self) -> bytes:
        from PIL import Image

        size = self._canvas.get_width_height()
        image = Image.frombuffer("RGBA", size, self._canvas.buffer_rgba()).convert("RGB")
        with io.BytesIO() as file:
            image.save(file, "png", compress_level=1)
            return file.getvalue()


#: What a kind of thing looks like, and what the legend calls it.
_LOOK: Mapping[str, dict[str, Any]] = {
    "single": {"marker": "s", "color": SINGLE, "markersize": 6, "label": "single model"},
    "other": {"marker": "o", "color": OTHER, "markersize": 6, "label": "strategy"},
    "oracle": {"marker": "*", "color": ORACLE_COLOUR, "markersize": 11, "label": "oracle"},
    "now": {"marker": "o", "color": STRATEGY, "markersize": 10, "label": "this strategy"},
    "curve": {"color": STRATEGY, "linewidth": 1.2, "alpha": 0.7, "label": "at other thresholds"},
    "zero": {"color": LINE, "linewidth": 1.3, "linestyle": ":", "label": "zero router"},
    "budget": {"color": PALETTE[3], "linewidth": 1.3, "linestyle": "--", "label": "budget"},
}


def _still(scene: Scene) -> list[tuple[str, str, Standing]]:
    """Return every point that stays, the best first: its kind, name and place."""
    found = [("single", name, at) for name, at in scene.singles.items()]
    found += [("other", name, at) for name, at in scene.others.items()]
    found += [("oracle", "oracle", scene.oracle)] if scene.oracle else []
    return sorted(found, key=lambda each: -each[2]["quality"])


def _points(scene: Scene) -> list[tuple[str, str, Standing]]:
    """Return every point."""
    return [*_still(scene), ("now", *scene.now)]


def _sample(ax: Any, kind: str) -> Any:
    """Draw nothing, so that the legend knows the kind."""
    line = "none" if "marker" in _LOOK[kind] else "-"
    return ax.plot([], [], **{"linestyle": line, **_LOOK[kind]})[0]


def _kinds(scene: Scene) -> tuple[str, ...]:
    """Return what the legend names."""
    shown = dict.fromkeys(kind for kind, _, _ in _points(scene))
    lines = {"curve": scene.curve is not None, "zero": len(scene.singles) > 1}
    lines["budget"] = scene.budget is not None
    return (*shown, *(name for name, there in lines.items() if there))


def _frame(scene: Scene, last: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """Return title, limits and legend: the last ones as long as they still fit."""
    told = (scene.title, _kinds(scene))
    wanted, needed = _limits(scene, _MARGIN), _limits(scene, 0.01)
    if last is not None and (last[0], last[2]) == told and _fits(last[1], needed, wanted):
        return last
    return told[0], wanted, told[1]


def _fits(kept: Sequence[float], needed: Sequence[float], wanted: Sequence[float]) -> bool:
    """Whether limits hold all there is, without leaving most of the picture empty."""
    holds = kept[0] <= needed[0] and kept[1] >= needed[1]
    holds = holds and kept[2] <= needed[2] and kept[3] >= needed[3]
    tall = kept[3] - kept[2] > 2 * (wanted[3] - wanted[2])
    wide = kept[1] > 4 * wanted[1] or (wanted[0] > 0 and kept[0] < wanted[0] / 4)
    return bool(holds and not tall and not wide)


def _limits(scene: Scene, margin: float) -> tuple[float, float, float, float]:
    """Return left, right, low and high, with a share of the span around them."""
    places = [at for _, _, at in _points(scene)]
    costs = [at["cost_per_1k"] for at in places]
    lows, highs = zip(*map(_ends, places), strict=True)
    if scene.curve is not None:
        costs += [*scene.curve["cost_per_1k"].agg(["min", "max"])]
    span = max(highs) - min(lows) or 0.1
    low, high = min(lows) - margin * span / 2, max(highs) + margin * span / 2
    left, right = min(costs), max(costs)
    if left > 0 and right > 2 * left:
        reach = (right / left) ** margin
        return left / reach, right * reach, low, high
    reach = margin * ((right - left) or right or 1.0)
    return max(left - reach, -0.05 * right), right + reach, low, high


def _ends(at: Standing) -> tuple[float, float]:
    """Return the ends of a point's interval; the point itself where there is none."""
    ends = (at["quality_low"], at["quality_high"])
    return (at["quality"], at["quality"]) if any(map(math.isnan, ends)) else ends


def _lines(ax: Any, scene: Scene) -> list[Any]:
    """Draw the zero router, and what the strategy does at other thresholds."""
    found = list[Any]()
    if len(scene.singles) > 1:
        models = pd.DataFrame([*scene.singles.values()])
        mixed = zero_router(models, max(models["cost_per_1k"].max(), 1e-12))
        found += ax.plot(mixed["cost_per_1k"], mixed["quality"], **_LOOK["zero"])
    if scene.curve is not None:
        at = scene.curve
        found += ax.plot(at["cost_per_1k"], at["quality"], **_LOOK["curve"])
    return found


def _limit(ax: Any, scene: Scene) -> list[Any]:
    """Draw the budget, where it lies within the picture."""
    left, right = ax.get_xlim()
    if scene.budget is None or not left < scene.budget < right:
        return []
    line = ax.axvline(scene.budget, **_LOOK["budget"])
    told = ax.annotate(
        f"budget {usd(scene.budget)}", (scene.budget, 0.03), (4, 0), fontsize=9,
        xycoords=ax.get_xaxis_transform(), textcoords="offset points", color=PALETTE[3], **PLAIN,
    )  # fmt: skip
    return [line, told]


def _point(ax: Any, kind: str, at: Standing) -> list[Any]:
    """Draw a point and its interval."""
    look = {key: value for key, value in _LOOK[kind].items() if key != "label"}
    x, ends = at["cost_per_1k"], _ends(at)
    bar = ax.plot([x, x], ends, color=look["color"], linewidth=1, marker="_", markersize=6)
    return [*bar, *ax.plot([x], [at["quality"]], linestyle="none", **look)]


def _box(ax: Any, at: Standing) -> Box:
    """Return the space a point and its interval take, in pixels."""
    x, ends = at["cost_per_1k"], _ends(at)
    (left, low), (right, high) = ax.transData.transform([(x, end) for end in ends])
    return left - 8, low - 6, right + 8, high + 6
