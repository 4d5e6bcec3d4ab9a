"""RouterBench (Hu et al. 2024, arXiv 2403.12031): a wide table, real costs, lists in quotes."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import MatrixError
from orchkit.lab.readers.files import Paths, files, table
from orchkit.lab.widetable import lengthened

_COST, _RESPONSE = "{model}|total_cost", "{model}|model_response"


def routerbench(paths: Paths, models: Iterable[str] | None = None) -> pd.DataFrame:
    """Return the long frame of RouterBench's wide tables; several are put below each other."""
    wide = pd.concat([_read(path) for path in files(paths)], ignore_index=True)
    patterns = {"quality": "{model}", "cost": _COST, "response": _RESPONSE}
    there = {
        ours: pattern
        for ours, pattern in patterns.items()
        if ours == "quality" or any(_ends(name, pattern) for name in wide.columns)
    }
    prompts = _unlisted(wide["prompt"], several=True)
    wide = wide.assign(prompt=prompts)
    for name in wide.columns:
        if _ends(name, _RESPONSE):
            wide[name] = _unlisted(wide[name], several=False)
    # One sample is one prompt; where files overlap, or have no ids, rows are numbered.
    named = "sample_id" in wide and wide["sample_id"].notna().all() and wide["sample_id"].is_unique
    roles = {"prompt_id": "sample_id" if named else None, "prompt": "prompt", "reference": None}
    return lengthened(wide, there, roles, models, None)


def _read(path: Any) -> pd.DataFrame:
    wide = table(path)
    told = [name for name in wide.columns if _ends(name, _COST) or _ends(name, _RESPONSE)]
    if "prompt" not in wide.columns or not told:
        raise MatrixError(
            f"{path} is no RouterBench table: it needs the column 'prompt' and, for each model, "
            f"'MODEL', 'MODEL|total_cost' or 'MODEL|model_response'; it has "
            f"{[*map(str, wide.columns)][:12]}."
        )
    return wide


def _ends(name: Any, pattern: str) -> bool:
    return str(name).endswith(pattern.removeprefix("{model}"))


def _unlisted(values: pd.Series[Any], *, several: bool) -> pd.Series[Any]:
    """Return texts out of the lists they are written as; as they are unless all are such lists.

    The several texts of a prompt are its instruction and its question; a blank line parts them.
    """
    lists = [_list(value) for value in values.to_numpy(dtype=object)]
    told = [texts for texts, hole in zip(lists, values.isna(), strict=True) if not hole]
    if any(texts is None or (len(texts) != 1 and not several) for texts in told):
        return values
    joined = [None if texts is None else "\n\n".join(texts) for texts in lists]
    return pd.Series(joined, index=values.index, dtype="object")


def _list(value: Any) -> list[str] | None:
    """Return the texts of a list, or of one written as Python does; None for anything else."""
    if isinstance(value, str):
        if not (value.startswith("[") and value.endswith("]")):
            return None
        try:
            value = literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None
    told = value.tolist() if isinstance(value, np.ndarray) else value
    whole = isinstance(told, list) and told and all(isinstance(text, str) for text in told)
    return told if whole else None
