from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from orchkit.errors import ColumnError, MatrixError
from orchkit.lab.matrix import Matrix
from orchkit.lab.readers import routellm

WEAK, STRONG = "mixtral-8x7b-instruct-v0.1", "gpt-4-1106-preview"


def _saved(path: Path, **columns: Any) -> Path:
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_the_form_of_its_arithmetic_is_read(tmp_path: Path) -> None:
    """Prompts, verdicts and responses of gsm8k_responses.csv become a matrix without costs."""
    told = {
        "prompt": ["2+2?", "3+3?"],
        WEAK: [True, False],
        STRONG: [True, True],
        f"{WEAK}_response": ["4", "7"],
        f"{STRONG}_response": ["4", "6"],
    }
    matrix = Matrix(routellm(_saved(tmp_path / "gsm8k_responses.csv", **told)))
    assert matrix.models == [WEAK, STRONG]
    assert matrix.quality.to_numpy().tolist() == [[1, 1], [0, 1]]
    assert matrix.frame["response"].tolist() == ["4", "7", "4", "6"]
    assert matrix.frame["cost"].isna().all()
    assert matrix.per_prompt("task").unique().tolist() == ["gsm8k_responses"]


def test_the_form_of_its_choices_is_read_folder_by_folder(tmp_path: Path) -> None:
    """Files of mmlu/responses are one matrix: equal questions stay two, `task` tells them."""
    for subject in ("anatomy", "law"):
        _saved(
            tmp_path / f"mmlu_{subject}.csv", prompt=["Which?"], **{WEAK: [False], STRONG: [True]}
        )
    matrix = Matrix(routellm(tmp_path))
    assert len(matrix) == 2
    assert matrix.per_prompt("task").tolist() == ["mmlu_anatomy", "mmlu_law"]
    train, test = matrix.split(groups="task")
    assert len(train) == len(test) == 1


def test_shortened_names_and_counts_are_told_from_models(tmp_path: Path) -> None:
    """`gpt4_response` belongs to `gpt4_1106`; a count that happens to be 0 and 1 is no model."""
    told = {
        "question": ["2+2?", "3+3?"],
        "mixtral_8x7b": [1, 0],
        "gpt4_1106": [1, 1],
        "mixtral_response": ["4", "7"],
        "gpt4_response": ["4", None],
        "n_calc": [0, 1],
    }
    matrix = Matrix(routellm(_saved(tmp_path / "pair.csv", **told)))
    assert matrix.models == ["mixtral_8x7b", "gpt4_1106"]
    assert matrix.frame["response"].isna().tolist() == [False, False, False, True]
    assert matrix.per_prompt("n_calc").tolist() == [0, 1]


def test_models_can_be_named(tmp_path: Path) -> None:
    """Where columns of verdicts are more than the models, the models are named."""
    path = _saved(tmp_path / "t.csv", prompt=["a", "b"], x=[True, None], y=[0, 1], z=[1, 1])
    assert Matrix(routellm(path, models=["x", "y"])).models == ["x", "y"]
    assert Matrix(routellm(path, models="x")).quality["x"].notna().tolist() == [True]
    with pytest.raises(ColumnError, match="'q'"):
        routellm(path, models=["x", "q"])


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"text": ["a"], "x": [True]}, "needs the column 'prompt' or 'question'; it has"),
        ({"prompt": ["a"], "x": [0.5]}, "a column of verdicts"),
        ({"prompt": ["a"], "x": ["yes"]}, "a column of verdicts"),
        ({"prompt": ["a"], "x": [None]}, "a column of verdicts"),
    ],
)
def test_another_table_is_refused(tmp_path: Path, columns: dict[str, Any], told: str) -> None:
    """A table without prompts or verdicts is refused with its path and its columns."""
    with pytest.raises(MatrixError, match=rf"t\.csv is no RouteLLM table.*{told}"):
        routellm(_saved(tmp_path / "t.csv", **columns))
