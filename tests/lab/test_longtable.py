import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import ColumnError, MatrixError
from orchkit.lab.longtable import COLUMNS, validated


def _long(**columns: Any) -> pd.DataFrame:
    told = {"prompt_id": ["q1", "q1"], "model": ["small", "large"], "quality": [0.0, 1.0]}
    return pd.DataFrame({**told, **columns})


@pytest.mark.parametrize("count", [0, 2])
def test_a_long_table_has_every_column(count: int) -> None:
    """Columns, order and dtypes are the schema's, whatever was given and however many rows."""
    table = validated(_long().head(count))
    assert table.dtypes.map(str).to_dict() == COLUMNS
    assert list(table.columns) == [
        "prompt_id",
        "prompt",
        "model",
        "response",
        "quality",
        "cost",
        "input_tokens",
        "output_tokens",
        "latency",
        "confidence",
        "finish_reason",
        "reference",
    ]


def test_columns_of_one_s_own_are_kept() -> None:
    """Columns the schema does not know come after it, as they are."""
    table = validated(_long(origin=pd.Categorical(["a", "b"]), n=np.array([1, 2], dtype="int8")))
    assert table.columns[-2:].tolist() == ["origin", "n"]
    assert table.dtypes.map(str).iloc[-2:].tolist() == ["category", "int8"]


def test_columns_of_one_s_own_may_share_a_name() -> None:
    """Two unknown columns of one name come back as the two they were."""
    twice = pd.concat([_long(), pd.DataFrame([[1, 2], [3, 4]], columns=["n", "n"])], axis=1)
    assert validated(twice)["n"].to_numpy().tolist() == [[1, 2], [3, 4]]


def test_rows_are_numbered_anew_and_the_frame_left_alone() -> None:
    """Labels of the frame do not matter, and it is only read."""
    frame = _long(note=["x", "y"]).set_index(pd.Index(["r", "r"]))
    before = frame.copy(deep=True)
    table = validated(frame)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_index_equal(table.index, pd.RangeIndex(2))
    assert table["note"].tolist() == ["x", "y"]


def test_a_prompt_without_text_is_its_id() -> None:
    """Where no text was recorded, the id stands for it."""
    assert validated(_long(prompt_id=[7, 8]))["prompt"].tolist() == ["7", "8"]
    assert validated(_long(prompt=["Why?", "Why?"]))["prompt"].tolist() == ["Why?", "Why?"]


@pytest.mark.parametrize("missing", ["prompt_id", "model"])
def test_a_needed_column_is_missed(missing: str) -> None:
    """Without prompt_id or model there is no matrix, and the message says which is missing."""
    with pytest.raises(MatrixError, match=f"needs the column '{missing}'"):
        validated(_long().drop(columns=missing))


def test_quality_or_response_is_needed() -> None:
    """A matrix of neither qualities nor responses records nothing."""
    with pytest.raises(MatrixError, match="'quality' or 'response'"):
        validated(_long().drop(columns="quality"))
    assert validated(_long(response="4").drop(columns="quality"))["quality"].isna().all()


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("quality", 1.01),
        ("quality", -0.01),
        ("quality", math.inf),
        ("confidence", 2),
        ("confidence", -1),
        ("cost", -1e-9),
        ("cost", math.inf),
        ("latency", -0.1),
        ("latency", math.inf),
        ("input_tokens", -1),
        ("input_tokens", math.inf),
        ("output_tokens", -1),
        ("output_tokens", math.inf),
    ],
)
def test_a_value_outside_its_range_is_refused(name: str, bad: float) -> None:
    """A value that cannot be is refused, with its column and the value."""
    with pytest.raises(MatrixError, match=rf"{name} holds .*{bad}"):
        validated(_long(**{name: [bad, 0.5]}))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("quality", [0, 1]),
        ("quality", [True, False]),
        ("quality", ["0.5", "1"]),
        ("quality", pd.array([True, None], dtype="boolean")),
        ("quality", pd.array([1, None], dtype="Int64")),
        ("cost", [0.0, math.nan]),
        ("cost", [None, 1]),
        ("cost", pd.Series([pd.NA, 1.0], dtype="object")),
        ("confidence", [0.0, 1.0]),
        ("input_tokens", [3, None]),
        ("latency", [math.nan, math.nan]),
    ],
)
def test_numbers_may_come_in_any_dress(name: str, values: Any) -> None:
    """Ints, booleans, digits and any kind of missing are read as floats."""
    expected = [math.nan if pd.isna(value) else float(value) for value in values]
    told = validated(_long(**{name: values}))[name]
    assert told.dtype == "float64"
    assert told.tolist() == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", ["quality", "cost", "input_tokens", "latency", "confidence"])
