from __future__ import annotations

import pickle
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchkit.core.calls import Response, digest
from orchkit.errors import StoreError
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.pruning import Stock, prune, stock

KEYS = {day: digest(f"asked {day} days ago") for day in (0, 10, 40)}
DAY = 86_400


def changed(folder: Path, statement: str, *values: Any) -> None:
    """Change the file behind the cache's back."""
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as file:
        file.execute(statement, values)


def age(folder: Path, key: str, days: float) -> None:
    """Make a row as old as that."""
    then = time.time() - days * DAY
    changed(folder, "UPDATE Cache SET store_time = ? WHERE key = ?", then, key)


@pytest.fixture
def cache(tmp_path: Path) -> ResponseCache:
    """Give a cache with an answer of "old" from 40 and 10 days ago, and one of "new" of today."""
    kept = ResponseCache(tmp_path / "cache")
    for days, key in KEYS.items():
        kept.put(key, Response("old" if days else "new", "4", provider="p"))
        age(kept.folder, key, days)
    return kept


def test_what_lies_there_is_counted(cache: ResponseCache) -> None:
    """Rows, bytes on disk, and the first and the last moment are those of the file."""
    found = stock(cache.folder)
    assert (found.rows, found.damaged) == (3, 0)
    assert found.bytes >= (cache.folder / "cache.db").stat().st_size > 0
    assert found.oldest == pytest.approx(time.time() - 40 * DAY, abs=60)
    assert found.newest == pytest.approx(time.time(), abs=60)


def test_where_there_is_no_cache_nothing_is_made(tmp_path: Path) -> None:
    """A folder without a cache holds nothing, and looking or pruning makes none."""
    assert stock(tmp_path / "none") == Stock()
    assert prune(tmp_path / "none", before=time.time()) == 0
    assert not (tmp_path / "none").exists()


def test_looking_changes_nothing(cache: ResponseCache) -> None:
    """Counting drops no row, not even a damaged one."""
    changed(cache.folder, "UPDATE Cache SET value = x'00' WHERE key = ?", KEYS[10])
    before = stock(cache.folder)
    assert (before.rows, before.damaged) == (2, 1)
    assert stock(cache.folder) == before


@pytest.mark.parametrize(
    ("days", "model", "left"),
    [
        (30, None, {0, 10}),
        (5, None, {0}),
        (0, None, set()),
        (0, "old", {0}),
        (0, "new", {10, 40}),
        (30, "new", {0, 10, 40}),
        (50, None, {0, 10, 40}),
    ],
)
def test_what_is_older_is_dropped(
    cache: ResponseCache, days: float, model: str | None, left: set[int]
) -> None:
    """Answers of that model from before that moment are gone, and no other one."""
    dropped = prune(cache.folder, before=time.time() + 1 - days * DAY, model=model)
    assert dropped == 3 - len(left)
    assert {day for day, key in KEYS.items() if cache.get(key)} == left


def test_an_open_cache_goes_on(cache: ResponseCache) -> None:
    """A cache that is open elsewhere still stores and counts after it was pruned."""
    prune(cache.folder, before=time.time() + 1)
    assert len(cache) == 0
    cache.put(KEYS[0], Response("new", "4"))
    assert len(cache) == 1
    assert cache.get(KEYS[0]) is not None


def test_the_file_shrinks(tmp_path: Path) -> None:
    """Pruning gives the disk back what the answers took."""
    cache = ResponseCache(tmp_path / "cache")
    cache.put_all((digest(n), Response("m", "word " * 2000)) for n in range(200))
    full = stock(cache.folder).bytes
    prune(cache.folder, before=time.time() + 1)
    assert stock(cache.folder).bytes < full / 10


@pytest.mark.parametrize(
    "odd",
    [
        "mode = 4",
        "filename = '/etc/passwd'",
        "raw = 0",
        "key = x'6162'",
        "key = 3",
        "value = NULL",
        "value = 'text'",
        "value = 7",
        "value = x''",
        "value = zeroblob(40)",
        "store_time = 'yesterday'",
        "store_time = NULL",
        "store_time = -1",
        "store_time = 1e300",
        "key = cast(x'ff' as text)",
    ],
)
def test_a_row_of_any_other_shape_is_damaged(cache: ResponseCache, odd: str) -> None:
    """What the cache would never write is counted as damaged, and dropped whatever its age."""
    changed(cache.folder, f"UPDATE Cache SET {odd} WHERE key = ?", KEYS[0])  # noqa: S608 - ours
    found = stock(cache.folder)
    assert (found.rows, found.damaged) == (2, 1)
    assert prune(cache.folder, before=0.0) == 1
    assert (stock(cache.folder).rows, stock(cache.folder).damaged) == (2, 0)


class Bomb:
    """An object whose unpickling touches a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        """Have the file touched."""
        return Path.touch, (self.mark,)


def test_a_planted_pickle_is_not_executed(cache: ResponseCache, tmp_path: Path) -> None:
    """Neither counting nor pruning runs what somebody planted as a key or a value."""
    evil = pickle.dumps(Bomb(tmp_path / "mark"))
    changed(cache.folder, "UPDATE Cache SET mode = 4, value = ? WHERE key = ?", evil, KEYS[0])
    changed(cache.folder, "UPDATE Cache SET raw = 0, key = ? WHERE key = ?", evil, KEYS[10])
    assert stock(cache.folder).damaged == 2
    assert prune(cache.folder, before=0.0) == 2
    assert not (tmp_path / "mark").exists()
    pickle.loads(evil)  # noqa: S301 - shows that the planted one is a real one
    assert (tmp_path / "mark").exists()


def test_a_file_a_row_names_is_left_alone(cache: ResponseCache, tmp_path: Path) -> None:
    """Dropping a row that names a file does not remove the file."""
    (tmp_path / "precious").write_text("mine")
    changed(cache.folder, "UPDATE Cache SET filename = ?", str(tmp_path / "precious"))
    assert prune(cache.folder, before=0.0) == 3
    assert (tmp_path / "precious").read_text() == "mine"


def test_files_stay_their_owners_alone(cache: ResponseCache) -> None:
    """After pruning nobody else may read what is there."""
    prune(cache.folder, before=time.time())
    modes = {stat.S_IMODE(path.stat().st_mode) for path in cache.folder.glob("cache.db*")}
    assert modes == {0o600}


@pytest.mark.parametrize("use", [stock, lambda folder: prune(folder, before=0.0)])
def test_what_is_not_safe_to_open_is_refused(cache: ResponseCache, use: Any) -> None:
    """A folder that is a link or that others can write, and a file that is no cache."""
    link = cache.folder.with_name("link")
    link.symlink_to(cache.folder)
    with pytest.raises(StoreError, match="link"):
        use(link)
    cache.close()
    for path in cache.folder.glob("cache.db?*"):
        path.unlink()
    (cache.folder / "cache.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="cache"):
        use(cache.folder)
    cache.folder.chmod(0o777)
    with pytest.raises(StoreError, match="others can write"):
        use(cache.folder)
