from __future__ import annotations

import inspect
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
        ({"cache_dir": 3}, ParameterError),
        ({"cache_dir": ""}, ParameterError),
        ({"cache_dir": __file__}, ParameterError),
        ({"mode": "live", "timeout": True}, ParameterError),
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


def caps() -> list[int | None]:
    """Return the caps that hold now, in nano-dollars."""
    return [purse.cap for purse in SESSION.settings.purses]


def test_what_is_not_given_stays_as_it_is(tmp_path: Path) -> None:
    """An inner use changes only what it is given: mode, folder, timeout, retries, budget stay."""
    with orchkit.use("live", budget=1, cache_dir=tmp_path, timeout=7, retries=2):
        with orchkit.use("simulator"):
            inner = SESSION.settings
        with orchkit.use(timeout=9):
            assert SESSION.settings.mode == "live"
            assert SESSION.settings.policy.attempts == 2
    assert inner.cache_dir == tmp_path
    assert (inner.policy.timeout, inner.policy.attempts) == (7, 2)
    assert [purse.cap for purse in inner.purses] == [10**9]


def test_a_setting_can_be_put_back() -> None:
    """None for the folder, "auto" for the mode: what was set once can be unset."""
    orchkit.use("simulator", cache_dir="somewhere", budget=1)
    orchkit.use("auto", cache_dir=None, budget=None)
    assert (SESSION.settings.mode, SESSION.settings.cache_dir, caps()) == ("auto", None, [])


@pytest.mark.filterwarnings("ignore:budget=:orchkit.OrchkitWarning")
@pytest.mark.parametrize(("outer", "inner"), [(0.001, 5), (5, 0.001), (0.001, None)], ids=str)
def test_both_budgets_hold(outer: float, inner: float | None) -> None:
    """Whichever of two nested budgets is the smaller is the one that is kept."""
    frame = pd.DataFrame({"prompt": [f"What is {n}?" for n in range(40)]})
    with orchkit.use("simulator", budget=outer), orchkit.use(budget=inner):
        out = frame.orch.route("gpt-4o-mini", cache=False, max_tokens=200)
    assert 0 < out["cost"].sum() <= 0.001
    assert out["error"].str.startswith("BudgetExceeded").fillna(False).any()


def test_an_inner_run_spends_from_both_budgets() -> None:
    """What is spent in a block is spent for the block around it, too."""
    with orchkit.use("simulator", budget=1), orchkit.use(budget=0.5):
        cost = orchkit.run_orchestration("What is 2+2?", cache=False).cost
        spent = [purse.spent for purse in SESSION.settings.purses]
    assert spent == [round(cost * 1e9)] * 2


def test_a_plain_budget_takes_the_place_of_the_last_plain_one() -> None:
    """Raising the session's own budget needs no restart: the later plain call counts."""
    orchkit.use(budget=1)
    orchkit.use(budget=2)
    assert caps() == [2 * 10**9]


def test_a_plain_call_cannot_lift_the_budget_of_a_block() -> None:
    """Inside a block a plain call adds a budget or drops its own, and the block's stays."""
    with orchkit.use(budget=2):
        orchkit.use(budget=1)
        orchkit.use(budget=0.5)
        assert caps() == [2 * 10**9, 10**9 // 2]
        orchkit.use(budget=None)
        assert caps() == [2 * 10**9]


def test_a_budget_that_can_never_be_spent_is_told() -> None:
    """A budget above what one around it has left is warned of, naming both."""
    told = r"budget=\$5.00 is more than the \$1.00 that are left of the one around it"
    with orchkit.use(budget=1):
        with pytest.warns(orchkit.OrchkitWarning, match=told), orchkit.use(budget=5):
            pass
        with pytest.warns(orchkit.OrchkitWarning, match=told):
            orchkit.use(budget=5)


def test_a_budget_beside_a_plain_one_is_told() -> None:
    """As a block, a budget stands beside the plain one, and a larger one is warned of."""
    orchkit.use(budget=1)
    with pytest.warns(orchkit.OrchkitWarning, match="both hold"), orchkit.use(budget=5):
        assert caps() == [10**9, 5 * 10**9]
    assert caps() == [10**9]


def test_a_block_is_entered_once() -> None:
    """The same object as a block a second time is refused, and nothing has changed."""
    using = orchkit.use("simulator")
    with using:
        pass
    before = SESSION.settings
    with pytest.raises(orchkit.MisuseError, match="anew"), using:
        pass
    assert SESSION.settings is before


def test_the_help_can_be_read() -> None:
    """The signature says of each setting that it stays as it is, in words."""
    shown = inspect.signature(orchkit.use).parameters
    assert {str(parameter.default) for parameter in shown.values()} == {"<as it is>"}
    assert "0x" not in str(inspect.signature(orchkit.use))
