"""``orchkit.use``: where answers come from, and what may be spent."""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import replace
from numbers import Real
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from orchkit.core.catalog import NANO
from orchkit.errors import MisuseError, OrchkitWarning, ParameterError, did_you_mean, whole
from orchkit.runtime.budget import Purse
from orchkit.ui.money import nano, usd
from orchkit.ui.session import SESSION, Mode, Settings

MODES = ("auto", "live", "simulator")


class _Kept:
    """Stands for a setting that is not given; ``help(use)`` shows it in these words."""

    def __repr__(self) -> str:
        return "<as it is>"


_KEPT: Any = _Kept()


class use:  # noqa: N801 - reads as a verb, and as a context manager restores
    """Set where answers come from and what may be spent; what is not given stays as it is.

    A plain call holds until the next one. As a context manager it holds inside the block, beside
    every budget around it, and everything is restored after.

    Parameters
    ----------
    mode : {"auto", "live", "simulator"}
        Auto, at first: live where there is a key, an address or a provider of your own; with none
        of them, the simulator.
    budget : float, optional
        USD that all runs together may spend from now on; a hard cap. A plain call puts it in the
        place of the budget an earlier plain call set (None: none), never of one a block around
        set. In a block it stands beside those around: the tightest decides.
    cache_dir : path, optional
        Where responses are kept; None, at first, is ``cache`` under ``ORCHKIT_HOME``.
    timeout, retries
        Seconds for one attempt (at first 120), and requests for one answer (6).

    Raises
    ------
    ParameterError, BudgetError
        A mode nobody knows; a budget, a folder, a timeout or retries out of range. Nothing has
        changed.

    Warns
    -----
    OrchkitWarning
        The budget is more than a budget around it has left.

    Examples
    --------
    >>> import orchkit
    >>> with orchkit.use("simulator"):
    ...     orchkit.run_orchestration("What is 2+2?").provider
    'simulator'
    """

    def __init__(
        self,
        mode: Mode = _KEPT,
        *,
        budget: float | None = _KEPT,
        cache_dir: str | Path | None = _KEPT,
        timeout: float = _KEPT,
        retries: int = _KEPT,
    ) -> None:
        self._before = now = SESSION.settings
        told: dict[str, Any] = {
            "mode": mode if mode is _KEPT else _mode(mode),
            "cache_dir": cache_dir if cache_dir is _KEPT else _folder(cache_dir),
            "purses": budget if budget is _KEPT else _purses(now, budget),
            "policy": _given(
                now.policy,
                timeout=timeout if timeout is _KEPT else _seconds(timeout),
                attempts=retries if retries is _KEPT else whole("retries", retries),
            ),
        }
        self._settings = _given(now, **told)
        self._entered = False
        self._warn_of_tighter(now.purses[: now.fixed])
        SESSION.settings = self._settings

    def __enter__(self) -> Self:
        if self._entered:
            raise MisuseError("This use(...) has been a block before; write use(...) anew.")
        self._entered = True
        around = self._before.purses
        self._warn_of_tighter(around[self._before.fixed :])
        purses = tuple(dict.fromkeys((*around, *self._settings.purses)))
        SESSION.settings = replace(self._settings, purses=purses, fixed=len(purses))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        SESSION.settings = self._before

    def _warn_of_tighter(self, around: tuple[Purse, ...]) -> None:
        """Say so where a budget that was given can never be spent, for one around it is less."""
        given = [purse for purse in self._settings.purses if purse not in self._before.purses]
        for cap in (purse.cap for purse in given if purse.cap is not None):
            left = min((_left(purse) for purse in around), default=math.inf)
            if left < cap:
                told = f"budget={usd(cap / NANO)} is more than the {usd(left / NANO)} that are left"
                warnings.warn(f"{told} of the one around it; both hold.", OrchkitWarning, 3)

    def __repr__(self) -> str:
        return f"use({SESSION.settings.mode!r})"


def _left(purse: Purse) -> float:
    return math.inf if purse.cap is None else purse.cap - purse.spent - purse.held


def _given(frozen: Any, **told: Any) -> Any:
    """Return a frozen object with the values that are given in it."""
    return replace(frozen, **{name: value for name, value in told.items() if value is not _KEPT})


def _mode(mode: object) -> Mode:
    if mode not in MODES:
        raise ParameterError(f"mode is {mode!r}. {did_you_mean(str(mode), MODES)}")
    return mode  # type: ignore[return-value]  # it is one of them


def _purses(now: Settings, budget: object) -> tuple[Purse, ...]:
    """Return the purses of the blocks around, and the new one, if it is one."""
    around = now.purses[: now.fixed]
    cap = nano(budget, "budget")
    return around if cap is None else (*around, Purse(cap))


def _folder(named: Any) -> Path | None:
    if named is None:
        return None
    if not isinstance(named, str | os.PathLike) or not str(named).strip():
        raise ParameterError(f"cache_dir is {named!r}; it must be the path of a folder, or None.")
    folder = Path(named).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ParameterError(f"cache_dir is {str(named)!r}, which is a file; name a folder.")
    return folder


def _seconds(timeout: object) -> float:
    number = isinstance(timeout, Real) and not isinstance(timeout, bool)
    if not number or not 0 < timeout < math.inf:  # type: ignore[operator]
        raise ParameterError(f"timeout is {timeout!r}; it must be a number of seconds above 0.")
    return float(timeout)  # type: ignore[arg-type]
