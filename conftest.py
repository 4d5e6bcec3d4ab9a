"""Every test starts with no key, its own home, and nothing left over from another test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import matplotlib as mpl
import pytest

from benchmarks.notebooks import environment
from orchkit.runtime import catalogs
from orchkit.ui.session import SESSION, Settings

mpl.use("agg")

DATA = Path(__file__).parents[1] / "shared" / "data"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the test an empty home and an environment without keys."""
    for vendor in ("OPENAI", "ANTHROPIC"):
        monkeypatch.delenv(f"{vendor}_API_KEY", raising=False)
        monkeypatch.delenv(f"{vendor}_BASE_URL", raising=False)
    monkeypatch.delenv("ORCHKIT_CATALOG", raising=False)
    monkeypatch.setenv("ORCHKIT_HOME", str(tmp_path / "home"))
    SESSION.settings = Settings()
    yield tmp_path / "home"
    SESSION.settings, SESSION.added = Settings(), catalogs.Listing({}, {}, (), ())
    SESSION.own.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Start each notebook's kernel in a newcomer's environment: nbval lets it inherit ours."""
    if item.path.suffix != ".ipynb" or getattr(item.parent, "kernel", None) is not None:
        return (yield)
    home = TemporaryDirectory(ignore_cleanup_errors=True)
    item.config.add_cleanup(home.cleanup)
    with patch.dict(os.environ, environment(home.name), clear=True):
        return (yield)


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Give the folder of recorded responses that stands beside the project, or skip."""
    if not DATA.is_dir():
        pytest.skip("the recorded responses of ../shared/data are not here")
    return DATA
