"""How a comparison came about: who was asked, with what settings, at whose prices, and when."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import pandas as pd

from orchkit.core.calls import Usage
from orchkit.core.catalog import NANO, Catalog, Model
from orchkit.core.plans import Strategy
from orchkit.errors import UnknownModelError
from orchkit.lab.experiment import same
from orchkit.ui.rebuilding import code

#: Costs that differ by no more are the same: recordings hold floats.
_CLOSE = 1.0 / NANO


@dataclass(frozen=True)
class Provenance:
    """What a comparison does not say of itself.

    Parameters
    ----------
    strategies : sequence of Strategy
        What was compared, in order.
    catalog : Catalog, optional
        The models and prices of the day.
    asked : mapping
        Settings of the run, by name; those that nobody set are as by default.
    replayed : bool
        Whether answers are those of a recording.
    times : Series, optional
        When answers were recorded: times in UTC, or ISO 8601; None where nobody kept it.
    """

    strategies: Sequence[Strategy] = ()
    catalog: Catalog | None = field(default=None, repr=False)
    asked: Mapping[str, object] = field(default_factory=dict)
    replayed: bool = False
    times: pd.Series[Any] | None = field(default=None, repr=False)

    def settings(self) -> str:
        """Return the settings that somebody set, in words."""
        told = [
            f"{name}={code(value)}"
            for name, value in self.asked.items()
            if not same(value, _USUAL.get(name))
        ]
        return ", ".join(told) or "as by default"

    def answered(self, results: pd.DataFrame) -> pd.Series[Any]:
        """Return when answers were given, in UTC, as far as anybody kept it."""
        kept = self.times if self.replayed else results["timestamp"]
        if kept is None or pd.api.types.is_numeric_dtype(kept):
            return pd.Series(dtype="datetime64[us, UTC]")
        return pd.to_datetime(kept, utc=True, errors="coerce", format="ISO8601").dropna()

    def prices(self, results: pd.DataFrame) -> pd.DataFrame:
        """Return one row a model that was asked: its prices, of when and by whom, and their use.

        `fits` counts the calls whose cost is these prices times their tokens: of a recording that
        was made at other prices, or priced by somebody else, it is not all of them.
        """
        calls = pd.DataFrame(_calls(results), columns=["model", "cost", "input", "output"])
        rows = [self._price(str(name), own) for name, own in calls.groupby("model", sort=False)]
        return pd.DataFrame(rows, columns=list(_PRICE)).set_index("model")

    def _price(self, name: str, calls: pd.DataFrame) -> dict[str, object]:
        model = self._known(name)
        told: dict[str, object] = dict.fromkeys(_PRICE, "unknown")
        told |= {"model": name, "calls": f"{len(calls):,}"}
        if model is None or not model.priced:
            return told | {"fits": "-"}
        fits = sum(_fits(model, *call) for call in calls[["cost", "input", "output"]].to_numpy())
        return told | {
            "input": f"{model.input_price:g}",
            "output": f"{model.output_price:g}",
            "as of": model.as_of or "unknown",
            "source": model.source or "unknown",
            "fits": f"{fits:,}",
        }

    def _known(self, name: str) -> Model | None:
        try:
            return self.catalog[name] if self.catalog else None
        except UnknownModelError:
            return None


#: Settings that are not None by default.
_USUAL: Mapping[str, object] = {"prompt": "prompt", "reference": "reference", "cache": True}
#: Columns of `prices`.
_PRICE = ("model", "input", "output", "as of", "source", "calls", "fits")


def versions() -> str:
    """Return what this was made with."""
    packages = ("orchkit", "pandas", "numpy", "scipy", "matplotlib")
    told = [f"{name} {version(name)}" for name in packages]
    return ", ".join([*told[:1], f"Python {platform.python_version()}", *told[1:]])


def _calls(results: pd.DataFrame) -> Iterator[tuple[str, float, int, int]]:
    """Yield every call that was answered: its model, USD and tokens."""
    for cell in results["metadata"]:
        for call in cell.get("calls", ()):
            if call["error"] is None and call["cost"] is not None:
                yield call["model"], call["cost"], call["input_tokens"], call["output_tokens"]


def _fits(model: Model, cost: float, taken: float, given: float) -> bool:
    worked = model.cost(Usage(int(taken), int(given)))
    return worked is not None and abs(worked / NANO - cost) < _CLOSE
