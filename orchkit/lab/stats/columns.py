"""What the functions of this room are given: columns of numbers, clusters, levels and counts."""

from __future__ import annotations

from operator import index
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from orchkit.errors import ParameterError

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.integer[Any]]
#: The greatest finite number.
MOST = float(np.finfo(float).max)


def numbers(name: str, values: ArrayLike, *, low: float = -MOST, high: float = MOST) -> Floats:
    """Return a column of floats, unknown cells as NaN, or say which value is out of range."""
    if np.ndim(values) != 1:
        raise ParameterError(
            f"{name} has {np.ndim(values)} dimensions; write one value a prompt: a list, an array "
            "or one column of a frame."
        )
    series: pd.Series[Any] = pd.Series(values)
    text = pd.api.types.is_string_dtype(series.dropna()) and series.notna().any()
    if text or series.dtype.kind in "cmM":  # which would turn into numbers silently
        held = "text" if text else str(series.dtype)
        raise ParameterError(f"{name} holds {held}; it must hold numbers.")
    try:
        column: Floats = np.asarray(series.to_numpy(dtype="float64", na_value=np.nan), dtype=float)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} must hold numbers: {error}.") from None
    outside = column[(column < low) | (column > high)]
    if len(outside):
        raise ParameterError(f"{name} holds {outside[0]:g}; {_wanted(low, high)}.")
    return column


def _wanted(low: float, high: float) -> str:
    if high < MOST:
        return f"its values must lie in [{low:g}, {high:g}], or be NaN where unknown"
    return f"its values must be {'finite' if low else '0 or more'}, or NaN where unknown"


def as_long(**columns: Any) -> int:
    """Return the common length of columns, or say which of them differ."""
    lengths = {name: len(column) for name, column in columns.items() if column is not None}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise ParameterError(
            f"The columns differ in length ({told}); give one value for each of the same prompts."
        )
    return next(iter(lengths.values()))


def cluster_codes(clusters: ArrayLike) -> Integers:
    """Return the number of each row's cluster, counted from 0 in the order of appearance."""
    try:
        codes, _ = pd.factorize(pd.Series(clusters))
    except (TypeError, ValueError) as error:
        raise ParameterError(f"clusters must hold one label a prompt: {error}.") from None
    if (codes < 0).any():
        raise ParameterError(
            f"clusters has {(codes < 0).sum():,} missing labels; give every prompt a label (one "
            "of its own where it belongs with no other), or drop those rows."
        )
    return codes


def share(name: str, value: float, low: float = 0.0, high: float = 1.0) -> float:
    """Return a number strictly between two others, or say which would be one."""
    if not (isinstance(value, (int, float, np.number)) and low < value < high):
        hint = f" Write {value / 100:g} for {value:g} %." if _percent(value, low, high) else ""
        raise ParameterError(
            f"{name} is {value!r}; it must lie strictly between {low:g} and {high:g}.{hint}"
        )
    return float(value)


def _percent(value: object, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and low < value / 100 < high


def counts(k: object, n: object) -> tuple[int, int]:
    """Return `k` of `n` as whole numbers, ``0 <= k <= n``, or say what they are instead."""
    try:
        some, trials = index(k), index(n)  # type: ignore[arg-type]
    except TypeError:
        raise ParameterError(f"{k!r} of {n!r}: both must be whole numbers.") from None
    if not 0 <= some <= trials:
        raise ParameterError(f"{some} of {trials} cannot be: write how many of how many trials.")
    return some, trials
