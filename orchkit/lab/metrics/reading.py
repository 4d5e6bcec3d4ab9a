"""What metrics are given: columns of numbers by position, in range, of one length.

What is missing is NaN here; what is misused is refused; what is undefined is told, and is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype

from orchkit.errors import MetricWarning, ParameterError, did_you_mean, tell

Floats = NDArray[np.float64]
Reader = Callable[[str, Any], Floats]

#: Two means of qualities nearer than this are equal.
EPSILON = 1e-12
#: What rounding may put a share outside of [0, 1], or a cost beside another, relative to it.
ROUNDING = 1e-9
NOTHING = "there is no row of which everything is known"

_NUMERIC = {"boolean", "decimal", "empty", "floating", "integer", "mixed-integer-float"}
_SHAPES = {
    1: "one column of numbers: a list, an array or a Series",
    2: "a table of numbers, prompts × models: an array or a DataFrame",
}


def numbers(name: str, values: Any, *, ndim: int = 1) -> Floats:
    """Return a column (or a table) of numbers as floats; what is missing is NaN."""
    if depth(values) != ndim:
        raise ParameterError(f"{name} is {values!r:.60}; it must be {_SHAPES[ndim]}.")
    if ndim == 1:
        return _column(name, pd.Series(values))
    table = pd.DataFrame(values)
    if table.shape[1] == 0:
        raise ParameterError(f"{name} has no column; it must be {_SHAPES[2]}.")
    return np.column_stack([_column(name, table.iloc[:, n]) for n in range(table.shape[1])])


def number(name: str, value: Any) -> float:
    """Return one number as a float, NaN when it is missing."""
    if depth(value) != 0:
        raise ParameterError(f"{name} is {value!r:.60}; it must be one number.")
    return float(numbers(name, [value])[0])


def shares(name: str, values: Any, *, ndim: int = 1) -> Floats:
    """Return numbers in [0, 1], or NaN."""
    read = numbers(name, values, ndim=ndim)
    outside = read[(read < -ROUNDING) | (read > 1 + ROUNDING)]
    if outside.size:
        raise ParameterError(f"{name} holds {outside[0]:g}; all must lie in [0, 1].")
    return np.clip(read, 0.0, 1.0)


def costs(name: str, values: Any, *, ndim: int = 1) -> Floats:
    """Return finite amounts of 0 or more, or NaN."""
    read = numbers(name, values, ndim=ndim)
    outside = read[(read < 0) | np.isinf(read)]
    if outside.size:
        raise ParameterError(f"{name} holds {outside[0]:g}; all must be finite and 0 or more.")
    return read


def each(read: Reader, name: str, given: Any, n: int) -> Floats:
    """Return a column of `n`; one number is everyone's."""
    return np.full(n, read(name, [given])[0]) if depth(given) == 0 else read(name, given)


def length(*given: Any) -> int:
    """Return the length of the first column among what was given; 1 if all are single numbers."""
    return next((int(np.size(column)) for column in given if depth(column) > 0), 1)


def aligned(**columns: Floats) -> None:
    """Refuse columns (or tables) of different shapes."""
    first, *others = columns
    for other in others:
        if columns[first].shape != columns[other].shape:
            had, given = (_size(columns[name]) for name in (first, other))
            raise ParameterError(
                f"{first} has {had} values and {other} has {given}; both must be of the same rows."
            )


def tables(quality: Any, cost: Any) -> tuple[Floats, Floats]:
    """Return qualities and costs as tables of one shape, of the same labels if they have any."""
    frames = [each for each in (quality, cost) if isinstance(each, pd.DataFrame)]
    good, spent = shares("quality", quality, ndim=2), costs("cost", cost, ndim=2)
    aligned(quality=good, cost=spent)
    if len(frames) == 2 and not all(map(pd.Index.equals, frames[0].axes, frames[1].axes)):
        raise ParameterError(
            "quality and cost have different labels; "
            "give cost.loc[quality.index, quality.columns] for cost."
        )
    return good, spent


def known(*columns: Floats) -> NDArray[np.bool_]:
    """Return which rows are known in every column."""
    missing: NDArray[np.bool_] = np.any([np.isnan(column) for column in columns], axis=0)
    return ~missing


def judged(confidence: Any, correct: Any, *, read: Reader = shares) -> tuple[Floats, Floats, int]:
    """Return confidence and quality of the rows that have both, and how many have not."""
    sure, right = read("confidence", confidence), shares("correct", correct)
    aligned(confidence=sure, correct=right)
    both = known(sure, right)
    return sure[both], right[both], int((~both).sum())


def one_of(name: str, given: Any, options: Iterable[str]) -> str:
    """Return the option that was given, or refuse it with what there is."""
    known_options = list(options)
    if not isinstance(given, str) or given not in known_options:
        raise ParameterError(f"{name} is {given!r}. {did_you_mean(str(given), known_options)}")
    return given


def undefined(metric: str, why: str) -> float:
    """Tell why a metric has no value here; return NaN."""
    tell(f"{metric} is NaN: {why}.", MetricWarning)
    return math.nan


def left_out(metric: str, dropped: int, of: int, what: str) -> None:
    """Tell how many rows a metric could not count."""
    if dropped:
        tell(f"{metric} leaves out {dropped} of {of}: {what} unknown.", MetricWarning)


def _column(name: str, column: pd.Series[Any]) -> Floats:
    kind = infer_dtype(column, skipna=True)
    if kind not in _NUMERIC:
        raise ParameterError(f"{name} holds {kind} values; it must be {_SHAPES[1]}.")
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def depth(values: Any) -> int:
    """Return how many dimensions values have; -1 for rows of different lengths."""
    try:
        return int(np.ndim(values))
    except ValueError:
        return -1


def _size(column: Floats) -> str:
    return " × ".join(map(str, column.shape))
