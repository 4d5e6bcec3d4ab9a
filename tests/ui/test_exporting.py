from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import orchkit
from orchkit.ui.exporting import FORMULA, to_csv

FULL_WIDTH = "\uff1d\uff0b\uff0d\uff20"
SIGNS = [*"=+-@\t\r\n\0", *FULL_WIDTH]
#: Text made of what matters to a spreadsheet or to CSV, and any text at all.
texts = st.text(st.sampled_from([*SIGNS, *" a,;'\"|0"]), max_size=6) | st.text(max_size=6)


def fields(text: str | None, **how: Any) -> list[list[str]]:
    """Return the fields of a CSV text, line breaks inside them as they were."""
    assert text is not None
    return [*csv.reader(io.StringIO(text, newline=""), **how)]


def shown(text: str) -> str:
    """Return what a text is to be written as."""
    return f"'{text}" if text[:1] in SIGNS and text else text


def test_the_signs_are_those_of_the_promise() -> None:
    """Every sign that is promised is looked for, and each alone is one character."""
    assert set(FORMULA) == set(SIGNS)


@pytest.mark.parametrize("sign", SIGNS, ids=ascii)
def test_a_formula_gets_an_apostrophe_wherever_it_stands(sign: str) -> None:
    """Cells, headers, index labels and their names are all text that may be one."""
    evil = f"{sign}cmd|' /C calc'!A0"
    frame = pd.DataFrame({evil: [evil, "fine"]}, index=pd.Index([evil, "b"], name=evil))
    assert fields(to_csv(frame)) == [
        [f"'{evil}", f"'{evil}"],
        [f"'{evil}", f"'{evil}"],
        ["b", "fine"],
    ]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=4), texts, texts)
@example([("a\r=1+1", "x")], "h", "n")
def test_no_field_is_ever_a_formula(rows: list[tuple[str, str]], header: str, name: str) -> None:
    """Whatever the text, no field starts like a formula, and what is read is what was there."""
    index = pd.Index([label for label, _ in rows], name=name or None, dtype=object)
    frame = pd.DataFrame({header: [cell for _, cell in rows]}, index=index)
    heading, *read = fields(to_csv(frame))
    assert heading == [shown(name), shown(header)]
    assert read == [[shown(label), shown(cell)] for label, cell in rows]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(texts, texts, st.integers(-3, 3)), min_size=1, max_size=4, unique=True),
    st.lists(st.tuples(texts, texts), min_size=3, max_size=3),
)
def test_a_multiindex_is_no_way_around(rows: list[Any], columns: list[Any]) -> None:
    """With several levels on both axes no field that was text is a formula."""
    frame = pd.DataFrame(
        [[label, [label], number] for label, _, number in rows],
        index=pd.MultiIndex.from_tuples(rows, names=["=i", None, "-n"]),
        columns=pd.MultiIndex.from_tuples(columns, names=["@a", "+b"]),
    )
    for row in fields(to_csv(frame)):
        texts_of_row = [field for field in row if not field.lstrip("-").isdigit()]
        assert not any(field.startswith(FORMULA) for field in texts_of_row)


NUMBERS = pd.DataFrame(
    {
        "whole": [-1, 2],
        "part": [-0.5, np.nan],
        "nullable": pd.array([-3, None], dtype="Int64"),
        "mixed": [-4, Decimal("-1.5")],
        "truth": [True, False],
        "when": pd.to_datetime(["2026-01-01", None]),
        "for": pd.to_timedelta([-1, 1], unit="D"),
        "day": [date(2026, 1, 1), None],
        "group": pd.Categorical([-7, 8]),
    },
    index=pd.Index([-10, 10], name="n"),
)


def test_numbers_and_times_are_as_pandas_writes_them() -> None:
    """A frame without text is written to the letter as pandas writes it."""
    assert to_csv(NUMBERS) == NUMBERS.to_csv()
    assert to_csv(NUMBERS, float_format="%.3f", sep=";") == NUMBERS.to_csv(
        float_format="%.3f", sep=";"
    )


