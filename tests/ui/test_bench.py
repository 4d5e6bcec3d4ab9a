from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.errors import MisuseError
from orchkit.ui.bench import FILES, bench, write

MODELS = [
    "gpt-4o-mini",
    "claude-haiku-3.5",
    "gpt-4o",
    "claude-sonnet-3.5",
    "gpt-4",
    "claude-opus-3",
]


def test_by_default_every_way_is_compared(df: pd.DataFrame) -> None:
    """The three strategies, every default model on its own, and the oracle are compared."""
    found = bench(df)
    assert list(found.summary().index) == ["cheapest", "fallback", "ensemble", *MODELS, "oracle"]


def test_named_strategies_are_compared_alone(df: pd.DataFrame) -> None:
    """Asked for by name, and without every model, only those are compared."""
    found = bench(df, [" cheapest", "gpt-4o "], every_model=False)
    assert list(found.summary().index) == ["cheapest", "gpt-4o"]


def test_a_model_named_twice_over_is_asked_once(df: pd.DataFrame) -> None:
    """A model that is named and a default is one strategy."""
    assert list(bench(df, ["gpt-4o"]).summary().index).count("gpt-4o") == 1


def test_the_budget_is_kept(df: pd.DataFrame) -> None:
    """The budget caps the whole comparison."""
    found = bench(df, budget=0.05)
    assert found.results["cost"].sum() > 0
    assert found.results["error"].str.startswith("BudgetExceeded").fillna(False).any()
    calls = [call for each in found.results["metadata"] for call in each["calls"]]
    assert sum(call["cost"] for call in calls if not call["cached"]) <= 0.05


def test_misuse_is_raised(df: pd.DataFrame) -> None:
    """A strategy nobody knows is refused."""
    with pytest.raises(MisuseError):
        bench(df, ["dearest"])


def test_four_files_are_written(df: pd.DataFrame, tmp_path: Path, no_figures: Any) -> None:
    """Results, summary, figure and report are written into a folder that is made for them."""
    found = bench(df, ["cheapest", "gpt-4o"], every_model=False)
    paths = write(found, tmp_path / "deep" / "out")
    assert [path.name for path in paths] == [*FILES]
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    assert paths[3].read_text("utf-8").startswith("<!doctype html>")
    results = pd.read_parquet(paths[0])
    assert list(results["cost"]) == list(found.results["cost"])
    assert list(results["response"]) == list(found.results["response"])
    summary = pd.read_csv(paths[1], index_col="strategy")
    assert list(summary.index) == list(found.summary().index)
    assert summary["simulated"].all()
    assert summary["cost"].to_list() == pytest.approx(found.summary()["cost"].to_list())


def test_no_figure_is_left_open(df: pd.DataFrame, tmp_path: Path, no_figures: Any) -> None:
    """A figure that was written is closed: many benches in one process do not pile them up."""
    write(bench(df, ["gpt-4o"], every_model=False), tmp_path)
    assert no_figures.get_fignums() == []


def test_prompts_without_references_are_written_too(
    df: pd.DataFrame, tmp_path: Path, no_figures: Any
) -> None:
    """Without quality there is nothing to draw, and still nothing to warn of."""
    paths = write(bench(df[["prompt"]], ["cheapest"], every_model=False), tmp_path)
    assert all(path.is_file() for path in paths)


def test_writing_again_replaces(df: pd.DataFrame, tmp_path: Path, no_figures: Any) -> None:
    """A folder that holds an earlier bench holds the later one after."""
    for name in ("gpt-4o", "gpt-4"):
        write(bench(df, [name], every_model=False), tmp_path / "out")
    assert pd.read_csv(tmp_path / "out" / "summary.csv")["strategy"].to_list() == ["gpt-4"]
    assert len(list((tmp_path / "out").iterdir())) == len(FILES)


def test_prompts_by_everyday_are_the_default() -> None:
    """The set that ships with orchkit has all a bench needs."""
    found = bench(orchkit.load_dataset("everyday").head(5), ["cheapest"], every_model=False)
    assert found.results["quality"].notna().all()


def test_results_can_be_read_without_the_file_they_came_from(tmp_path: Path) -> None:
    """Each row holds its prompt and reference."""
    df = pd.DataFrame({"prompt": ["What is 2+2?", "What is 3+3?"], "reference": [4, 6]})
    with orchkit.use("simulator"):
        write(bench(df, ["cheapest"], every_model=False), tmp_path)
    told = pd.read_parquet(tmp_path / "results.parquet")
    assert told.columns[:3].tolist() == ["row", "prompt", "reference"]
    assert told["prompt"].tolist() == df["prompt"].tolist()
    assert told["reference"].tolist() == ["4", "6"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("name", FILES)
def test_a_full_disk_names_the_file(df: pd.DataFrame, tmp_path: Path, name: str) -> None:
    """The error of writing does not; who reads it must know what is missing."""
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises((OSError, MisuseError), match=f"{name}|/dev/full") as told:
        write(bench(df, ["cheapest"], every_model=False), tmp_path)
    assert name in str(told.value)