def test_words_are_no_numbers(name: str) -> None:
    """Text where a number belongs is refused, with its column."""
    with pytest.raises(MatrixError, match=f"'{name}' holds what is no number"):
        validated(_long(**{name: ["much", "0.5"]}))


@pytest.mark.parametrize("name", ["prompt_id", "model"])
@pytest.mark.parametrize("missing", [None, math.nan, pd.NA])
def test_a_row_must_name_prompt_and_model(name: str, missing: Any) -> None:
    """A row of no model or no prompt is refused."""
    with pytest.raises(MatrixError, match="names no model, or no prompt"):
        validated(_long(**{name: pd.Series(["x", missing], dtype="object")}))


@pytest.mark.parametrize("name", ["prompt_id", "model", "quality"])
def test_a_doubled_column_is_refused(name: str) -> None:
    """Two columns of a name the schema knows are ambiguous."""
    frame = _long()
    with pytest.raises(ColumnError, match=f"2 columns named '{name}'"):
        validated(pd.concat([frame, frame[[name]]], axis=1))


def test_an_answer_with_a_lone_surrogate_is_shown_as_one_replaced() -> None:
    """A recorded answer no writer could take is kept with U+FFFD in its place."""
    answers = pd.Series(["a\ud800", "b"], dtype="object")
    assert validated(_long(response=answers))["response"].tolist() == ["a\ufffd", "b"]


@pytest.mark.parametrize("given", [None, [], {"model": []}, "m.csv", pd.Series([1])])
def test_what_is_no_frame_is_refused(given: Any) -> None:
    """A matrix is made of a DataFrame alone."""
    with pytest.raises(MatrixError, match=f"not of {type(given).__name__}"):
        validated(given)


def test_columns_of_several_levels_are_refused() -> None:
    """A frame as pivot makes it is told how to become flat."""
    frame = _long().set_axis(pd.MultiIndex.from_product([["x"], _long().columns]), axis=1)
    with pytest.raises(MatrixError, match="have 2 levels"):
        validated(frame)


def test_an_empty_frame_needs_its_columns() -> None:
    """No rows are a recording of nothing; no columns are none."""
    assert len(validated(_long().head(0))) == 0
    with pytest.raises(MatrixError, match="needs the column 'prompt_id'"):
        validated(pd.DataFrame())


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["True", "False"], [1, 0]),
        ([" true", "FALSE "], [1, 0]),
        ([True, None], [1, math.nan]),
        (pd.array(["True", None], dtype="string"), [1, math.nan]),
        (["1", False], [1, 0]),
    ],
)
def test_verdicts_may_be_words(values: Any, told: list[float]) -> None:
    """True and False are qualities in any spelling; so are digits among them."""
    frame = _long(quality=pd.Series(values))
    assert validated(frame)["quality"].tolist() == pytest.approx(told, nan_ok=True)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"quality": [0, 7.5]}, r"quality holds 7.5 in row 1 \(prompt 'q1', large\)"),
        ({"cost": [-1e-9, 0]}, r"cost holds -1e-09 in row 0 \(prompt 'q1', small\)"),
        ({"quality": ["0", "good"]}, r"'quality' holds what is no number: 'good' in row 1"),
        ({"cost": [[1], 0]}, r"'cost' holds what is no number: \[1\] in row 0"),
        ({"model": ["a", " "]}, "Row 1 of the matrix names no model"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(columns: dict[str, Any], told: str) -> None:
    """An error names column, row, what was found, and whose it is."""
    with pytest.raises(MatrixError, match=told):
        validated(_long(**columns))


@pytest.mark.parametrize("name", ["prompt", "reference"])
def test_one_id_is_one_prompt(name: str) -> None:
    """Two texts or two right answers under one id are refused; a missing one is no other."""
    with pytest.raises(MatrixError, match=rf"prompt_id 'q1' stands for more than one {name}: 'a'"):
        validated(_long(**{name: ["a", "b"]}))
    assert validated(_long(**{name: ["a", None]}))[name].isna().tolist() == [False, True]
    assert len(validated(_long(**{name: ["a", "b"]}, prompt_id=["q1", "q2"]))) == 2
