"""The composition root: where answers come from, what may be spent, where state lives."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import pandas as pd
import platformdirs

from orchkit.core.catalog import Catalog, Model
from orchkit.errors import MisuseError, ParameterError, UnknownNameError, did_you_mean
from orchkit.runtime import catalogs
from orchkit.runtime.budget import Purse
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.executor import Executor
from orchkit.runtime.limits import Policy
from orchkit.runtime.loop import LOOP
from orchkit.runtime.providers import VENDORS
from orchkit.runtime.providers.simulator import Known, Simulator
from orchkit.runtime.wire import Provider
from orchkit.ui.money import nano

Mode = Literal["auto", "live", "simulator"]
MODES = ("auto", "live", "simulator")
CONCURRENCY = 32


@dataclass(frozen=True)
class Settings:
    """What `use` sets."""

    mode: Mode = "auto"
    purse: Purse | None = None
    cache_dir: Path | None = None
    policy: Policy = field(default_factory=Policy)


class Session:
    """The state of this process: settings, added models, opened providers and caches."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.added = catalogs.Listing({}, {}, (), ())
        self.own: dict[str, Provider] = {}
        self._opened: dict[tuple[str | None, ...], Provider] = {}
        self._caches: dict[Path, ResponseCache] = {}
        self._told = False
        self._lock = threading.Lock()

    @property
    def simulated(self) -> bool:
        """Whether answers come from the simulator now."""
        if self.settings.mode == "auto":
            keyed = any(vendor.key() for vendor in VENDORS.values())
            return not keyed and not any(map(self._self_served, self._listed()))
        return self.settings.mode == "simulator"

    def catalog(self) -> Catalog:
        """Return the models of a run started now: those that can be reached, or the simulated."""
        return catalogs.catalog(self._listings(), None if self.simulated else self.reachable)

    def offline_catalog(self) -> Catalog:
        """Return the models a recording or the simulator is compared with."""
        return catalogs.catalog(self._listings())

    def reachable(self, model: Model) -> bool:
        """Whether a call to this model has somewhere to go."""
        vendor = VENDORS.get(model.provider)
        return self._self_served(model) or (vendor is not None and bool(vendor.key()))

    def executor(
        self,
        *,
        budget: int | None,
        max_cost: int | None,
        concurrency: int | None,
        cache: bool,
        known: Mapping[str, Known],
    ) -> Executor:
        """Return the executor of one run."""
        catalog = self.catalog()
        purse = self.settings.purse
        return Executor(
            catalog,
            self._provider_of(catalog, known),
            cache=self.cache() if cache else None,
            purses=(purse,) if purse else (),
            budget=budget,
            max_cost=max_cost,
            concurrency=CONCURRENCY if concurrency is None else concurrency,
            policy=self.settings.policy,
        )

    def cache(self) -> ResponseCache:
        """Return the cache of this session, opened once."""
        folder = self.settings.cache_dir or home() / "cache"
        with self._lock:
            if folder not in self._caches:
                self._caches[folder] = cache = ResponseCache(folder)

                async def close() -> None:
                    cache.close()

                LOOP.closing(close)
            return self._caches[folder]

    def announce(self) -> None:
        """Say once that answers are simulated."""
        if self.simulated and not self._told:
            self._told = True
            why = "" if self.settings.mode == "simulator" else "no API key found: "
            print(  # noqa: T201 - the one line a run owes its reader
                f"orchkit: {why}answers come from the simulator, and cost nothing; costs are what "
                "the named models would have asked.",
                file=sys.stderr,
            )

    def _provider_of(
        self, catalog: Catalog, known: Mapping[str, Known]
    ) -> Callable[[Model], Provider]:
        if self.simulated:
            simulator = Simulator(catalog, known)
            return lambda _: simulator
        return self._live_provider

    def _live_provider(self, model: Model) -> Provider:
        if model.provider in self.own:
            return self.own[model.provider]
        vendor = VENDORS.get(model.provider)
        if vendor is None:
            hint = did_you_mean(model.provider, {*VENDORS, *self.own})
            raise UnknownNameError(
                f"{model.name} is served by {model.provider!r}, which orchkit cannot ask. {hint} "
                "Add the model with a base_url, or with a provider object."
            )
        if not self.reachable(model):
            raise MisuseError(f"{model.name} needs {vendor.key_variable} in the environment.")
        place = (model.provider, model.base_url, model.key_env, vendor.address(), vendor.key())
        with self._lock:
            if place not in self._opened:
                self._opened[place] = opened = vendor.open(model.base_url, model.key_env)
                LOOP.closing(opened.close)  # type: ignore[attr-defined]  # both vendors have it
            return self._opened[place]

    def _self_served(self, model: Model) -> bool:
        return model.base_url is not None or model.provider in self.own

    def _listings(self) -> tuple[catalogs.Listing, ...]:
        path = os.environ.get("ORCHKIT_CATALOG")
        own = (catalogs.read(path),) if path else ()
        return (catalogs.bundled(), *own, self.added)

    def _listed(self) -> tuple[Model, ...]:
        return tuple(model for listing in self._listings() for model in listing.models.values())

    def __reduce__(self) -> Any:
        raise TypeError("a session holds open connections and is never pickled")


