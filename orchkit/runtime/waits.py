"""Which calls of a run may not be sent yet: facts for whoever watches the run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from orchkit.core.calls import Kind
from orchkit.runtime.pacing import Pace


@dataclass(frozen=True, slots=True)
class Wait:
    """Calls of one model that may not be sent yet.

    Parameters
    ----------
    model
        Catalog name of the model.
    calls
        How many of the run's calls wait for it, 1 or more.
    seconds
        Until the first of them may go on, as far as is known; more than 0.
    why
        ``Kind.RateLimited`` for a vendor's order or a quota, else the failure that is tried again.
    """

    model: str
    calls: int
    seconds: float
    why: Kind = Kind.RateLimited


@dataclass(eq=False, slots=True)
class Place:
    """Where one call stands: at its model's pace, or resting `until` a time of its own."""

    model: str
    pace: Pace | None
    until: float = 0.0
    why: Kind = Kind.RateLimited

    def wait(self, now: float) -> Wait:
        """Return how long this call alone waits; 0 seconds or less when it does not."""
        due = self.pace.due if self.pace else self.until
        return Wait(self.model, 1, due - now, self.why)


class Waits:
    """The places of one run's calls. The run's loop writes them, any thread may look."""

    def __init__(self) -> None:
        self._places: set[Place] = set()

    def enter(self, model: str, pace: Pace) -> Place:
        """Note a call that asks for its model's turn."""
        place = Place(model, pace)
        self._places.add(place)
        return place

    def leave(self, place: Place) -> None:
        """Forget a call that has its turn, or gave up; again does no harm."""
        self._places.discard(place)

    @contextmanager
    def resting(self, model: str, seconds: float, why: Kind) -> Iterator[None]:
        """Note a call that tries again after so many seconds."""
        place = Place(model, None, time.monotonic() + seconds, why)
        self._places.add(place)
        try:
            yield
        finally:
            self._places.discard(place)

    def now(self) -> tuple[Wait, ...]:
        """Return who waits now, for each model and reason: the longest wait first."""
        now = time.monotonic()
        found: dict[tuple[str, Kind], Wait] = {}
        for place in tuple(self._places):
            wait = place.wait(now)
            if wait.seconds <= 0:
                continue
            other = found.get((wait.model, wait.why))
            found[wait.model, wait.why] = _together(wait, other) if other else wait
        return tuple(sorted(found.values(), key=lambda wait: -wait.seconds))


def _together(one: Wait, other: Wait) -> Wait:
    seconds = min(one.seconds, other.seconds)
    return Wait(one.model, one.calls + other.calls, seconds, one.why)
