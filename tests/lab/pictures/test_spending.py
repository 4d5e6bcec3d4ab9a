from __future__ import annotations

import pandas as pd
import pytest

import orchkit
from orchkit.errors import ColumnError
from orchkit.lab.pictures.spending import cost_parts


def test_parts_are_told_apart(results: pd.DataFrame) -> None:
    """Calls are counted by model and by whether they gave the answer; costs are per 1,000."""
    parts = cost_parts(results).set_index(["model", "kept"])
    assert parts["calls"].to_dict() == {
        ("a", True): 2,
        ("a", False): 3,
        ("b", True): 2,
        ("b", False): 1,
        ("c", False): 2,
    }
    assert parts.loc[("a", False), "cost_per_1k"] == pytest.approx(1000 * 0.003 / 6)
    assert parts.loc[("c", False), "cost_per_1k"] == pytest.approx(1000 * 0.010 / 6)
    assert parts["unpriced"].to_dict()["c", False] == 1
    assert set(parts["prompts"]) == {6}


def test_parts_add_up_to_the_rows_costs() -> None:
    """The parts of every strategy sum to the mean of its rows' costs, per 1,000 prompts."""
    with orchkit.use("simulator"):
        found = orchkit.compare(
            orchkit.load_dataset("everyday").head(30), ["cheapest", "fallback", "ensemble"]
        )
    parts = cost_parts(found.results).groupby("strategy")["cost_per_1k"].sum()
    rows = 1000 * found.results.groupby("strategy")["cost"].mean()
    assert parts.to_dict() == pytest.approx(rows.to_dict())
    kept = cost_parts(found.results).query("kept").groupby("strategy")["calls"].sum()
    answered = found.results[found.results["error"].isna()].groupby("strategy").size()
    assert kept.to_dict() == answered.to_dict()


def test_records_read_as_text_are_refused(results: pd.DataFrame) -> None:
    """Metadata that came back from a CSV file is refused with what to pass."""
    with pytest.raises(ColumnError, match="CSV"):
        cost_parts(results.assign(metadata=results["metadata"].map(str)))