@pytest.mark.parametrize("dtype", ["object", "string", "category", "string[pyarrow]"])
def test_text_is_text_in_every_dtype(dtype: str) -> None:
    """However pandas keeps text, a formula in it is found, and what is missing stays empty."""
    frame = pd.DataFrame({"a": pd.Series(["=1", "b", None], dtype=dtype)})
    assert fields(to_csv(frame, index=False)) == [["a"], ["'=1"], ["b"], [""]]


class Sly:
    """An object whose text is a formula."""

    def __str__(self) -> str:
        return "=1+1"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (["=x", 1], "['=x', 1]"),
        ({"=a": 1}, "{'=a': 1}"),
        ((1, 2), "(1, 2)"),
        (np.array([1, 2]), "[1 2]"),
        (b"=x", "b'=x'"),
        (Sly(), "'=1+1"),
        (pd.Timedelta(-1, "D"), "'-1 days +00:00:00"),
        (-1.5, "-1.5"),
        ("half \ud800", "half \ufffd"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_objects_are_judged_by_what_is_written_of_them(cell: Any, written: str) -> None:
    """Lists and dicts are written as ever; an object that reads like a formula is none after."""
    frame = pd.DataFrame({"a": pd.Series([cell, [1, 2]], dtype=object)})
    assert fields(to_csv(frame, index=False))[1] == [written]


def test_the_frame_is_not_changed(df: pd.DataFrame) -> None:
    """Cells, labels and names of the frame are what they were."""
    frame = df.assign(x="=1").rename(columns={"x": "=x"}).rename_axis("=i")
    before = frame.copy(deep=True)
    to_csv(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_unsafe_is_pandas_own() -> None:
    """With safe=False the text is what pandas writes."""
    frame = pd.DataFrame({"=a": ["=1", "\r=2"]}, index=["@", "+"])
    assert to_csv(frame, safe=False, sep=";") == frame.to_csv(sep=";")
    assert to_csv(frame) != frame.to_csv()


@pytest.mark.parametrize(
    "shape", [pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame(index=["x"])], ids=str
)
def test_an_empty_frame_is_written(shape: pd.DataFrame) -> None:
    """A frame without rows or columns is written as pandas writes it."""
    assert to_csv(shape) == shape.to_csv()


def test_equal_names_stay_apart() -> None:
    """Columns and rows of one name are each written, in their order."""
    frame = pd.DataFrame([["=1", "=2"], ["3", "4"]], columns=["=a", "=a"], index=["=i", "=i"])
    assert fields(to_csv(frame)) == [["", "'=a", "'=a"], ["'=i", "'=1", "'=2"], ["'=i", "3", "4"]]


def test_the_callers_own_words_are_looked_at_too() -> None:
    """Columns are chosen by their real names; headings given by hand get apostrophes as well."""
    frame = pd.DataFrame({"=a": [1], "b": [2]})
    assert fields(to_csv(frame, columns=["=a"], index_label="=i")) == [["'=i", "'=a"], ["0", "1"]]
    assert fields(to_csv(frame, header=["=x", "y"], index=False))[0] == ["'=x", "y"]
    assert to_csv(frame, header=False, index=False, lineterminator="|") == "1,2|"


def test_a_file_is_written(df: pd.DataFrame, tmp_path: Path) -> None:
    """With a path the file holds the text, a lone surrogate and all, and nothing is returned."""
    df = df.reset_index()
    frame = df.assign(said=pd.Series(["=1", "\ud800", "b", "c"], df.index, dtype=object))
    assert to_csv(frame, tmp_path / "out.csv") is None
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert file.read() == to_csv(frame)


def test_a_result_is_exported_by_its_accessor(df: pd.DataFrame) -> None:
    """df.orch.to_csv writes what a run gave, and an answer that is a formula is none after."""
    out = df.orch.route("cheapest", progress=False)
    out.loc[1, "response"] = '=HYPERLINK("http://evil.example")'
    read = pd.read_csv(io.StringIO(out.orch.to_csv(index=False)))
    assert read.loc[2, "response"] == '\'=HYPERLINK("http://evil.example")'
    assert list(read["cost"]) == list(out["cost"])


def test_only_a_frame_is_written() -> None:
    """Anything but a frame is refused by its type."""
    with pytest.raises(TypeError, match="not a Series"):
        orchkit.to_csv(pd.Series(["=1"]))  # type: ignore[arg-type]
