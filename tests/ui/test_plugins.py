from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.errors import ParameterError, UnknownNameError
from orchkit.ui import plugins
from orchkit.ui.session import SESSION

REGISTERED = """
[orchkit.providers]
parrot = parrot_plugin:Parrot
pet = parrot_plugin:PET
hollow = parrot_plugin:Hollow
gone = parrot_plugin:Nowhere
"""
SOURCE = """
from orchkit import Response


class Parrot:
    name = "parrot"
    made = 0

    def __init__(self):
        Parrot.made += 1

    async def complete(self, call):
        return Response(call.model, f"{call.model} says {call.messages[-1].content}")


class Hollow:
    pass


PET = Parrot()
"""
LISTED = """
[models.polly]
provider = "parrot"
tier = "basic"
input_price = 0
output_price = 0
"""


@pytest.fixture
def parrots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a distribution that registers providers."""
    told = tmp_path / "site" / "parrot_plugin-1.0.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: parrot-plugin\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(REGISTERED)
    (told.parent / "parrot_plugin.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(told.parent)
    monkeypatch.setattr(SESSION, "_opened", {})
    monkeypatch.delitem(__import__("sys").modules, "parrot_plugin", raising=False)


def add(name: str, provider: Any) -> None:
    """Add a free model of a provider."""
    orchkit.add_model(name, provider=provider, input_price=0, output_price=0)


@pytest.mark.usefixtures("parrots")
@pytest.mark.parametrize("provider", ["parrot", "pet"])
def test_an_installed_provider_answers(df: pd.DataFrame, provider: str) -> None:
    """A provider registered under the entry point, class or object, is asked live by its name."""
    add("polly", provider)
    assert not SESSION.simulated
    out = df.orch.route("polly")
    assert list(out["response"]) == [f"polly says {prompt}" for prompt in df["prompt"]]
    assert set(out["provider"]) == {"parrot"}


@pytest.mark.usefixtures("parrots")
def test_a_catalog_file_names_an_installed_provider(
    df: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of a catalog file may be served by an installed provider, and is a default."""
    (tmp_path / "mine.toml").write_text(LISTED)
    monkeypatch.setenv("ORCHKIT_CATALOG", str(tmp_path / "mine.toml"))
    assert set(df.orch.route("cheapest")["provider"]) == {"parrot"}


@pytest.mark.usefixtures("parrots")
def test_an_installed_provider_is_made_once(df: pd.DataFrame) -> None:
    """Two models and two runs share one object of a provider's class."""
    for name in ("polly", "jack"):
        add(name, "parrot")
        df.orch.route(name, cache=False)
    parrot = type(SESSION._opened["parrot"])
    assert vars(parrot)["made"] == 2  # one of them is the module's own pet


@pytest.mark.usefixtures("parrots")
def test_a_slip_is_answered_with_the_nearest_provider(df: pd.DataFrame) -> None:
    """An unknown provider is refused with the nearest, an installed one too."""
    add("polly", "parot")
    with orchkit.use("live"), pytest.raises(UnknownNameError, match="Did you mean 'parrot'"):
        df.orch.route("polly")


@pytest.mark.usefixtures("parrots")
@pytest.mark.parametrize(
    ("provider", "says"), [("hollow", "no name and async complete"), ("gone", "cannot be loaded")]
)
def test_what_is_no_provider_is_refused(df: pd.DataFrame, provider: str, says: str) -> None:
    """An entry point that gives no provider, or nothing at all, is refused before anything runs."""
    add("polly", provider)
    with pytest.raises(ParameterError, match=says):
        df.orch.route("polly")


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        (SimpleNamespace(name="x", complete=print), True),
        (SimpleNamespace(name=None, complete=print), False),
        (SimpleNamespace(complete=print), False),
        (SimpleNamespace(name="x", complete=1), False),
        (None, False),
    ],
    ids=str,
)
def test_a_provider_has_a_name_and_a_complete(given: object, fits: bool) -> None:
    """Whatever has a text name and a complete(call) can be asked."""
    assert plugins.provides(given) is fits
