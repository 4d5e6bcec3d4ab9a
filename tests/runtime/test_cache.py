from __future__ import annotations

import hashlib
import os
import pickle
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import diskcache
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Response, Usage, digest
from orchkit.errors import StoreError
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.hardened import HardenedDisk

KEY, OTHER = digest("a question"), digest("another question")
KEPT = Response(
    "m",
    "Größe: 3 µm",
    Usage(12, 3, cached_tokens=4, written_tokens=5),
    latency=0.25,
    logprobs=(-0.5, -0.0),
    provider="p",
    extra={"answered_by": "m-2"},
)
PICKLE, RAW, TEXT = diskcache.core.MODE_PICKLE, diskcache.core.MODE_RAW, diskcache.core.MODE_TEXT

counts = st.integers(0, 2**40)
#: All of Unicode, lone surrogates included.
texts = st.text(st.characters(exclude_categories=()))
finite = st.floats(allow_nan=False, allow_infinity=False)
responses = st.builds(
    Response,
    model=texts,
    text=texts,
    usage=st.builds(Usage, counts, counts, counts, counts),
    latency=finite,
    finish=st.sampled_from(["stop", "length"]),
    logprobs=st.lists(finite, max_size=5).map(tuple),
    provider=texts,
    extra=st.dictionaries(texts, texts | finite | st.none(), max_size=3),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a folder that does not exist yet."""
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResponseCache]:
    """Open one cache for the tests that only put rows into it, behind its back or not."""
    cache = ResponseCache(tmp_path_factory.mktemp("module") / "cache")
    yield cache
    cache.close()


@pytest.fixture
def cache(opened: ResponseCache) -> ResponseCache:
    """Hand out an empty cache."""
    with _database(opened.folder) as connection:
        connection.execute("DELETE FROM Cache")
    opened.damaged = 0
    return opened


@contextmanager
def _database(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as an attacker or a failing disk would: behind the cache's back."""
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


def _row(folder: Path) -> bytes:
    with _database(folder) as connection:
        ((row,),) = connection.execute("SELECT value FROM Cache")
    return bytes(row)


def _plant(folder: Path, key: object = KEY, **columns: Any) -> None:
    """Write a row that the cache would never write."""
    row = {"key": key, "raw": 1, "size": 9, "mode": RAW, "filename": None, "value": b"", **columns}
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    with _database(folder) as connection:
        connection.execute("DELETE FROM Cache")
        connection.execute(
            f"INSERT INTO Cache ({names}) VALUES ({marks})",  # noqa: S608 - names are ours
            tuple(row.values()),
        )


def _signed(body: bytes, key: str = KEY) -> bytes:
    """Return a body with the digest that anybody who reads the source can compute."""
    return hashlib.sha256(key.encode() + b"\0" + body).digest() + body


class Bomb:
    """An object whose unpickling touches a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        """Have the file touched."""
        return Path.touch, (self.mark,)


@settings(deadline=None, max_examples=60)
@given(responses)
def test_what_is_put_comes_back(opened: ResponseCache, response: Response) -> None:
    """Every field that tells of the answer survives, in any script and with lone surrogates."""
    opened.put(KEY, response)
    assert opened.get(KEY) == replace(response, cached=True)


def test_cost_is_not_kept(cache: ResponseCache) -> None:
    """Prices change: what is stored is the usage, and the cost is worked out when it is read."""
    cache.put(KEY, replace(KEPT, cost=123))
    found = cache.get(KEY)
    assert found is not None
    assert found.cost == 0


def test_an_unknown_key_is_a_quiet_miss(cache: ResponseCache) -> None:
    """What was never stored is no damage and warns of nothing."""
    cache.put(KEY, KEPT)
    assert cache.get(OTHER) is None
    assert cache.damaged == 0


def test_putting_again_replaces(cache: ResponseCache) -> None:
    """The last answer under a key is the one that is kept."""
    cache.put(KEY, KEPT)
    cache.put(KEY, replace(KEPT, text="newer"))
    found = cache.get(KEY)
    assert (found and found.text, len(cache)) == ("newer", 1)


def test_a_flipped_bit_is_a_miss_and_told_of(cache: ResponseCache) -> None:
    """Whichever byte of a row decays, the answer is asked anew and never a wrong one given."""
    cache.put(KEY, KEPT)
    row = _row(cache.folder)
    for place in range(len(row)):
        spoilt = bytearray(row)
        spoilt[place] ^= 1 << place % 8
        _plant(cache.folder, value=bytes(spoilt))
        assert cache.get(KEY) is None
        assert "damaged" in cache.complaints()[0]
    assert cache.damaged == len(row)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, -1])
def test_a_torn_row_is_a_miss(cache: ResponseCache, length: int) -> None:
    """A row that was cut anywhere is damaged."""
    cache.put(KEY, KEPT)
    _plant(cache.folder, value=_row(cache.folder)[:length])
    assert cache.get(KEY) is None
    assert cache.complaints()


def test_a_damaged_row_is_put_aside(cache: ResponseCache) -> None:
    """After the warning the row is gone, and the answer that is bought anew is stored."""
    _plant(cache.folder, value=b"rubbish")
    cache.get(KEY)
    assert cache.complaints()
    assert cache.get(KEY) is None
    cache.put(KEY, KEPT)
    assert cache.get(KEY) == replace(KEPT, cached=True)


def test_a_row_under_another_key_is_refused(cache: ResponseCache) -> None:
    """A whole row answers only the question that it was stored for."""
    cache.put(KEY, KEPT)
    _plant(cache.folder, key=OTHER, value=_row(cache.folder))
    assert cache.get(OTHER) is None
    assert cache.complaints()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"3", b"{}", b'{"model": "m"}', b'{"model": "m", "evil": 1}', b"[" * 100_000],
    ids=lambda body: body[:30].decode(),
)
def test_a_row_that_is_no_response_is_a_miss(cache: ResponseCache, body: bytes) -> None:
    """Even under a digest that is right only a response is given back."""
    _plant(cache.folder, value=_signed(body))
    assert cache.get(KEY) is None
    assert cache.complaints()


@pytest.mark.parametrize(
    "columns",
    [
        {"mode": 0},
        {"mode": 2},
        {"mode": 3},
        {"mode": 5},
        {"mode": None},
        {"value": "text"},
        {"value": 7},
        {"value": None},
        {"raw": 0},
        {"raw": 2},
        {"filename": "x.val"},
        {"key": KEY.encode()},
    ],
    ids=str,
)
def test_a_row_of_another_shape_is_never_an_answer(
    cache: ResponseCache, columns: dict[str, Any]
) -> None:
    """Whatever other column is tampered with, the row is passed over."""
    cache.put(KEY, KEPT)
    _plant(cache.folder, **{"value": _row(cache.folder), **columns})
    assert cache.get(KEY) is None


def test_a_planted_pickle_is_not_executed(cache: ResponseCache, tmp_path: Path) -> None:
    """The row that runs code under plain diskcache (CVE-2025-69872) is damage and no more."""
    _plant(cache.folder, mode=PICKLE, value=pickle.dumps(Bomb(tmp_path / "mark")))
    assert cache.get(KEY) is None
    assert cache.complaints()
    assert not (tmp_path / "mark").exists()


def test_the_planted_pickle_is_a_real_one(cache: ResponseCache, tmp_path: Path) -> None:
    """The same row does run code under plain diskcache: the test above can fail."""
    _plant(cache.folder, mode=PICKLE, value=pickle.dumps(Bomb(tmp_path / "mark")))
    with diskcache.Cache(str(cache.folder)) as plain:
        plain.get(KEY)
    assert (tmp_path / "mark").exists()


def test_a_planted_pickled_key_is_not_executed(cache: ResponseCache, tmp_path: Path) -> None:
    """Listing the keys of a file that holds a pickled one runs nothing."""
    _plant(cache.folder, key=pickle.dumps(Bomb(tmp_path / "mark")), raw=0)
    with (
        diskcache.Cache(str(cache.folder), disk=HardenedDisk) as opened,
        pytest.raises(ValueError, match="not text"),
    ):
        list(opened)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("mode", [RAW, TEXT, PICKLE])
def test_a_row_that_names_a_file_neither_reads_nor_deletes_it(
    cache: ResponseCache, tmp_path: Path, mode: int
) -> None:
    """A file outside the cache is not given back as an answer, and survives get and put."""
    (tmp_path / "secret").write_bytes(pickle.dumps(Bomb(tmp_path / "mark")))
    _plant(cache.folder, mode=mode, filename=str(tmp_path / "secret"), value=None)
    assert cache.get(KEY) is None
    assert cache.complaints()
    _plant(cache.folder, mode=mode, filename=str(tmp_path / "secret"), value=None)
    cache.put(KEY, KEPT)
    assert (tmp_path / "secret").exists()
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("setting", ["disk_evil", "sqlite_evil; ATTACH", "_disk"])
def test_planted_settings_open_or_are_refused(folder: Path, setting: str) -> None:
    """The settings that diskcache keeps in the file cannot break it in a way of their own."""
    ResponseCache(folder).close()
    with _database(folder) as connection:
        connection.execute("INSERT INTO Settings VALUES (?, ?)", (setting, "1"))
    try:
        cache = ResponseCache(folder)
    except StoreError:
        return
    cache.put(KEY, KEPT)
    assert cache.get(KEY) == replace(KEPT, cached=True)
    cache.close()


@pytest.fixture
def permissive() -> Iterator[None]:
    """Let everybody do everything with new files."""
    before = os.umask(0)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_and_files_are_private(permissive: None, folder: Path) -> None:
    """Under any umask the folder is 0700 and every file in it 0600, while open and after."""
    for _ in range(2):
        cache = ResponseCache(folder)
        cache.put(KEY, KEPT)
        files = sorted(folder.rglob("*"))
        assert {path.name for path in files} >= {"cache.db", "cache.db-wal", "cache.db-shm"}
        assert {_mode(path) for path in files} == {0o600}
        cache.close()
    assert _mode(folder) == 0o700


def test_folders_made_on_the_way_are_private(permissive: None, tmp_path: Path) -> None:
    """A home that is made with the cache is nobody else's either: it could be swapped there."""
    ResponseCache(tmp_path / "home" / "cache").close()
    assert _mode(tmp_path / "home") == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_a_folder_that_others_can_write_to_is_refused(folder: Path, mode: int) -> None:
    """Who can write to the folder could plant answers."""
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(StoreError, match="others can write"):
        ResponseCache(folder)


@pytest.mark.parametrize("exists", [True, False], ids=["there", "dangling"])
def test_a_link_is_refused(folder: Path, tmp_path: Path, exists: bool) -> None:
    """A symbolic link may lead anywhere, so nothing is written behind it."""
    if exists:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="cache"):
        ResponseCache(folder)
    assert not list(tmp_path.glob("elsewhere/*"))


