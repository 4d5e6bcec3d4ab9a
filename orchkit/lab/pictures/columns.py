"""The columns a figure needs, taken by position, or what to pass instead."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import ColumnError, ParameterError
from orchkit.lab.frames import column, missing

#: What most figures are drawn from.
RESULTS = "Pass the results of a comparison: orchkit.compare(df, [...]).results."


def chosen(frame: pd.DataFrame, *names: str | None, remedy: str = RESULTS) -> pd.DataFrame:
    """Return these columns of the frame under an index of positions; None names none.

    Raises
    ------
    ParameterError
        It is no DataFrame.
    ColumnError
        A column is missing or there twice; the message ends with the remedy.

    Examples
    --------
    >>> chosen(pd.DataFrame({"a": [1], "b": [2]}, index=[7]), "b").to_dict("list")
    {'b': [2]}
    """
    if not isinstance(frame, pd.DataFrame):
        raise ParameterError(
            f"A figure is drawn from a DataFrame; this is a {type(frame).__name__}. {remedy}"
        )
    try:
        found = {name: column(frame, name) for name in names if name is not None}
    except ColumnError as error:
        raise ColumnError(f"{error} {remedy}") from None
    return pd.DataFrame({name: cells.reset_index(drop=True) for name, cells in found.items()})


def numbers(
    column: pd.Series[Any], *, low: float = -math.inf, high: float = math.inf
) -> pd.Series[float]:
    """Return a column as floats, what is missing as NaN.

    Raises ColumnError where it holds what is no number, or one outside of [low, high].

    Examples
    --------
    >>> numbers(pd.Series([True, None, 0.5]), low=0, high=1).tolist()
    [1.0, nan, 0.5]
    """
    cells = column.astype("object")  # in a message, numbers are Python's
    values = pd.to_numeric(cells, errors="coerce").astype("float64")
    wrong = (values.isna() & ~cells.map(missing).astype(bool)) | (values < low) | (values > high)
    wrong |= pd.Series(np.isinf(values), index=values.index)
    if wrong.any():
        span = f" in [{low:g}, {high:g}]" if math.isfinite(high) else ""
        span = span or (f" of {low:g} or more" if math.isfinite(low) else "")
        raise ColumnError(
            f"The column {column.name!r} holds {cells[wrong].iloc[0]!r:.60}; "
            f"a figure needs finite numbers{span}, or nothing where it is unknown."
        )
    return values


def words(column: pd.Series[Any]) -> pd.Series[str]:
    """Return labels as text; what is missing stays missing.

    Examples
    --------
    >>> words(pd.Series(["basic", None, 2])).tolist()
    ['basic', None, '2']
    """
    told = [None if missing(cell) else str(cell) for cell in column]
    return pd.Series(told, index=column.index, name=column.name, dtype="object")


def records(metadata: pd.Series[Any]) -> pd.Series[Any]:
    """Return the calls of each row, as its metadata tells of them.

    Raises ColumnError where a cell is no record (a CSV file keeps them as text only).

    Examples
    --------
    >>> records(pd.Series([{"calls": [{"model": "gpt-4o"}]}, None])).tolist()
    [[{'model': 'gpt-4o'}], []]
    """
    cells = [{} if missing(cell) else cell for cell in metadata]
    odd = [cell for cell in cells if not isinstance(cell, dict)]
    if odd:
        raise ColumnError(
            f"The column {metadata.name!r} holds {odd[0]!r:.60}; a figure needs the record of each "
            "row's calls. Pass results as they came, not read back from a CSV file."
        )
    calls = [cell.get("calls") for cell in cells]  # parquet gives arrays: no truth of their own
    listed = [[] if each is None else list(each) for each in calls]
    return pd.Series(listed, index=metadata.index, dtype="object")


def labels(column: pd.Series[Any]) -> list[Any]:
    """Return the labels in a column, in the order they first come in.

    Examples
    --------
    >>> labels(pd.Series(["b", "a", "b", None]))
    ['b', 'a']
    """
    return list(column.dropna().unique())
