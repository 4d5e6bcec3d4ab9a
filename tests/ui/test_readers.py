from __future__ import annotations

import json
import warnings
from pathlib import Path

import pandas as pd
import pytest

import orchkit
from orchkit.core.strategies import Single
from orchkit.ui.readers import read_routellm, read_routerbench, read_zeroeval
from orchkit.ui.recordings import ResponseMatrix

#: What ZeroEval itself published for these answers, in percent (result_dirs/gsm.summary.json).
PUBLISHED = {
    "gpt-4o-2024-08-06": 96.21,
    "claude-3-opus-20240229": 95.60,
    "gpt-4o-2024-05-13": 95.38,
    "gpt-4o-mini-2024-07-18": 94.24,
    "gemini-1.5-pro": 93.40,
    "claude-3-sonnet-20240229": 91.51,
    "gemini-1.5-flash": 91.36,
    "claude-3-haiku-20240307": 88.78,
    "gpt-3.5-turbo-0125": 80.36,
}


@pytest.fixture(scope="module")
def zeroeval(recorded: Path) -> ResponseMatrix:
    """Give ZeroEval's answers to GSM8K, by their reader."""
    names = ("zeroeval_gsm8k_matrix.csv.gz", "zeroeval_gsm8k_responses.csv.gz")
    return read_zeroeval(recorded / name for name in names)


@pytest.fixture(scope="module")
def routerbench(recorded: Path) -> ResponseMatrix:
    """Give the sample of RouterBench, by its reader."""
    return read_routerbench(recorded / "routerbench_sample.csv.gz")


@pytest.mark.data
def test_all_of_zeroeval_is_read(recorded: Path, zeroeval: ResponseMatrix) -> None:
    """Every one of 17,147 cells comes in with its verdict, cost, tokens and response."""
    cells = pd.read_csv(recorded / "zeroeval_gsm8k_matrix.csv.gz")
    said = pd.read_csv(recorded / "zeroeval_gsm8k_responses.csv.gz")
    both = cells.merge(said, on=["idx", "model"], validate="1:1")
    told = zeroeval.frame.merge(both, left_on=["prompt_id", "model"], right_on=["idx", "model"])
    assert len(told) == len(zeroeval.frame) == 17_147
    assert (len(zeroeval), len(zeroeval.models)) == (1_319, 13)
    assert (told["quality"] == told["correct"]).all()
    assert ((told["cost"] * 1e9).round() == told["cost_nano_usd"]).all()
    assert (told["input_tokens"] == told["tokens_in"]).all()
    assert (told["response_x"] == told["response_y"]).all()
    lines = cells.drop_duplicates("idx")["n_lines"]
    assert zeroeval.per_prompt("n_lines").tolist() == lines.tolist()


@pytest.mark.data
def test_a_folder_with_other_files_gives_zeroevals_own(
    recorded: Path, zeroeval: ResponseMatrix
) -> None:
    """In a folder among other people's files, those of its form are found and joined."""
    pd.testing.assert_frame_equal(read_zeroeval(recorded).frame, zeroeval.frame)


@pytest.mark.data
def test_json_results_are_judged_as_zeroeval_judged_them(
    recorded: Path, zeroeval: ResponseMatrix, tmp_path: Path
) -> None:
    """The same answers written as ZeroEval's own files have the accuracies that it published."""
    steps = pd.read_csv(recorded / "gsm8k_steps.csv.gz", dtype={"answer": str})
    right = dict(zip(steps["question"], steps["answer"], strict=True))
    for model, rows in zeroeval.frame.groupby("model"):
        items = [
            {"id": str(n), "question": asked, "answer": f"# {right[asked]}", "output": [said]}
            for n, asked, said in zip(
                rows["prompt_id"], rows["prompt"], rows["response"], strict=True
            )
        ]
        (tmp_path / f"{model}.json").write_text(json.dumps(items))
    told = read_zeroeval(tmp_path)
    assert (len(told), len(told.models)) == (1_319, 13)
    accuracy = (100 * told.quality.mean()).round(2)
    assert accuracy[list(PUBLISHED)].to_dict() == pytest.approx(PUBLISHED, abs=0.1)
    agreed = told.quality.to_numpy() == zeroeval.quality[told.models].to_numpy()
    assert agreed.mean() > 0.998


