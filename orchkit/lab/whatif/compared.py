"""What a comparison would have come to at other prices: its strategies as they were run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from orchkit.core.calls import Kind
from orchkit.core.catalog import NANO
from orchkit.errors import MatrixError, ParameterError
from orchkit.lab.arrays import Ints
from orchkit.lab.summary import common
from orchkit.lab.whatif.settings import Setting
from orchkit.lab.whatif.way import Way

#: Models and USD, call by call.
Calls = list[tuple[str, float]]
#: Columns that are read.
_NEEDED = ("strategy", "row", "quality", "cost", "model_used", "metadata")


@dataclass(frozen=True)
class Compared:
    """Tidy results of several strategies to look at.

    Parameters
    ----------
    results : DataFrame
        Tidy: strategy, row, quality, cost (USD), model_used, metadata; of single models that were
        only recorded, strategy, row, quality and cost.
    names : sequence of str
        The strategies that were compared.
    alone : sequence of str
        The strategies that are one model each.

    Raises
    ------
    MatrixError
        For no prompt quality and cost of all strategies are known.
    """

    results: pd.DataFrame
    names: Sequence[str]
    alone: Sequence[str]

    def __post_init__(self) -> None:
        if not len(self.place):
            raise MatrixError(
                "For no prompt quality and cost of all strategies are known, so there is nothing "
                "to hold against each other. Compare with references, or score the responses; "
                "give costs (mat.reprice)."
            )

    @property
    def strategies(self) -> tuple[str, ...]:
        """Strategies by their labels, in the order they are offered."""
        return tuple(self.names)

    @cached_property
    def place(self) -> Ints:
        """Positions of the prompts that are judged."""
        return np.array(sorted(self._kept["row"].unique()), dtype=np.int64)

    @property
    def left_out(self) -> int:
        """Prompts of which not all is known."""
        return int(self.results["row"].nunique()) - len(self.place)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that were asked, the cheapest call first."""
        return self._told[0]

    def start(self) -> Setting:
        """Return the setting to begin with."""
        return Setting(self.names[0], self.models)

    def way(self, setting: Setting) -> Way:
        """Return what each prompt came to, at the setting's prices.

        Raises ParameterError for a strategy that asked a model that is not among the setting's.
        """
        found = self._ways.get(setting.strategy)
        if found is None:
            known = ", ".join(self.names)
            raise ParameterError(f"strategy is {setting.strategy!r}; it can be {known}.")
        unwanted = [m for m in self._asked(found) if m not in setting.models]
        if unwanted:
            able = [name for name in self.names if self._may(name, setting)]
            instead = f", or choose {' or '.join(able)}" if able else ""
            raise ParameterError(
                f"{setting.strategy} asked {', '.join(unwanted)}; tick it{instead}."
            )
        return replace(found, costs=found.costs * np.array(setting.factors_of(self.models)))

    def singles(self, setting: Setting) -> dict[str, Way]:
        """Return each model alone, at the setting's prices."""
        every = replace(setting, models=self.models)
        return {name: self.way(replace(every, strategy=name)) for name in self.alone}

    def others(self, setting: Setting) -> dict[str, Way]:
        """Return the strategies that asked none but the setting's models."""
        told = (name for name in self.names if name not in self.alone)
        return {
            name: self.way(replace(setting, strategy=name))
            for name in told
            if self._may(name, setting)
        }

    def curve(self, _: Setting) -> pd.DataFrame | None:
        """Return None: what was run has no threshold to move."""
        return None

    @cached_property
    def _kept(self) -> pd.DataFrame:
        judged = common(self.results)
        unknown = judged[["quality", "cost"]].isna().any(axis=1)
        judged = judged[[name for name in _NEEDED if name in judged]]
        return judged[~judged["row"].isin(judged.loc[unknown, "row"])]

    @property
    def _ways(self) -> Mapping[str, Way]:
        return self._told[1]

    @cached_property
    def _told(self) -> tuple[tuple[str, ...], Mapping[str, Way]]:
        """The models and the ways, in one go: their calls, one by one, fill much memory."""
        grouped = self._kept.groupby("strategy", sort=False)
        rows = {str(name): own.set_index("row").loc[self.place] for name, own in grouped}
        calls = {name: _calls_of(name, own) for name, own in rows.items()}
        models = _by_price(calls.values())
        ways = {name: _way(name, models, own, calls[name]) for name, own in rows.items()}
        return models, ways

    def _may(self, name: str, setting: Setting) -> bool:
        """Whether a strategy asked none but the setting's models."""
        return set(self._asked(self._ways[name])) <= set(setting.models)

    def _asked(self, way: Way) -> list[str]:
        return [self.models[at] for at in np.flatnonzero(way.asked.any(axis=0))]


def _by_price(calls: Iterable[Sequence[Calls]]) -> tuple[str, ...]:
    """Return the models that were called, the cheapest call first."""
    made = [call for own in calls for row in own for call in row]
    table = pd.DataFrame(made, columns=["model", "cost"])
    return tuple(table.groupby("model")["cost"].mean().sort_values(kind="stable").index)


def _way(name: str, models: tuple[str, ...], own: pd.DataFrame, calls: Sequence[Calls]) -> Way:
    """Return what a strategy did, as arrays."""
    column = {model: at for at, model in enumerate(models)}
    paid = np.zeros((len(own), len(models)))
    asked = np.zeros(paid.shape, dtype=bool)
    for row, made in enumerate(calls):
        for model, cost in made:
            paid[row, column[model]] += cost * NANO
            asked[row, column[model]] = True
    chosen = np.array([column.get(model, -1) for model in _used(name, own)], dtype=np.int64)
    quality = own["quality"].to_numpy(dtype=float)
    return Way(name, models, quality, chosen, asked, np.rint(paid))


def _noted(own: pd.DataFrame) -> pd.Series[Any]:
    """Return what was noted of each row; nothing of models that were only recorded."""
    return own["metadata"] if "metadata" in own else pd.Series(None, own.index, dtype=object)


def _used(name: str, own: pd.DataFrame) -> list[Any]:
    """Return whose answer each row kept: as noted, or the model that was only recorded."""
    if "model_used" not in own:
        return [name] * len(own)
    told = zip(_noted(own), own["model_used"], strict=True)
    return [used if isinstance(cell, dict) else name for cell, used in told]


def _calls_of(name: str, own: pd.DataFrame) -> list[Calls]:
    """Return the calls of each row that were made: as noted, or of a model alone the one it is."""
    return [
        [(str(call["model"]), _dollars(call["cost"])) for call in cell["calls"] if _made(call)]
        if isinstance(cell, dict)
        else [(name, float(cost))]
        for cell, cost in zip(_noted(own), own["cost"], strict=True)
    ]


def _made(call: dict[str, Any]) -> bool:
    """Whether a model was asked: what does not fit a limit is never sent."""
    return not str(call.get("error")).startswith(f"{Kind.BudgetExceeded.name}:")


def _dollars(cost: Any) -> float:
    return float("nan") if cost is None else float(cost)
