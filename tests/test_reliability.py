"""The promises of reliability in their short form; the long form is one command for each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.reliability.__main__ import NAMES

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", NAMES)
def test_every_promise_of_a_command_holds(name: str) -> None:
    """In its short form each command finds every promise kept, and says what it measured."""
    command = [sys.executable, "-m", "benchmarks.reliability", name, "--short"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert "held" in ran.stdout, ran.stderr
    assert "BROKEN" not in ran.stdout, ran.stdout
    assert ran.returncode == 0, ran.stderr
