import math

import pytest

from orchkit.testing.limits import Allowance, Window
from orchkit.testing.wires import duration


def test_requests_leave_the_window_after_its_span() -> None:
    """A third request waits until the first of two has left."""
    window = Window(span=60, rpm=2, tpm=math.inf)
    assert window.admit(0, 1)
    assert window.admit(10, 1)
    assert not window.admit(20, 1)
    assert window.wait(20, 1) == 40
    assert not window.admit(59.9, 1)
    assert window.admit(60, 1)


def test_tokens_wait_for_as_many_as_must_leave() -> None:
    """A large request waits for several small ones to leave."""
    window = Window(span=60, rpm=math.inf, tpm=10)
    assert all(window.admit(now, 3) for now in (0, 1, 2))
    assert window.wait(5, 1) == 0 + 60 - 5 or window.admit(5, 1)
    assert not window.admit(5, 7)
    assert window.wait(5, 7) == 1 + 60 - 5


def test_what_never_fits_waits_a_whole_span() -> None:
    """A request larger than the limit is told to wait for the whole window."""
    window = Window(span=60, rpm=math.inf, tpm=10)
    assert not window.admit(0, 11)
    assert window.wait(0, 11) == 60


@pytest.mark.parametrize("rate", [1, 7, 100])
def test_no_window_ever_holds_more_than_the_limit(rate: int) -> None:
    """Whatever arrives, no span of a minute admits more than the limit."""
    window = Window(span=60, rpm=rate, tpm=math.inf)
    admitted = [now for now in range(600) if window.admit(now, 1)]
    assert all(sum(t <= u < t + 60 for u in admitted) <= rate for t in admitted)


def test_an_allowance_tells_what_is_left_and_when_all_is_back() -> None:
    """What was admitted is missing, and is back when the last of it has left the window."""
    window = Window(span=60, rpm=5, tpm=math.inf)
    assert window.allowances(0) == {"requests": Allowance(5, 5, 0.0)}
    assert window.admit(0, 1)
    assert window.admit(10, 1)
    assert window.allowances(20) == {"requests": Allowance(5, 3, 50.0)}


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0ms"), (0.12, "120ms"), (1, "1s"), (7.66, "7.66s"), (60, "1m0s"), (90.5, "1m30.5s")],
)
def test_a_duration_is_written_as_the_vendor_does(seconds: float, written: str) -> None:
    """Milliseconds, seconds, or minutes and seconds."""
    assert duration(seconds) == written
