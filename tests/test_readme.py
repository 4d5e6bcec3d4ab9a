"""README tells the truth: its figures are what the commands print."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from matplotlib import pyplot as plt

import orchkit
from benchmarks.readme import BLOCK, README, table

CI = Path(__file__).parents[1] / ".ci" / "run"


def test_the_table_is_what_the_command_prints() -> None:
    """The simulated table in README is today's output of the bench command."""
    block = BLOCK.search(README.read_text("utf-8"))
    assert block is not None
    assert table() in block[0]


def test_there_are_exactly_two_set_up_commands() -> None:
    """README has one line for the main job and one for the tests; CI runs the second."""
    lines = re.findall(r"^python3 -m venv .*$", README.read_text("utf-8"), re.MULTILINE)
    assert [line.split()[-1].rpartition("/")[2] for line in lines] == ["orchkit-bench", "pytest"]
    assert "^python3 -m venv .*pytest$" in CI.read_text("utf-8")


def test_the_notebook_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every block of Python in README, one after the other, runs with no key."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.M | re.S)
    assert len(blocks) >= 4
    names: dict[str, Any] = {}
    with warnings.catch_warnings(), orchkit.use("simulator"):
        warnings.simplefilter("ignore", orchkit.OrchkitWarning)
        for block in blocks:
            exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own README
    plt.close("all")
    cost, billed = capsys.readouterr().out.splitlines()[-1].split()
    assert round(float(cost)) == int(billed) > 0
