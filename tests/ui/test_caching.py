from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.errors import ParameterError
from orchkit.ui.caching import _size


def test_an_empty_home_holds_nothing(own_home: Path) -> None:
    """Before the first run there is nothing, and asking makes nothing."""
    info = orchkit.cache_info()
    assert (info.rows, info.bytes, info.damaged) == (0, 0, 0)
    assert (info.oldest, info.newest) == (None, None)
    assert info.folder == own_home / "cache"
    assert orchkit.prune_cache("0d") == 0
    assert not own_home.exists()


def test_what_a_run_kept_is_told(df: pd.DataFrame) -> None:
    """After a run there is a row for every answer, stored just now."""
    start = datetime.now(UTC) - timedelta(seconds=1)
    df.orch.route("gpt-4o", progress=False)
    info = orchkit.cache_info()
    assert info.rows == len(df)
    assert info.bytes > 0
    assert info.oldest is not None
    assert info.newest is not None
    assert start <= info.oldest <= info.newest <= datetime.now(UTC)
    assert str(info).startswith(f"{len(df)} answers, ")


def test_the_sessions_own_folder_is_told(df: pd.DataFrame, tmp_path: Path) -> None:
    """With cache_dir it is that folder that is counted and pruned."""
    df.orch.route("gpt-4o", progress=False)
    with orchkit.use(cache_dir=tmp_path / "elsewhere"):
        assert orchkit.cache_info().rows == 0
        assert orchkit.prune_cache("0d") == 0
    assert orchkit.cache_info().rows == len(df)


def test_pruned_answers_are_asked_anew(df: pd.DataFrame, sent: list[Any]) -> None:
    """What was pruned is bought again, and the other model's answers are not."""
    for name in ("gpt-4o", "gpt-4"):
        df.orch.route(name, progress=False)
    assert orchkit.prune_cache("0d", model="gpt-4") == len(df)
    sent.clear()
    for name in ("gpt-4o", "gpt-4"):
        df.orch.route(name, progress=False)
    assert {call.model for call in sent} == {"gpt-4"}


def test_age_is_measured_in_its_unit(df: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of ten days ago is older than nine days and 200 hours, not than eleven days."""
    df.orch.route("gpt-4o", progress=False)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 10 * 86_400)
    assert orchkit.prune_cache("11d") == 0
    assert orchkit.prune_cache("2 W") == 0
    assert orchkit.prune_cache(timedelta(hours=241)) == 0
    assert orchkit.prune_cache("200h") == len(df)


WORDS = ["30", "", "d", "soon", "-1d", "1m", "1 month", "nan d", "٣d", "1d2h"]


@pytest.mark.parametrize(
    "told", [*WORDS, 30, 2.5, None, timedelta(days=-1), pd.NaT, pd.Timedelta("NaT")], ids=str
)
def test_what_is_no_length_of_time_is_refused(df: pd.DataFrame, told: Any) -> None:
    """A number without a unit, a negative or an ambiguous length drops nothing."""
    df.orch.route("gpt-4o", progress=False)
    with pytest.raises(ParameterError, match="older_than is"):
        orchkit.prune_cache(told)
    assert orchkit.cache_info().rows == len(df)


@pytest.mark.parametrize(
    ("size", "told"), [(0, "0 B"), (1000, "1.0 kB"), (10**15, "1000.0 TB"), (5 * 10**6, "5.0 MB")]
)
def test_sizes_are_told_in_their_unit(size: int, told: str) -> None:
    """Bytes are shown with one decimal of the largest unit that fits."""
    assert _size(size) == told
