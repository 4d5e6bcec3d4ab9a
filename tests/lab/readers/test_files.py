from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from orchkit.errors import MatrixError, StoreError
from orchkit.lab import readers
from orchkit.lab.readers.files import content, files, stem, table

FRAME = pd.DataFrame({"prompt": ["NA", "None, or 01"], "mini": [True, False], "n": [1, None]})


def _write(path: Path, frame: pd.DataFrame) -> Path:
    if ".csv" in path.name:
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines="jsonl" in path.name)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet", "t.json", "t.jsonl", "t.JSONL"])
def test_a_table_is_the_same_in_every_kind_of_file(tmp_path: Path, name: str) -> None:
    """Texts, verdicts and holes come back alike, and a text like NA stays text."""
    told = table(_write(tmp_path / name, FRAME))
    assert told["prompt"].tolist() == ["NA", "None, or 01"]
    assert told["mini"].tolist() == [True, False]
    assert told["n"].isna().tolist() == [False, True]


def test_what_a_file_is_its_bytes_tell(tmp_path: Path) -> None:
    """A packed or a parquet file under another name is read for what it is."""
    packed = tmp_path / "t.csv"
    packed.write_bytes(gzip.compress(b"prompt,mini\n") + gzip.compress(b"2+2?,True\n"))
    assert table(packed)["prompt"].tolist() == ["2+2?"]
    FRAME.to_parquet(tmp_path / "t.csv.gz")
    assert len(table(tmp_path / "t.csv.gz")) == 2
    (tmp_path / "records").write_text('{"a": 1}\n\n{"a": 2}\n')
    assert content(tmp_path / "records") == [{"a": 1}, {"a": 2}]


class Trap:
    """Something that runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("a pickle was opened",)


@pytest.mark.hostile
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["b.pkl", "b.pickle", "b.PKL", "b.pkl.gz", "b.csv", "b.json"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_pickle_is_never_opened(tmp_path: Path, protocol: int, name: str, packed: bool) -> None:
    """Whatever its name, protocol and packing, a pickle runs nothing and is refused."""
    whole = pickle.dumps(Trap(), protocol)
    (tmp_path / name).write_bytes(gzip.compress(whole) if packed else whole)
    for read in (readers.routerbench, readers.routellm, readers.zeroeval):
        with pytest.raises((StoreError, MatrixError)) as told:
            read(tmp_path / name)
        if protocol >= 2 or name.lower().startswith(("b.pkl", "b.pickle")):
            assert isinstance(told.value, StoreError)
            assert "is a pickle" in str(told.value)
            assert ".to_csv('b.csv.gz', index=False)" in str(told.value)


@pytest.mark.hostile
def test_a_file_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    """A small file that would fill the memory is given up."""
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 2**24, 9))
    with pytest.raises(StoreError, match="far more than its size"):
        content(tmp_path / "bomb.csv.gz")


@pytest.mark.parametrize(
    ("name", "whole", "told"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b" \n\n", "is empty"),
        ("t.csv.gz", gzip.compress(b"prompt,mini\n1,2\n")[:-9], "its end is missing"),
        ("t.csv.gz", gzip.compress(b"prompt,mini\n1,2\n")[:12] + b"\0" * 20, "cannot be read"),
        ("t.parquet", b"PAR1" * 4, "cannot be read"),
        ("t.csv", b"PK\x03\x04rest", "is none of"),
        ("t.csv", b"a,b\n\0\0", "is none of"),
        ("t.csv", "prompt,é\n".encode("latin-1"), "cannot be read"),
        ("t.csv", b'a,b\n1,2,3\n4,5,6,7,8\n"', "cannot be read"),
        ("t.json", b"{not json", "cannot be read"),
        ("t.json", b"[" * 100_000, "nested too deep"),
        ("t.jsonl", b'{"a": 1}\nnot json\n', "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, whole: bytes, told: str) -> None:
    """A file that is empty, torn, garbled or of another kind is a StoreError with its path."""
    (tmp_path / name).write_bytes(whole)
    with pytest.raises(StoreError, match=told) as error:
        content(tmp_path / name)
    assert name in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(StoreError, match=r"gone\.csv"):
        content(tmp_path / "gone.csv")


@pytest.mark.parametrize("whole", [b"prompt,mini\n", b"[]", b"3", b'"text"', b"[1, [2]]", b"null"])
def test_a_file_without_rows_is_no_table(tmp_path: Path, whole: bytes) -> None:
    """Headings alone, and JSON that is no table, are a MatrixError."""
    path = tmp_path / ("t.csv" if whole.startswith(b"p") else "t.json")
    path.write_bytes(whole)
    with pytest.raises(MatrixError, match=r"t\.(csv|json)"):
        readers.routellm(path)


def test_files_are_named_or_lie_in_a_folder(tmp_path: Path) -> None:
    """A folder gives its tables in order; a name, or several, themselves."""
    for name in ("b.csv", "a.json", "note.txt", "c.csv.gz"):
        (tmp_path / name).write_text("x")
    (tmp_path / "more").mkdir()
    assert [path.name for path in files(tmp_path)] == ["a.json", "b.csv", "c.csv.gz"]
    assert files([str(tmp_path / "b.csv"), tmp_path / "no"]) == [
        tmp_path / "b.csv",
        tmp_path / "no",
    ]
    assert [stem(path) for path in files(tmp_path)] == ["a", "b", "c"]
    with pytest.raises(StoreError, match="holds no file of"):
        files(tmp_path / "more")
    with pytest.raises(MatrixError, match="No file is named"):
        files([])


def test_json_in_columns_is_a_table_too(tmp_path: Path) -> None:
    """What pandas writes by default is read."""
    (tmp_path / "t.json").write_text(json.dumps({"prompt": {"0": "2+2?"}, "mini": {"0": True}}))
    assert table(tmp_path / "t.json")["prompt"].tolist() == ["2+2?"]
