from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from orchkit.runtime.budget import Purse
from orchkit.runtime.executor import Spent
from orchkit.ui.progress import progress


@pytest.fixture(autouse=True)
def script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process no notebook, whatever pytest's plugins have imported."""
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Make stderr one that somebody watches."""
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True)
    return capsys


def spent(rows: int, nano: int = 0, **counts: int) -> Spent:
    """Return what a run may have done so far."""
    purse = Purse()
    purse.spent = nano
    return Spent(rows=rows, purse=purse, **counts)


def test_nobody_watches_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stderr is no terminal nothing is shown unless it is wanted."""
    with progress(100, None, "routing") as tell:
        assert tell is None
    assert capsys.readouterr() == ("", "")


def test_somebody_watches_a_line(terminal: Any) -> None:
    """On a terminal the line shows by itself, with what is being done."""
    with progress(100, None, "routing") as tell:
        assert tell is not None
        tell(spent(100))
    assert "routing: 100%" in terminal.readouterr().err


def test_a_notebook_watches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a notebook, where stderr is no terminal, the line shows too."""
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    with progress(100, None, "routing") as tell:
        assert tell is not None
        tell(spent(100))
    assert "routing: 100%" in capsys.readouterr().err


def test_tqdm_can_be_switched_off(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With TQDM_DISABLE no line shows by itself: what a notebook stores has no half-drawn bar."""
    monkeypatch.setenv("TQDM_DISABLE", "1")
    with progress(100, None, "routing") as tell:
        assert tell is None
    assert terminal.readouterr().err == ""


def test_a_short_run_shows_no_line(terminal: Any) -> None:
    """A run of few rows is over before anybody could read."""
    with progress(3, None, "routing") as tell:
        assert tell is None


def test_a_line_that_is_not_wanted_is_not_shown(terminal: Any) -> None:
    """progress=False holds on a terminal too."""
    with progress(100, False, "routing") as tell:
        assert tell is None
    assert terminal.readouterr().err == ""


def test_a_line_counts_rows_and_dollars(capsys: pytest.CaptureFixture[str]) -> None:
    """The line tells rows, dollars, and how many were cached and failed."""
    with progress(4, True, "routing") as tell:
        assert tell is not None
        tell(spent(1))
        tell(spent(4, 12_300_000, cached=2, failed=1))
    out, err = capsys.readouterr()
    assert out == ""
    assert "4/4" in err
    assert "$0.012 spent, 2 cached, 1 failed" in err


def test_what_did_not_happen_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Without cached or failed rows the line does not speak of them."""
    with progress(1, True, "routing") as tell:
        assert tell is not None
        tell(spent(1))
    err = capsys.readouterr().err
    assert "$0 spent" in err
    assert "cached" not in err
    assert "failed" not in err


def test_a_run_reports_every_row(df: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    """The line of a run ends at its last row, with what it spent."""
    cost = df.orch.route("gpt-4", progress=True)["cost"].sum()
    err = capsys.readouterr().err
    assert "routing: 100%" in err
    assert "4/4" in err
    assert f"${cost:.3f} spent" in err
