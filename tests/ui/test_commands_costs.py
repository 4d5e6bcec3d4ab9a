from __future__ import annotations

import json
from io import BytesIO
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


def test_a_prompt_and_a_bench_carry_labels(parrot: Any) -> None:
    """--category and --tag stand at what is run, and choose what is told."""
    orchkit.add_model("polly", provider=parrot, input_price=1, output_price=10)
    labels = ["--tag", "paper", "--tag", "ablation-3"]
    one = ["--prompt", "Hi", "--strategy", "polly", "--category", "study", *labels]
    several = ["bench", "--strategies", "polly", "--limit", "3", "--yes", "--tag", "paper"]
    for command in (one, several):
        assert run(*command).exit_code == 0
    counted = {
        chosen: sum(row["calls"] for row in told("stats", *chosen.split()))
        for chosen in ("--category study", "--category orchestration", "--tag paper",
                       "--tag ablation-3", "--tag nothing")
    }  # fmt: skip
    assert [*counted.values()] == [1, 3, 4, 1, 0]


def told(*arguments: str) -> list[dict[str, Any]]:
    """Return what a command of costs prints as JSON."""
    rows: list[dict[str, Any]] = json.loads(run("costs", *arguments, "--json").stdout)
    return rows


@pytest.mark.parametrize("by", ["model", "model,day", "strategy, model", "category"])
def test_a_report_tells_apart_what_it_is_asked(spent: int, by: str) -> None:
    """--by names what has rows of its own, in the table and as JSON."""
    names = [name.strip() for name in by.split(",")]
    (row,) = told("report", "--by", by)
    assert [*row][: len(names) + 1] == ["period", *names]
    assert (
        run("costs", "report", "--by", by).stdout.split()[: len(names)] == ["period", *names][:-1]
    )


def test_a_table_tells_of_the_cache(df: pd.DataFrame) -> None:
    """It shows what the cache answered and what it would have cost, with a total below."""
    for name in ("dear", "dearer"):
        orchkit.add_model(name, provider=Billing(), input_price=1, output_price=10)
        for _ in range(2):
            df.orch.route(name, progress=False)
    heading, *rows = run("costs", "report", "--by", "model").stdout.splitlines()
    calls = len(df)
    cost, twice = f"${0.011 * calls:.6f}", f"${0.022 * calls:.6f}"
    assert heading.split()[-7:] == ["from", "cache", "cache", "share", "saved", "without", "cache"]
    assert [row.split()[-7:] for row in rows[:2]] == [
        [str(calls), cost, "$0.000000", str(calls), "50%", cost, twice]
    ] * 2
    assert rows[2].split() == [
        "total", str(2 * calls), twice, "$0.000000", str(2 * calls), "50%", twice,
        f"${0.044 * calls:.6f}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("period", "written"), [("monthly", "%Y-%m"), ("daily", "%Y-%m-%d"), ("all", "since %Y-%m-%d")]
)
def test_periods_are_written_as_they_are_spoken_of(spent: int, period: str, written: str) -> None:
    """A month is a month; in JSON each period is its first day."""
    opened = orchkit.costs.attempts()["opened"].iloc[0]
    _, row = run("costs", "stats", "--period", period).stdout.splitlines()
    assert row.strip().startswith(f"{opened:{written}} ")
    (record,) = told("stats", "--period", period)
    assert record["period"] == f"{opened:%Y-%m-01}" if period == "monthly" else f"{opened:%Y-%m-%d}"


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("command", ["stats", "report"])
def test_what_was_spent_is_drawn(spent: int, tmp_path: Path, command: str) -> None:
    """--plot writes a picture beside the table, and opens no figure."""
    path = tmp_path / "costs.png"
    ran = run("costs", command, "--plot", str(path))
    assert (ran.exit_code, ran.stderr) == (0, f"wrote {path}\n")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert ran.stdout.count("\n") > 1


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_requests_are_exported_into_a_pipe(spent: int, kind: str) -> None:
    """Without --output they go to standard output, and nothing else does."""
    ran = run("costs", "export", "--format", kind)
    read: Any = getattr(pd, f"read_{kind}")(BytesIO(ran.stdout_bytes))
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert list(read["model"]) == ["polly"] * spent


def test_an_export_is_told_as_json(spent: int, tmp_path: Path) -> None:
    """--json says what was written, or stands for --format json where no file is named."""
    path = tmp_path / "costs.csv"
    ran = run("--json", "costs", "export", "--output", str(path))
    assert json.loads(ran.stdout) == {"wrote": str(path), "rows": spent}
    assert len(json.loads(run("costs", "export", "--json").stdout)) == spent


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
        ["export", "--format", "xls"],
        ["report", "--by", "modle"],
        ["stats", "--tag", "a,b"],
        ["stats", "--plot", "{folder}/costs.txt"],
        ["stats", "--plot", "{folder}/nowhere/costs.png"],
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
    monkeypatch.setattr(orchkit.costs, "attempts", lambda *_, **__: before)
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
