"""What installed packages bring: entry points, found by name and made into objects."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from types import FunctionType
from typing import Any

from orchkit.core.plans import Strategy
from orchkit.errors import ParameterError
from orchkit.runtime.wire import Provider

STRATEGIES, PROVIDERS = "orchkit.strategies", "orchkit.providers"


def strategies() -> Mapping[str, EntryPoint]:
    """Return what is registered as a strategy, by name."""
    return {entry.name: entry for entry in entry_points(group=STRATEGIES)}


def providers() -> Mapping[str, EntryPoint]:
    """Return what is registered as a provider, by name."""
    return {entry.name: entry for entry in entry_points(group=PROVIDERS)}


def strategy(entry: EntryPoint) -> Strategy:
    """Return the strategy an entry point stands for; a class is called without arguments."""
    made: Strategy = _made(entry)
    if not callable(getattr(made, "plan", None)):
        raise _unfit(entry, made, "strategy", "plan(query, catalog)")
    return made


def provider(entry: EntryPoint) -> Provider:
    """Return the provider an entry point stands for; a class is called without arguments."""
    made: Provider = _made(entry)
    if not provides(made):
        raise _unfit(entry, made, "provider", "name and async complete(call)")
    return made


def provides(given: object) -> bool:
    """Return whether an object can answer calls: it has a name and a complete(call)."""
    named = isinstance(getattr(given, "name", None), str)
    return named and callable(getattr(given, "complete", None)) and not isinstance(given, type)


def _made(entry: EntryPoint) -> Any:
    try:
        loaded = entry.load()
    except (ImportError, AttributeError) as error:
        told = f"{entry.name!r} is installed ({entry.value}), but cannot be loaded: {error}."
        raise ParameterError(told) from error
    return loaded() if isinstance(loaded, type | FunctionType) else loaded


def _unfit(entry: EntryPoint, made: object, noun: str, face: str) -> ParameterError:
    return ParameterError(
        f"{entry.name!r} is installed as a {noun} ({entry.value}), but gives "
        f"{type(made).__name__}, which has no {face}."
    )