SESSION = Session()


class use:  # noqa: N801 - reads as a verb, and as a context manager restores
    """Set where answers come from and what may be spent; as a context manager, restore after.

    Parameters
    ----------
    mode : {"auto", "live", "simulator"}
        Auto: live where there is a key, an address or a provider of your own; with none of them,
        the simulator.
    budget : float, optional
        USD that all runs together may spend from now on; a hard cap.
    cache_dir : path, optional
        Where responses are kept; by default under ``ORCHKIT_HOME``.
    timeout, retries : optional
        Seconds for one attempt (120), and requests for one answer (6).

    Raises
    ------
    ParameterError, BudgetError
        A mode nobody knows; a budget that is no amount.

    Examples
    --------
    >>> import orchkit
    >>> with orchkit.use("simulator"):
    ...     orchkit.run_orchestration("What is 2+2?").provider
    'simulator'
    """

    def __init__(
        self,
        mode: Mode = "auto",
        *,
        budget: float | None = None,
        cache_dir: str | Path | None = None,
        timeout: float = Policy.timeout,
        retries: int = Policy.attempts,
    ) -> None:
        if mode not in MODES:
            raise ParameterError(f"mode is {mode!r}. {did_you_mean(str(mode), MODES)}")
        cap = nano(budget, "budget")
        self._before = SESSION.settings
        SESSION.settings = Settings(
            mode,
            None if cap is None else Purse(cap),
            None if cache_dir is None else Path(cache_dir).expanduser(),
            Policy(attempts=retries, timeout=timeout),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        SESSION.settings = self._before

    def __repr__(self) -> str:
        return f"use({SESSION.settings.mode!r})"


def home() -> Path:
    """Return where orchkit keeps its state."""
    named = os.environ.get("ORCHKIT_HOME")
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("orchkit"))


def add_model(
    name: str,
    *,
    provider: str | Provider = "openai",
    tier: str = "intermediate",
    input_price: float | None = None,
    output_price: float | None = None,
    **known: Any,
) -> None:
    """Add a model for this process; it is asked by default from now on.

    Parameters
    ----------
    name : str
        What it is called in results; also on the wire, unless `id` says otherwise.
    provider : str or object
        ``openai`` (any server that speaks it), ``anthropic``, or an object with a `name` and an
        async ``complete(call)``.
    tier : {"basic", "intermediate", "advanced", "expert"}
        The hardest prompts it is trusted with.
    input_price, output_price : float, optional
        USD per million tokens. Left out they are unknown, and the model never runs under a cap;
        write 0 for a model that is free.
    **known
        `base_url`, `key_env` (the variable holding its key; none is sent without), `id`,
        `best_for`, `context`, `logprobs` (whether it gives them).

    Raises
    ------
    CatalogError
        A tier, price or word the catalog does not know.

    Examples
    --------
    >>> import orchkit
    >>> orchkit.add_model("my-llama", base_url="http://127.0.0.1:8000/v1", tier="basic",
    ...                   input_price=0, output_price=0)
    >>> orchkit.models().loc["my-llama", "provider"]
    'openai'
    >>> orchkit.remove_model("my-llama")
    """
    if not isinstance(provider, str):
        SESSION.own[provider.name] = provider
        provider = provider.name
    model = catalogs.model(
        name,
        provider=provider,
        tier=tier,
        input_price=input_price,
        output_price=output_price,
        **known,
    )
    models = {**SESSION.added.models, name: model}
    SESSION.added = catalogs.Listing(models, {}, tuple(models), tuple(models))


def remove_model(name: str) -> None:
    """Forget a model that was added; UnknownNameError when it was not."""
    models = dict(SESSION.added.models)
    if models.pop(name, None) is None:
        raise UnknownNameError(f"No model {name!r} was added. {did_you_mean(name, models)}")
    SESSION.added = catalogs.Listing(models, {}, tuple(models), tuple(models))


def models() -> pd.DataFrame:
    """Return the catalog, one row a model, indexed by name.

    Columns: provider, tier, input_price and output_price (USD per million tokens; NaN is
    unknown), best_for, context (tokens), retired (whether the vendor has ended it), ends (when it
    does), default (whether it is asked by default now), base_url, as_of and source of the price.

    Examples
    --------
    >>> import orchkit
    >>> orchkit.models().loc["gpt-4o-mini", ["input_price", "output_price"]].tolist()
    [0.15, 0.6]
    """
    catalog = SESSION.catalog()
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    rows = [
        _described(model, today, model.name in catalog.pool) for model in catalog.models.values()
    ]
    return pd.DataFrame(rows).set_index("name")


def _described(model: Model, today: str, default: bool) -> dict[str, Any]:
    return {
        "name": model.name,
        "provider": model.provider,
        "tier": model.tier.value,
        "input_price": model.input_price,
        "output_price": model.output_price,
        "best_for": model.best_for,
        "context": pd.NA if model.context is None else model.context,
        "retired": model.ends is not None and model.ends <= today,
        "ends": model.ends,
        "default": default,
        "base_url": model.base_url,
        "as_of": model.as_of,
        "source": model.source,
    }
