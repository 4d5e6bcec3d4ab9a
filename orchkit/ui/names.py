"""The only place where ``"cheapest"`` becomes ``Cheapest()``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchkit.core.catalog import Catalog, model_names
from orchkit.core.confidence import Signal
from orchkit.core.plans import Strategy
from orchkit.core.strategies import Cheapest, Ensemble, Fallback, Single
from orchkit.errors import ParameterError, UnknownNameError, did_you_mean
from orchkit.ui import plugins

BUILT_IN = ("cheapest", "fallback", "ensemble")


def strategy(
    named: str | Strategy,
    catalog: Catalog,
    *,
    chain: Sequence[str] | None = None,
    threshold: float = 0.6,
    ensemble_size: int = 3,
    confidence: Signal | None = None,
) -> Strategy:
    """Return the strategy of that name with these settings, or the object itself.

    A model's name stands for ``Single(model)``. Raises UnknownNameError for a name nobody knows,
    ParameterError for settings that are out of range or that an object already carries.
    """
    if confidence is not None and not callable(confidence):
        raise ParameterError(
            f"confidence is {confidence!r:.60}; it must be a function (query, response) -> [0, 1]."
        )
    ladder = Fallback(None if chain is None else model_names(chain), threshold, confidence)
    group = Ensemble(ensemble_size, ladder.chain, confidence=confidence)
    if not isinstance(named, str):
        return _as_is(named, changed=(ladder, group) != (Fallback(), Ensemble()))
    made: Mapping[str, Callable[[], Strategy]] = {
        "cheapest": lambda: Cheapest(confidence),
        "fallback": lambda: ladder,
        "ensemble": lambda: _fitting(group, catalog),
    }
    if named == "cheapest" and chain is not None:
        raise ParameterError("cheapest takes no chain; use strategy='fallback' with it.")
    if named in made:
        return made[named]()
    if named in catalog:
        return Single(catalog[named].name, confidence)
    return _plugged(named, catalog)


def _fitting(group: Ensemble, catalog: Catalog) -> Ensemble:
    """Return the ensemble, smaller where nobody asked for a size and fewer models are there."""
    fewer = 0 < len(catalog.pool) < Ensemble.size and group.size == Ensemble.size
    return replace(group, size=len(catalog.pool)) if fewer else group


def _as_is(given: Any, *, changed: bool) -> Strategy:
    if not _plans(given):
        raise ParameterError(
            f"strategy={given!r:.60} is neither a name ({', '.join(BUILT_IN)}) nor an object with "
            "a plan(query, catalog)."
        )
    if changed:
        raise ParameterError(
            "chain, threshold, ensemble_size and confidence belong to a named strategy; "
            f"set them on the object instead: {type(given).__name__}(...)."
        )
    strategy: Strategy = given() if isinstance(given, type) else given
    return strategy


def _plugged(name: str, catalog: Catalog) -> Strategy:
    installed = plugins.strategies()
    if name not in installed:
        hint = did_you_mean(name, {*BUILT_IN, *installed, *catalog.models})
        raise UnknownNameError(f"No strategy or model {name!r}. {hint}")
    return plugins.strategy(installed[name])


def _plans(given: object) -> bool:
    return callable(getattr(given, "plan", None))
