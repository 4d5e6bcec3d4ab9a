"""What a board looks at: a recording, or a comparison, with the texts behind its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import pandas as pd

from orchkit.core.plans import Strategy
from orchkit.lab.asking import predictor
from orchkit.lab.experiment import label
from orchkit.lab.whatif import Compared, Recorded, Setting, Way
from orchkit.ui.comparison import Comparison
from orchkit.ui.excerpts import said
from orchkit.ui.learned import judge
from orchkit.ui.rebuilding import code
from orchkit.ui.recordings import ResponseMatrix
from orchkit.ui.session import SESSION

_ROUTE = "df.orch.route(strategy)  # or mat.compare([strategy])"


class Source(Protocol):
    """What a board needs to know of what it looks at."""

    @property
    def table(self) -> Recorded | Compared:
        """What settings come to."""

    @property
    def simulated(self) -> bool:
        """Whether any answer is the simulator's."""

    def prompt(self, place: int) -> str:
        """Return a judged prompt's text."""

    def answer(self, way: Way, place: int) -> str:
        """Return the text of the answer a way kept for a judged prompt."""

    def code(self, setting: Setting) -> str:
        """Return the code that stands for a setting."""


@dataclass(frozen=True)
class OfMatrix:
    """A recording: every setting can be tried."""

    matrix: ResponseMatrix

    @cached_property
    def table(self) -> Recorded:
        """What settings come to."""
        return Recorded(self.matrix, SESSION.offline_catalog(), predictor(judge(None)))

    @property
    def simulated(self) -> bool:
        """Whether any answer is the simulator's."""
        return self.matrix.simulated

    def prompt(self, place: int) -> str:
        """Return a judged prompt's text, or else its id."""
        at = self.table.place[place]
        return said(self._prompts.iloc[at], str(self._prompts.index[at]))

    def answer(self, way: Way, place: int) -> str:
        """Return the text of the answer a way kept."""
        frame, rows = self._cells
        row = rows[self.table.place[place], way.chosen[place]]
        return said(frame["response"].iloc[row], "(no text recorded)")

    def code(self, setting: Setting) -> str:
        """Return the strategy, and what replays it to the figures that are shown."""
        kept, changed = list(self.table.kept(setting)), _changed(setting)
        part = "mat"
        if setting.strategy == "cheapest" and len(kept) < len(self.table.models):
            part += f".subset(models={kept!r})"
            changed = {name: factor for name, factor in changed.items() if name in kept}
        part += f".reprice(times={changed!r})" if changed else ""
        last = _ROUTE if part == "mat" else f"{part}.compare([strategy])"
        return f"strategy = {code(self.table.strategy(setting))}\n{last}"

    @cached_property
    def _prompts(self) -> pd.Series[Any]:
        return self.matrix.prompts["prompt"]

    @cached_property
    def _cells(self) -> tuple[pd.DataFrame, Any]:
        return self.matrix.cell_rows(self.table.models)


@dataclass(frozen=True)
class OfComparison:
    """A comparison: its strategies as they were run."""

    comparison: Comparison

    @cached_property
    def table(self) -> Compared:
        """What its strategies came to."""
        beside = self.comparison.beside
        return Compared(beside.results, self.comparison.names, beside.singles)

    @property
    def simulated(self) -> bool:
        """Whether any answer is the simulator's."""
        return self.comparison.simulated

    def prompt(self, place: int) -> str:
        """Return a judged prompt's text, or else its number."""
        row = int(self.table.place[place])
        prompts = self.comparison.prompts
        if prompts is None or "prompt" not in prompts:
            return f"prompt {row}"
        return said(prompts["prompt"].iloc[row], f"prompt {row}")

    def answer(self, way: Way, place: int) -> str:
        """Return the text of the answer a strategy kept."""
        row = int(self.table.place[place])
        if way.name not in self._texts:
            return "(its text is in the recording)"
        return said(self._texts[way.name].get(row), "(no text recorded)")

    def code(self, setting: Setting) -> str:
        """Return the strategy, where it is known."""
        found = self._strategies.get(setting.strategy)
        told = f"# {setting.strategy!r}" if found is None else f"strategy = {code(found)}"
        changed = _changed(setting)
        return f"{told}\n# at prices times {changed!r}" if changed else told

    @cached_property
    def _strategies(self) -> dict[str, Strategy]:
        return {label(each): each for each in self.comparison.provenance.strategies}

    @cached_property
    def _texts(self) -> dict[str, pd.Series[Any]]:
        grouped = self.comparison.results.groupby("strategy", sort=False)
        return {str(name): own.set_index("row")["response"] for name, own in grouped}


def _changed(setting: Setting) -> dict[str, float]:
    """Return by what prices are multiplied that are not as they were."""
    return {name: factor for name, factor in setting.factors.items() if factor != 1}
