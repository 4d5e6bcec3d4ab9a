"""What was spent, by period: every nano-dollar of the ledger in exactly one row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.catalog import NANO
from orchkit.errors import ParameterError
from orchkit.lab.spending import (
    BY,
    PERIODS,
    attempts_frame,
    hits_frame,
    labelled,
    spending,
)


def at(text: str) -> float:
    """Return seconds since 1970 of a UTC time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def attempt(opened: str = "2026-03-04", **changed: Any) -> dict[str, Any]:
    """Return a row of the ledger."""
    plain = {
        "run": "r", "category": "study", "tags": "", "strategy": "single", "model": "a",
        "provider": "p",
        "key": "k", "state": "settled", "cost": 5 * NANO, "reserved": 9 * NANO,
        "input_tokens": 7, "output_tokens": 3,
    }  # fmt: skip
    return {**plain, "opened": at(opened), **changed}


def hit(when: str = "2026-03-04", **changed: Any) -> dict[str, Any]:
    """Return what a cache answered in a run."""
    plain = {"run": "r", "category": "study", "tags": "", "strategy": "single", "model": "a"}
    return {**plain, "at": at(when), "calls": 3, "saved": 2 * NANO, **changed}


def told(
    attempts: list[dict[str, Any]],
    hits: list[dict[str, Any]] | None = None,
    period: str = "daily",
    by: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Return the spending."""
    return spending(attempts_frame(attempts), hits_frame(hits or []), period, by)


def test_a_period_tells_what_was_paid_presumed_and_saved() -> None:
    """Released costs nothing and is no call; open counts as reserved, presumed as it was booked."""
    rows = [
        attempt(),
        attempt(state="presumed", cost=9 * NANO),
        attempt(state="open", cost=None),
        attempt(state="released", cost=0),
    ]
    (row,) = told(rows, [hit()]).to_dict("records")
    assert row == {
        "calls": 3, "cost": 23.0, "presumed": 18.0, "cached_calls": 3, "saved": 2.0,
        "input_tokens": 21, "output_tokens": 9, "cost_without_cache": 25.0, "cache_share": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("period", "begins"),
    [
        ("daily", ["2026-03-01", "2026-03-02", "2026-03-31", "2026-04-01"]),
        ("weekly", ["2026-02-23", "2026-03-02", "2026-03-30"]),
        ("monthly", ["2026-03-01", "2026-04-01"]),
        ("all", ["2026-03-01"]),
    ],
)
def test_periods_begin_on_their_utc_day(period: str, begins: list[str]) -> None:
    """Days are days, weeks begin on Monday, months on their first."""
    days = ["2026-03-01", "2026-03-02 23:59:59", "2026-03-31", "2026-04-01"]
    found = told([attempt(day) for day in days], period=period)
    assert [f"{day:%Y-%m-%d}" for day in found.index] == begins


def test_columns_to_tell_apart_are_told_apart() -> None:
    """By strategy and model, each has its own row, also one that only the cache answered."""
    found = told([attempt()], [hit(model="b")], "monthly", ("strategy", "model"))
    assert found["cost"].tolist() == [5.0, 0.0]
    assert found["cached_calls"].tolist() == [0, 3]
    assert found.index.names == ["period", "strategy", "model"]


def test_days_are_told_apart_within_a_period() -> None:
    """By day, a month has a row for each UTC day on which something was spent."""
    found = told(
        [attempt("2026-03-04 23:00"), attempt("2026-03-05 01:00")], [], "monthly", ("day",)
    )
    assert found.index.names == ["period", "day"]
    assert [f"{day:%m-%d}" for day in found.index.get_level_values("day")] == ["03-04", "03-05"]


@pytest.mark.parametrize(
    ("category", "tag", "kept"),
    [
        (None, None, [0, 1, 2]),
        ("study", None, [0, 1]),
        (None, "a", [1, 2]),
        ("study", "a", [1]),
        (None, "aa", []),
        (None, "b", [1]),
        (None, ".", []),
    ],
)
def test_labels_choose_rows(category: str | None, tag: str | None, kept: list[int]) -> None:
    """A category is the whole word, a tag one of the words, and both must fit."""
    labels = [("study", ""), ("study", "a,b"), ("other", "a")]
    rows = [attempt(category=name, tags=tags, cost=n) for n, (name, tags) in enumerate(labels)]
    found = labelled(attempts_frame(rows), category, tag)
    assert [round(cost * NANO) for cost in found["cost"]] == kept
    assert list(found.index) == [*range(len(kept))]


@pytest.mark.parametrize("by", [*BY])
def test_nothing_is_told_apart_of_nothing(by: str) -> None:
    """Without rows there is an empty frame, indexed all the same."""
    found = told([], by=(by,))
    assert (len(found), found.index.names) == (0, ["period", by])


def test_an_unknown_price_makes_the_sum_unknown() -> None:
    """What nobody knows the price of is a call, and no part of a number that looks whole."""
    found = told([attempt(cost=None), attempt(), attempt("2026-03-05")], [hit(saved=None)])
    assert found["calls"].tolist() == [2, 1]
    assert found["cost"].isna().tolist() == [True, False]
    assert found["saved"].isna().tolist() == [True, False]


@pytest.mark.parametrize("period", PERIODS)
def test_nothing_spent_is_an_empty_frame(period: str) -> None:
    """A ledger without rows gives no rows, and all columns."""
    found = told([], period=period)
    assert len(found) == 0
    assert "cost_without_cache" in found


def test_a_period_nobody_knows_is_refused() -> None:
    """The error tells which there are."""
    with pytest.raises(ParameterError, match="daily"):
        told([attempt()], period="dayly")


@given(
    st.lists(
        st.tuples(
            st.floats(1.7e9, 1.8e9),
            st.sampled_from(["open", "settled", "released", "presumed"]),
            st.integers(0, 10**6),
        ),
        min_size=1,
    ),
    st.sampled_from(PERIODS),
    st.lists(st.sampled_from(BY), unique=True).map(tuple),
)
def test_periods_add_up_to_the_whole(
    rows: list[tuple[float, str, int]], period: str, by: tuple[str, ...]
) -> None:
    """However it is cut, the sum is the sum of the ledger."""
    ledger = [
        attempt(
            opened="2026-03-04", state=state, reserved=cost, cost=0 if state == "released" else cost
        )
        | {"opened": when}
        for when, state, cost in rows
    ]
    whole = sum(row["cost"] for row in ledger)
    assert round(told(ledger, period=period, by=by)["cost"].sum() * NANO) == whole
