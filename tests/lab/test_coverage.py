from __future__ import annotations

import math

import pandas as pd
import pytest

from orchkit.lab.coverage import coverage
from orchkit.lab.longtable import validated


def test_a_recording_is_counted_model_by_model() -> None:
    """Prompts answered, mean quality and cost of them, and their share; failed calls are none."""
    rows = [
        ("q1", "opus", 1.0, 1e-3, None),
        ("q1", "mini", 1.0, 1e-5, None),
        ("q1", "mini", 0.0, 3e-5, None),
        ("q2", "mini", math.nan, 4e-5, None),
        ("q3", "mini", math.nan, math.nan, "Timeout: 60 s"),
        ("q3", "haiku", math.nan, math.nan, "Timeout: 60 s"),
    ]
    columns = ["prompt_id", "model", "quality", "cost", "error"]
    told = coverage(validated(pd.DataFrame(rows, columns=columns)))
    assert told.index.tolist() == ["opus", "mini", "haiku"]
    assert told["n"].tolist() == [1, 2, 0]
    assert told["quality"].tolist() == pytest.approx([1.0, 1.0, math.nan], nan_ok=True)
    assert told["cost_per_1k"].tolist() == pytest.approx([1.0, 0.025, math.nan], nan_ok=True)
    assert told["recorded"].tolist() == pytest.approx([1 / 3, 2 / 3, 0])


def test_an_empty_recording_has_no_models() -> None:
    """Of no rows nothing is counted."""
    bare = validated(pd.DataFrame({"prompt_id": [], "model": [], "quality": []}))
    assert len(coverage(bare)) == 0
