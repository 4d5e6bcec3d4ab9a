from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

import orchkit
from orchkit.core.calls import Call, Response
from orchkit.ui import commands_bench
from orchkit.ui.cli import main

BENCH = ("bench", "everyday", "--limit", "3", "--strategies", "dear,cheapest")


class Counted:
    """A provider that counts what it is asked."""

    name = "counted"
    asked = 0

    async def complete(self, call: Call) -> Response:
        """Answer, and count."""
        self.asked += 1
        return Response(call.model, "4")


@pytest.fixture
def dear() -> Counted:
    """Make the session live, with one model that costs."""
    provider = Counted()
    orchkit.add_model("dear", provider=provider, input_price=1, output_price=10)
    return provider


def run(*arguments: str, said: str | None = None) -> Result:
    """Run the command, with an answer on its stdin."""
    return CliRunner().invoke(main, arguments, input=said)


def test_live_answers_need_a_yes(dear: Counted) -> None:
    """Where nobody can be asked, bench says what it may cost and ends with 2, nothing asked."""
    ran = run(*BENCH)
    assert ran.exit_code == 2
    told, refused = ran.stderr.splitlines()
    assert told.startswith("orchkit: 2 strategies over 3 prompts: expect $0.0")
    assert ", at most $0." in told
    assert "--yes" in refused
    assert "--budget" in refused
    assert (ran.stdout, dear.asked) == ("", 0)


@pytest.mark.parametrize("agreed", [("--yes",), ("--budget", "1")], ids=" ".join)
def test_yes_or_a_budget_is_consent(dear: Counted, agreed: tuple[str, ...]) -> None:
    """With --yes or --budget the estimate is told, and the prompts are asked."""
    ran = run(*BENCH, *agreed, "--json")
    assert ran.exit_code == 0
    assert "at most $" in ran.stderr.splitlines()[0]
    assert dear.asked == 3
    assert json.loads(ran.stdout)["simulated"] is False


@pytest.mark.parametrize(("said", "code", "asked"), [("y\n", 0, 3), ("n\n", 1, 0), ("", 1, 0)])
def test_at_a_terminal_the_person_is_asked(
    dear: Counted, monkeypatch: pytest.MonkeyPatch, said: str, code: int, asked: int
) -> None:
    """At a terminal bench asks; anything but a yes spends nothing and ends with 1."""
    monkeypatch.setattr(commands_bench, "_at_a_terminal", lambda: True)
    ran = run(*BENCH, said=said)
    assert (ran.exit_code, dear.asked) == (code, asked)
    assert "Spend it?" in ran.stderr
    assert bool(ran.stdout) == (code == 0)


def test_what_was_told_is_not_exceeded(dear: Counted) -> None:
    """The run costs no more than the most that was foretold."""
    frame = orchkit.load_dataset("everyday").head(3)
    _, worst = commands_bench.foretold(frame, ["dear", "cheapest"])
    ran = run(*BENCH, "--yes", "--json")
    spent = sum(row["cost"] for row in json.loads(ran.stdout)["summary"] if row["strategy"])
    assert 0 <= spent <= worst


@pytest.mark.usefixtures("sent")
def test_free_models_need_no_yes() -> None:
    """Where every model is free there is nothing to agree to."""
    orchkit.add_model("free", provider=Counted(), input_price=0, output_price=0)
    ran = run("bench", "everyday", "--limit", "3", "--strategies", "free")
    assert ran.exit_code == 0
    assert "at most $0" in ran.stderr


def test_a_price_nobody_knows_needs_a_yes() -> None:
    """An unknown price is not taken for none."""
    orchkit.add_model("odd", provider=Counted())
    ran = run("bench", "everyday", "--limit", "3", "--strategies", "odd")
    assert ran.exit_code == 2
    assert "at most unknown" in ran.stderr


def test_simulated_answers_need_none(sent: list[Any]) -> None:
    """The simulator costs nothing: nothing is foretold and nobody asked."""
    ran = run("bench", "everyday", "--limit", "3", "--strategies", "gpt-4")
    assert ran.exit_code == 0
    assert "at most" not in ran.stderr
    assert len(sent) == 3
