from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import orchkit
from orchkit.ui.cli import main


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def spent(df: pd.DataFrame, parrot: Any) -> int:
    """Have a live run of a model that costs; give how many requests it took."""
    orchkit.add_model("polly", provider=parrot, input_price=1, output_price=10)
    df.orch.route("polly", progress=False, cache=False)
    return len(df)


@pytest.mark.parametrize("command", ["stats", "report"])
@pytest.mark.parametrize("period", ["daily", "monthly"])
def test_what_was_spent_is_the_frames(spent: int, command: str, period: str) -> None:
    """`costs stats` and `costs report` print what the functions return, with --json a record."""
    ran = run("costs", command, "--period", period, "--json")
    (row,) = json.loads(ran.stdout)
    assert ran.exit_code == 0
    assert row["calls"] == spent
    assert run("costs", command, "--period", period).stdout.count("\n") > 1


@pytest.mark.parametrize("category", ["nobody", "orchestration"])
def test_a_category_is_looked_at_alone(spent: int, category: str) -> None:
    """Only the runs of the category that is named are counted."""
    found = orchkit.costs.attempts(category)
    told = json.loads(run("--json", "costs", "stats", "--category", category).stdout)
    assert sum(row["calls"] for row in told) == len(found)
    assert len(orchkit.costs.attempts()) == spent


def test_where_nothing_was_spent_it_says_so() -> None:
    """Without a paid request there is one sentence, and no table."""
    for command in ("stats", "report"):
        ran = run("costs", command)
        assert (ran.exit_code, ran.stdout) == (0, "nothing was spent\n")


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_requests_are_exported(spent: int, tmp_path: Path, kind: str) -> None:
    """`costs export` writes a row for every request, in the format asked for."""
    path = tmp_path / f"costs.{kind}"
    ran = run("costs", "export", "--format", kind, "--output", str(path))
    read: Any = getattr(pd, f"read_{kind}")(path)
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert str(path) in ran.stderr
    assert list(read["model"]) == ["polly"] * spent


@pytest.mark.parametrize(
    "arguments",
    [
        ["stats", "--period", "hourly"],
        ["export", "--output", "{folder}/costs.xls"],
        ["export", "--output", "{folder}/costs.csv", "--format", "json"],
        ["export", "--output", "{folder}/nowhere/costs.csv"],
        ["export"],
    ],
    ids=" ".join,
)
def test_misuse_ends_with_2_and_writes_nothing(tmp_path: Path, arguments: list[str]) -> None:
    """A period, a format or a folder that is not there is refused."""
    ran = run("costs", *(each.format(folder=tmp_path) for each in arguments))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert not [*tmp_path.glob("costs*")]
