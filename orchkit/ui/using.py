"""``orchkit.use``: where answers come from, and what may be spent."""

from __future__ import annotations

import math
from numbers import Real
from pathlib import Path
from types import TracebackType
from typing import Self

from orchkit.errors import ParameterError, did_you_mean, whole
from orchkit.runtime.budget import Purse
from orchkit.runtime.limits import Policy
from orchkit.ui.money import nano
from orchkit.ui.session import SESSION, Mode, Settings

MODES = ("auto", "live", "simulator")


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
        A mode nobody knows; a budget, a timeout or retries out of range. Nothing has changed.

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
        settings = Settings(
            mode,
            None if cap is None else Purse(cap),
            None if cache_dir is None else Path(cache_dir).expanduser(),
            Policy(attempts=whole("retries", retries), timeout=_seconds(timeout)),
        )
        self._before, SESSION.settings = SESSION.settings, settings

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


def _seconds(timeout: object) -> float:
    number = isinstance(timeout, Real) and not isinstance(timeout, bool)
    if not number or not 0 < timeout < math.inf:  # type: ignore[operator]
        raise ParameterError(f"timeout is {timeout!r}; it must be a number of seconds above 0.")
    return float(timeout)  # type: ignore[arg-type]
