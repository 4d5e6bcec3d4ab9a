"""The notebooks as they are stored; `pytest --nbval notebooks` runs them and compares."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from benchmarks.notebooks import METADATA, NOTEBOOKS

ROOT = Path(__file__).parents[1]
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
#: Where somebody's files are, and what a key of either vendor looks like.
PRIVATE = re.compile(r"/(?:home|Users|root|work|tmp|var/folders)/|\b[A-Z]:\\|\bsk-[\w-]{16}")
LARGEST = 1_000_000
#: The one thing that is said on stderr.
NOTICE = "orchkit: answers come from the simulator"
#: Calls whose answers must be known to be simulated, or to come from a server on this machine.
ANSWERS = re.compile(r"\.orch\.(?:route|compare|record)\(|run_orchestration\(")

#: A figure with its interval.
INTERVAL = re.compile(r"[-\d.]+ (?:pt|%) \[[^\]]*\]")

notebooks = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def stored(path: Path) -> dict[str, Any]:
    """Return a notebook as JSON."""
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return told


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    """Return the cells of one kind."""
    return [cell for cell in stored(path)["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    """Return what is written in a cell."""
    return "".join(cell["source"])


def outputs(path: Path) -> list[dict[str, Any]]:
    """Return all that a notebook shows."""
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def shown(path: Path) -> set[str]:
    """Return the media types that a notebook shows."""
    return {kind for output in outputs(path) for kind in output.get("data", ())}


def test_there_are_notebooks() -> None:
    """The folder has notebooks, numbered in the order in which to read them."""
    assert PATHS
    assert [path.name[:3] for path in PATHS] == [f"{n:02d}_" for n in range(1, len(PATHS) + 1)]


@notebooks
def test_it_was_run_in_order(path: Path) -> None:
    """Every cell of code was run once, from the first to the last, in a fresh kernel."""
    ran = [cell["execution_count"] for cell in cells(path, "code")]
    assert ran == list(range(1, len(ran) + 1))


@notebooks
def test_nothing_went_wrong(path: Path) -> None:
    """No cell ended in an error, and none warned; that answers are simulated may be said."""
    kinds = {output["output_type"] for output in outputs(path)}
    told = ["".join(one["text"]) for one in outputs(path) if one.get("name") == "stderr"]
    assert "error" not in kinds
    assert [line for text in told for line in text.splitlines() if NOTICE not in line] == []


@notebooks
def test_it_is_checked_in_full(path: Path) -> None:
    """No cell asks nbval to look away."""
    code = "\n".join(map(source, cells(path, "code")))
    tags = {tag for cell in cells(path, "code") for tag in cell["metadata"].get("tags", ())}
    assert not re.search(r"NBVAL_(?:IGNORE_OUTPUT|SKIP)", code)
    assert tags.isdisjoint({"nbval-ignore-output", "nbval-skip"})


@notebooks
def test_it_has_prose_a_table_and_a_figure(path: Path) -> None:
    """Each cell of code is led to by words; there is a title, a table and a figure."""
    prose = [source(cell) for cell in cells(path, "markdown")]
    assert prose[0].startswith("# ")
    assert len(prose) >= len(cells(path, "code")) / 3
    assert {"text/html", "image/png"} <= shown(path)
    html = ["".join(one.get("data", {}).get("text/html", ())) for one in outputs(path)]
    assert any("<table" in text for text in html)


@notebooks
def test_its_prose_quotes_what_it_shows(path: Path) -> None:
    """A figure with its interval that the words speak of stands in an output, digit by digit."""
    said = json.dumps(outputs(path), ensure_ascii=False).replace("\N{NO-BREAK SPACE}", " ")
    quoted = INTERVAL.findall("\n".join(map(source, cells(path, "markdown"))))
    assert [each for each in quoted if each not in said] == []


@notebooks
def test_it_says_where_answers_come_from(path: Path) -> None:
    """Where answers are asked for, the first words and code name the simulator, or the server."""
    code = [source(cell) for cell in cells(path, "code")]
    if ANSWERS.search("\n".join(code)):
        prose = "\n".join(source(cell) for cell in cells(path, "markdown")[:2]).casefold()
        simulated = "simulat" in prose and 'orchkit.use("simulator"' in code[0]
        served = "on this machine" in prose and "LoopbackServer(" in code[0]
        assert simulated or served


@notebooks
def test_it_holds_nothing_private(path: Path) -> None:
    """There is no path of a machine in it and no key."""
    shown_text = [
        "".join(text)
        for output in outputs(path)
        for kind, text in (output.get("data") or {"text/plain": output.get("text", "")}).items()
        if not kind.startswith("image/")
    ]
    written = [source(cell) for kind in ("code", "markdown") for cell in cells(path, kind)]
    assert [found[0] for text in shown_text + written if (found := PRIVATE.search(text))] == []


@pytest.mark.parametrize("text", ["/home/ada/x", r"C:\\x", "sk-ant-api03-canary00"])
def test_private_text_is_found(text: str) -> None:
    """A path or a key would be seen; a word that ends like one is none."""
    assert PRIVATE.search(f"in {text}")
    assert not PRIVATE.search("a task-specific-benchmark; cost/quality at C: 3")


@notebooks
def test_it_is_stored_clean(path: Path) -> None:
    """The metadata name the kernel and nothing of the machine; cells have no times."""
    told = stored(path)
    assert told["metadata"] == METADATA
    assert {name for cell in told["cells"] for name in cell["metadata"]} <= {"tags"}
    assert "application/vnd.jupyter.widget-view+json" not in shown(path)


@notebooks
def test_it_is_small(path: Path) -> None:
    """It is under a megabyte."""
    assert path.stat().st_size < LARGEST


def test_nbval_is_set_up_for_the_bare_command() -> None:
    """`pytest --nbval notebooks` compares strictly, in this environment, with a time limit."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = told["tool"]["pytest"]["ini_options"]["addopts"]
    assert {"--nbval-current-env", "--nbval-cell-timeout=120"} <= {*asked}
    assert "--nbval-lax" not in asked
    (rules,) = (each.partition("=")[2] for each in asked if each.startswith("--nbval-sanitize"))
    assert (ROOT / rules).is_file()


@pytest.mark.parametrize("figure", ["<Figure size 640x480 with 1 Axes>", "70.6 %", "$0.000127"])
def test_no_figure_is_sanitized(figure: str) -> None:
    """The rules for what differs between runs leave figures alone."""
    text = figure
    rules = re.findall(r"regex: (.*)\nreplace: (.*)", (ROOT / "tests" / "nbval.cfg").read_text())
    assert len(rules) >= 1
    for regex, replacement in rules:
        text = re.sub(regex, replacement, text)
    assert text == figure
