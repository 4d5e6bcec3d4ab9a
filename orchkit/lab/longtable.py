"""The long table of a matrix: its columns, and what is refused."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import MatrixError, OrchkitWarning, tell
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
#: How a file may spell whether an answer was right.
_VERDICTS: Mapping[str, float] = {"true": 1.0, "false": 0.0}


def named(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return the frame under the schema's names; `columns` are ours -> theirs."""
    refuse_no_frame(frame)
    unknown = [ours for ours in columns if ours not in COLUMNS]
    if unknown:
        raise MatrixError(f"{unknown[0]!r} is no column of a matrix; known: {[*COLUMNS]}.")
    for ours, theirs in columns.items():
        if not isinstance(theirs, Hashable):
            raise MatrixError(f"{ours} is {theirs!r:.60}; give the name of one column.")
        column(frame, theirs)
    for theirs, roles in Counter(columns.values()).items():
        if roles > 1:
            raise MatrixError(f"The column {theirs!r} is given {roles} roles; give it one.")
    renamed = {theirs: ours for ours, theirs in columns.items()}
    taken = [ours for ours in columns if ours in frame.columns and ours not in renamed]
    long = frame.drop(columns=taken).rename(columns=renamed)
    if "prompt_id" in long.columns or "prompt" not in long.columns:
        return long
    texts = column(long, "prompt")
    if texts.isna().any():
        raise MatrixError(
            f"Row {_first(texts.isna())} has no prompt, and there is no prompt_id to tell what was "
            'asked. Name the column that tells prompts apart, like prompt_id="idx".'
        )
    return long.assign(prompt_id=pd.factorize(texts)[0])


def validated(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the long table with every column of the schema, or say what is wrong with it."""
    refuse_no_frame(frame)
    for name in ("prompt_id", "model"):
        if name not in frame.columns:
            raise MatrixError(
                f"A matrix needs the column {name!r}; this has {[*frame.columns]}. Where it is "
                f"called otherwise, name it: ResponseMatrix.from_long(frame, {name}=…)."
            )
    if "quality" not in frame.columns and "response" not in frame.columns:
        raise MatrixError("A matrix needs the column 'quality' or 'response'; this has neither.")
    table = pd.DataFrame({name: _typed(frame, name, kind) for name, kind in COLUMNS.items()})
    others = frame.loc[:, [name not in COLUMNS for name in frame.columns]]
    if table["prompt"].isna().all():
        table["prompt"] = table["prompt_id"].astype(str).astype(object)
    _refuse_nameless(table)
    _refuse_outside(table)
    _refuse_two_of_one_id(table)
    return pd.concat([table, others.reset_index(drop=True)], axis=1)


def refuse_no_frame(frame: object) -> None:
    """Refuse what is no DataFrame of plain columns."""
    if not isinstance(frame, pd.DataFrame):
        raise MatrixError(
            f"A matrix is made of a DataFrame, not of {type(frame).__name__}. Write "
            "pd.DataFrame(...), or read a file with ResponseMatrix.load or a reader."
        )
    if frame.columns.nlevels > 1:
        raise MatrixError(
            f"The frame's columns have {frame.columns.nlevels} levels, a matrix's have one: "
            'write frame.columns = ["|".join(map(str, c)) for c in frame.columns].'
        )


def tell_repeats(table: pd.DataFrame) -> None:
    """Warn of answers that stand twice in every column: rather a join gone wrong than draws."""
    told = table[table["response"].notna()]
    repeats = told.duplicated([name for name in COLUMNS if name != "prompt"])
    if repeats.any():
        tell(
            f"{repeats.sum():,} rows repeat another answer in every column; they are kept as "
            "further draws. If they are none, drop them: frame.drop_duplicates().",
            OrchkitWarning,
        )


def answered(table: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows hold an answer, and not an `error` in words why there is none."""
    told = table["error"] if "error" in table else [None] * len(table)
    return pd.Series([not (isinstance(why, str) and why) for why in told], table.index, dtype=bool)


def _typed(frame: pd.DataFrame, name: str, kind: str) -> pd.Series[Any]:
    if name not in frame.columns:
        return pd.Series([None] * len(frame), dtype="object").astype(kind)  # type: ignore[call-overload, no-any-return]
    values = column(frame, name).reset_index(drop=True)
    if kind == "float64":
        return _numbers(_verdicts(values) if name == "quality" else values, name)
    try:
        return _writable(values).astype(kind)  # type: ignore[call-overload, no-any-return]
    except (ValueError, TypeError) as error:
        raise MatrixError(f"The column {name!r} holds what is no text: {error}.") from None


def _numbers(values: pd.Series[Any], name: str) -> pd.Series[Any]:
    try:
        return pd.to_numeric(values).astype("float64")
    except (ValueError, TypeError):
        odd = next((row for row, value in enumerate(values) if not _numeric(value)), 0)
        raise MatrixError(
            f"The column {name!r} holds what is no number: {values.iloc[odd]!r:.60} in row {odd}. "
            "Write a number, or nothing where it is unknown."
        ) from None


def _numeric(value: Any) -> bool:
    try:
        return pd.api.types.is_scalar(value) and (pd.isna(value) or math.isfinite(float(value)))
    except (ValueError, TypeError):
        return False


def _verdicts(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return verdicts in words, True and False, as the numbers they stand for."""
    if pd.api.types.is_numeric_dtype(values):
        return values
    told = [_VERDICTS.get(v.strip().lower(), v) if isinstance(v, str) else v for v in values]
    return pd.Series(told, dtype="object")


def _writable(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return the values with text that no file could hold replaced."""
    plain = values.to_numpy(dtype=object)  # iterating over columns of text is slow
    told = [shown(value) if isinstance(value, str) else value for value in plain]
    return pd.Series(told, dtype="object")


def _first(mask: Any) -> int:
    return int(np.flatnonzero(np.asarray(mask, dtype=bool))[0])


def _refuse_nameless(table: pd.DataFrame) -> None:
    nameless = table["model"].fillna("").str.strip().eq("") | table["prompt_id"].isna()
    if nameless.any():
        raise MatrixError(f"Row {_first(nameless)} of the matrix names no model, or no prompt.")


def _refuse_outside(table: pd.DataFrame) -> None:
    for name, high in HIGHEST.items():
        values = table[name]
        outside = (values < 0) | (values > high) | np.isinf(values)
        if outside.any():
            row = _first(outside)
            limits = "[0, 1]" if high == 1.0 else "0 or more, and finite"
            raise MatrixError(
                f"{name} holds {values.tolist()[row]!r} in row {row} (prompt "
                f"{table['prompt_id'].tolist()[row]!r}, {table['model'].tolist()[row]}); it must "
                f"be {limits}, or NaN where it is unknown."
            )


def _refuse_two_of_one_id(table: pd.DataFrame) -> None:
    """Refuse one id for two prompts, or for two right answers."""
    for name in ("prompt", "reference"):
        known = table.loc[table[name].notna(), ["prompt_id", name]]
        known = known.assign(**{name: known[name].map(str)}).drop_duplicates()
        doubled = known.loc[known["prompt_id"].duplicated(), "prompt_id"].tolist()
        if doubled:
            both = known.loc[known["prompt_id"] == doubled[0], name]
            told = [f"{text!r:.60} (row {row})" for row, text in both.items()]
            raise MatrixError(
                f"prompt_id {doubled[0]!r} stands for more than one {name}: {told[0]} and "
                f"{told[1]}. Give each prompt an id of its own."
            )
