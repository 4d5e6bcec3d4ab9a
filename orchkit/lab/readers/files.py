"""Tables and records in files: CSV, JSON and parquet, packed or not. A pickle is never opened.

What a file is, its first bytes tell; its name only tells one text from another.
"""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from orchkit.errors import MatrixError, StoreError
from orchkit.lab.sealed import BOMB, is_bomb, unpacked

Paths = str | Path | Iterable[str | Path]

#: Ends of names that are read, without ``.gz``.
KINDS = (".csv", ".json", ".jsonl", ".parquet")
_PICKLES = (".pkl", ".pickle", ".pkl.gz", ".pickle.gz", ".joblib")
_GZIP, _PARQUET, _STEP = b"\x1f\x8b", b"PAR1", 2**20
#: How other packed or binary files begin: zip, bzip2, xz, zstandard.
_PACKED = (b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


def files(paths: Paths) -> list[Path]:
    """Return the files that are named, or that lie in a folder that is named, in order."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise MatrixError("No file is named; give a path, several, or a folder.")
    return [
        file for path in map(Path, given) for file in (_inside(path) if path.is_dir() else [path])
    ]


def _inside(folder: Path) -> list[Path]:
    found = sorted(file for file in folder.iterdir() if file.is_file() and _kind(file) in KINDS)
    if not found:
        raise StoreError(f"{folder} holds no file of {', '.join(KINDS)}, packed or not.")
    return found


def stem(path: Path) -> str:
    """Return a file's name without what tells its kind.

    Examples
    --------
    >>> stem(Path("a/gpt-4o-2024.json")), stem(Path("mmlu_anatomy.csv.gz"))
    ('gpt-4o-2024', 'mmlu_anatomy')
    """
    name = path.name.removesuffix(".gz")
    known = _kind(path) in (*KINDS, *_PICKLES)
    return name[: -len(_kind(path))] if known else name


def _kind(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def content(path: Path) -> Any:
    """Return what a file holds: a DataFrame of a table, or what its JSON says.

    Raises
    ------
    StoreError
        It is a pickle, is damaged or missing, or is nothing that is read.
    """
    if path.name.lower().endswith(_PICKLES):
        raise StoreError(_no_pickle(path))
    try:
        return _parsed(path, _unzipped(path.read_bytes()))
    except RecursionError:
        raise StoreError(f"{path} cannot be read: its brackets are nested too deep.") from None
    except (OSError, ValueError, EOFError, zlib.error, csv.Error, pa.ArrowException) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path} cannot be read: {error!s:.200}.") from None


def table(path: Path) -> pd.DataFrame:
    """Return a file as a frame of at least one row; texts stay texts as written."""
    told = content(path)
    frame = told if isinstance(told, pd.DataFrame) else _framed(path, told)
    if frame.empty:
        raise MatrixError(f"{path} holds no rows.")
    return frame


def _framed(path: Path, told: Any) -> pd.DataFrame:
    try:
        return pd.DataFrame(told)
    except (ValueError, TypeError, AttributeError) as error:
        raise MatrixError(f"{path} holds JSON that is no table: {error!s:.200}.") from None


def _parsed(path: Path, whole: bytes) -> Any:
    head = whole.lstrip()[:1]
    if not head:
        raise StoreError(f"{path} is empty.")
    if _is_pickle(whole):
        raise StoreError(_no_pickle(path))
    if whole.startswith(_PARQUET):
        return unpacked(whole).to_pandas()
    if whole.startswith(_PACKED) or b"\0" in whole[:1024]:
        raise StoreError(f"{path} is none of {', '.join(KINDS)}, plain or as .gz.")
    if _kind(path) in (".json", ".jsonl") or (head in b"[{" and _kind(path) != ".csv"):
        return _json(whole.decode("utf-8-sig"))
    return pd.read_csv(BytesIO(whole), keep_default_na=False, na_values=[""], low_memory=False)


def _json(text: str) -> Any:
    """Return what JSON says, or one value a line."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [json.loads(line) for line in lines]


def _unzipped(whole: bytes) -> bytes:
    """Return the bytes of a packed file, or as they are; never far more than it holds."""
    if not whole.startswith(_GZIP):
        return whole
    parts, size, left = [], 0, whole
    while left.startswith(_GZIP):  # a gzip file is one member after another
        unpacker = zlib.decompressobj(wbits=31)
        while left and not unpacker.eof:
            parts.append(unpacker.decompress(left, _STEP))
            left, size = unpacker.unconsumed_tail, size + len(parts[-1])
            if is_bomb(size, len(whole)):
                raise ValueError(BOMB)
        if not unpacker.eof:
            raise EOFError("its end is missing")
        left = unpacker.unused_data
    return b"".join(parts)


def _is_pickle(whole: bytes) -> bool:
    """Whether bytes are a pickle of protocol 2 or later, which all tools write today."""
    return len(whole) > 1 and whole[0] == 0x80 and 2 <= whole[1] <= 5


def _no_pickle(path: Path) -> str:
    return (
        f"{path} is a pickle; opening one can run any code, so it is never opened here. Convert it "
        f"once, where you trust who made it: pandas.read_pickle({path.name!r})"
        f".to_csv({stem(path) + '.csv.gz'!r}, index=False), and read that."
    )
