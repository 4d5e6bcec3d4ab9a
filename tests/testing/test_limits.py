import math

import pytest

from orchkit.testing.limits import Window


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
