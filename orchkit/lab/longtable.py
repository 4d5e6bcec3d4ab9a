"""The long table of a matrix: its columns, and what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import MatrixError
from orchkit.lab.frames import column, shown

#: Columns of the long table and how each is read.
COLUMNS: Mapping[str, str] = {
    "prompt_id": "object",
    "prompt": "object",
    "model": "string",
    "response": "string",
    "quality": "float64",
    "cost": "float64",
    "input_tokens": "float64",
    "output_tokens": "float64",
    "latency": "float64",
    "confidence": "float64",
    "finish_reason": "string",
    "reference": "string",
}
#: The most a number can be; the least is 0.
HIGHEST: Mapping[str, float] = {
    "quality": 1.0,
    "confidence": 1.0,
    "cost": np.inf,
    "input_tokens": np.inf,
    "output_tokens": np.inf,
    "latency": np.inf,
}


def named(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return the frame under the schema's names; `columns` are ours -> theirs."""
    unknown = [ours for ours in columns if ours not in COLUMNS]
    if unknown:
        raise MatrixError(f"{unknown[0]!r} is no column of a matrix; known: {[*COLUMNS]}.")
    for theirs, roles in Counter(columns.values()).items():
        column(frame, theirs)
        if roles > 1:
            raise MatrixError(f"The column {theirs!r} is given {roles} roles; give it one.")
    renamed = {theirs: ours for ours, theirs in columns.items()}
    taken = [ours for ours in columns if ours in frame.columns and ours not in renamed]
    long = frame.drop(columns=taken).rename(columns=renamed)
    if "prompt_id" in long.columns or "prompt" not in long.columns:
        return long
    return long.assign(prompt_id=pd.factorize(long["prompt"])[0])


def validated(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the long table with every column of the schema, or say what is wrong with it."""
    for name in ("prompt_id", "model"):
        if name not in frame.columns:
            raise MatrixError(f"A matrix needs the column {name!r}; this has {[*frame.columns]}.")
    if "quality" not in frame.columns and "response" not in frame.columns:
        raise MatrixError("A matrix needs the column 'quality' or 'response'; this has neither.")
    table = pd.DataFrame({name: _typed(frame, name, kind) for name, kind in COLUMNS.items()})
    others = frame.loc[:, [name not in COLUMNS for name in frame.columns]]
    if table["prompt"].isna().all():
        table["prompt"] = table["prompt_id"].astype(str).astype(object)
    _refuse_outside(table)
    return pd.concat([table, others.reset_index(drop=True)], axis=1)


def answered(table: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows hold an answer, and not an `error` in words why there is none."""
    told = table["error"] if "error" in table else [None] * len(table)
    return pd.Series([not (isinstance(why, str) and why) for why in told], table.index, dtype=bool)


def _typed(frame: pd.DataFrame, name: str, kind: str) -> pd.Series[Any]:
    if name not in frame.columns:
        return pd.Series([None] * len(frame), dtype="object").astype(kind)  # type: ignore[call-overload, no-any-return]
    values = column(frame, name).reset_index(drop=True)
    try:
        if kind != "float64":
            return _writable(values).astype(kind)  # type: ignore[call-overload, no-any-return]
        return pd.to_numeric(values).astype(kind)  # type: ignore[call-overload, no-any-return]
    except (ValueError, TypeError) as error:
        noun = "number" if kind == "float64" else "text"
        raise MatrixError(f"The column {name!r} holds what is no {noun}: {error}.") from None


def _writable(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return the values with text that no file could hold replaced."""
    told = [shown(value) if isinstance(value, str) else value for value in values]
    return pd.Series(told, dtype="object")


def _refuse_outside(table: pd.DataFrame) -> None:
    if table["model"].isna().any() or table["prompt_id"].isna().any():
        raise MatrixError("A row of the matrix names no model, or no prompt.")
    for name, high in HIGHEST.items():
        values = table[name].dropna()
        outside = values[(values < 0) | (values > high) | np.isinf(values)]
        if len(outside):
            limits = "[0, 1]" if high == 1.0 else "0 or more, and finite"
            raise MatrixError(f"{name} holds {float(outside.iloc[0])!r}; it must be {limits}.")
