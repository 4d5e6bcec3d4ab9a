"""Frames to ask about, and an eye on what is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from orchkit.core.calls import Call, Response
from orchkit.runtime.providers.simulator import Simulator
from orchkit.ui.session import SESSION

PROMPTS = ("What is 2+2?", "Explain tides", "Analyze these logs", "Research fusion in depth")


@pytest.fixture
def df() -> pd.DataFrame:
    """Give one prompt of each tier, under an index with a repeat."""
    references = ["4", "moon", "none", "hot"]
    return pd.DataFrame({"prompt": PROMPTS, "reference": references}, index=[7, 7, 1, 3])


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Give the calls the simulator has been asked, as they come in."""
    calls: list[Call] = []
    complete = Simulator.complete

    async def noted(self: Simulator, call: Call) -> Response:
        calls.append(call)
        return await complete(self, call)

    monkeypatch.setattr(Simulator, "complete", noted)
    return calls


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process one that has not yet said that its answers are simulated."""
    monkeypatch.setattr(SESSION, "_told", False)


class Parrot:
    """A provider of one's own: it says what it was asked."""

    name = "parrot"

    async def complete(self, call: Call) -> Response:
        """Answer with the last message."""
        return Response(call.model, call.messages[-1].content)


@pytest.fixture
def parrot() -> Parrot:
    """Give a provider of one's own."""
    return Parrot()


@pytest.fixture
def no_figures() -> Iterator[Any]:
    """Give pyplot without figures, and close what the test leaves."""
    from matplotlib import pyplot as plt

    plt.close("all")
    yield plt
    plt.close("all")
