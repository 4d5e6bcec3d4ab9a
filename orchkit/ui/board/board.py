"""Dashboard: one picture and three tables that follow the controls beside them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets as widgets

from orchkit.errors import ParameterError
from orchkit.lab.whatif import Setting, Way
from orchkit.ui.board import views
from orchkit.ui.board.controls import Controls
from orchkit.ui.board.picture import Picture, Scene
from orchkit.ui.board.sources import Source
from orchkit.ui.board.still import Still
from orchkit.ui.markup import block, text
from orchkit.ui.money import usd
from orchkit.ui.terminal import harmless

_CHOSEN_HERE = (
    "What is chosen by looking at these prompts looks better than it is: choose on one half "
    "(mat.split), and compare on the other."
)
_PICTURE = '<img alt="{}" style="max-width:100%;width:720px" src="data:image/png;base64,{}">'


class Dashboard(widgets.VBox):  # type: ignore[misc] # ipywidgets ships no types
    """What any setting of a recording, or of a comparison, comes to: see `orchkit.dashboard`.

    Attributes
    ----------
    source : Source
        What is looked at.
    controls : Controls
        The widgets, by name; setting their values redraws the board.
    picture : bytes
        The picture of cost and quality, as PNG.
    code : str
        The lines that stand for what is shown.
    """

    def __init__(self, source: Source) -> None:
        self.source, self._figure = source, Picture()
        self.controls = Controls(source.table, _references(source))
        self._still: dict[Any, Still] = {}
        self._summary = ""
        self._image = widgets.Image(format="png", layout={"width": "100%", "max_width": "720px"})
        self._told, self._flow, self._verdicts, self._rows = (widgets.HTML() for _ in range(4))
        self._code = widgets.Textarea(
            description="export", rows=3, layout={"width": "100%"},
            tooltip="the code that stands for this strategy",
        )  # fmt: skip
        right = widgets.VBox([self._told, self._image], layout={"flex": "1 1 440px"})
        top = widgets.HBox([self.controls.shown(), right], layout={"flex_flow": "row wrap"})
        super().__init__([top, self._flow, self._verdicts, self._rows, self._code])
        self.controls.listen(self._redraw)
        self.controls.best.on_click(self._take_best)
        self._redraw()

    @property
    def setting(self) -> Setting:
        """What the controls stand for."""
        return self.controls.setting

    @property
    def picture(self) -> bytes:
        """The picture of cost and quality, as PNG."""
        return bytes(self._image.value)

    @property
    def code(self) -> str:
        """The lines that stand for what is shown."""
        return str(self._code.value)

    def _redraw(self, _: Any = None) -> None:
        """Show what the controls now stand for, or why that cannot be."""
        setting = self.setting
        try:
            now = self.source.table.way(setting)
        except ParameterError as error:
            return self._show_why_not(str(error))
        still = self._unmoved(setting)
        reference = still.reference(self.controls.against.value)
        self._image.value = self._figure.draw(self._scene(setting, now, still))
        self._image.layout.display = None
        self._show_words(setting, now, reference, still)
        self.controls.threshold.disabled = still.curve(setting) is None
        self.controls.best.disabled = not still.best(setting, self.controls.limit)
        self._code.value = self.source.code(setting)
        return None

    def _show_why_not(self, why: str) -> None:
        """Say why a setting cannot be; show nothing of another one."""
        self._summary, self._told.value = why, views.paragraph(why)
        self._image.layout.display, self._image.value = "none", b""
        for part in (self._flow, self._verdicts, self._rows, self._code):
            part.value = ""

    def _show_words(self, setting: Setting, now: Way, reference: Way, still: Still) -> None:
        """Show all but the picture."""
        shown = views.verdict(now, reference)
        lines = self._lines(setting, now, shown, still)
        self._summary, self._told.value = lines[0], views.paragraph(*lines)
        self._flow.value = block(views.flow(now))
        others = still.verdicts(reference)
        self._verdicts.value = block(views.standings((now, shown), others, reference.name))
        prompt, answer = self.source.prompt, self.source.answer
        self._rows.value = block(views.disagreements(now, reference, prompt, answer))

    def _unmoved(self, setting: Setting) -> Still:
        """Return what does not move with the threshold."""
        table = self.source.table
        key = (setting.models, setting.factors_of(table.models))
        if key not in self._still:
            self._still = {key: Still(table, setting)}
        return self._still[key]

    def _scene(self, setting: Setting, now: Way, still: Still) -> Scene:
        factors = setting.factors_of(self.source.table.models)
        return Scene(
            (now.name, now.standing),
            {name: way.standing for name, way in still.singles.items() if name != now.name},
            {name: way.standing for name, way in still.others.items() if name != now.name},
            still.oracle.standing if still.oracle else None,
            still.curve(setting),
            self.controls.limit,
            self.source.simulated,
            key=(setting.strategy, setting.models, factors),
        )

    def _lines(self, setting: Setting, now: Way, shown: str, still: Still) -> list[str]:
        """Return what is to be read first: how it stands, what it gains, whether it is paid for."""
        at, mixed, limit = now.standing, still.mixed(now.standing), self.controls.limit
        moved = still.curve(setting) is not None
        name = f"{setting.strategy} at {setting.threshold:.2f}" if moved else setting.strategy
        spent = f"{usd(at['cost_per_1k'])} per 1,000 prompts"
        lines = [f"{name}: {views.interval(at)} for {spent}; {shown}."]
        if mixed is not None:
            gain = f"{100 * mixed:.1f} %: {100 * (at['quality'] - mixed):+.1f} pt"
            lines += [f"For the same money the best random mix of all models comes to {gain}."]
        if limit is not None:
            lines += [_within(at["cost_per_1k"], limit, still.best(setting, limit))]
        return [*lines, f"{self._size(now)}. {_CHOSEN_HERE}"]

    def _size(self, now: Way) -> str:
        """Return what the numbers rest on."""
        table = self.source.table
        made_up = ", SIMULATED answers" if self.source.simulated else ""
        missing = f"; {table.left_out:,} more left out, of which not all is known"
        more = missing if table.left_out else ""
        return f"{len(now):,} prompts × {len(table.models)} models{made_up}{more}"

    def _take_best(self, _: Any = None) -> None:
        """Go to the best within the budget: the threshold, of a comparison the strategy."""
        best = self._unmoved(self.setting).best(self.setting, self.controls.limit)
        for name, value in best.items():
            getattr(self.controls, name).value = value

    def close(self) -> None:
        """Take the board off the page; until then ipywidgets keeps it, and what it looks at."""
        for part in (self, *_parts(self)):
            widgets.Widget.close(part)

    def __repr__(self) -> str:
        return f"Dashboard({' '.join(harmless(self._summary).split())})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Return the widget, and for pages without a kernel the same as a still picture."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        png = base64.b64encode(self.picture).decode()
        shown = _PICTURE.format(text(self._summary), png) if png else ""
        code = f'<pre style="white-space:pre-wrap;overflow-wrap:anywhere">{text(self.code)}</pre>'
        tables = (self._flow.value, self._verdicts.value, self._rows.value)
        return {
            "text/plain": repr(self),
            "text/html": block(self._told.value, shown, *tables, code),
            "application/vnd.jupyter.widget-view+json": view,
        }


def _parts(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """Yield the widgets that a widget is made of, with their looks."""
    for name in widget.keys:
        value = getattr(widget, name)
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, widgets.Widget):
                yield each
                yield from _parts(each)


def _within(cost: float, limit: float, best: Mapping[str, Any]) -> str:
    """Return how the budget is kept, and what would be best within it."""
    over = f"Over the budget by {100 * (cost / limit - 1):.0f} %"
    told = over if cost > limit else "Within the budget"
    (name, value), *_ = best.items() or [("", None)]
    found = f"{value:.2f}" if isinstance(value, float) else value
    return f"{told}; the best {name} within it is {found}." if best else f"{told}."


def _references(source: Source) -> list[str]:
    """Return what a strategy can be held against: models, then strategies, the strongest first."""
    start = source.table.start()
    return [*_ranked(source.table.singles(start)), *_ranked(source.table.others(start))]


def _ranked(ways: Mapping[str, Way]) -> list[str]:
    """Return names, the best quality first, of equals the cheapest."""
    told = {name: way.standing for name, way in ways.items()}
    return sorted(
        told, key=lambda name: (-round(told[name]["quality"], 9), told[name]["cost_per_1k"])
    )
