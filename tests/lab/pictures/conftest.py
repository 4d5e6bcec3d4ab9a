"""Rows of results, as strategies leave them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest


def row(
    used: str | None, *calls: tuple[str, float | None, str | None], **more: Any
) -> dict[str, Any]:
    """Return a row of a fallback over a, b and c; calls are (model, USD, error)."""
    told = [{"model": model, "cost": cost, "error": error} for model, cost, error in calls]
    return {
        "strategy": "fallback",
        "model_used": used,
        "fallback_chain": ["a", "b", "c"],
        "ensemble_models": [],
        "metadata": {"calls": told},
        "quality": float("nan"),
        **more,
    }


A, B, C = ("a", 0.001, None), ("b", 0.002, None), ("c", 0.010, None)


@pytest.fixture
def results() -> pd.DataFrame:
    """Give six prompts of a fallback: two end at a, one at b, one falls back to b, two fail."""
    return pd.DataFrame(
        [
            row("a", A, quality=1.0),
            row("a", A, quality=0.0),
            row("b", A, B, quality=1.0),
            row("b", A, B, C, quality=0.0),
            row(None, A, B, ("c", None, "Timeout: too late"), quality=0.0),
            row(None),
        ],
        index=[5, 5, 1, 2, 3, 4],
    )
