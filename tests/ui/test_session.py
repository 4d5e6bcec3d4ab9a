from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.errors import CatalogError, MisuseError, ParameterError, UnknownNameError
from orchkit.ui.session import SESSION, home

LOCAL = """
[models.local]
provider = "openai"
base_url = "http://127.0.0.1:9/v1"
tier = "basic"
input_price = 0
output_price = 0
"""


@pytest.fixture
def openai_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a key for one vendor into the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-key")


def test_without_a_key_answers_are_simulated() -> None:
    """Auto means the simulator where there is neither key nor address, with its six models."""
    assert SESSION.simulated
    assert SESSION.catalog().pool == (
        "gpt-4o-mini",
        "claude-haiku-3.5",
        "gpt-4o",
        "claude-sonnet-3.5",
        "gpt-4",
        "claude-opus-3",
    )


@pytest.mark.usefixtures("openai_key")
def test_a_key_makes_it_live_for_its_vendor_alone() -> None:
    """With one vendor's key the defaults are that vendor's models that are still served."""
    catalog = SESSION.catalog()
    assert not SESSION.simulated
    assert {catalog[name].provider for name in catalog.pool} == {"openai"}
    assert not any(catalog[name].ends for name in catalog.pool)


def test_an_empty_key_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing does not make a run live."""
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert SESSION.simulated


@pytest.mark.usefixtures("openai_key")
def test_the_simulator_can_be_had_beside_a_key() -> None:
    """Asked for by name, the simulator answers even where there is a key."""
    with orchkit.use("simulator"):
        assert orchkit.run_orchestration("What is 2+2?").provider == "simulator"


@pytest.mark.parametrize("strategy", ["cheapest", "fallback", "ensemble", "gpt-4o"])
def test_live_without_a_key_is_misuse(df: pd.DataFrame, strategy: str) -> None:
    """A live run with nobody to ask is refused, naming the key that is missing."""
    with orchkit.use("live"), pytest.raises(MisuseError, match="OPENAI_API_KEY"):
        df.orch.route(strategy)


@pytest.mark.usefixtures("openai_key")
def test_a_chain_is_refused_where_one_of_its_models_cannot_be_asked(df: pd.DataFrame) -> None:
    """A chain whose later model has no key is refused before the first is paid."""
    with pytest.raises(MisuseError, match="claude-haiku-4-5 needs ANTHROPIC_API_KEY"):
        df.orch.route("fallback", chain=["gpt-6-luna", "claude-haiku-4-5"])


def test_a_key_is_not_carried_in_the_open(
    df: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, openai_key: None
) -> None:
    """An address without TLS is refused as soon as a key would go there."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://example.com/v1")
    with pytest.raises(ParameterError, match="in the open"):
        df.orch.route("gpt-4o-mini")


@pytest.mark.usefixtures("openai_key")
def test_an_unknown_provider_is_refused_with_the_nearest(df: pd.DataFrame) -> None:
    """A model of a provider nobody can ask is refused when it is to be asked."""
    orchkit.add_model("mine", provider="opnai")
    with pytest.raises(UnknownNameError, match="Did you mean 'openai'"):
        df.orch.route("mine")


def test_a_catalog_of_ones_own_adds_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file named by ORCHKIT_CATALOG adds models, and one with an address makes it live."""
    (tmp_path / "mine.toml").write_text(LOCAL)
    monkeypatch.setenv("ORCHKIT_CATALOG", str(tmp_path / "mine.toml"))
    assert not SESSION.simulated
    assert SESSION.catalog().pool == ("local",)
    assert "local" in SESSION.offline_catalog().pool


def test_a_missing_catalog_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog that is not there is an error that names it, not one model less."""
    monkeypatch.setenv("ORCHKIT_CATALOG", "/nowhere/mine.toml")
    with pytest.raises(CatalogError, match=r"/nowhere/mine\.toml"):
        SESSION.catalog()


def test_home_is_where_the_variable_says(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """State lies under ORCHKIT_HOME, and without it in the platform's place for data."""
    assert home() == own_home
    monkeypatch.delenv("ORCHKIT_HOME")
    assert home().name == "orchkit"


def test_answers_are_kept_at_home_for_their_owner_alone(own_home: Path) -> None:
    """A run leaves its cache under ORCHKIT_HOME, where others cannot read."""
    with orchkit.use("simulator"):
        orchkit.run_orchestration("What is 2+2?")
    kept = [own_home / "cache", *(own_home / "cache").iterdir()]
    assert {path.stat().st_mode & 0o077 for path in kept} == {0}


def test_without_cache_nothing_is_written(own_home: Path) -> None:
    """A run with cache=False leaves no trace on disk."""
    with orchkit.use("simulator"):
        orchkit.run_orchestration("What is 2+2?", cache=False)
    assert not own_home.exists()


def test_a_session_is_never_pickled() -> None:
    """What holds connections and knows keys refuses to be written down."""
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(SESSION)


@pytest.mark.usefixtures("untold")
def test_simulated_runs_say_so_once(df: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    """The first simulated run says on stderr that it is, and why; the next says nothing."""
    df.orch.route("cheapest", progress=False)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "no API key found: answers come from the simulator" in told.err
    df.orch.route("fallback", progress=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("untold")
def test_providers_of_ones_own_that_are_not_asked_are_named(
    df: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also when they were added after the first notice; and once each time."""

    class Mine:
        name = "mine"

        async def complete(self, call: Any) -> Any:
            raise AssertionError("not while answers are simulated")

    with orchkit.use("simulator"):
        df.orch.route("gpt-4o")
        assert "provider of your own" not in capsys.readouterr().err
        orchkit.add_model("\x1b[2Jmine-1", provider=Mine(), input_price=0, output_price=0)
        for _ in range(2):
            df.orch.route("\x1b[2Jmine-1")
    told = capsys.readouterr().err
    assert told.count(" mine-1, with a provider of your own") == 1
    assert "\x1b" not in told


@pytest.mark.usefixtures("untold")
def test_a_simulator_asked_for_is_not_blamed_on_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the simulator was asked for, the line does not speak of keys."""
    with orchkit.use("simulator"):
        orchkit.run_orchestration("What is 2+2?")
    told = capsys.readouterr().err
    assert "simulator" in told
    assert "key" not in told


@pytest.mark.usefixtures("untold")
def test_an_estimate_says_nothing(df: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    """An estimate is no run: it does not announce one."""
    df.orch.estimate("fallback")
    assert capsys.readouterr() == ("", "")


def test_an_answer_says_it_was_simulated(df: pd.DataFrame) -> None:
    """Every row of a simulated run says so in its provider."""
    assert set(df.orch.route("ensemble")["provider"]) == {"simulator"}
