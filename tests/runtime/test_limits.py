from __future__ import annotations

import math
import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.runtime.limits import Policy, retry_after


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
        ({"retry-after": "1m30s"}, None),
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


@given(st.floats(0.001, 10), st.floats(0.001, 60), st.integers(1, 40))
def test_backoff_stays_below_its_ceiling(base: float, ceiling: float, failed: int) -> None:
    """A wait is never negative, nor longer than the doubled base or the ceiling."""
    wait = Policy(base=base, ceiling=ceiling).backoff(failed)
    assert 0 <= wait <= min(ceiling, base * 2**failed)


def test_backoff_has_full_jitter() -> None:
    """Waits spread over the whole range, so that clients do not return together."""
    waits = [Policy(base=1, ceiling=8).backoff(3) for _ in range(300)]
    assert min(waits) < 1
    assert max(waits) > 7


def test_backoff_of_very_many_failures_is_the_ceiling() -> None:
    """However often it failed, the wait is a number."""
    assert 0 <= Policy(base=1, ceiling=8).backoff(10**6) <= 8
