from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchkit.core.calls import Params, Response
from orchkit.core.complexity import KeywordRules
from orchkit.core.confidence import brevity
from orchkit.core.plans import Confidence, Query
from orchkit.errors import MatrixError, ParameterError
from orchkit.lab.arrays import arrays_of
from orchkit.lab.matrix import Matrix

Table = Callable[..., pd.DataFrame]


def test_they_hold_what_was_recorded(table: Table) -> None:
    """Prompts × models in the order asked for, money in whole nano-dollars."""
    frame = table(5)
    arrays = arrays_of(Matrix(frame), ("c", "a"))
    wide = frame.pivot(index="prompt_id", columns="model")
    for column, model in enumerate(("c", "a")):
        assert arrays.quality[:, column].tolist() == wide["quality", model].tolist()
        assert arrays.rank[:, column].tolist() == wide["confidence", model].tolist()
        assert arrays.cost[:, column].tolist() == [
            round(cost * 1e9) for cost in wide["cost", model]
        ]
    assert arrays.cost.dtype == np.int64
    assert (len(arrays), arrays.left_out, arrays.binary) == (5, 0, True)
    assert arrays.column("a") == 1
    with pytest.raises(MatrixError, match="'b' is not among c, a"):
        arrays.column("b")


@pytest.mark.parametrize("missing", ["quality", "cost"])
def test_a_prompt_of_which_a_number_is_missing_is_left_out(table: Table, missing: str) -> None:
    """Where quality or cost of one model is unknown, the prompt is not among them."""
    frame = table(5)
    frame.loc[4, missing] = math.nan  # p1 of b
    arrays = arrays_of(Matrix(frame), ("a", "b"))
    assert arrays.place.tolist() == [0, 2, 3, 4]
    assert arrays.left_out == 1
    assert arrays_of(Matrix(frame), ("a", "c")).left_out == 0


def test_a_failed_call_is_a_gap(table: Table) -> None:
    """A row with an error is no answer, whatever else stands in it."""
    frame = table(3).assign(error=None)
    frame.loc[0, "error"] = "Timeout: too late"
    assert arrays_of(Matrix(frame), ("a", "b")).place.tolist() == [1, 2]


def test_of_several_draws_the_first_counts(table: Table) -> None:
    """A model recorded twice is read as a replay reads it."""
    frame = table(3)
    again = frame.assign(quality=1 - frame["quality"], cost=frame["cost"] * 3)
    both = arrays_of(Matrix(pd.concat([frame, again], ignore_index=True)), ("a", "b"))
    once = arrays_of(Matrix(frame), ("a", "b"))
    assert both.quality.tolist() == once.quality.tolist()
    assert both.cost.tolist() == once.cost.tolist()


def test_a_part_is_the_same_cells(table: Table) -> None:
    """A mask and its positions give the same part, whose own qualities tell whether binary."""
    arrays = arrays_of(Matrix(table(6).assign(quality=[0.5] * 3 + [1.0] * 15)), ("a", "b", "c"))
    mask = np.array([False, True, True, False, True, False])
    by_mask, by_place = arrays.at(mask), arrays.at(np.flatnonzero(mask))
    for name in ("place", "quality", "cost", "rank", "usable"):
        assert getattr(by_mask, name).tolist() == getattr(arrays, name)[mask].tolist()
        assert getattr(by_mask, name).tolist() == getattr(by_place, name).tolist()
    assert (arrays.binary, by_mask.binary) == (False, True)


def test_a_signal_is_put_to_each_answer_with_its_query(table: Table) -> None:
    """A function of one's own sees the recorded prompt and answer, and never a hard failure."""
    frame = table(4)
    frame.loc[0, "finish_reason"] = "length"
    frame.loc[1, "response"], frame.loc[1, "confidence"] = " ", math.nan
    seen: list[tuple[str, str]] = []

    def told(query: Query, response: Response) -> float:
        seen.append((query.text, response.model))
        return len(query.text) / 100

    matrix = Matrix(frame)
    queries = matrix.queries(KeywordRules().predict, Params())
    arrays = arrays_of(matrix, ("a", "b"), told, queries)
    assert arrays.rank[0].tolist() == [0.0, 0.0]
    assert arrays.usable.tolist() == [[False, False]] + [[True, True]] * 3
    assert arrays.rank[1:].tolist() == [[n / 100] * 2 for n in (12, 13, 14)]
    assert ("What is it?", "a") not in seen


@pytest.mark.parametrize("said", [math.nan, None, Confidence(math.nan, "none")], ids=repr)
def test_an_unknown_confidence_is_below_everything(table: Table, said: Any) -> None:
    """Where a signal says nothing, no threshold is reached."""
    arrays = arrays_of(Matrix(table(2)), ("a",), lambda query, response: said)
    assert (arrays.rank == -math.inf).all()
    assert arrays.usable.all()


def test_brevity_falls_with_length() -> None:
    """The shorter answer ranks higher, and an answer of a thousand characters is at one half."""
    said = ["x", "x" * 1000, "x" * 9000]
    frame = pd.DataFrame({"prompt_id": [1, 2, 3], "response": said})
    matrix = Matrix(frame.assign(model="a", quality=1, cost=0))
    assert arrays_of(matrix, ("a",), brevity).rank[:, 0].tolist() == [1 / 1.001, 0.5, 0.1]


@pytest.mark.parametrize(
    ("signal", "told"),
    [
        (lambda query, response: 1 / 0, "ZeroDivisionError"),
        (lambda query, response: 2.0, r"must lie in \[0, 1\]"),
        (lambda query, response: "high", "ValueError"),
        (lambda query: 1.0, "TypeError"),
    ],
)
def test_a_signal_that_fails_is_told_with_what_it_failed_on(
    table: Table, signal: Any, told: str
) -> None:
    """A bug in a signal is misuse that names signal, answer and model, not a crash inside."""
    with pytest.raises(ParameterError, match=f"confidence <lambda> failed on '.' of a: .*{told}"):
        arrays_of(Matrix(table(2)), ("a",), signal)
