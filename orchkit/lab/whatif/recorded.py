"""What a recording would have come to under any setting: column arithmetic, at once.

Equal to replaying the strategy row by row, at other prices too (`Matrix.reprice(times=...)`): what
strategies choose by are the catalog's prices, as in any replay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchkit.core.calls import Params
from orchkit.core.catalog import Catalog, Model
from orchkit.core.strategies import AgreeThenEscalate, Cheapest, Ensemble, Fallback
from orchkit.errors import ParameterError
from orchkit.lab.arrays import Arrays, Ints, arrays_of
from orchkit.lab.asking import Predict
from orchkit.lab.cataloguing import arranged, models_of
from orchkit.lab.matrix import Matrix
from orchkit.lab.metrics import pareto
from orchkit.lab.sweeping import Binned, binned, by_cost, sweep_frame, swept
from orchkit.lab.voting import Ballots, ballots_of
from orchkit.lab.whatif.choosing import WAYS
from orchkit.lab.whatif.settings import Setting
from orchkit.lab.whatif.way import Way

#: The thresholds of a curve.
LIMITS = np.arange(101) / 100  # as they are written: `linspace` is off in the last digit of ten


@dataclass(frozen=True)
class Recorded:
    """A recording to try settings on.

    Parameters
    ----------
    matrix : Matrix
    listed : Catalog
        What is known of models; `catalog` is what that says of those recorded.
    predict : callable
        Texts -> tiers, for ``"cheapest"``.

    Raises
    ------
    MatrixError
        For no prompt quality and cost of all models are known.
    """

    matrix: Matrix
    listed: Catalog
    predict: Predict

    def __post_init__(self) -> None:
        _ = self._arrays  # what is wrong with the recording is told here

    @property
    def strategies(self) -> tuple[str, ...]:
        """Strategies by their short names, in the order they are offered."""
        return tuple(WAYS)

    @property
    def models(self) -> tuple[str, ...]:
        """The models, the cheapest first."""
        return self._arrays.models

    @property
    def place(self) -> Ints:
        """Positions in the recording of the prompts that are judged."""
        return self._arrays.place

    @property
    def left_out(self) -> int:
        """Prompts for which not all is known."""
        return self._arrays.left_out

    def start(self) -> Setting:
        """Return the setting to begin with: what ``"fallback"`` is here.

        Where its default chain is one model, over the models that no other beats.
        """
        chain = tuple(name for name in self.models if name in self.catalog.ladder())
        if len(chain) > 1:
            return Setting("fallback", chain)
        ways = list(self.singles(Setting("fallback", self.models)).values())
        cost, quality = ([way.standing[of] for way in ways] for of in ("cost_per_1k", "quality"))
        kept = np.array(self.models)[pareto(cost, quality)].tolist()
        return Setting("fallback", tuple(kept if len(kept) > 1 else self.models[:3]))

    def kept(self, setting: Setting) -> tuple[str, ...]:
        """Return the setting's models, the cheapest at its prices first."""
        spent = self._arrays.cost.sum(axis=0) * np.array(setting.factors_of(self.models))
        ranked = (self.models[at] for at in np.argsort(spent, kind="stable"))
        return tuple(name for name in ranked if name in setting.models)

    def way(self, setting: Setting) -> Way:
        """Return what each prompt comes to.

        Raises ParameterError for too few models, and for a strategy that is not among these.
        """
        kept = self.kept(setting)
        if setting.strategy not in self.strategies:
            raise ParameterError(
                f"strategy is {setting.strategy!r}; it can be {', '.join(self.strategies)}."
            )
        least = {"agree": 3, "ensemble": 2}.get(setting.strategy, 1)
        if len(kept) < least:
            raise ParameterError(f"{setting.strategy} needs {least} models or more; tick another.")
        arrays = self._priced(setting.factors_of(self.models))
        columns = np.array([arrays.column(name) for name in kept])
        chosen, asked = WAYS[setting.strategy](self, arrays, columns, setting)
        rows = np.arange(len(arrays))
        alike = setting.strategy in self.models
        return Way(
            f"{setting.strategy} (strategy)" if alike else setting.strategy,
            self.models,
            arrays.quality[rows, chosen],
            chosen,
            asked,
            arrays.cost,
        )

    def singles(self, setting: Setting) -> dict[str, Way]:
        """Return each model alone, at the setting's prices."""
        arrays = self._priced(setting.factors_of(self.models))
        return {name: _single(arrays, at) for at, name in enumerate(self.models)}

    def others(self, _: Setting) -> dict[str, Way]:
        """Return no further strategies: each can be chosen."""
        return {}

    def curve(self, setting: Setting) -> pd.DataFrame | None:
        """Return what a fallback comes to at 101 thresholds; None for what has no threshold."""
        kept = self.kept(setting)
        if setting.strategy != "fallback" or not kept:
            return None
        arrays = self._priced(setting.factors_of(self.models))
        table = replace(self._binned, arrays=arrays)
        return sweep_frame(swept(table, kept), kept, binary=arrays.binary)

    def strategy(self, setting: Setting) -> Any:
        """Return the strategy a setting stands for, to route with."""
        kept = self.kept(setting)
        made: Mapping[str, Callable[[], Any]] = {
            "fallback": lambda: Fallback(chain=kept, threshold=setting.threshold),
            "cheapest": Cheapest,
            "ensemble": lambda: Ensemble(models=kept),
            "agree": lambda: AgreeThenEscalate(kept[:-1], kept[-1]),
        }
        return made[setting.strategy]()

    @cached_property
    def _arrays(self) -> Arrays:
        found = arrays_of(self.matrix, self.matrix.models)
        order = [found.column(name) for name in by_cost(found)]
        return replace(
            found,
            models=tuple(found.models[at] for at in order),
            quality=np.asfortranarray(found.quality[:, order]),
            cost=np.asfortranarray(found.cost[:, order]),
            rank=np.asfortranarray(found.rank[:, order]),
            usable=np.asfortranarray(found.usable[:, order]),
        )

    @cached_property
    def _binned(self) -> Binned:
        return binned(self._arrays, LIMITS)

    @cached_property
    def ballots(self) -> Ballots:
        """What each answer comes down to, and how much its model's word counts."""
        return ballots_of(self.matrix, self._arrays, self.catalog)

    @cached_property
    def catalog(self) -> Catalog:
        """The models recorded, with tiers and prices."""
        return self.matrix.catalog(self.listed)

    def among(self, models: Sequence[str], setting: Setting) -> Catalog:
        """Return the catalog of a recording of these models alone, at the setting's costs.

        Which are the defaults, and where models nobody knows stand, depends on who is there. Those
        that are known keep their listed prices, as in any replay.
        """
        kept = {name: model for name, model in self._recorded.items() if name in models}
        for name in self._unlisted & set(kept):
            kept[name] = _times(kept[name], setting.factors.get(name, 1.0))
        return arranged(kept, self.listed)

    @cached_property
    def _recorded(self) -> dict[str, Model]:
        return models_of(self.matrix.frame, self.listed)

    @cached_property
    def _unlisted(self) -> set[str]:
        return {name for name in self.models if name not in self.listed}

    @cached_property
    def tiers(self) -> NDArray[Any]:
        """The rank of each prompt's tier."""
        asked = self.matrix.queries(self.predict, Params())
        return np.array([query.tier.rank for query in asked])[self.place]

    @cached_property
    def _last(self) -> dict[tuple[float, ...], Arrays]:
        return {}

    def _priced(self, factors: tuple[float, ...]) -> Arrays:
        """Return the arrays at these prices; those of the last ones are kept."""
        if factors not in self._last:
            self._last.clear()
            cost = np.rint(self._arrays.cost * np.array(factors)).astype(np.int64)
            self._last[factors] = replace(self._arrays, cost=np.asfortranarray(cost))
        return self._last[factors]


def _times(model: Model, factor: float) -> Model:
    """Return a model at so many times its prices."""
    rates = [
        replace(each, input=each.input * factor, output=each.output * factor)
        for each in model.rates
    ]
    return replace(model, rates=tuple(rates))


def _single(arrays: Arrays, column: int) -> Way:
    """Return one model alone."""
    asked = np.zeros(arrays.cost.shape, dtype=bool)
    asked[:, column] = True
    chosen = np.full(len(arrays), column)
    name = arrays.models[column]
    quality, spent = arrays.quality[:, column], arrays.cost[:, column]
    return Way(name, arrays.models, quality, chosen, asked, arrays.cost, spent)
