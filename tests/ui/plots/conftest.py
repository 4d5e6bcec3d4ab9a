"""Results to draw, as a comparison on the simulator leaves them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes

import orchkit

SINGLES = ("gpt-4o-mini", "claude-opus-3")


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> orchkit.Comparison:
    """Give a comparison of five strategies on 32 prompts, in a home of its own."""
    prompts = orchkit.load_dataset("everyday").groupby("complexity").head(8)
    strategies = ["cheapest", "fallback", "ensemble", *map(orchkit.Single, SINGLES)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORCHKIT_HOME", str(tmp_path_factory.mktemp("home")))
        with orchkit.use("simulator"):
            return orchkit.compare(prompts, strategies)


@pytest.fixture
def ax(no_figures: Any) -> Axes:
    """Give Axes to draw into."""
    axes: Axes = no_figures.figure().subplots()
    return axes


@pytest.fixture
def results(found: orchkit.Comparison) -> pd.DataFrame:
    """Give the comparison's results."""
    return found.results
