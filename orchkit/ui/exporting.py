"""Frames as CSV that a spreadsheet can open: no cell of text becomes a formula.

A model's answer is untrusted, and a spreadsheet computes whatever starts with a sign of equality.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from orchkit.lab.frames import shown

#: What makes a spreadsheet take a cell for a formula, or what it strips before it looks.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", *"\uff1d\uff0b\uff0d\uff20")


def to_csv(df: pd.DataFrame, path: Any = None, *, safe: bool = True, **kwargs: Any) -> str | None:
    """Write a frame as CSV in which no text is a formula; pandas' ``to_csv`` otherwise.

    Text that starts with ``= + - @``, a tab, a line break, NUL or the full-width forms of these
    gets an apostrophe in front: in cells, headers and index labels. So does whatever is written
    as such text. Numbers and dates are untouched, and so is the frame itself.

    Parameters
    ----------
    df : DataFrame
        Any frame, not only one with results.
    path : path or file, optional
        Where to; None returns the text.
    safe : bool
        False writes everything as it is.
    **kwargs
        As in ``DataFrame.to_csv``.

    Returns
    -------
    str or None
        The text, when there is no `path`.

    Examples
    --------
    >>> import orchkit, pandas as pd
    >>> df = pd.DataFrame({"response": ["=1+1", "two"], "cost": [-0.5, 0.5]})
    >>> print(orchkit.to_csv(df, index=False, lineterminator="|"))
    response,cost|'=1+1,-0.5|two,0.5|
    """
    if not isinstance(df, pd.DataFrame):
        raise TypeError(f"to_csv writes a DataFrame, not a {type(df).__name__}.")
    if not safe:
        text: str | None = df.to_csv(path, **kwargs)
        return text
    if (named := kwargs.pop("columns", None)) is not None:
        df = df[[*named]]
    kwargs |= {name: _worded(kwargs[name]) for name in ("header", "index_label") if name in kwargs}
    plain = harmless(df)
    if _breaks(plain):  # csv leaves a lone carriage return unquoted, and a spreadsheet obeys it
        kwargs.setdefault("quoting", csv.QUOTE_NONNUMERIC)
    written: str | None = plain.to_csv(path, **kwargs)
    return written


def harmless(df: pd.DataFrame) -> pd.DataFrame:
    """Return a frame that is written like this one, with an apostrophe before what is a formula.

    Examples
    --------
    >>> harmless(pd.DataFrame({"@a": [["=x"], "+1", 1]})).to_dict("list")
    {"'@a": [['=x'], "'+1", 1]}
    """
    cells = {place: _cells(df.iloc[:, place].array) for place in range(df.shape[1])}
    made = pd.DataFrame(cells, index=_labels(df.index))
    made.columns = _labels(df.columns)
    return made


def _cells(values: Any) -> Any:
    """Return the values of a column; as they are where nothing needs an apostrophe."""
    if _is_plain(values.dtype):
        return values
    given = [*values]
    made = np.fromiter(map(_text, given), dtype=object, count=len(given))
    return made if any(one is not other for one, other in zip(made, given, strict=True)) else values


def _is_plain(dtype: Any) -> bool:
    """Whether values of this type are written as numbers or times."""
    if isinstance(dtype, pd.CategoricalDtype):
        return _is_plain(dtype.categories.dtype)
    timed = types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype)
    return timed or types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype)


def _text(value: Any) -> Any:
    """Return a value as it is, or its text behind an apostrophe; surrogates fit into no file."""
    if isinstance(value, Number):
        return value
    text = str.__str__(value) if isinstance(value, str) else str(value)
    whole = shown(text)
    if whole.startswith(FORMULA):
        return f"'{whole}"
    return value if whole == text else whole


def _labels(index: pd.Index) -> pd.Index:
    names = [_text(name) for name in index.names]
    if isinstance(index, pd.MultiIndex):
        levels = [_cells(index.get_level_values(level).array) for level in range(index.nlevels)]
        several: pd.Index = pd.MultiIndex.from_arrays(levels, names=names)
        return several
    made: pd.Index = pd.Index(_cells(index.array), name=names[0], tupleize_cols=False)
    return made


def _worded(told: Any) -> Any:
    """Return a heading or headings of the caller's own, with apostrophes; a switch as it is."""
    if isinstance(told, Iterable) and not isinstance(told, str):
        return [_text(each) for each in told]
    return told if told is None else _text(told)


def _breaks(df: pd.DataFrame) -> bool:
    """Whether any text holds a carriage return."""
    columns = [df.iloc[:, place].array for place in range(df.shape[1])]
    both = (df.index, df.columns)
    levels = [axis.get_level_values(n).array for axis in both for n in range(axis.nlevels)]
    texts = [each for each in (*columns, *levels) if not _is_plain(each.dtype)]
    names = [axis.names for axis in both]
    return any("\r" in str(value) for values in (*texts, *names) for value in values)
