"""RouteLLM (Ong et al. 2024, arXiv 2406.18665): verdicts of two models, without any cost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from orchkit.errors import MatrixError
from orchkit.lab.frames import missing
from orchkit.lab.readers.files import Paths, files, stem, table
from orchkit.lab.widetable import lengthened

_PROMPTS = ("prompt", "question")
_RESPONSE = "_response"
_VERDICTS = {True, False, "True", "False", "true", "false"}  # 1 and 0 are equal to these


def routellm(paths: Paths, models: Iterable[str] | None = None) -> pd.DataFrame:
    """Return the long frame of RouteLLM's tables; several are put below each other."""
    named = None if models is None else [models] if isinstance(models, str) else list(models)
    read = [_read(path, named) for path in files(paths)]
    found = list(dict.fromkeys(name for _, names in read for name in names))
    wide = pd.concat([frame for frame, _ in read], ignore_index=True)
    response = "{model}" + _RESPONSE
    told = any(name + _RESPONSE in wide.columns for name in found)
    patterns = {"quality": "{model}", "response": response if told else None}
    roles = {"prompt_id": None, "prompt": "prompt", "reference": None}
    return lengthened(wide, patterns, roles, found, None)


def _read(path: Path, named: list[str] | None) -> tuple[pd.DataFrame, list[str]]:
    """Return a file's table with our name for its prompts, and its models."""
    wide = table(path)
    prompt = next((name for name in _PROMPTS if name in wide.columns), None)
    if prompt is None:
        raise _no_table(path, wide, f"the column {' or '.join(map(repr, _PROMPTS))}")
    models = _models(wide.drop(columns=prompt)) if named is None else named
    if not models:
        raise _no_table(path, wide, "a column of verdicts (True, False) for each model")
    wide = wide.rename(columns={prompt: "prompt", **_answers(wide, models)})
    task = {} if "task" in wide.columns else {"task": stem(path)}
    return wide.assign(**task), models


def _no_table(path: Path, wide: pd.DataFrame, needed: str) -> MatrixError:
    return MatrixError(
        f"{path} is no RouteLLM table: it needs {needed}; it has {[*map(str, wide.columns)][:12]}."
    )


def _models(wide: pd.DataFrame) -> list[str]:
    """Return the columns of verdicts: booleans, or what a column of responses belongs to.

    A column of 0 and 1 alone may count something else.
    """
    verdicts = [str(name) for name in wide.columns if _judges(wide[name])]
    answered = set(_answers(wide, verdicts).values()) | set(map(str, wide.columns))
    known = [name for name in verdicts if name + _RESPONSE in answered]
    return known or verdicts


def _judges(values: Any) -> bool:
    told = [] if isinstance(values, pd.DataFrame) else [v for v in values if not missing(v)]
    return bool(told) and all(isinstance(v, int | float | str) and v in _VERDICTS for v in told)


def _answers(wide: pd.DataFrame, models: Iterable[str]) -> dict[str, str]:
    """Return columns of responses under shortened names -> the names they should have.

    ``gpt4_response`` belongs to ``gpt4_1106`` where no other model begins so.
    """
    found = {}
    for name in map(str, wide.columns):
        short = name.removesuffix(_RESPONSE)
        owners = [model for model in models if model.startswith(short)]
        if short and name != short and short not in models and len(owners) == 1:
            found[name] = owners[0] + _RESPONSE
    return found
