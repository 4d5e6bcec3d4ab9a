"""The only place where ``"cheapest"`` becomes ``Cheapest()``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from orchkit.core.catalog import Catalog, model_names
from orchkit.core.confidence import Signal
from orchkit.core.plans import Strategy
from orchkit.core.strategies import AgreeThenEscalate, Cheapest, Ensemble, Fallback, Single
from orchkit.errors import ParameterError, UnknownNameError, did_you_mean
from orchkit.ui import plugins

#: The strategies that come with orchkit, and the settings each looks at.
USED: Mapping[str, tuple[str, ...]] = {
    "cheapest": ("confidence",),
    "fallback": ("chain", "threshold", "confidence"),
    "ensemble": ("chain", "ensemble_size", "confidence"),
    "agree": ("confidence",),
}
BUILT_IN = tuple(USED)


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
    limit = _share(threshold)
    ladder = Fallback(None if chain is None else model_names(chain), limit, confidence)
    group = Ensemble(ensemble_size, ladder.chain, confidence=confidence)
    changed = _changed(ladder, group)
    if not isinstance(named, str):
        return _as_is(named, changed=bool(changed))
    made: Mapping[str, Callable[[], Strategy]] = {
        "cheapest": lambda: Cheapest(confidence),
        "fallback": lambda: ladder,
        "ensemble": lambda: _fitting(group, catalog),
        "agree": lambda: AgreeThenEscalate(confidence=confidence),
    }
    _refuse_unused(named, changed, catalog)
    if named in made:
        return made[named]()
    if named in catalog:
        return Single(catalog[named].name, confidence)
    return _plugged(named, catalog)


def _share(threshold: Any) -> float:
    """Return a threshold of whatever numeric type as a float; Fallback judges its range."""
    if isinstance(threshold, bool | np.bool_) or not isinstance(threshold, Real):
        raise ParameterError(f"threshold is {threshold!r}; it must be a number in [0, 1].")
    return float(threshold)


def _changed(ladder: Fallback, group: Ensemble) -> dict[str, object]:
    """Return the settings that somebody set, with their values."""
    plain = Fallback(), Ensemble()
    given = {
        "chain": (ladder.chain, plain[0].chain),
        "threshold": (ladder.threshold, plain[0].threshold),
        "ensemble_size": (group.size, plain[1].size),
        "confidence": (ladder.confidence, plain[0].confidence),
    }
    return {name: value for name, (value, otherwise) in given.items() if value != otherwise}


def _refuse_unused(named: str, changed: Mapping[str, object], catalog: Catalog) -> None:
    """Refuse a setting that the named strategy would not look at."""
    used = _used(named, catalog) if changed else None
    unused = [] if used is None else [name for name in changed if name not in used]
    if unused:
        raise ParameterError(f"{named} takes no {unused[0]}. {_hint(unused[0])}")
    chain, size = changed.get("chain"), changed.get("ensemble_size")
    if isinstance(chain, tuple) and size not in (None, len(chain)):
        raise ParameterError(
            f"chain names {len(chain)} models and ensemble_size is {size}. Give one of them."
        )


def _used(named: str, catalog: Catalog) -> tuple[str, ...] | None:
    """Return the settings a strategy looks at; None where nobody knows the strategy."""
    if named in USED:  # asked first: the catalog's other names cost loading a price list
        return USED[named]
    if named in catalog:
        return ("confidence",)
    return () if named in plugins.strategies() else None


def _hint(setting: str) -> str:
    users = [repr(name) for name, used in USED.items() if setting in used]
    return f"Leave it out, or use {' or '.join(users)}."


def several(strategies: object) -> list[Any]:
    """Return a list of strategies, or say that it is none."""
    if isinstance(strategies, str) or not isinstance(strategies, Iterable):
        one = strategies if isinstance(strategies, str) else "fallback"
        raise ParameterError(f"strategies is {strategies!r:.60}; give a list, like [{one!r}].")
    return list(strategies)


def one_or_several(given: Any) -> list[Any]:
    """Return a list of strategies, of one alone a list of one; none is refused.

    Examples
    --------
    >>> one_or_several("fallback"), one_or_several(("gpt-4o", "cheapest"))
    (['fallback'], ['gpt-4o', 'cheapest'])
    """
    if isinstance(given, str) or not isinstance(given, Iterable) or _plans(given):
        return [given]
    told = list(given)
    if not told:
        raise ParameterError(f"strategy is {given!r:.60}; name at least one strategy or model.")
    return told


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
