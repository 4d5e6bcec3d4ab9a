from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import ColumnError
from orchkit.lab.pictures.columns import chosen, numbers, records, words


def test_columns_come_by_position() -> None:
    """A repeated index neither multiplies nor mixes rows."""
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}, index=[7, 7, 0])
    assert chosen(frame, "b", "a", None).to_dict("list") == {"b": [4, 5, 6], "a": [1, 2, 3]}


def test_a_doubled_column_is_refused() -> None:
    """Two columns of one name are refused, with the remedy at the end."""
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(ColumnError, match=r"2 columns named 'a'.*Do this\."):
        chosen(frame, "a", remedy="Do this.")


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, None], dtype="Int64"),
        pd.Series([True, None], dtype="boolean"),
        pd.Series([Decimal(1), None]),
        pd.Series(["1", None]),
        pd.Series([1.0, np.nan], dtype="float32"),
    ],
)
def test_numbers_of_any_dtype_are_floats(column: pd.Series) -> None:
    """Whatever pandas calls a number, and its kinds of nothing, come as floats and NaN."""
    one, nothing = numbers(column)
    assert one == 1.0
    assert math.isnan(nothing)


def test_what_is_no_number_is_named() -> None:
    """Text among numbers is shown in the message."""
    with pytest.raises(ColumnError, match="'cost' holds 'dear'"):
        numbers(pd.Series([1.0, "dear"], name="cost"))


def test_labels_and_records_keep_what_is_missing() -> None:
    """A missing label stays missing; a missing record has no calls; arrays of records are read."""
    assert words(pd.Series([pd.NA, 1])).tolist() == [None, "1"]
    cells = [None, {}, {"calls": np.array([{"model": "a"}], dtype=object)}]
    assert records(pd.Series(cells)).tolist() == [[], [], [{"model": "a"}]]
