"""What headers say of waiting."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.runtime.waiting import retry_after, seconds_until


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": " 3 "}, 3.0),
        ({"retry-after": "3600"}, 3600.0),
        ({"retry-after": "inf"}, math.inf),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "-inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "Wed, 99 Foo 2026 99:99:99 GMT"}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "nan", "retry-after": "7"}, 7.0),
        ({"retry-after-ms": "-1", "retry-after": "7"}, 7.0),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after-ms": "soon"}, None),
    ],
    ids=str,
)
def test_retry_after_reads_what_makes_sense(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds and milliseconds are read, milliseconds first; anything else orders nothing."""
    assert retry_after(headers) == seconds


def test_an_http_date_is_waited_for() -> None:
    """A date is the time that is left until then."""
    ordered = retry_after({"retry-after": formatdate(time.time() + 90, usegmt=True)})
    assert ordered == pytest.approx(90, abs=3)


def test_a_past_date_orders_no_negative_wait() -> None:
    """A date that has passed is no time in the future and never below zero."""
    assert not retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"})


@pytest.fixture
def tokyo() -> Iterator[None]:
    """Let this machine stand in another time zone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("zone", ["", " -0000"])
def test_a_date_without_a_zone_is_greenwich(tokyo: None, zone: str) -> None:
    """HTTP knows no other time zone, wherever this machine stands."""
    date = formatdate(time.time() + 90, usegmt=True).removesuffix(" GMT") + zone
    assert retry_after({"retry-after": date}) == pytest.approx(90, abs=3)


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text()))
def test_no_header_breaks_the_reader(headers: dict[str, str]) -> None:
    """Whatever a vendor writes is a number of seconds from 0, or nothing."""
    ordered = retry_after(headers)
    assert ordered is None or ordered >= 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        ("0.25", 0.25),
        (".5", 0.5),
        (" 7 ", 7),
        ("1s", 1),
        ("120ms", 0.12),
        ("6m0s", 360),
        ("1m30s", 90),
        ("1m30.5s", 90.5),
        ("1h2m3s", 3723),
        ("1d", 86400),
        ("8.64s", 8.64),
        ("250us", 0.00025),
        ("2h 5m", 7500),
        ("2001-01-01T00:00:00Z", 0),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
        ("Mon, 01 Jan 2001 00:00:00", 0),
    ],
)
def test_a_wait_is_read_however_it_is_written(text: str, seconds: float) -> None:
    """Seconds, durations and dates all mean seconds; a date that has passed means none."""
    assert seconds_until(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "soon",
        "-5",
        "-5s",
        "nan",
        "1e9",
        "1s later",
        "1x",
        "s",
        "ms",
        "5 6",
        "٣",
        "2026-13-45T00:00:00Z",
        "Mon, 99 Foo 2001",
    ],
)
def test_what_is_no_sensible_wait_is_none(text: str | None) -> None:
    """Garbage and negative times order nothing."""
    assert seconds_until(text) is None


@given(st.text() | st.from_regex(r"[0-9dhmsu.: TZ+-]{0,30}"))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever a header says, it means some seconds, for ever among them, or nothing."""
    seconds = seconds_until(text)
    assert seconds is None or seconds >= 0


def test_a_date_means_the_time_until_then() -> None:
    """Both spellings of the same moment mean the same, with a zone or without."""
    then = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=50)
    texts = [
        then.strftime("%Y-%m-%dT%H:%M:%SZ"),
        then.isoformat(),
        then.replace(tzinfo=None).isoformat(),
        formatdate(then.timestamp(), usegmt=True),
    ]
    waits = [seconds_until(text) for text in texts]
    assert waits == pytest.approx([then.timestamp() - time.time()] * 4, abs=0.5)