@pytest.mark.data
def test_all_of_routerbench_is_read(recorded: Path, routerbench: ResponseMatrix) -> None:
    """365 prompts × 11 models come in with qualities and recorded costs; texts are out of lists."""
    wide = pd.read_csv(recorded / "routerbench_sample.csv.gz").set_index("sample_id")
    models = routerbench.models
    assert (len(routerbench), len(models), len(routerbench.frame)) == (365, 11, 4_015)
    assert (routerbench.quality == wide[models]).all(axis=None)
    costs = wide[[f"{model}|total_cost" for model in models]].set_axis(models, axis=1)
    assert (routerbench.cost == costs).all(axis=None)
    assert not routerbench.prompts["prompt"].str.startswith("['").any()
    assert not routerbench.frame["response"].str.startswith("['").any()
    assert routerbench.per_prompt("eval_name").nunique() == 61


@pytest.mark.data
def test_tasks_of_routerbench_can_be_held_out(routerbench: ResponseMatrix) -> None:
    """Held-out tasks share no prompt with the others, and come within a prompt of their share."""
    train, test = routerbench.split(test=0.3, seed=1, groups="eval_name")
    assert not set(train.per_prompt("eval_name")) & set(test.per_prompt("eval_name"))
    assert abs(len(test) - 0.3 * 365) <= 1
    found = test.compare([Single(name) for name in test.models[:3]]).summary()
    assert found["quality"].notna().all()


@pytest.mark.data
def test_all_of_routellm_is_read(recorded: Path) -> None:
    """1,319 × 2 verdicts come in, without costs until prices are given."""
    matrix = read_routellm(recorded / "routellm_gsm8k_pair.csv.gz")
    assert (len(matrix), matrix.models) == (1_319, ["mixtral_8x7b", "gpt4_1106"])
    assert matrix.quality.mean().round(4).tolist() == [0.6384, 0.8567]
    assert matrix.cost.isna().all(axis=None)
    assert matrix.frame["response"].notna().all()
    prices = {"mixtral_8x7b": (0.24, 0.24), "gpt4_1106": (10, 30)}
    priced = matrix.reprice(prices, tokens="estimate")
    assert priced.cost.notna().all(axis=None)
    assert "tokens of 2,638 ESTIMATED" in repr(priced)
    assert len(priced.oracle()) == 1_319


@pytest.mark.data
def test_recorded_prices_give_recorded_costs(zeroeval: ResponseMatrix) -> None:
    """ZeroEval's costs are the list prices of 2024 on its tokens, to the nano-dollar."""
    prices = {"gpt-4o-mini": (0.15, 0.6), "gpt-4o": (2.5, 10), "claude-opus-3": (15, 75)}
    names = ["gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06", "claude-3-opus-20240229"]
    some = zeroeval.subset(models=names)
    pd.testing.assert_frame_equal(some.reprice(prices).frame, some.frame)


@pytest.mark.data
def test_what_was_read_can_be_saved(routerbench: ResponseMatrix, tmp_path: Path) -> None:
    """A matrix of other people's files comes back from a file of ours."""
    routerbench.save(tmp_path / "m.parquet")
    loaded = orchkit.ResponseMatrix.load(tmp_path / "m.parquet")
    pd.testing.assert_frame_equal(loaded.frame, routerbench.frame)


@pytest.mark.data
def test_reading_warns_of_nothing(recorded: Path) -> None:
    """Real files are read without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_zeroeval(recorded)
        read_routellm(recorded / "routellm_gsm8k_pair.csv.gz")
        read_routerbench(recorded / "routerbench_sample.csv.gz")
