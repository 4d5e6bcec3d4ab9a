"""The composition root: where answers come from, what may be spent, where state lives."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import platformdirs

from orchkit.core.calls import digest
from orchkit.core.catalog import Catalog, Model
from orchkit.errors import MisuseError, UnknownNameError, did_you_mean
from orchkit.runtime import catalogs
from orchkit.runtime.budget import Purse
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.executor import Executor
from orchkit.runtime.ledger import Ledger
from orchkit.runtime.limits import Policy
from orchkit.runtime.loop import LOOP
from orchkit.runtime.pacing import Paces
from orchkit.runtime.providers import VENDORS, Vendor
from orchkit.runtime.providers.simulator import Known, Simulator
from orchkit.runtime.stores import Stores
from orchkit.runtime.wire import Provider
from orchkit.ui import plugins
from orchkit.ui.terminal import harmless, say

Mode = Literal["auto", "live", "simulator"]
#: Requests under way at once, unless said otherwise.
CONCURRENCY = 32


@dataclass(frozen=True)
class Settings:
    """What `use` sets.

    Of the `purses`, all of which hold, the first `fixed` are those of the blocks around: a plain
    ``use`` puts another in the place of the last one, never of these.
    """

    mode: Mode = "auto"
    purses: tuple[Purse, ...] = ()
    cache_dir: Path | None = None
    policy: Policy = field(default_factory=Policy)
    fixed: int = 0


class Session:
    """The state of this process: settings, added models, opened providers and caches."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.added = catalogs.Listing({}, {}, (), ())
        #: Providers that were given as objects, by the name of the model they serve.
        self.own: dict[str, Provider] = {}
        self.last: Callable[[], Any] | None = None
        self._opened: dict[str, Provider] = {}
        self._stores = Stores()
        self._paces = Paces()
        self._told: str | None = None
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

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
        category: str,
        tags: tuple[str, ...] = (),
    ) -> Executor:
        """Return the executor of one run; what is not simulated is written into the ledger."""
        catalog, simulated = self.catalog(), self.simulated
        return Executor(
            catalog,
            self._provider_of(catalog, known),
            cache=self.cache() if cache else None,
            ledger=None if simulated else self.ledger(),
            purses=self.settings.purses,
            budget=budget,
            max_cost=max_cost,
            concurrency=CONCURRENCY if concurrency is None else concurrency,
            policy=self.settings.policy,
            paces=Paces() if simulated else self._paces,
            category=category,
            tags=tags,
        )

    def cache(self) -> ResponseCache:
        """Return the cache of this session."""
        return self._stores.cache(self.settings.cache_dir or home() / "cache")

    def ledger(self) -> Ledger:
        """Return the ledger of this home."""
        return self._stores.ledger(home() / "ledger.db")

    def announce(self) -> None:
        """Say once that answers are simulated, and again when providers were added."""
        if not self.simulated:
            return
        why = "" if self.settings.mode == "simulator" else "no API key found: "
        told = (
            f"orchkit: {why}answers come from the simulator, and cost nothing; costs are what the "
            f"named models would have asked.{self._not_asked()}"
        )
        if self._not_asked() != self._told:
            self._told = self._not_asked()
            say(told)  # the one line a run owes its reader

    def _not_asked(self) -> str:
        """Return which objects of one's own answer nothing as long as answers are simulated."""
        if not self.own:
            return ""
        own = harmless(", ".join(self.own))
        return f" Only use('live') asks {own}, with a provider of your own."

    def _provider_of(
        self, catalog: Catalog, known: Mapping[str, Known]
    ) -> Callable[[Model], Provider]:
        if self.simulated:
            simulator = Simulator(catalog, known)
            return lambda _: simulator
        return self._live_provider

    def _live_provider(self, model: Model) -> Provider:
        if model.name in self.own:
            return self.own[model.name]
        vendor = VENDORS.get(model.provider)
        if vendor is None:
            return self._installed_provider(model)
        if not self.reachable(model):
            raise MisuseError(f"{model.name} needs {vendor.key_variable} in the environment.")
        place = _place(model, vendor)
        with self._lock:
            if place not in self._opened:
                self._opened[place] = opened = vendor.open(model.base_url, model.key_env)
                LOOP.closing(opened.close)  # type: ignore[attr-defined]  # both vendors have it
            return self._opened[place]

    def _installed_provider(self, model: Model) -> Provider:
        """Return the provider a package brought under that name, opened once."""
        if model.provider not in (known := plugins.providers()):
            hint = did_you_mean(model.provider, {*VENDORS, *known})
            raise UnknownNameError(
                f"{model.name} is served by {model.provider!r}, which orchkit cannot ask. {hint} "
                "Add the model with a base_url, or with a provider object."
            )
        with self._lock:
            if model.provider not in self._opened:
                self._opened[model.provider] = opened = plugins.provider(known[model.provider])
                if close := getattr(opened, "close", None):
                    LOOP.closing(close)
            return self._opened[model.provider]

    def _self_served(self, model: Model) -> bool:
        """Whether a model needs no vendor's key."""
        if model.base_url is not None or model.name in self.own:
            return True
        return model.provider not in VENDORS and model.provider in plugins.providers()

    def _listings(self) -> tuple[catalogs.Listing, ...]:
        path = os.environ.get("ORCHKIT_CATALOG")
        own = (catalogs.read(path),) if path else ()
        return (catalogs.bundled(), *own, self.added)

    def _listed(self) -> tuple[Model, ...]:
        return tuple(model for listing in self._listings() for model in listing.models.values())

    def _forget(self) -> None:
        """Open everything anew after a fork: connections are the parent's."""
        self._opened, self._paces, self._lock = {}, Paces(), threading.Lock()
        self._stores.forget()
        for purse in self.settings.purses:
            purse.forget()

    def __reduce__(self) -> Any:
        raise TypeError("a session holds open connections and is never pickled")


def _place(model: Model, vendor: Vendor) -> str:
    """Return what tells one opened provider from another; a digest, for it is made of keys."""
    own = os.environ.get(model.key_env) if model.key_env else None
    return digest([model.provider, model.base_url, own, vendor.address(), vendor.key()])


SESSION = Session()


def home() -> Path:
    """Return where orchkit keeps its state."""
    named = os.environ.get("ORCHKIT_HOME")
    return _absolute(named) if named else Path(platformdirs.user_data_dir("orchkit"))


@cache
def _absolute(named: str) -> Path:
    """Return a folder where it was when it was first asked for, wherever one goes meanwhile."""
    return Path(named).expanduser().absolute()
