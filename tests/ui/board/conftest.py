"""A simulated recording, and a board on it."""

from __future__ import annotations

from typing import Any

import pytest

import orchkit

MODELS = ["gpt-4o-mini", "claude-haiku-3.5", "claude-opus-3"]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give 120 prompts × 3 models."""
    with orchkit.use("simulator", cache_dir=tmp_path_factory.mktemp("cache")):
        return orchkit.load_dataset("everyday").head(120).orch.record(MODELS, progress=False)


@pytest.fixture
def board(matrix: Any) -> Any:
    """Give a board on it."""
    return orchkit.dashboard(matrix)
