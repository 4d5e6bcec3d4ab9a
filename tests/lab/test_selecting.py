from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import MatrixError, UnknownModelError, UnknownNameError
from orchkit.lab.matrix import Matrix


@pytest.fixture
def matrix() -> Matrix:
    """Give three prompts by two models."""
    rows = [(f"q{n}", model, n / 2) for n in range(3) for model in ("mini", "opus")]
    return Matrix(pd.DataFrame(rows, columns=["prompt_id", "model", "quality"]))


@pytest.mark.parametrize(
    "given",
    [
        ["q2", "q0"],
        iter(["q0", "q2"]),
        pd.Index(["q0", "q2"]),
        [True, False, True],
        np.array([True, False, True]),
        pd.Series([True, True, False], index=["q2", "q0", "q1"]),
        {"q0", "q2"},
    ],
    ids=["ids", "iterator", "index", "booleans", "mask", "series", "set"],
)
def test_prompts_are_named_or_marked(matrix: Matrix, given: Any) -> None:
    """Ids in any order, or one boolean a prompt, give the same part, in the recording's order."""
    assert matrix.subset(prompts=given).prompts.index.tolist() == ["q0", "q2"]


def test_a_name_alone_is_one(matrix: Matrix) -> None:
    """A single name is not taken apart into letters."""
    part = matrix.subset(models="opus", prompts="q1")
    assert (part.models, len(part)) == (["opus"], 1)


def test_models_keep_their_order(matrix: Matrix) -> None:
    """The order asked for does not move the recording's."""
    assert matrix.subset(models=["opus", "mini"]).models == ["mini", "opus"]


def test_what_was_not_recorded_is_refused(matrix: Matrix) -> None:
    """A model or a prompt nobody recorded is refused with its neighbour, not dropped."""
    with pytest.raises(UnknownModelError, match=r"'opsu' were recorded. Did you mean 'opus'"):
        matrix.subset(models=["mini", "opsu"])
    with pytest.raises(UnknownNameError, match="No prompt 'q9' was recorded"):
        matrix.subset(prompts=["q1", "q9"])
    with pytest.raises(UnknownNameError, match="No prompt"):
        matrix.subset(prompts=[["q1"]])


@pytest.mark.parametrize("given", [[True], np.array([True] * 4), pd.Series([True, False, True])])
def test_booleans_are_as_many_as_prompts(matrix: Matrix, given: Any) -> None:
    """A mask of another length, or of another index, is refused."""
    with pytest.raises(MatrixError, match="prompts"):
        matrix.subset(prompts=given)


def test_a_column_of_the_prompts_is_one_value_each(matrix: Matrix) -> None:
    """What differs within a prompt is no label of it."""
    labelled = Matrix(matrix.frame.assign(task=list("aabbcc"), draw=range(6)))
    assert labelled.per_prompt("task").to_dict() == {"q0": "a", "q1": "b", "q2": "c"}
    with pytest.raises(MatrixError, match="'draw' has 2 values"):
        labelled.per_prompt("draw")
