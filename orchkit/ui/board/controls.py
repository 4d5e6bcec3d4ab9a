"""The board's controls, and the setting they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ipywidgets as widgets

from orchkit.lab.whatif import Compared, Recorded, Setting

#: What begins a formula in a widget's label looks the same, and begins none.
_NO_FORMULA = str.maketrans(
    {"$": "\N{FULLWIDTH DOLLAR SIGN}", "\\": "\N{FULLWIDTH REVERSE SOLIDUS}"}
)
_WIDE = {"description_width": "66px"}


class Controls:
    """What can be changed, as widgets; `listen` is told of every change.

    Attributes
    ----------
    strategy, against : Dropdown
    threshold : FloatSlider
    budget : BoundedFloatText
        USD per 1,000 prompts; 0 is none.
    models : dict of str to Checkbox
    prices : dict of str to FloatLogSlider
        By what a model's prices are multiplied.
    best, reset : Button
    """

    def __init__(self, table: Recorded | Compared, references: Sequence[str]) -> None:
        self._start, self._reference = table.start(), references[0]
        self._changed: Callable[[Any], None] = lambda _: None
        self._held = False
        self.strategy = widgets.Dropdown(
            options=table.strategies, description="strategy", style=_WIDE
        )
        self.against = widgets.Dropdown(options=references, description="against", style=_WIDE)
        self.threshold = widgets.FloatSlider(
            min=0, max=1, step=0.01, description="threshold", readout_format=".2f", style=_WIDE,
            tooltip="escalate while confidence is below it",
        )  # fmt: skip
        self.budget = widgets.BoundedFloatText(
            min=0, max=1e9, step=0.1, description="budget", style=_WIDE,
            tooltip="USD per 1,000 prompts; 0 is none",
        )  # fmt: skip
        self.best = widgets.Button(
            description="best within budget", tooltip="go to the best within the budget"
        )
        self.reset = widgets.Button(description="reset", tooltip="all as it was at first")
        self.models = {name: _ticked(name) for name in table.models}
        self.prices = {name: _times(name) for name in table.models}
        self.put(self._start)
        self.reset.on_click(lambda _: self.put(self._start, fresh=True))

    def put(self, setting: Setting, *, fresh: bool = False) -> None:
        """Show a setting, as one change; `fresh` also forgets budget and reference."""
        self._held = True
        try:
            self.strategy.value, self.threshold.value = setting.strategy, setting.threshold
            for name, box in self.models.items():
                box.value, self.prices[name].value = name in setting.models, 1.0
            if fresh:
                self.budget.value, self.against.value = 0, self._reference
        finally:
            self._held = False
        self._tell()

    @property
    def setting(self) -> Setting:
        """The setting they stand for."""
        kept = tuple(name for name, box in self.models.items() if box.value)
        factors = {name: round(slider.value, 3) for name, slider in self.prices.items()}
        return Setting(self.strategy.value, kept, round(self.threshold.value, 4), factors)

    @property
    def limit(self) -> float | None:
        """The budget in USD per 1,000 prompts, if there is one."""
        return self.budget.value or None

    def listen(self, changed: Callable[[Any], None]) -> None:
        """Have a function called whenever a value changes."""
        self._changed = changed
        for control in self._all():
            control.observe(self._tell, "value")

    def _tell(self, change: Any = None) -> None:
        if not self._held:
            self._changed(change)

    def _all(self) -> Iterator[Any]:
        yield from (self.strategy, self.against, self.threshold, self.budget)
        yield from (*self.models.values(), *self.prices.values())

    def shown(self) -> widgets.VBox:
        """Return them laid out, from top to bottom."""
        unit = widgets.Label("USD per 1,000 prompts, 0 for none")
        head = widgets.Label("models, and times their prices")
        rows = [
            widgets.HBox([self.models[name], self.prices[name]], layout={"overflow": "hidden"})
            for name in self.models
        ]
        list_ = widgets.VBox(rows, layout={"max_height": "260px", "overflow": "hidden auto"})
        buttons = widgets.HBox([self.best, self.reset])
        top = [self.strategy, self.against, self.threshold, self.budget, unit, buttons, head]
        return widgets.VBox([*top, list_], layout={"flex": "0 0 320px"})


def _ticked(name: str) -> widgets.Checkbox:
    """Return the box that says whether a model may be asked."""
    told = name.translate(_NO_FORMULA)
    return widgets.Checkbox(description=told, indent=False, tooltip=name, layout={"width": "140px"})


def _times(name: str) -> widgets.FloatLogSlider:
    """Return the slider by which a model's prices are multiplied."""
    return widgets.FloatLogSlider(
        value=1, base=10, min=-2, max=1, step=0.05, readout_format=".2f",
        description="×", style={"description_width": "14px"}, layout={"width": "172px"},
        tooltip=f"times the prices of {name}",
    )  # fmt: skip
