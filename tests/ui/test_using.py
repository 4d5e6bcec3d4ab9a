from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.errors import BudgetError, ParameterError
from orchkit.ui.session import SESSION


def test_use_holds_until_further_notice() -> None:
    """As a plain call, use sets where answers come from."""
    orchkit.use("simulator")
    assert SESSION.settings.mode == "simulator"


def test_use_restores_what_was() -> None:
    """As context managers, nested uses restore each what it found."""
    before = SESSION.settings
    with orchkit.use("live"):
        with orchkit.use("simulator"):
            assert SESSION.settings.mode == "simulator"
        assert SESSION.settings.mode == "live"
    assert SESSION.settings is before


def test_use_restores_after_an_error() -> None:
    """An error inside the block restores the settings and goes on."""
    before = SESSION.settings
    with pytest.raises(RuntimeError, match="mine"), orchkit.use("live"):
        raise RuntimeError("mine")
    assert SESSION.settings is before


def test_its_repr_names_the_mode() -> None:
    """The object shows which mode holds."""
    with orchkit.use("simulator") as using:
        assert repr(using) == "use('simulator')"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"mode": "simulated"}, ParameterError),
        ({"budget": math.nan}, BudgetError),
        ({"budget": -1}, BudgetError),
        ({"timeout": 0}, ParameterError),
        ({"timeout": math.nan}, ParameterError),
        ({"retries": 0}, ParameterError),
        ({"retries": 1.5}, ParameterError),
    ],
    ids=str,
)
def test_settings_out_of_range_change_nothing(
    settings: dict[str, Any], error: type[Exception]
) -> None:
    """What cannot be used is refused, and the session stays as it was."""
    before = SESSION.settings
    with pytest.raises(error):
        orchkit.use(**settings)
    assert SESSION.settings is before


def test_a_wrong_mode_is_answered_with_the_nearest() -> None:
    """The message for an unknown mode offers the nearest one."""
    with pytest.raises(ParameterError, match="Did you mean 'simulator'"):
        orchkit.use("simulater")  # type: ignore[arg-type]


def test_the_budget_holds_over_runs() -> None:
    """Runs share the session's budget: together they spend at most that."""
    frame = pd.DataFrame({"prompt": [f"What is {n}?" for n in range(20)]})
    cap = 0.002
    with orchkit.use("simulator", budget=cap):
        runs = [frame.orch.route("gpt-4o-mini", cache=False, max_tokens=200) for _ in range(5)]
    refused = [run["error"].str.startswith("BudgetExceeded").fillna(False).any() for run in runs]
    assert sum(run["cost"].sum() for run in runs) <= cap
    assert not refused[0]
    assert refused[-1]


def test_a_budget_begins_anew_with_each_use() -> None:
    """What an earlier use spent does not count against a later one."""
    for _ in range(2):
        with orchkit.use("simulator", budget=0.00063):
            orchkit.run_orchestration("What is 2+2?", cache=False)


def test_the_cache_lies_where_it_is_told(tmp_path: Path, own_home: Path) -> None:
    """With cache_dir answers are kept there, and not at home."""
    with orchkit.use("simulator", cache_dir=tmp_path / "elsewhere"):
        orchkit.run_orchestration("What is 2+2?")
    assert (tmp_path / "elsewhere" / "cache.db").is_file()
    assert not own_home.exists()
