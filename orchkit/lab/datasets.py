"""Prompt sets: those that ship with orchkit, and files of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import pandas as pd

from orchkit.errors import ParameterError, UnknownNameError, did_you_mean


def _jsonl(path: Path) -> pd.DataFrame:
    # Not pd.read_json: before pandas 3 it makes dates of what is text in the file.
    with path.open(encoding="utf-8") as lines:
        return pd.DataFrame([json.loads(line) for line in lines if line.strip()])


#: What is text stays text as written: None, NA and 2024-08-31 may all be right answers.
_READERS: Mapping[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": lambda path: pd.read_csv(
        path, dtype={"prompt": str, "reference": str}, keep_default_na=False, na_values=[""]
    ),
    ".parquet": pd.read_parquet,
    ".jsonl": _jsonl,
}


def load_dataset(name: str = "everyday") -> pd.DataFrame:
    """Return a prompt set that ships with orchkit.

    Columns: prompt, complexity (the tier its authors gave it); of ``everyday`` also reference,
    scorer and kind, of ``complexity`` domain.

    Parameters
    ----------
    name : str
        ``everyday``: prompts over ten kinds of work, in four tiers, with right answers.
        ``complexity``: prompts over sixteen domains, in four tiers, for a classifier to begin with;
        its labelling guide stands beside it, in ``complexity.md``.

    Raises
    ------
    UnknownNameError
        No such set ships with orchkit.

    Examples
    --------
    >>> load_dataset("everyday").columns.tolist()
    ['prompt', 'reference', 'scorer', 'complexity', 'kind']
    """
    shipped = {
        entry.name.removesuffix(".jsonl"): entry
        for entry in _folder().iterdir()
        if entry.name.endswith(".jsonl")
    }
    if name not in shipped:
        raise UnknownNameError(f"No dataset {name!r}. {did_you_mean(name, shipped)}")
    with resources.as_file(shipped[name]) as path:
        return read_prompts(path)


def read_prompts(path: str | Path) -> pd.DataFrame:
    """Return the prompts of a .csv, .parquet or .jsonl file; references stay text as written.

    Raises
    ------
    ParameterError
        The file is missing, of another kind, or cannot be read.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix)
    if reader is None or not path.is_file():
        kinds = ", ".join(_READERS)
        raise ParameterError(f"{path} is no prompt file; give an existing one of {kinds}.")
    try:
        return reader(path)
    except (ValueError, OSError) as error:
        told = f"{path} cannot be read as {path.suffix}: {error}"
        raise ParameterError(f"{told:.300}. Give a file of that kind, in UTF-8.") from None


def _folder() -> Traversable:
    """Return where the sets lie: inside the package, or beside it in a checkout."""
    inside = resources.files("orchkit") / "datasets"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "datasets"