def test_a_file_in_the_place_of_the_folder_is_refused(folder: Path) -> None:
    """The error names the path and says what to do about it."""
    folder.write_text("not a folder")
    with pytest.raises(StoreError, match="Move the folder away") as caught:
        ResponseCache(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("garbage", [b"no database", b"\xff" * 8192, b"SQLite format 3\0" * 512])
def test_a_garbage_database_is_refused(folder: Path, garbage: bytes) -> None:
    """A file that is no cache is left as it is, and the error says what to do."""
    folder.mkdir(mode=0o700)
    (folder / "cache.db").write_bytes(garbage)
    with pytest.raises(StoreError, match="Move the folder away"):
        ResponseCache(folder)
    assert (folder / "cache.db").read_bytes() == garbage


def test_a_database_that_breaks_while_open_is_a_store_error(folder: Path) -> None:
    """A cache that can no longer be read or written says so in our terms."""
    with closing(ResponseCache(folder)) as cache:
        with _database(folder) as connection:
            connection.execute("DROP TABLE Cache")
        with pytest.raises(StoreError, match="read"):
            cache.get(KEY)
        with pytest.raises(StoreError, match="write"):
            cache.put(KEY, KEPT)


def test_a_dollar_in_the_path_is_a_dollar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that was checked is the folder that is used: nothing is expanded in its name."""
    monkeypatch.setenv("ELSEWHERE", "elsewhere")
    ResponseCache(tmp_path / "$ELSEWHERE").close()
    assert not (tmp_path / "elsewhere").exists()


def test_nothing_is_evicted(folder: Path) -> None:
    """A file that was told to stay small by an earlier setting keeps everything from now on."""
    folder.mkdir(mode=0o700)
    small = {"size_limit": 1, "cull_limit": 10, "eviction_policy": "least-recently-stored"}
    diskcache.Cache(str(folder), **small).close()
    with closing(ResponseCache(folder)) as cache:
        for n in range(100):
            cache.put(digest(n), replace(KEPT, text="x" * 1000))
        assert all(cache.get(digest(n)) for n in range(100))


SCRIPT = """
import sys
from orchkit.runtime.cache import ResponseCache
found = ResponseCache(sys.argv[1]).get(sys.argv[2])
print(ascii((found.text, found.usage.input_tokens, found.logprobs)))
"""


def test_another_process_sees_the_answers(
    cache: ResponseCache, elsewhere: Callable[..., str]
) -> None:
    """What one process has put, another reads while the first has it open."""
    cache.put(KEY, KEPT)
    assert elsewhere(SCRIPT, str(cache.folder), KEY).strip() == ascii((KEPT.text, 12, (-0.5, -0.0)))


def test_only_text_keys_and_bytes_are_stored(folder: Path) -> None:
    """What would have to be pickled is refused before it is written."""
    with diskcache.Cache(str(folder), disk=HardenedDisk) as opened:
        with pytest.raises(TypeError, match="key is text"):
            opened.set(("a", "tuple"), b"")
        with pytest.raises(TypeError, match="value is bytes"):
            opened.set("key", {"a": "dict"})
        assert len(opened) == 0
