from __future__ import annotations

import json

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import orchkit
from orchkit.ui.cli import main


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def kept(df: pd.DataFrame) -> int:
    """Leave the answers of two models in the cache; give how many each."""
    for name in ("gpt-4o", "gpt-4"):
        df.orch.route(name, progress=False)
    return len(df)


def test_info_tells_what_is_kept(kept: int) -> None:
    """`cache info` prints what cache_info() returns."""
    ran = run("cache", "info")
    assert ran.exit_code == 0
    assert ran.stdout == f"{orchkit.cache_info()}\n"
    assert ran.stdout.startswith(f"{2 * kept} answers, ")


@pytest.mark.parametrize(
    "arguments", [("--json", "cache", "info"), ("cache", "info", "--json")], ids=" ".join
)
def test_info_as_json(kept: int, arguments: tuple[str, ...]) -> None:
    """`cache info --json` prints the same as a record."""
    told, info = json.loads(run(*arguments).stdout), orchkit.cache_info()
    assert info.oldest is not None
    assert list(told) == ["rows", "bytes", "folder", "oldest", "newest", "damaged"]
    assert (told["rows"], told["damaged"], told["folder"]) == (2 * kept, 0, str(info.folder))
    assert told["oldest"] == str(info.oldest)


def test_prune_drops_what_is_old(kept: int) -> None:
    """`cache prune` drops one model's answers, or all, and says how many."""
    assert run("cache", "prune", "--older-than", "30d").stdout.startswith("dropped 0 answers; kept")
    ran = run("cache", "prune", "--older-than", "0d", "--model", "gpt-4")
    assert ran.stdout.startswith(f"dropped {kept} answers; kept {kept} answers")
    ran = run("--json", "cache", "prune", "--older-than", "0d")
    assert json.loads(ran.stdout) == {"dropped": kept}
    assert orchkit.cache_info().rows == 0


@pytest.mark.parametrize(
    "arguments",
    [("prune",), ("prune", "--older-than", "30"), ("prune", "--older-than", "soon"), ("inof",)],
    ids=" ".join,
)
def test_misuse_drops_nothing_and_ends_with_2(kept: int, arguments: tuple[str, ...]) -> None:
    """Without a length of time with its unit nothing is dropped."""
    ran = run("cache", *arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert orchkit.cache_info().rows == 2 * kept
