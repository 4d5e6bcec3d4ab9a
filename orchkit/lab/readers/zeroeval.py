"""ZeroEval (WildEval/ZeroEval): one JSON file a model and task, or tables made of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pandas as pd

from orchkit.errors import MatrixError
from orchkit.lab.longtable import COLUMNS
from orchkit.lab.readers.files import Paths, content, files, stem
from orchkit.lab.readers.verdicts import answer, verdict

#: Our columns <- what tables call them; the first that is there counts.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "prompt_id": ("idx", "id", "session_id"),
    "prompt": ("question",),
    "model": ("generator",),
    "quality": ("correct", "is_correct"),
    "input_tokens": ("tokens_in", "prompt_tokens"),
    "output_tokens": ("tokens_out", "completion_tokens"),
    "cost": ("cost_usd",),
    "response": ("output",),
    "reference": ("correct_answer",),
}
#: Money and time in other units: their column -> ours, and what it is divided by.
_UNITS: Mapping[str, tuple[str, float]] = {
    "cost_nano_usd": ("cost", 1e9),
    "latency_ms": ("latency", 1e3),
}
#: What an item may say beside question and answer, kept where it is plain.
_NOT_KEPT = {"session_id", "chat_history", "model_input", "output", "generator", "configs", "id"}


def zeroeval(paths: Paths) -> pd.DataFrame:
    """Return the long frame of ZeroEval's files, or of tables with `idx`, `model` and verdicts.

    Tables of responses alone are joined to those of verdicts by `idx` and `model`.
    """
    alone = isinstance(paths, str | Path) and Path(paths).is_dir()
    read = [(path, content(path)) for path in files(paths)]
    items = [(path, told) for path, told in read if _are_items(told)]
    tables = [(path, told) for path, told in read if _is_table(told)]
    if not alone:
        known = {path for path, _ in (*items, *tables)}
        for path, told in read:
            if path not in known:
                raise MatrixError(_unlike(path, told))
    if not items and not tables:
        raise MatrixError(f"{paths} holds no results of ZeroEval. {_WANTED}")
    parts = [_of_items(path, told) for path, told in items]
    return pd.concat([*parts, *_joined(tables)], ignore_index=True)


_WANTED = (
    "A result is a JSON list of items with 'id', 'question' and 'output', or a table with 'idx' "
    "and 'model', and 'correct' or 'response'."
)


def _unlike(path: Path, told: Any) -> str:
    found = (
        [*map(str, told.columns)][:12] if isinstance(told, pd.DataFrame) else type(told).__name__
    )
    return f"{path} is no result of ZeroEval (it has {found}). {_WANTED}"


def _are_items(told: Any) -> bool:
    return (
        isinstance(told, list)
        and bool(told)
        and all(isinstance(item, dict) and "output" in item for item in told)
    )


def _is_table(told: Any) -> bool:
    if not isinstance(told, pd.DataFrame) or told.empty:
        return False
    ours = _renamed(told).columns
    return {"prompt_id", "model"} <= {*ours} and bool({"quality", "response"} & {*ours})


def _renamed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table under our names, in our units."""
    named = {}
    for ours, names in _NAMES.items():
        found = next((name for name in names if name in table.columns), None)
        if found is not None and ours not in table.columns:
            named[found] = ours
    told = table.rename(columns=named)
    for theirs, (ours, unit) in _UNITS.items():
        if theirs in told.columns and ours not in told.columns:
            told = told.assign(**{ours: pd.to_numeric(told[theirs]) / unit}).drop(columns=theirs)
    return told


def _joined(tables: Iterable[tuple[Path, pd.DataFrame]]) -> list[pd.DataFrame]:
    """Return the tables of verdicts, each with the responses that another table has of it."""
    told = [(path, _renamed(table)) for path, table in tables]
    judged = [(path, table) for path, table in told if "quality" in table.columns]
    said = [table for _, table in told if "quality" not in table.columns]
    if not judged:
        return said
    spoken = pd.concat(said)[["prompt_id", "model", "response"]] if said else None
    if spoken is not None and spoken.duplicated(["prompt_id", "model"]).any():
        raise MatrixError("Several tables of responses tell of the same idx and model; read apart.")
    return [_with_responses(path, table, spoken) for path, table in judged]


def _with_responses(path: Path, table: pd.DataFrame, said: pd.DataFrame | None) -> pd.DataFrame:
    if said is None or "response" in table.columns:
        return table
    if table.duplicated(["prompt_id", "model"]).any():
        raise MatrixError(f"{path} tells of one idx and model twice, so no response can be joined.")
    return table.merge(said, on=["prompt_id", "model"], how="left", validate="1:1")


def _of_items(path: Path, items: list[dict[str, Any]]) -> pd.DataFrame:
    """Return one row an item and output; the file's name is the model's, as in ZeroEval."""
    makers = {item.get("generator") for item in items}
    rows = [row for item in items for row in _rows(path, item, several=len(makers) > 1)]
    if not rows:
        raise MatrixError(f"{path} holds no outputs.")
    return pd.DataFrame(rows)


def _rows(path: Path, item: dict[str, Any], *, several: bool) -> Iterable[dict[str, Any]]:
    model = str(item.get("generator")).rpartition("/")[2] if several else stem(path)
    right, letter = _right(item)
    said = item["output"] if isinstance(item["output"], list) else [item["output"]]
    for text in said:
        found = answer(text)
        judged = item.get("correct", item.get("is_correct"))
        yield {
            **{name: value for name, value in item.items() if _is_kept(name, value)},
            "prompt_id": _id(path, item),
            "prompt": _asked(item),
            "model": model,
            "response": text if isinstance(text, str) else None,
            "quality": verdict(found, right, letter=letter) if judged is None else judged,
            "reference": right,
            "answer": found,
        }


def _id(path: Path, item: dict[str, Any]) -> str:
    told = next(
        (item[key] for key in ("id", "session_id", "idx") if item.get(key) is not None), None
    )
    if told is None:
        raise MatrixError(f"An item of {path} has neither 'id' nor 'session_id': {item!r:.100}.")
    return str(told)


def _is_kept(name: str, value: Any) -> bool:
    plain = value is None or isinstance(value, str | int | float)
    return plain and name not in _NOT_KEPT and name not in COLUMNS and name != "question"


def _asked(item: dict[str, Any]) -> str | None:
    """Return the question with its choices; without one, all that was asked."""
    question = item.get("question")
    if not isinstance(question, str):
        history = item.get("chat_history")
        return str(history[-1]) if isinstance(history, list) and history else None
    choices = item.get("choices")
    if not isinstance(choices, list):
        return question
    lettered = zip(ascii_uppercase, choices, strict=False)
    return "\n".join([question, "", *(f"({letter}) {text}" for letter, text in lettered)])


def _right(item: dict[str, Any]) -> tuple[str | None, bool]:
    """Return the right answer, and whether it is the letter of a choice."""
    choices, right = item.get("choices"), item.get("correct_answer", item.get("answer"))
    if isinstance(choices, list) and right in choices[: len(ascii_uppercase)]:
        return ascii_uppercase[choices.index(right)], True
    if isinstance(right, int | float) and not isinstance(right, bool) and math.isfinite(right):
        return str(right), False
    letter = isinstance(choices, list) and isinstance(right, str) and len(right.strip()) == 1
    return (right.replace("#", "").strip() if isinstance(right, str) else None), letter
