from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from orchkit.errors import MatrixError
from orchkit.lab.matrix import Matrix
from orchkit.lab.readers import zeroeval

NAN = math.nan


def _item(number: int, said: Any, **more: Any) -> dict[str, Any]:
    """Give an item as ZeroEval writes it."""
    return {
        "session_id": f"gsm8k-main-test-#{number}",
        "chat_history": [f"\n## Question: \n\n{number}+{number}?\n\n## Instruction \n\nPlease…"],
        "model_input": "n/a",
        "output": [f'```json\n{{"reasoning": "so", "answer": "{said}"}}\n```'],
        "generator": "openai/gpt-4o-mini",
        "configs": {"engine": "openai", "temperature": 0.0},
        "dataset": "gsm",
        "id": f"gsm8k-main-test-#{number}",
        "question": f"{number}+{number}?",
        "answer": f"# {2 * number}",
        "source": "openai/gsm8k",
        "config": "main",
        "task_type": "qa",
        **more,
    }


def _saved(path: Path, items: Any) -> Path:
    path.write_text(json.dumps(items))
    return path


def _scored(**more: Any) -> pd.DataFrame:
    told = {
        "idx": [0, 1, 0, 1],
        "question": ["2+2?", "3+3?", "2+2?", "3+3?"],
        "model": ["mini", "mini", "opus", "opus"],
        "correct": [1, 0, 1, 1],
        "answer": [4, 7, 4, None],
        "tokens_in": 10,
        "tokens_out": [1, 2, 3, 4],
        "cost_nano_usd": [2100, 2700, 375_000, 450_000],
        "n_lines": [1, 2, 1, 2],
    }
    return pd.DataFrame({**told, **more})


SAID = pd.DataFrame(
    {"idx": [1, 0, 0, 1], "model": ["opus", "opus", "mini", "mini"], "response": list("abcd")}
)


def test_a_folder_of_results_is_read(tmp_path: Path) -> None:
    """One file a model, named like it; summaries beside them are passed over."""
    _saved(tmp_path / "gpt-4o-mini-2024-07-18.json", [_item(1, 2), _item(2, "5")])
    _saved(tmp_path / "Llama-3.1@sambanova.json", [_item(1, "$2 a day")])
    _saved(tmp_path / "summary.json", [{"Model": "gpt-4o", "Acc": "96.21"}])
    matrix = Matrix(zeroeval(tmp_path))
    assert matrix.models == ["Llama-3.1@sambanova", "gpt-4o-mini-2024-07-18"]
    assert matrix.quality["gpt-4o-mini-2024-07-18"].tolist() == [1, 0]
    assert matrix.quality["Llama-3.1@sambanova"].tolist() == pytest.approx([1, NAN], nan_ok=True)
    assert matrix.prompts["prompt"].tolist() == ["1+1?", "2+2?"]
    assert matrix.prompts["reference"].tolist() == ["2", "4"]
    assert matrix.prompts.index.tolist() == ["gsm8k-main-test-#1", "gsm8k-main-test-#2"]
    assert matrix.frame["answer"].tolist() == ["$2 a day", "2", "5"]
    assert matrix.per_prompt("dataset").unique().tolist() == ["gsm"]
    assert matrix.frame["cost"].isna().all()


def test_choices_are_judged_by_letter_and_are_part_of_the_prompt(tmp_path: Path) -> None:
    """In MMLU-Redux the right answer is a text among choices, and what is answered a letter."""
    choices = {"choices": ["Dyslexia", "Narcolepsy"], "correct_answer": "Narcolepsy"}
    items = [_item(1, "B", **choices), _item(2, "A", **choices)]
    for item in items:
        del item["answer"]
    matrix = Matrix(zeroeval(_saved(tmp_path / "m.json", items)))
    assert matrix.quality["m"].tolist() == [1, 0]
    assert matrix.prompts["reference"].tolist() == ["B", "B"]
    assert matrix.prompts["prompt"].iloc[0] == "1+1?\n\n(A) Dyslexia\n(B) Narcolepsy"


def test_what_needs_a_judge_is_unknown(tmp_path: Path) -> None:
    """Formulas and grids leave quality unknown; an answer that is missing is wrong."""
    items = [
        _item(1, "x", answer="\\frac12"),
        _item(2, "x", answer=None),
        _item(3, "x", solution={"rows": []}, answer={"header": []}),
        _item(4, "x", output=["I don't know"]),
        _item(5, "x", output=[None]),
    ]
    told = Matrix(zeroeval(_saved(tmp_path / "m.json", items))).quality["m"]
    assert told.tolist() == pytest.approx([NAN, NAN, NAN, 0, 0], nan_ok=True)


def test_several_outputs_are_draws_and_verdicts_are_believed(tmp_path: Path) -> None:
    """Samples are draws in order, and a verdict that a file holds is taken."""
    said = [f'{{"answer": "{number}"}}' for number in (2, 3)]
    told = Matrix(zeroeval(_saved(tmp_path / "m.json", [_item(1, 0, output=said)])))
    assert told.frame["quality"].tolist() == [1, 0]
    judged = Matrix(zeroeval(_saved(tmp_path / "m.json", [_item(1, 2, correct=False)])))
    assert judged.frame["quality"].tolist() == [0]


