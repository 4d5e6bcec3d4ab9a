"""What does not move with the threshold, worked out when models or prices do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from orchkit.lab.metrics import hull_value
from orchkit.lab.whatif import Compared, Recorded, Setting, Way, oracle_of
from orchkit.ui.board import views


class Still:
    """Models alone, other strategies, the oracle, and what each is shown to be."""

    def __init__(self, table: Recorded | Compared, setting: Setting) -> None:
        self._table, self._setting = table, setting
        self.singles, self.others = table.singles(setting), table.others(setting)
        self.ways = self.singles | self.others
        self.oracle = oracle_of([*self.singles.values()]) if len(self.singles) > 1 else None
        self._curves: dict[str, pd.DataFrame | None] = {}
        self._verdicts: dict[str, list[views.Row]] = {}

    def reference(self, name: str) -> Way:
        """Return what a strategy is held against, though it asks models that are not ticked."""
        every = replace(self._setting, strategy=name, models=self._table.models)
        return self.ways.get(name) or self._table.way(every)

    def curve(self, setting: Setting) -> pd.DataFrame | None:
        """Return what other thresholds come to, if the strategy has any."""
        if setting.strategy not in self._curves:
            self._curves[setting.strategy] = self._table.curve(setting)
        return self._curves[setting.strategy]

    def verdicts(self, reference: Way) -> list[views.Row]:
        """Return each with what is shown of it against the reference, and its kind."""
        if reference.name not in self._verdicts:
            kinds = dict.fromkeys(self.others, "other") | dict.fromkeys(self.singles, "single")
            told = [
                (way, views.verdict(way, reference), kinds[name]) for name, way in self.ways.items()
            ]
            told += [(self.oracle, "reads the truth", "oracle")] if self.oracle else []
            self._verdicts[reference.name] = told
        return self._verdicts[reference.name]

    def best(self, setting: Setting, limit: float | None) -> dict[str, Any]:
        """Return what to change to be at the best quality within a budget, if there is a way.

        The threshold, where there is one; of a comparison the strategy. The budget is in USD per
        1,000 prompts.
        """
        threshold = best_within(self.curve(setting), limit)
        if threshold is not None:
            return {"threshold": threshold}
        fitting = [
            way for way in self.others.values() if way.standing["cost_per_1k"] <= (limit or 0)
        ]
        if not fitting:
            return {}
        told = max(fitting, key=lambda way: (way.standing["quality"], -way.standing["cost_per_1k"]))
        return {"strategy": told.name}

    def mixed(self, at: Mapping[str, float]) -> float | None:
        """Return the quality of the best random mix of single models for the same money."""
        singles = [way.standing for way in self.singles.values()]
        costs, quality = ([each[of] for each in singles] for of in ("cost_per_1k", "quality"))
        if len(singles) < 2 or not min(costs) <= at["cost_per_1k"]:
            return None
        return float(hull_value(costs, quality, at["cost_per_1k"]))


def best_within(curve: pd.DataFrame | None, limit: float | None) -> float | None:
    """Return the threshold of the highest quality within a budget, of equals the cheapest.

    None without thresholds, without a budget (USD per 1,000 prompts), and where none is within it.
    """
    if curve is None or limit is None:
        return None
    fitting = curve[curve["cost_per_1k"] <= limit]
    ranked = fitting.sort_values(["quality", "cost_per_1k"], ascending=[False, True], kind="stable")
    return float(ranked["threshold"].iloc[0]) if len(ranked) else None
