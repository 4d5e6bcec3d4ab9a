"""The quick reference's patterns and remedies as scripts: each does offline what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "notebooks" / "examples"
#: Text that a careless script would run, or take for a file.
HOSTILE = """@x"; $(touch pwned) `touch pwned` ' $HOME \\n"""
#: The command, which notes what is piped into it.
ORCHKIT = """#!/bin/bash
[[ $1$2 == --prompt- ]] || exec "$PYTHON" -m orchkit "$@"
tee -a "$ASKED" | "$PYTHON" -m orchkit "$@"; exit "${PIPESTATUS[1]}"
"""
#: Stands in for jq where there is none, in the one way the scripts use it.
JQ = """#!/bin/bash
"$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[2]))[sys.argv[1][1:]])' "$2" "$3"
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder that scripts are run in."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def run(tmp_path: Path, folder: Path) -> Run:
    """Give what runs a script in an empty folder, with an empty home and no key."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"orchkit": ORCHKIT, "jq": JQ}.items():
        if name == "orchkit" or not shutil.which(name):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "ASKED": str(tmp_path / "asked"),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HOME": str(tmp_path),
        "ORCHKIT_HOME": str(tmp_path / "home"),
        "LC_ALL": "C.UTF-8",
    }

    def script(
        name: str, *arguments: str, given: str = "", code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        path = EXAMPLES / name
        command = [sys.executable, str(path)] if path.suffix == ".py" else [str(path)]
        ran = subprocess.run(  # noqa: S603 - our own scripts
            [*command, *arguments],
            capture_output=True,
            check=False,
            cwd=folder,
            encoding="utf-8",
            env=environment,
            input=given,
        )
        assert (ran.returncode, "Traceback" in ran.stderr) == (code, False), ran.stderr
        return ran

    return script


def result(path: Path) -> dict[str, Any]:
    """Return a result file."""
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return told


def test_a_development_workflow_gives_three_answers(run: Run) -> None:
    """One prompt is explored, one investigated, one decided; stdout has the answers alone."""
    ran = run("development_workflow.sh", "caching", "Redis", "Memcached")
    asked = ["How does caching work?", "Design a system for caching", "use Redis or Memcached?"]
    assert all(text in line for text, line in zip(asked, ran.stdout.splitlines(), strict=True))


def test_a_pipeline_keeps_to_its_limit(run: Run, folder: Path, tmp_path: Path) -> None:
    """Both steps are asked the text that was piped in, and kept; the second costs half a cent."""
    ran = run("cost_conscious_pipeline.sh", given=HOSTILE)
    for name, strategy in {"step1": "cheapest", "step2": "fallback"}.items():
        told = result(folder / f"{name}.json")
        assert told["strategy"] == strategy
        assert f"{name}: {told['model_used']}, ${told['cost']:.6f}\n" in ran.stdout
    assert 0 < told["cost"] <= 0.005
    asked = (tmp_path / "asked").read_text("utf-8")
    assert asked == f"Classify: {HOSTILE}\nAnalyze: {HOSTILE}\n"
    assert not (folder / "pwned").exists()


def test_a_review_is_asked_about_the_draft(run: Run, folder: Path, tmp_path: Path) -> None:
    """The ensemble is given the draft's text, whatever is in it, and not its file."""
    ran = run("quality_validation.sh", given=HOSTILE)
    draft, final = (result(folder / f"{name}.json") for name in ("draft", "final"))
    asked = (tmp_path / "asked").read_text("utf-8")
    assert asked.startswith(f"Write documentation for {HOSTILE}\n")
    assert asked.endswith(f"Review this documentation: {draft['response']}\n")
    assert final["strategy"] == "ensemble"
    assert ran.stdout.splitlines()[-1].endswith(str(final["confidence"]))
    assert not (folder / "pwned").exists()


def test_each_remedy_for_costs_costs_less(run: Run) -> None:
    """Two models cost less than three, one less than two; with nothing spent the report says so."""
    *costs, report = run("costs_too_high.sh").stdout.splitlines()
    three, two, capped, one = (float(line.split()[0].lstrip("$")) for line in costs)
    assert three > two > one
    assert 0 < capped <= 0.01
    assert report == "nothing was spent"


@pytest.mark.parametrize(("enough", "asked"), [("0", 1), ("1", 4)])
def test_remedies_are_tried_until_one_is_sure(run: Run, enough: str, asked: int) -> None:
    """The first that is sure enough ends it, with one answer on stdout."""
    ran = run("low_confidence.sh", "Explain tides", enough)
    tried = re.findall(r"^[\d.]+  --strategy \w+", ran.stderr, re.MULTILINE)
    assert (len(tried), ran.stdout.count("\n")) == (asked, 1)
    assert ("none was as sure" in ran.stderr) is (asked == 4)


def test_what_fails_is_no_matter_of_confidence(run: Run) -> None:
    """A prompt that cannot be asked ends the search at once, with nothing on stdout."""
    ran = run("low_confidence.sh", " ", "0.9", code=1)
    assert (ran.stdout, ran.stderr.count("EmptyPrompt")) == ("", 1)


def test_a_rate_limit_fails_no_row(run: Run) -> None:
    """Every prompt is answered: after waiting, or, asking as much as is allowed, without a 429."""
    waited, fewer, higher = run("rate_limiting.py").stdout.splitlines()
    assert all("12 of 12 answered" in line for line in (waited, fewer, higher))
    assert ", 0 times 429" not in waited
    assert fewer.endswith(" 0 times 429")
    assert higher.endswith(" 0 times 429")


def test_every_example_is_run_here() -> None:
    """No script stands in examples that these tests do not name."""
    named = set(re.findall(r'"(\w+\.(?:sh|py))"', Path(__file__).read_text("utf-8")))
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == named