def test_several_makers_in_one_file_are_told_apart(tmp_path: Path) -> None:
    """Where a file holds the answers of several models, each goes by its maker's name for it."""
    items = [_item(1, 2), _item(1, 3, generator="Qwen/Qwen2-72B")]
    told = Matrix(zeroeval(_saved(tmp_path / "all.json", items)))
    assert told.models == ["gpt-4o-mini", "Qwen2-72B"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_tables_of_verdicts_and_responses_are_joined(tmp_path: Path, order: Any) -> None:
    """Responses find their verdicts by idx and model, whichever file is named first."""
    paths = [tmp_path / "gsm_matrix.csv.gz", tmp_path / "gsm_responses.csv.gz"]
    _scored().to_csv(paths[0], index=False)
    SAID.to_csv(paths[1], index=False)
    matrix = Matrix(zeroeval([paths[place] for place in order]))
    assert matrix.frame["response"].tolist() == ["c", "d", "b", "a"]
    assert matrix.quality.to_numpy().tolist() == [[1, 1], [0, 1]]
    assert (matrix.frame["cost"] * 1e9).round().tolist() == [2100, 2700, 375_000, 450_000]
    assert matrix.frame["input_tokens"].tolist() == [10] * 4
    assert matrix.per_prompt("n_lines").tolist() == [1, 2]
    pd.testing.assert_frame_equal(Matrix(zeroeval(tmp_path)).frame, matrix.frame)


def test_a_table_alone_will_do(tmp_path: Path) -> None:
    """Verdicts without responses, responses without verdicts, and other kinds of file are read."""
    _scored().to_parquet(tmp_path / "m.parquet")
    assert Matrix(zeroeval(tmp_path / "m.parquet")).quality.shape == (2, 2)
    SAID.to_csv(tmp_path / "r.csv", index=False)
    assert Matrix(zeroeval(tmp_path / "r.csv")).frame["response"].tolist() == list("abcd")


def test_other_units_and_names_are_read(tmp_path: Path) -> None:
    """Seconds out of milliseconds, USD as they are, verdicts and ids under their other names."""
    table = _scored(latency_ms=1500, cost_usd=0.25).drop(columns="cost_nano_usd")
    table = table.rename(columns={"correct": "is_correct", "idx": "id"})
    table.to_csv(tmp_path / "m.csv", index=False)
    told = Matrix(zeroeval(tmp_path / "m.csv")).frame
    assert (told["latency"].unique().tolist(), told["cost"].unique().tolist()) == ([1.5], [0.25])


def test_other_files_are_refused_by_name_and_passed_over_in_a_folder(tmp_path: Path) -> None:
    """A file that is named must be one; of a folder, those that are."""
    _scored().to_csv(tmp_path / "m.csv", index=False)
    pd.DataFrame({"split": ["test"], "question": ["?"]}).to_csv(tmp_path / "o.csv", index=False)
    assert len(Matrix(zeroeval(tmp_path))) == 2
    with pytest.raises(MatrixError, match=r"o\.csv is no result of ZeroEval \(it has \['split'"):
        zeroeval([tmp_path / "m.csv", tmp_path / "o.csv"])
    (tmp_path / "m.csv").unlink()
    with pytest.raises(MatrixError, match="holds no results of ZeroEval"):
        zeroeval(tmp_path)


@pytest.mark.parametrize(
    "told", [{}, [], 3, [1], [{"Model": "m"}], [{"output": []}], [{"output": ["x"]}]]
)
def test_json_of_another_form_is_refused(tmp_path: Path, told: Any) -> None:
    """JSON that is no list of items with ids and outputs is refused with its path."""
    with pytest.raises(MatrixError, match=r"m\.json"):
        zeroeval(_saved(tmp_path / "m.json", told))


def test_a_cell_told_of_twice_is_not_joined(tmp_path: Path) -> None:
    """Where idx and model do not tell cells apart, no response is guessed."""
    SAID.to_csv(tmp_path / "r.csv", index=False)
    pd.concat([_scored(), _scored()]).to_csv(tmp_path / "m.csv", index=False)
    with pytest.raises(MatrixError, match=r"m\.csv tells of one idx and model twice"):
        zeroeval(tmp_path)
    _scored().to_csv(tmp_path / "m.csv", index=False)
    SAID.to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(MatrixError, match="Several tables of responses"):
        zeroeval(tmp_path)


def test_two_tasks_of_one_idx_are_refused(tmp_path: Path) -> None:
    """Two tables whose idx mean different questions are not mixed."""
    _scored().to_csv(tmp_path / "a.csv", index=False)
    _scored(question=["x", "y", "x", "y"]).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(MatrixError, match="prompt_id 0 stands for more than one prompt"):
        Matrix(zeroeval(tmp_path))
