"""S1: canary keys in the environment, everything is run, and no byte of what comes out holds one.

Searched are the home (cache, ledger), results, errors and tracebacks with locals in every form,
logs at DEBUG, a notebook, and what the command line prints.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from benchmarks.billed import prices
from benchmarks.reliability import canaries
from benchmarks.reliability.promises import Promises, command, environment
from orchkit.testing import LoopbackServer

_CELLS = (
    "%xmode Verbose\nimport orchkit, pandas as pd",
    "df = pd.DataFrame({'prompt': ['Why?', 'How?']})\nout = df.orch.route('cheapest')\nout",
    "df.orch.compare(['cheapest', 'ensemble'])",
    "df.orch.estimate('fallback')",
    "df.orch.route('gpt-6-lnua')",
    "orchkit.run_orchestration('?', 'cheapest', max_cost=0, cache=False)",
)
_LINES = (
    ("--list-models",),
    ("--prompt", "Why?", "--json"),
    ("--prompt", "Why?", "--strategy", "fallback", "--output", "result.json"),
    ("--prompt", "Never asked before?", "--max-cost", "0"),
    ("bench", "prompts.csv", "--strategies", "cheapest,ensemble", "--out", "bench", "--yes"),
    ("costs", "stats"),
    ("cache", "info"),
)


def main(short: bool) -> int:
    """Run everything, search everything, and search for what was planted."""
    promises = Promises()
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        told = _everything(room, short)
        found, size = canaries.scan(room)
        files = sum(path.is_file() for path in room.rglob("*"))
    print(f"{files:,} files, {size:,} bytes searched; {told}")
    for name, keys in list(found.items())[:20]:
        print(f"  {name}: {', '.join(keys)}")
    keyed = told.get("keyed", [0])
    promises.tell(min(keyed) > 0, "the keys were used: requests with a key, by vendor", keyed)
    promises.tell(not found, "files with a key", len(found))
    with tempfile.TemporaryDirectory() as folder:
        planted = list(canaries.planted(Path(folder)))
    missed = [name for name, seen in planted if not seen]
    promises.tell(not missed, f"{len(planted)} planted leaks, missed", missed or 0)
    return promises.code


def _everything(room: Path, short: bool) -> dict[str, list[int]]:
    """Fill a folder with all that can be seen; return what the process says it did."""
    views = room / "views"
    views.mkdir()
    debug = {"OPENAI_LOG": "debug", "ANTHROPIC_LOG": "debug", "IPYTHONDIR": str(room / "ipython")}
    variables = environment(room / "home", **canaries.CANARIES, **debug)
    ran = _kept(room, "secretive", command("secretive", str(views)), variables)
    with LoopbackServer(prices()) as server:
        addresses = {
            "OPENAI_BASE_URL": server.openai_url,
            "ANTHROPIC_BASE_URL": server.anthropic_url,
        }
        _command_line(room, {**variables, **addresses}, short)
        if find_spec("nbclient") and find_spec("ipykernel"):
            _notebook(room, {**variables, **addresses})
        else:
            print("notebook: not looked at; nbclient and ipykernel are not installed")
        assert any(entry.key_present for entry in server.book().entries), "no key was used"
    return _last(ran)


def _kept(room: Path, name: str, line: list[str], variables: Mapping[str, str]) -> str:
    """Run a process and keep what it prints."""
    ran = subprocess.run(  # noqa: S603 - our own
        line, env=variables, cwd=room, capture_output=True, text=True, timeout=900, check=False
    )
    if ran.returncode < 0:
        raise RuntimeError(f"{name} ended by signal {-ran.returncode}")
    (room / f"{name}.printed").write_text(ran.stdout + ran.stderr)
    return ran.stdout


def _last(printed: str) -> dict[str, list[int]]:
    lines = printed.splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}


def _command_line(room: Path, variables: Mapping[str, str], short: bool) -> None:
    (room / "prompts.csv").write_text("prompt\nWhy?\nHow?\n")
    for number, line in enumerate(_LINES[1:2] if short else _LINES):
        _kept(room, f"line-{number}", [sys.executable, "-m", "orchkit", *line], variables)


def _notebook(room: Path, variables: Mapping[str, str]) -> None:
    """Execute a notebook, errors and all, with IPython's tracebacks that show variables."""
    import nbformat
    from nbclient import NotebookClient

    cells = [nbformat.v4.new_code_cell(cell) for cell in _CELLS]
    book = nbformat.v4.new_notebook(cells=cells)
    before = dict(os.environ)
    os.environ |= variables
    try:
        NotebookClient(book, timeout=300, allow_errors=True).execute(cwd=str(room))
    finally:
        for name in os.environ.keys() - before:
            del os.environ[name]
        os.environ |= before
    nbformat.write(book, room / "notebook.ipynb")
