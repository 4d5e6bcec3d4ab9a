"""The ledger: nothing is sent that is not written down, and nothing written down is lost."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from orchkit.core.calls import Usage
from orchkit.errors import StoreError
from orchkit.runtime.ledger import (
    SCHEMAS,
    Attempt,
    Begin,
    End,
    Hits,
    Ledger,
)
from orchkit.runtime.owners import Owners

BEGIN = Begin("run", "study", "single", "k", "m", "p", 100)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a place for a ledger."""
    return tmp_path / "home" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with closing(Ledger(path)) as opened:
        yield opened


def begun(ledger: Ledger, begin: Begin = BEGIN) -> Attempt:
    """Return an attempt that was begun."""
    (attempt,) = ledger.write([begin])
    assert attempt is not None
    return attempt


def states(ledger: Ledger) -> list[tuple[str, int | None]]:
    """Return the state and the cost of every attempt."""
    return [(row["state"], row["cost"]) for row in ledger.rows()]


def test_an_attempt_is_open_until_it_ends(ledger: Ledger) -> None:
    """Open it counts as what was reserved, afterwards as what it came to."""
    attempt = begun(ledger)
    assert (states(ledger), ledger.spent()) == ([("open", None)], 100)
    ledger.write(ends=[End(attempt, "settled", 40, Usage(7, 3))])
    (row,) = ledger.rows()
    assert (row["state"], row["cost"], row["input_tokens"], row["output_tokens"]) == (
        "settled", 40, 7, 3,
    )  # fmt: skip
    assert ledger.spent() == 40


@pytest.mark.parametrize(
    ("state", "cost", "spent"),
    [("settled", 40, 40), ("released", 0, 0), ("presumed", 100, 100), ("settled", None, 0)],
)
def test_every_end_counts_as_what_it_says(
    ledger: Ledger, state: str, cost: int | None, spent: int
) -> None:
    """What was never billed counts nothing, what may have been counts the worst."""
    ledger.write(ends=[End(begun(ledger), state, cost)])
    assert (states(ledger), ledger.spent()) == ([(state, cost)], spent)


def test_an_attempt_ends_once(ledger: Ledger) -> None:
    """The first end stands, whoever tells another."""
    attempt = begun(ledger)
    ledger.write(ends=[End(attempt, "settled", 40)])
    ledger.write(ends=[End(attempt, "presumed", 100)])
    assert states(ledger) == [("settled", 40)]


def test_an_unknown_price_is_written_as_unknown(ledger: Ledger) -> None:
    """Nothing is reserved of what nobody can know, and nothing added up."""
    begun(ledger, replace(BEGIN, reserved=None))
    assert (states(ledger), ledger.spent()) == ([("open", None)], 0)


def test_one_claim_is_open_at_a_time(ledger: Ledger) -> None:
    """Who claims what is being bought is told so; after the end anybody may claim again."""
    claim = replace(BEGIN, claim=True)
    attempt, other = ledger.write([claim, claim])
    assert attempt is not None
    assert other is None
    ledger.write(ends=[End(attempt, "released")])
    assert begun(ledger, claim).claim == "k"


def test_without_a_claim_the_same_may_be_bought_twice(ledger: Ledger) -> None:
    """A run without a cache shares nothing, and is in nobody's way."""
    assert None not in ledger.write([BEGIN, BEGIN, replace(BEGIN, claim=True)])


def test_attempts_are_numbered_without_gaps(ledger: Ledger) -> None:
    """A refused claim takes no number: a gap is a row that was lost."""
    claim = replace(BEGIN, claim=True)
    ledger.write([claim, claim, BEGIN])
    begun(ledger)
    assert [row["id"] for row in ledger.rows()] == [1, 2, 3]


def test_two_processes_share_a_claim(ledger: Ledger, path: Path) -> None:
    """Another process is told that the answer is being bought."""
    begun(ledger, replace(BEGIN, claim=True))
    with closing(Ledger(path)) as other:
        assert other.write([replace(BEGIN, claim=True)]) == [None]


def test_what_a_living_process_left_open_stays_open(ledger: Ledger, path: Path) -> None:
    """Whoever else opens the ledger presumes nothing of a process that still runs."""
    begun(ledger)
    with closing(Ledger(path)) as other:
        assert other.recover() == 0
    assert states(ledger) == [("open", None)]


def test_processes_that_ended_leave_no_files(path: Path) -> None:
    """Whoever opens the ledger next takes away the locks of those that are gone."""
    owners = path.parent / "owners"
    for _ in range(3):
        died = subprocess.run([sys.executable, "-c", DIES, str(path)], check=False)  # noqa: S603 - ours
        assert died.returncode == -9
    with closing(Ledger(path)) as ledger:
        assert [lock.stem for lock in owners.glob("*.lock")] == [ledger.owners.mine]


