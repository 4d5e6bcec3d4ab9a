"""``orchkit.costs``: what a server billed is what the frames tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def test_tags_are_told_apart(server: LoopbackServer) -> None:
    """A run has any number of tags; each of them finds what it paid, and what the cache saved."""
    orchkit.route(prompts(3), MODEL, tags=("paper", "ablation-3"))
    orchkit.compare(prompts(5), [MODEL], tags="paper")
    orchkit.record(prompts(6), [MODEL], tags={"other"})
    orchkit.run_orchestration("What is 9?", MODEL, tags=["other", "paper"])
    told = {tag: orchkit.costs.stats("all", tag=tag) for tag in ("paper", "ablation-3", "other")}
    assert {tag: frame["calls"].sum() for tag, frame in told.items()} == {
        "paper": 6, "ablation-3": 3, "other": 2,
    }  # fmt: skip
    assert told["other"]["cached_calls"].sum() == 5
    assert set(orchkit.costs.attempts(tag="ablation-3")["tags"]) == {"ablation-3,paper"}
    assert orchkit.costs.report(tag="paper")["calls"].sum() == 6


@pytest.mark.parametrize("tags", ["", ("a", " "), "a,b", (1,), 7, None, ["new\nline"]], ids=repr)
def test_what_is_no_tag_is_refused(server: LoopbackServer, tags: Any) -> None:
    """Nothing is sent under a label that could not be found again."""
    with pytest.raises(ParameterError, match="tag"):
        orchkit.route(prompts(1), MODEL, tags=tags)
    assert server.book().requests == 0


@pytest.mark.parametrize("tag", ["", "a,b", 7], ids=repr)
def test_a_tag_no_run_can_have_is_refused(tag: Any) -> None:
    """Looking for it is a slip, not an empty answer."""
    with pytest.raises(ParameterError, match="tag"):
        orchkit.costs.stats(tag=tag)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("by", ["model", ("day", "strategy"), ("category",), ()], ids=repr)
def test_a_report_tells_apart_what_it_is_asked(by: str | tuple[str, ...]) -> None:
    """The index is the period and these; the sums are those of the whole."""
    orchkit.compare(prompts(4), ["fallback", MODEL])
    names = [by] if isinstance(by, str) else [*by]
    found = orchkit.costs.report(by=by)
    assert found.index.names == ["period", *names]
    assert found["cost"].sum() == pytest.approx(orchkit.costs.attempts()["cost"].sum())


@pytest.mark.parametrize("by", ["modle", ("model", "tag"), "run"], ids=repr)
def test_what_cannot_be_told_apart_is_refused(by: str | tuple[str, ...]) -> None:
    """The error names what can."""
    with pytest.raises(ParameterError, match="'category', 'day', 'model', 'strategy'"):
        orchkit.costs.report(by=by)


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


@pytest.mark.usefixtures("server")
def test_a_format_may_be_named(tmp_path: Path) -> None:
    """With format= the file may be called what one likes."""
    orchkit.route(prompts(2), MODEL, tags="paper")
    path = orchkit.costs.export(tmp_path / "costs.txt", format="csv", tag="paper")
    assert pd.read_csv(path)["tags"].tolist() == ["paper"] * 2


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("costs.csv", "json", "end in .json"),
        ("costs.csv", "xls", "parquet"),
        ("costs", None, "parquet"),
    ],
)
def test_a_slip_in_the_format_is_refused(
    tmp_path: Path, name: str, kind: str | None, told: str
) -> None:
    """A name that tells of another format is a slip; no file is made."""
    with pytest.raises(ParameterError, match=told):
        orchkit.costs.export(tmp_path / name, format=kind)
    assert not [*tmp_path.glob("costs*")]


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
