import json
from dataclasses import replace

from orchkit.testing import Book, Entry
from orchkit.testing.book import Ledger, read

ENTRY = Entry(
    seq=0,
    wire="openai",
    model="m",
    body={"model": "m"},
    prompt="p",
    key_present=True,
    outcome="ok",
    input_tokens=5,
    output_tokens=6,
    billed_nano=7,
    arrived=0.0,
    finished=0.0,
    delivered=True,
)
TOLD = replace(ENTRY, arrived=10.0, finished=11.0, retry_not_before=20.0)


def _early(*later: Entry, grace: float = 0.0) -> int:
    return len(Book((TOLD, *later), 1).early(grace))


def test_a_ledger_survives_the_way_to_the_parent() -> None:
    """What the server writes is what its user reads."""
    ledger = Ledger()
    ledger.open(replace(ENTRY, finished=None, delivered=False))
    ledger.open(replace(ENTRY, seq=1))
    ledger.close(0, finished=3.0, delivered=True)
    book = read(json.loads(json.dumps(ledger.to_json())))
    assert book == Book((replace(ENTRY, finished=3.0), replace(ENTRY, seq=1)), 2)
    assert (book.requests, book.billed_nano) == (2, 14)


def test_a_request_before_the_time_is_early() -> None:
    """A request between being told and the time it was told counts, at that time not."""
    assert _early(replace(ENTRY, arrived=19.9)) == 1
    assert _early(replace(ENTRY, arrived=20.0)) == 0


def test_nobody_is_early_before_being_told() -> None:
    """A request that arrived before the reply went out could not know."""
    assert _early(replace(ENTRY, arrived=10.5)) == 0


def test_another_model_is_not_early() -> None:
    """What one model's clients are told does not bind those of another."""
    assert _early(replace(ENTRY, model="n", arrived=15.0)) == 0


def test_a_shorter_wait_does_not_shorten_a_longer_one() -> None:
    """Told twice, clients wait for the later of the two times."""
    sooner = replace(ENTRY, arrived=12.0, finished=12.0, retry_not_before=13.0)
    assert _early(sooner, replace(ENTRY, arrived=15.0)) == 2


def test_a_reply_that_was_not_delivered_tells_nobody() -> None:
    """A client that never got the reply is free to ask."""
    lost = replace(TOLD, delivered=False)
    assert Book((lost, replace(ENTRY, arrived=15.0)), 1).retry_after_violations == 0


def test_grace_excuses_what_was_already_on_its_way() -> None:
    """A request within the grace after the reply is excused, a later one is not."""
    assert _early(replace(ENTRY, arrived=11.05), grace=0.1) == 0
    assert _early(replace(ENTRY, arrived=11.15), grace=0.1) == 1
