import inspect
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import ParameterError
from orchkit.lab import metrics
from orchkit.lab.metrics import reading

NAN = math.nan
#: Every metric of columns, with columns of three rows that it takes.
METRICS: dict[str, tuple[Callable[..., Any], dict[str, list[float]]]] = {
    name: (getattr(metrics, name), columns)
    for names, columns in (
        (("pareto", "hull", "pareto_distance"), {"cost": [1, 2, 3], "quality": [0.2, 0.5, 0.9]}),
        (("apgr", "deferral_curve"), {"score": [3, 2, 1], "weak": [0, 0, 1], "strong": [1, 1, 0]}),
        (("pgr",), {"quality": [0, 1, 1], "weak": [0, 0, 1], "strong": [1, 1, 0]}),
        (("ece", "brier", "calibration_bins"), {"confidence": [0, 0.5, 1], "correct": [0, 1, 1]}),
        (("auroc", "aurc", "risk_coverage"), {"confidence": [0, 0.5, 1], "correct": [0, 1, 1]}),
        (("augrc", "e_aurc", "brier_parts"), {"confidence": [0, 0.5, 1], "correct": [0, 1, 1]}),
    )
    for name in names
}
GIVEN: dict[str, Callable[[list[float]], Any]] = {
    "tuple": tuple,
    "array": np.array,
    "float32": lambda values: np.array(values, dtype="float32"),
    "Series": lambda values: pd.Series(values, index=[7, 7, 3]),
    "Float64": lambda values: pd.array(values, dtype="Float64"),
    "arrow": lambda values: pd.Series(values, dtype="double[pyarrow]"),
    "objects": lambda values: pd.Series(values, dtype=object),
    "decimals": lambda values: [Decimal(str(value)) for value in values],
    "Index": pd.Index,
}
BAD: dict[str, Any] = {
    "text": "abc",
    "texts": ["0.1", "0.5", "0.9"],
    "one number": 0.5,
    "nothing": None,
    "a table": [[0.1, 0.2, 0.3]],
    "a frame": pd.DataFrame({"a": [0.1, 0.2, 0.3]}),
    "ragged": [[0.1], [0.2, 0.3]],
    "times": pd.to_datetime(["2026-01-01"] * 3),
    "complex": [1j, 0, 0],
    "a mapping": {"a": 1},
    "categories": pd.Categorical([1, 2, 3]),
    "too few": [0.5, 0.5],
    "too many": [0.5] * 4,
}


def plain(value: Any) -> Any:
    """Return what two answers are compared by."""
    return value.to_numpy().tolist() if hasattr(value, "to_numpy") else np.asarray(value).tolist()


@pytest.mark.parametrize("kind", GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize("name", METRICS)
def test_columns_of_any_make_are_the_same(name: str, kind: Callable[[list[float]], Any]) -> None:
    """Lists, arrays, Series by position and nullable dtypes give one answer."""
    metric, columns = METRICS[name]
    given = {each: kind(values) for each, values in columns.items()}
    assert np.array(plain(metric(**given))) == pytest.approx(
        np.array(plain(metric(**columns))), rel=1e-6
    )


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize(
    ("name", "column"),
    [(name, column) for name in METRICS for column in METRICS[name][1] if name != "pgr"],
)
def test_what_is_no_column_is_refused(name: str, column: str, bad: Any) -> None:
    """A typed error that names the column, in every metric and place."""
    metric, columns = METRICS[name]
    with pytest.raises(ParameterError, match=rf"{column}|{next(iter(columns))}"):
        metric(**{**columns, column: bad})


@pytest.mark.parametrize("value", [-0.01, 1.01, math.inf, -math.inf, 70])
@pytest.mark.parametrize(
    ("name", "column"),
    [
        (name, column)
        for name in METRICS
        for column in METRICS[name][1]
        if column in {"quality", "weak", "strong", "correct"}
    ],
)
def test_qualities_lie_between_0_and_1(name: str, column: str, value: float) -> None:
    """Percentages, negatives and infinities are refused."""
    metric, columns = METRICS[name]
    with pytest.raises(ParameterError, match=rf"{column} holds .*\[0, 1\]"):
        metric(**{**columns, column: [value, 0.5, 0.5]})


@pytest.mark.parametrize("value", [-1, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["pareto", "hull", "pareto_distance"])
def test_costs_are_finite_and_not_negative(name: str, value: float) -> None:
    """Anything else is refused."""
    metric, columns = METRICS[name]
    with pytest.raises(ParameterError, match="cost holds"):
        metric(**{**columns, "cost": [value, 1, 2]})


@pytest.mark.parametrize("name", METRICS)
def test_what_is_given_is_only_read(name: str) -> None:
    """Arrays come back as they went in."""
    metric, columns = METRICS[name]
    given = {each: np.array(values, dtype=float) for each, values in columns.items()}
    for values in given.values():
        values.flags.writeable = False
    metric(**given)
    assert {each: values.tolist() for each, values in given.items()} == columns


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, None, 3], [1, NAN, 3]),
        ([True, pd.NA, False], [1, NAN, 0]),
        (pd.array([1, pd.NA], dtype="Int64"), [1, NAN]),
        (pd.array([True, pd.NA], dtype="boolean"), [1, NAN]),
        (pd.Series([0.5, pd.NA], dtype="Float64"), [0.5, NAN]),
        ([None, None], [NAN, NAN]),
        ([], []),
        (range(3), [0, 1, 2]),
    ],
)
def test_what_is_missing_is_nan(values: Any, expected: list[float]) -> None:
    """Every way to say that a value is not there."""
    assert reading.numbers("x", values) == pytest.approx(np.array(expected), nan_ok=True)


def test_a_share_that_rounding_put_outside_is_put_back() -> None:
    """The last digit of a mean is no misuse."""
    assert reading.shares("x", [1 + 1e-12, -1e-12]).tolist() == [1.0, 0.0]


def test_the_names_are_sorted_and_complete() -> None:
    """`__all__` is the table of contents: in order, and all that can be called."""
    assert metrics.__all__ == sorted(set(metrics.__all__))
    made = {name for name, thing in vars(metrics).items() if inspect.isfunction(thing)}
    assert made == set(metrics.__all__)
    assert all(name in (metrics.__doc__ or "") for name in metrics.__all__)


def test_options_stand_after_a_star() -> None:
    """What is not data is given by its name."""
    data = {
        "cost", "quality", "at", "score", "weak", "strong", "level", "confidence", "correct",
        "accuracy", "cost_per_1k", "baseline", "model_quality", "predicted", "price",
    }  # fmt: skip
    for name in metrics.__all__:
        parameters = inspect.signature(getattr(metrics, name)).parameters.values()
        assert {each.name for each in parameters if each.kind is not each.KEYWORD_ONLY} <= data
