"""Every exception and warning of orchkit, and whose fault each one is.

::

    OrchkitError
    ├── MisuseError            the caller's: raised before anything is sent or spent
    │   ├── ParameterError         a value outside its range            (ValueError)
    │   ├── ChainError             an empty chain, or one with repeats   (ValueError)
    │   ├── BudgetError            a cap that is no amount of dollars    (ValueError)
    │   ├── ColumnError            a column missing, doubled or taken    (KeyError)
    │   ├── UnknownNameError       a strategy, scorer, dataset … nobody knows (LookupError)
    │   │   └── UnknownModelError      a model that is not in the catalog
    │   ├── PriceMissingError      a cap over a model without a price    (ValueError)
    │   ├── CatalogError           a catalog file that cannot be read    (ValueError)
    │   └── MatrixError            recorded responses that do not fit    (ValueError)
    ├── StoreError             this machine's: the cache cannot be opened or trusted
    └── CallError              the row's: one prompt could not be answered
        ├── BudgetExceeded         no model fits what is left of a cap
        └── NotRecorded            the recording has no such response

    OrchkitWarning (UserWarning)
    ├── RetiredModelWarning    a vendor no longer serves this model
    ├── CacheWarning           an answer in the cache was damaged, or could not be stored
    └── MetricWarning          a metric is undefined, and why

A failed row of a frame is never an exception: it fills the row's ``error`` column.
"""

from __future__ import annotations

__all__ = [
    "BudgetError",
    "BudgetExceeded",
    "CacheWarning",
    "CallError",
    "CatalogError",
    "ChainError",
    "ColumnError",
    "MatrixError",
    "MetricWarning",
    "MisuseError",
    "NotRecorded",
    "OrchkitError",
    "OrchkitWarning",
    "ParameterError",
    "PriceMissingError",
    "RetiredModelWarning",
    "StoreError",
    "UnknownModelError",
    "UnknownNameError",
    "did_you_mean",
    "tell",
    "whole",
]

import sys
import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from operator import index


class OrchkitError(Exception):
    """Everything orchkit raises on purpose."""


class MisuseError(OrchkitError):
    """The call cannot be carried out as written; nothing was sent and nothing spent."""


class ParameterError(MisuseError, ValueError):
    """A parameter is outside its range."""


class ChainError(MisuseError, ValueError):
    """A chain or an ensemble names no model, or one twice."""


class BudgetError(MisuseError, ValueError):
    """A cost limit is not a finite, non-negative number of dollars."""


class ColumnError(MisuseError, KeyError):
    """A column is missing, ambiguous, or would be overwritten."""

    def __str__(self) -> str:
        """Return the message as written: KeyError would show its repr."""
        return str(self.args[0]) if self.args else ""


class UnknownNameError(MisuseError, LookupError):
    """A name that nothing is registered under."""


class UnknownModelError(UnknownNameError):
    """A model name that neither the catalog nor the price list knows."""


class PriceMissingError(MisuseError, ValueError):
    """A cost limit was set, but a model that may be asked has no price."""


class CatalogError(MisuseError, ValueError):
    """A catalog file is missing, unreadable, or describes no model."""


class MatrixError(MisuseError, ValueError):
    """Recorded responses that do not have the shape of a response matrix."""


class StoreError(OrchkitError, OSError):
    """A file orchkit keeps its state in cannot be used safely."""


class CallError(OrchkitError):
    """One prompt could not be answered."""


class BudgetExceeded(CallError):  # noqa: N818 - the contract's name
    """No model fits what is left of the cost limit."""


class NotRecorded(CallError):  # noqa: N818 - the contract's name
    """The recording holds no response of this model to this prompt."""


class OrchkitWarning(UserWarning):
    """Every warning of orchkit."""


class RetiredModelWarning(OrchkitWarning):
    """The vendor has retired this model."""


class CacheWarning(OrchkitWarning):
    """A cached response was damaged and put aside, or an answer could not be stored."""


class MetricWarning(OrchkitWarning):
    """A metric is undefined on this input; the value is NaN."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence that offers the nearest known names, for the end of a message.

    Examples
    --------
    >>> did_you_mean("fallbak", ["cheapest", "fallback"])
    "Did you mean 'fallback'? Known: 'cheapest', 'fallback'."
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    shown = ", ".join(map(repr, names[:20])) + (", …" if len(names) > 20 else "")
    if not names:
        return "Nothing is known here."
    return (f"Did you mean {close[0]!r}? " if close else "") + f"Known: {shown}."


def whole(name: str, value: object) -> int:
    """Return a whole number of 1 or more, of whatever integer type, or raise ParameterError.

    Examples
    --------
    >>> whole("concurrency", 8)
    8
    """
    try:
        number = 0 if isinstance(value, bool) else index(value)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if number < 1:
        raise ParameterError(f"{name} is {value!r}; it must be a whole number of 1 or more.")
    return number


def tell(message: str, category: type[Warning]) -> None:
    """Warn of something, at the line outside of orchkit that led here."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("orchkit."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
