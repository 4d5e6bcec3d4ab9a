"""``orchkit.costs``: what a server billed is what the frames tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import orchkit
from orchkit.errors import ParameterError
from orchkit.testing import LoopbackServer

MODEL = "gpt-4o-mini"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    """Start a server that the vendor's variables lead to."""
    with LoopbackServer({MODEL: (0.15, 0.60)}) as running:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-costs")
        monkeypatch.setenv("OPENAI_BASE_URL", running.openai_url)
        yield running


def prompts(count: int) -> pd.DataFrame:
    """Return so many different prompts."""
    return pd.DataFrame({"prompt": [f"What is {n}?" for n in range(count)]})


def test_what_was_billed_is_what_is_told(server: LoopbackServer) -> None:
    """To the nano-dollar; what the cache answered is told beside it, and costs nothing."""
    orchkit.route(prompts(20), MODEL)
    orchkit.route(prompts(30), MODEL)
    (day,) = orchkit.costs.stats().to_dict("records")
    assert round(day["cost"] * 1e9) == server.book().billed_nano
    assert (day["calls"], day["cached_calls"]) == (30, 20)
    assert day["saved"] > 0
    assert day["cost_without_cache"] == day["cost"] + day["saved"]


def test_categories_are_told_apart(server: LoopbackServer) -> None:
    """A report is of one category; by default that of runs that name none."""
    orchkit.route(prompts(3), MODEL)
    orchkit.route(prompts(5), MODEL, category="study")
    assert orchkit.costs.report()["calls"].sum() == 3
    assert orchkit.costs.report("study")["calls"].sum() == 2
    assert orchkit.costs.report(None)["calls"].sum() == 5
    assert set(orchkit.costs.attempts("study")["category"]) == {"study"}


@pytest.mark.usefixtures("server")
def test_strategies_are_told_apart() -> None:
    """Whose call it was that bought an answer stands beside it."""
    orchkit.compare(prompts(4), ["fallback", MODEL])
    assert set(orchkit.costs.attempts()["strategy"]) <= {"fallback", "single"}
    assert orchkit.costs.report().index.names == ["period", "strategy", "model"]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
@pytest.mark.usefixtures("server")
def test_an_export_holds_every_request(tmp_path: Path, suffix: str) -> None:
    """Each format holds the same rows."""
    orchkit.route(prompts(3), MODEL)
    path = orchkit.costs.export(tmp_path / f"costs{suffix}")
    readers = {
        ".csv": pd.read_csv,
        ".json": lambda found: pd.DataFrame(json.loads(Path(found).read_text("utf-8"))),
        ".parquet": pd.read_parquet,
    }
    read = readers[suffix](path)
    assert read["model"].tolist() == [MODEL] * 3
    assert read["cost"].sum() == pytest.approx(orchkit.costs.attempts()["cost"].sum())


def test_a_format_nobody_knows_is_refused(tmp_path: Path) -> None:
    """The error tells which there are, and no file is made."""
    with pytest.raises(ParameterError, match="parquet"):
        orchkit.costs.export(tmp_path / "costs.xlsx")
    assert not [*tmp_path.iterdir()]


def test_the_simulator_spends_nothing() -> None:
    """A simulated run leaves no row in the ledger."""
    with orchkit.use("simulator"):
        orchkit.route(prompts(3))
    assert orchkit.costs.attempts().empty
