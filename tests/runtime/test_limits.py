from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchkit.runtime.limits import Policy


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
