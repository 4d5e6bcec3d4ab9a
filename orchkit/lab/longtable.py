"""The long table of a matrix: its columns, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import MatrixError
from orchkit.lab.frames import column

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


def validated(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the long table with every column of the schema, or say what is wrong with it."""
    for name in ("prompt_id", "model"):
        if name not in frame.columns:
            raise MatrixError(f"A matrix needs the column {name!r}; this has {[*frame.columns]}.")
    if "quality" not in frame.columns and "response" not in frame.columns:
        raise MatrixError("A matrix needs the column 'quality' or 'response'; this has neither.")
    table = pd.DataFrame({name: _typed(frame, name, kind) for name, kind in COLUMNS.items()})
    others = [name for name in frame.columns if name not in COLUMNS]
    table = pd.concat([table, frame[others].reset_index(drop=True)], axis=1)
    if table["prompt"].isna().all():
        table["prompt"] = table["prompt_id"].astype(str)
    _refuse_outside(table)
    return table


def _typed(frame: pd.DataFrame, name: str, kind: str) -> pd.Series[Any]:
    if name not in frame.columns:
        return pd.Series([None] * len(frame), dtype="object").astype(kind)  # type: ignore[call-overload, no-any-return]
    values = column(frame, name).reset_index(drop=True)
    try:
        return pd.to_numeric(values).astype(kind) if kind == "float64" else values.astype(kind)  # type: ignore[call-overload, no-any-return]
    except (ValueError, TypeError) as error:
        raise MatrixError(f"The column {name!r} holds what is no number: {error}.") from None


def _refuse_outside(table: pd.DataFrame) -> None:
    if table["model"].isna().any() or table["prompt_id"].isna().any():
        raise MatrixError("A row of the matrix names no model, or no prompt.")
    for name, high in (
        ("quality", 1.0),
        ("confidence", 1.0),
        ("cost", np.inf),
        ("latency", np.inf),
    ):
        values = table[name].dropna()
        outside = values[(values < 0) | (values > high) | np.isinf(values)]
        if len(outside):
            limits = "[0, 1]" if high == 1.0 else "0 or more, and finite"
            raise MatrixError(f"{name} holds {outside.iloc[0]!r}; it must be {limits}.")
