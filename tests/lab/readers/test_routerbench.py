from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import ColumnError, MatrixError
from orchkit.lab.matrix import Matrix
from orchkit.lab.readers import routerbench

PIPED = "meta/a|b-chat"


def _wide(**more: Any) -> pd.DataFrame:
    told = {
        "sample_id": ["sums.1", "riddles.2"],
        "prompt": ["['2+2?\\n\\'Why?\\'']", "[\"Guess it's me.\", '\u732a']"],
        "eval_name": ["sums", "riddles"],
        "mini": [1.0, 0.25],
        PIPED: [0.0, np.nan],
        "mini|model_response": ["['4\\n']", "['[x]']"],
        f"{PIPED}|model_response": ["['5']", None],
        "mini|total_cost": [1e-5, 2e-5],
        f"{PIPED}|total_cost": [3e-6, np.nan],
        "oracle_model_to_route_to": ["mini", "no_model_correct"],
    }
    return pd.DataFrame({**told, **more})


def _saved(path: Path, frame: pd.DataFrame) -> Path:
    frame.to_csv(path, index=False)
    return path


def test_its_wide_table_is_read(tmp_path: Path) -> None:
    """Qualities, costs and texts come out of lists and columns, ids and task names stay."""
    matrix = Matrix(routerbench(_saved(tmp_path / "rb.csv.gz", _wide())))
    assert matrix.models == ["mini", PIPED]
    assert matrix.prompts["prompt"].tolist() == ["2+2?\n'Why?'", "Guess it's me.\n\n\u732a"]
    assert matrix.quality["mini"].to_dict() == {"sums.1": 1, "riddles.2": 0.25}
    assert matrix.frame["response"].tolist() == ["4\n", "[x]", "5"]
    assert matrix.frame["cost"].tolist() == [1e-5, 2e-5, 3e-6]
    assert matrix.per_prompt("eval_name").tolist() == ["sums", "riddles"]
    assert matrix.per_prompt("oracle_model_to_route_to").iloc[1] == "no_model_correct"


def test_what_was_not_recorded_is_a_hole(tmp_path: Path) -> None:
    """A model that has nothing for a prompt has no row there."""
    matrix = Matrix(routerbench(_saved(tmp_path / "rb.csv", _wide())))
    assert matrix.quality[PIPED].notna().tolist() == [True, False]
    assert len(matrix.frame) == 3


def test_lists_that_are_lists_are_read(tmp_path: Path) -> None:
    """In parquet, prompts and responses may be lists themselves."""
    wide = _wide(prompt=[["2+2?"], ["Guess", "me"]])
    wide.to_parquet(tmp_path / "rb.parquet")
    told = Matrix(routerbench(tmp_path / "rb.parquet"))
    assert told.prompts["prompt"].tolist() == ["2+2?", "Guess\n\nme"]


def test_plain_texts_stay_as_they_are(tmp_path: Path) -> None:
    """Where not every cell is a list of one text, a response in brackets is what was said."""
    wide = _wide(prompt=["2+2?", "['not a list"], **{"mini|model_response": ["['4']", "four"]})
    told = Matrix(routerbench(_saved(tmp_path / "rb.csv", wide)))
    assert told.prompts["prompt"].tolist() == ["2+2?", "['not a list"]
    assert told.frame["response"].tolist()[:2] == ["['4']", "four"]


@pytest.mark.hostile
@pytest.mark.parametrize(
    "planted", ["[__import__('os').system('false')]", "[" * 5000 + "]" * 5000, "[1, 2]", "[]"]
)
def test_what_is_no_list_of_texts_is_a_text(tmp_path: Path, planted: str) -> None:
    """Nothing in a cell is evaluated; what is no list of texts is taken as written."""
    wide = _wide(prompt=[planted, "['b']"])
    told = Matrix(routerbench(_saved(tmp_path / "rb.csv", wide)))
    assert told.prompts["prompt"].tolist() == [planted, "['b']"]


def test_several_files_and_some_models(tmp_path: Path) -> None:
    """Tables are put below each other; where their ids meet, prompts are numbered."""
    paths = [_saved(tmp_path / name, _wide()) for name in ("a.csv", "b.csv")]
    told = Matrix(routerbench(paths, models=["mini"]))
    assert (told.models, told.prompts.index.tolist()) == (["mini"], [0, 1, 2, 3])
    with pytest.raises(ColumnError, match=r"'minni' has no column.*Did you mean 'mini'"):
        routerbench(paths, models=["mini", "minni"])


def test_costs_alone_will_do(tmp_path: Path) -> None:
    """A table without responses is read."""
    wide = _wide()
    bare = wide.drop(columns=[name for name in wide if name.endswith("response")])
    told = Matrix(routerbench(_saved(tmp_path / "rb.csv", bare)))
    assert told.frame["response"].isna().all()
    assert told.cost["mini"].tolist() == [1e-5, 2e-5]


def test_another_table_is_refused(tmp_path: Path) -> None:
    """Without prompts, or without any column of a model, it is no such table."""
    for frame in (_wide().drop(columns="prompt"), _wide()[["prompt", "mini"]]):
        with pytest.raises(MatrixError, match=r"rb\.csv is no RouterBench table"):
            routerbench(_saved(tmp_path / "rb.csv", frame))


def test_qualities_beyond_one_are_refused(tmp_path: Path) -> None:
    """A score out of ten is told of with its row."""
    with pytest.raises(MatrixError, match=r"quality holds 7\.5 in row 1 .*riddles\.2"):
        Matrix(routerbench(_saved(tmp_path / "rb.csv", _wide(mini=[1, 7.5]))))