DIES = """
import os, signal, sys
from pathlib import Path
from orchkit.runtime.ledger import Begin, Ledger
ledger = Ledger(Path(sys.argv[1]))
ledger.write([Begin("run", "study", "single", "k", "m", "p", 100, claim=True)])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_open_is_presumed(path: Path) -> None:
    """The next to look counts it as spent in full, and may claim what it was buying."""
    died = subprocess.run([sys.executable, "-c", DIES, str(path)], check=False)  # noqa: S603 - ours
    assert died.returncode == -9
    with closing(Ledger(path)) as ledger:
        assert states(ledger) == [("presumed", 100)]
        begun(ledger, replace(BEGIN, claim=True))
        assert [*(path.parent / "owners").glob("*.lock")] == [
            ledger.owners._path(ledger.owners.mine)
        ]


def test_a_changed_row_is_refused(ledger: Ledger, path: Path) -> None:
    """Whatever is changed in a row, its sum is not believed any more."""
    ledger.write(ends=[End(begun(ledger), "settled", 40)])
    for column, value in [("cost", 4), ("model", "n"), ("state", "'presumed'"), ("reserved", 1)]:
        with closing(sqlite3.connect(path)) as base:
            before = base.execute(f"SELECT {column} FROM attempts").fetchone()  # noqa: S608 - ours
            base.execute(f"UPDATE attempts SET {column} = {value if value != 'n' else repr(value)}")  # noqa: S608
            base.commit()
            with pytest.raises(StoreError, match="changed"):
                ledger.spent()
            base.execute(f"UPDATE attempts SET {column} = ?", before)  # noqa: S608 - ours
            base.commit()
    assert ledger.spent() == 40


def test_a_missing_row_is_noticed(ledger: Ledger, path: Path) -> None:
    """A row that is gone leaves a gap, and the sum is refused."""
    ledger.write([BEGIN, BEGIN, BEGIN])
    with closing(sqlite3.connect(path)) as base:
        base.execute("DELETE FROM attempts WHERE id = 2")
        base.commit()
    with pytest.raises(StoreError, match="damaged"):
        ledger.spent()


@pytest.mark.parametrize(
    "planted",
    [
        "CREATE TRIGGER evil AFTER INSERT ON attempts BEGIN DELETE FROM attempts; END",
        "CREATE VIEW evil AS SELECT 1",
        "CREATE TABLE evil (a)",
        "PRAGMA user_version = 99",
        "PRAGMA application_id = 99",
    ],
)
def test_another_schema_is_refused(path: Path, planted: str) -> None:
    """A ledger with anything planted in it, or of a version to come, is not written to."""
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as base:
        base.execute(planted)
        base.commit()
    with pytest.raises(StoreError, match="ledger"):
        Ledger(path)


@pytest.mark.parametrize(
    "rubbish", [b"no database at all" * 100, b"SQLite format 3\0" + b"\0" * 84]
)
def test_a_file_that_is_no_ledger_is_refused(path: Path, rubbish: bytes) -> None:
    """What cannot be read is no ledger, and nothing is spent beside it."""
    path.parent.mkdir(mode=0o700)
    path.write_bytes(rubbish)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="move the file away"):
        Ledger(path)


def test_a_link_in_the_ledgers_place_is_refused(path: Path, tmp_path: Path) -> None:
    """Nobody makes us write elsewhere."""
    path.parent.mkdir(mode=0o700)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        Ledger(path)
    assert not (tmp_path / "elsewhere").exists()


def test_it_is_for_its_owner_alone(path: Path) -> None:
    """Under any umask files are 0600 and folders 0700."""
    before = os.umask(0)
    try:
        with closing(Ledger(path)) as ledger:
            begun(ledger)
            for found in (path.parent, *path.parent.rglob("*")):
                mode = stat.S_IMODE(found.stat().st_mode)
                assert mode == (0o700 if found.is_dir() else 0o600), found
    finally:
        os.umask(before)


def test_hits_are_kept(ledger: Ledger) -> None:
    """What a cache saved is told beside what was paid."""
    ledger.write(hits=[Hits("run", "study", "single", "m", 5, 500)])
    (hit,) = ledger.hits()
    assert (hit["calls"], hit["saved"], hit["model"]) == (5, 500, "m")


def test_changed_hits_are_refused(ledger: Ledger, path: Path) -> None:
    """What a cache is said to have saved is believed no more than what was spent."""
    ledger.write(hits=[Hits("run", "study", "single", "m", 5, 500)])
    with closing(sqlite3.connect(path)) as base:
        base.execute("UPDATE hits SET saved = 5000")
        base.commit()
    with pytest.raises(StoreError, match="hits changed"):
        ledger.hits()


def test_tags_stand_beside_their_run(ledger: Ledger) -> None:
    """Every attempt and hit of a run has the run's tags; one of a run without has none."""
    ledger.write([replace(BEGIN, tags=("a", "b")), replace(BEGIN, run="other")])
    ledger.write(hits=[Hits("third", "study", "single", "m", 5, 500, ("c",))])
    begun(ledger, replace(BEGIN, tags=("a", "b")))
    assert [row["tags"] for row in ledger.rows()] == ["a,b", "", "a,b"]
    assert [hit["tags"] for hit in ledger.hits()] == ["c"]


