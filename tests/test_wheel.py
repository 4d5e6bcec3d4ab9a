"""The wheel works where nothing else is; run with ``ORCHKIT_WHEEL=1`` in the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import orchkit
from orchkit.ui.bench import FILES
from orchkit.ui.selfcheck import CHECKS

ROOT = Path(__file__).parents[1]
#: Building and installing it takes a minute and needs a network.
pytestmark = [
    pytest.mark.wheel,
    pytest.mark.skipif(not os.environ.get("ORCHKIT_WHEEL"), reason="ORCHKIT_WHEEL is not set"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the command of a wheel that was built here and installed into an empty environment."""
    folder = tmp_path_factory.mktemp("wheel")
    done([sys.executable, "-m", "venv", str(folder / "venv")], folder)
    pip = [str(folder / "venv" / "bin" / "pip"), "--disable-pip-version-check", "-q"]
    try:
        done([*pip, "wheel", "--no-deps", "-w", str(folder), str(ROOT)], folder)
        (wheel,) = folder.glob("*.whl")
        done([*pip, "install", str(wheel)], folder)
    except subprocess.CalledProcessError as error:
        if "connection" not in error.stderr.lower():
            raise
        pytest.skip("pip reaches no network")
    return folder / "venv" / "bin" / "orchkit"


def done(command: list[str], folder: Path) -> str:
    """Return what a command prints, run where no checkout is and with nothing of this process."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(  # noqa: S603 - built from what stands above
        command,
        capture_output=True,
        check=True,
        cwd=folder,
        encoding="utf-8",
        env={**environment, "ORCHKIT_HOME": str(folder / "home")},
    ).stdout


def test_it_is_the_wheel_that_runs(program: Path, tmp_path: Path) -> None:
    """The package comes from the environment, not from the checkout."""
    where = "import orchkit; print(orchkit.__file__)"
    told = done([str(program.with_name("python")), "-c", where], tmp_path)
    assert Path(told.strip()).is_relative_to(program.parents[1])


def test_the_wheel_passes_its_own_check(program: Path, tmp_path: Path) -> None:
    """`orchkit --test` passes every check."""
    told = json.loads(done([str(program), "--test", "--json"], tmp_path))
    assert told["passed"]
    assert [each["check"] for each in told["checks"]] == [*CHECKS]


def test_the_wheel_lists_the_models(program: Path, tmp_path: Path) -> None:
    """`orchkit --list-models` has the models of the checkout."""
    told = json.loads(done([str(program), "--list-models", "--json"], tmp_path))
    assert [each["name"] for each in told] == [*orchkit.models().index]


def test_the_wheel_benches(program: Path, tmp_path: Path) -> None:
    """`orchkit bench everyday --limit 20 --out DIR` finds its data set, measures and writes."""
    command = [str(program), "bench", "everyday", "--limit", "20", "--out", "out", "--json"]
    told = json.loads(done(command, tmp_path))
    assert {row["n"] for row in told["summary"] if row["n"]} == {20}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*FILES}


def test_the_wheel_runs_the_quick_reference(program: Path) -> None:
    """Every block of the quick reference runs with the installed package."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [*command, "tests/test_quick_reference.py"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        encoding="utf-8",
        env={**os.environ, "ORCHKIT_PYTHON": str(program.with_name("python"))},
    )
    assert ran.returncode == 0, ran.stdout
