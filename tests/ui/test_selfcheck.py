from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import orchkit
from orchkit.core.calls import Call
from orchkit.core.catalog import Catalog, Tier
from orchkit.core.complexity import KeywordRules
from orchkit.core.plans import Answer, Plan, Query
from orchkit.core.strategies import Cheapest, Ensemble, Fallback, ensemble
from orchkit.runtime.budget import Purse
from orchkit.ui import cli
from orchkit.ui.selfcheck import CHECKS, selfcheck


def failed() -> list[str]:
    """Return the checks that fail."""
    return [verdict.check for verdict in selfcheck() if not verdict.passed]


def test_every_check_passes_quickly() -> None:
    """What is installed passes every check, in seconds."""
    verdicts = selfcheck()
    assert [verdict.check for verdict in verdicts if verdict.passed] == [*CHECKS]
    assert sum(verdict.seconds for verdict in verdicts) < 20


def test_one_line_a_check() -> None:
    """--test prints one line a check with its verdict, and ends with 0."""
    ran = CliRunner().invoke(cli.main, ["--test"])
    lines = ran.stdout.splitlines()
    assert ran.exit_code == 0
    assert [line.split()[:2] for line in lines] == [["ok", name] for name in CHECKS]


@pytest.mark.parametrize("broken", [False, True])
def test_json_holds_every_verdict(monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    """--test --json tells whether all passed, and each check; the exit code says the same."""
    if broken:
        monkeypatch.setattr(KeywordRules, "_tier", lambda *_: Tier.BASIC)
    ran = CliRunner().invoke(cli.main, ["--test", "--json"])
    told = json.loads(ran.stdout)
    assert (ran.exit_code, told["passed"]) == (int(broken), not broken)
    assert [each["check"] for each in told["checks"]] == [*CHECKS]
    assert told["checks"][0]["passed"] is not broken


def test_a_failed_check_says_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that failed shows what was found and what should have been."""
    monkeypatch.setattr(KeywordRules, "_tier", lambda *_: Tier.BASIC)
    (line, *_) = CliRunner().invoke(cli.main, ["--test"]).stdout.splitlines()
    assert line.startswith("FAILED  complexity  Explain quantum physics: 'basic' instead of")


def always(model: str) -> Any:
    """Return a plan that asks one model, whatever the strategy."""

    def plan(self: Any, query: Query, catalog: Catalog) -> Plan:
        (response,) = yield (Call(model, query.messages, query.params),)
        return Answer(response, 0.5, (model,), (model,))  # type: ignore[arg-type]

    return plan


def test_broken_routing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that always asks the same model fails."""
    monkeypatch.setattr(Cheapest, "plan", always("gpt-4o"))
    assert "routing" in failed()


@pytest.mark.parametrize("model", ["gpt-4o-mini", "claude-opus-3"])
def test_a_fallback_that_does_not_escalate_fails(
    monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """A fallback that only ever asks one model fails."""
    monkeypatch.setattr(Fallback, "plan", always(model))
    assert "fallback" in failed()


def test_a_fallback_that_asks_too_much_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fallback that goes on when a model is sure fails."""
    plan = Fallback.plan
    monkeypatch.setattr(Fallback, "plan", lambda s, q, c: plan(replace(s, threshold=1.0), q, c))
    assert failed() == ["fallback"]


def test_an_ensemble_of_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ensemble that asks one model fails."""
    monkeypatch.setattr(Ensemble, "plan", always("gpt-4o"))
    assert failed() == ["ensemble"]


def test_an_ensemble_that_keeps_the_first_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ensemble that does not look at confidence fails."""
    monkeypatch.setitem(ensemble.SELECT, "confidence", lambda ballots: ballots[0])  # type: ignore[arg-type]
    assert failed() == ["ensemble"]


def test_a_budget_that_holds_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A purse that never refuses fails."""

    async def yes(*_: object) -> bool:
        return True

    monkeypatch.setattr(Purse, "reserve", yes)
    assert failed() == ["budget"]


def test_a_cache_that_keeps_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is bought twice fails."""
    from orchkit.runtime.cache import ResponseCache

    monkeypatch.setattr(ResponseCache, "get", lambda *_: None)
    assert failed() == ["cache"]


def test_a_row_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy that raises fails its check with the row's error, and the other checks go on."""

    def plan(*_: Any) -> Plan:
        raise RuntimeError("broken")

    monkeypatch.setattr(Cheapest, "plan", plan)
    verdicts = {verdict.check: verdict for verdict in selfcheck()}
    assert "broken" in verdicts["routing"].told
    assert verdicts["ensemble"].passed


def test_whatever_breaks_is_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of any kind is told in its check's line."""
    monkeypatch.setattr(KeywordRules, "_tier", lambda *_: 1 / 0)
    assert {each.told for each in selfcheck()} == {"ZeroDivisionError: division by zero"}


def test_the_users_own_things_stay_out_of_it(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A catalog of one's own neither changes the verdicts nor is lost; the home stays empty."""
    own = tmp_path / "mine.toml"
    own.write_text('[models.free]\nprovider = "openai"\ninput_price = 0\noutput_price = 0\n')
    monkeypatch.setenv("ORCHKIT_CATALOG", str(own))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    assert failed() == []
    assert "free" in orchkit.models().index
    assert not own_home.exists()


@pytest.mark.parametrize("beside", [["--prompt", "Hi"], ["--list-models"], ["--strategy", "x"]])
def test_it_stands_alone(beside: list[str]) -> None:
    """Options beside --test are refused by name, instead of being ignored."""
    ran = CliRunner().invoke(cli.main, ["--test", *beside])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert f"leave out {beside[0]}" in ran.stderr


def test_it_ends_with_its_verdict() -> None:
    """As a process of its own it ends with 0, and opens no connection."""
    code = (
        "import socket, sys; socket.socket.connect = None; "
        "from orchkit.ui.cli import main; main(['--test'])"
    )
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, check=False, encoding="utf-8"
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
