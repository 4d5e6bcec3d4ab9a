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


class Billing:
    """A provider whose answers cost something."""

    name = "billing"

    async def complete(self, call: orchkit.Call) -> orchkit.Response:
        """Answer, for a thousand tokens in and as many out."""
        return orchkit.Response(call.model, "Yes", orchkit.Usage(1000, 1000))


@pytest.fixture
def paid(df: pd.DataFrame) -> float:
    """Have a live run whose answers cost something; give how much."""
    orchkit.add_model("dear", provider=Billing(), input_price=1, output_price=10)
    return float(df.orch.route("dear", progress=False, cache=False)["cost"].sum())


@pytest.mark.parametrize(("share", "warned"), [(0.99, True), (1, False), (1.01, False)])
def test_a_month_past_its_budget_is_told(
    paid: float, monkeypatch: pytest.MonkeyPatch, share: float, warned: bool
) -> None:
    """`costs stats` warns on stderr once the month has cost more, and shows the table anyway."""
    monkeypatch.setenv("ORCHKIT_MONTHLY_BUDGET", f"{paid * share:.12f}")
    ran = run("costs", "stats", "--json")
    assert (ran.exit_code, len(json.loads(ran.stdout))) == (0, 1)
    assert ("more than ORCHKIT_MONTHLY_BUDGET" in ran.stderr) is warned


def test_earlier_months_do_not_count(paid: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was spent before this month is no part of its budget."""
    monkeypatch.setenv("ORCHKIT_MONTHLY_BUDGET", "0")
    assert "spent this month" in run("costs", "stats").stderr
    before = orchkit.costs.attempts().assign(opened=pd.Timestamp("2020-01-31", tz="UTC"))
    monkeypatch.setattr(orchkit.costs, "attempts", lambda *_: before)
    assert run("costs", "stats").stderr == ""


def test_every_category_counts_in_the_month(paid: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alarm looks at the whole month, whatever category is shown."""
    monkeypatch.setenv("ORCHKIT_MONTHLY_BUDGET", "0")
    ran = run("costs", "stats", "--category", "nobody")
    assert ran.stdout == "nothing was spent\n"
    assert "spent this month" in ran.stderr


@pytest.mark.parametrize("named", ["much", "-1", "nan", "inf"])
def test_a_monthly_budget_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """What is no amount of dollars ends with 2 and one line that names the variable."""
    monkeypatch.setenv("ORCHKIT_MONTHLY_BUDGET", named)
    ran = run("costs", "stats")
    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert f"ORCHKIT_MONTHLY_BUDGET is {named!r}; write USD" in ran.stderr


@pytest.mark.parametrize("named", ["", "  "])
def test_without_a_monthly_budget_nothing_is_told(
    paid: float, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """An empty variable is none."""
    monkeypatch.setenv("ORCHKIT_MONTHLY_BUDGET", named)
    assert run("costs", "stats").stderr == ""