def test_changed_tags_are_refused(ledger: Ledger, path: Path) -> None:
    """Nobody moves what was spent from one study to another."""
    begun(ledger, replace(BEGIN, tags=("a",)))
    with closing(sqlite3.connect(path)) as base:
        base.execute("UPDATE tags SET tags = 'b'")
        base.commit()
    for read in (ledger.spent, ledger.hits):
        with pytest.raises(StoreError, match="tags changed"):
            read()


@pytest.fixture
def first(path: Path) -> Path:
    """Give a ledger of version 1, with an attempt that was settled and one still open."""
    with closing(Ledger(path)) as ledger:
        one, _ = ledger.write([BEGIN, BEGIN])
        assert one is not None
        ledger.write(ends=[End(one, "settled", 40)])
    with closing(sqlite3.connect(path)) as base:
        base.executescript("DROP TABLE tags; PRAGMA user_version = 1;")
        told = [sql for (sql,) in base.execute("SELECT sql FROM sqlite_master ORDER BY name")]
    assert hashlib.sha256(repr(told).encode()).hexdigest()[:16] == VERSION_1
    return path


#: What tells the schema that version 1 had: people have files of it.
VERSION_1 = "631de9750fb09f2b"


def test_an_earlier_ledger_is_brought_up_to_date(first: Path) -> None:
    """Its rows stay as they are, what was left open is presumed, and tags can be written."""
    with closing(Ledger(first)) as ledger:
        begun(ledger, replace(BEGIN, run="new", tags=("a",)))
        assert states(ledger) == [("settled", 40), ("presumed", 100), ("open", None)]
        assert [row["tags"] for row in ledger.rows()] == ["", "", "a"]
    Ledger(first).close()
    with closing(sqlite3.connect(first)) as base:
        assert base.execute("PRAGMA user_version").fetchone() == (len(SCHEMAS),)


@pytest.mark.parametrize("planted", ["CREATE TABLE tags (a)", "CREATE VIEW evil AS SELECT 1"])
def test_an_earlier_ledger_with_something_planted_is_left_alone(first: Path, planted: str) -> None:
    """What is no ledger of its version is refused, and nothing is added to it."""
    with closing(sqlite3.connect(first)) as base:
        base.execute(planted)
        base.commit()
    with pytest.raises(StoreError, match="other tables"):
        Ledger(first)
    with closing(sqlite3.connect(first)) as base:
        assert base.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_process_of_an_earlier_version_goes_on(first: Path) -> None:
    """Who had the file open before it was brought up to date can still end what it began."""
    with closing(sqlite3.connect(first, isolation_level=None)) as before:
        before.execute("SELECT count(*) FROM attempts").fetchone()
        Ledger(first).close()
        before.execute("UPDATE attempts SET digest = digest")
    with closing(Ledger(first)) as ledger:
        assert ledger.spent() == 140


def test_a_ledger_that_was_taken_away_is_noticed(ledger: Ledger, path: Path) -> None:
    """Whoever asks is told that the file is gone."""
    assert ledger.there
    path.unlink()
    assert not ledger.there


def test_a_name_of_an_owner_is_no_path(tmp_path: Path) -> None:
    """An owner read from a planted row reaches no file outside the folder."""
    owners = Owners(tmp_path / "owners")
    with pytest.raises(ValueError, match="UUID"):
        owners.alive("../../etc/passwd")
    owners.close()


def test_owners_that_ended_are_not_alive(tmp_path: Path) -> None:
    """Who closed is gone, who did not is here."""
    one, other = Owners(tmp_path / "owners"), Owners(tmp_path / "owners")
    assert one.alive(other.mine)
    other.close()
    assert not one.alive(other.mine)
    assert one.alive(one.mine)
    one.close()


def test_a_damaged_row_of_a_dead_process_is_not_signed_anew(path: Path) -> None:
    """Burying believes no row that was changed: it refuses."""
    died = subprocess.run([sys.executable, "-c", DIES, str(path)], check=False)  # noqa: S603 - ours
    assert died.returncode == -9
    with closing(sqlite3.connect(path)) as base:
        base.execute("UPDATE attempts SET reserved = 1")
        base.commit()
    with pytest.raises(StoreError, match="changed"):
        Ledger(path)


def test_reading_while_another_writes_raises_no_false_alarm(ledger: Ledger, path: Path) -> None:
    """What is read is one moment of the ledger."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            attempts = ledger.write([BEGIN] * 3)
            ledger.write(ends=[End(attempt, "settled", 1) for attempt in attempts if attempt])

    writing = threading.Thread(target=write)
    writing.start()
    try:
        reader = Ledger(path)
        for _ in range(30):
            reader.spent()
        reader.close()
    finally:
        stop.set()
        writing.join()


def test_who_is_just_beginning_is_not_taken_for_dead(tmp_path: Path) -> None:
    """A lock file that is new is left alone, one that nobody has held for long is not."""
    owners = Owners(tmp_path / "owners")
    new, old = owners.folder / f"{'a' * 32}.lock", owners.folder / f"{'b' * 32}.lock"
    for path in (new, old):
        path.touch()
    os.utime(old, (0, 0))
    assert owners.others() == ["b" * 32]
    owners.close()
