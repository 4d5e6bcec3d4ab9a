"""The truth: every request that arrived, what became of it and what it was billed."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from itertools import accumulate
from operator import attrgetter
from typing import Any

__all__ = ["Book", "Entry", "Ledger", "read"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One request, as the server saw it.

    Attributes
    ----------
    seq : int
        Its place in the book, from 0.
    wire : str
        ``"openai"`` or ``"anthropic"``.
    model : str
        The model it asked for; empty if it named none.
    body : Any
        The parsed JSON; None if it was not JSON.
    prompt : str
        The text of the last user message.
    key_present : bool
        Whether an API key came with it. The key itself is never kept.
    outcome : str
        ``"ok"`` or the name of the fault, a key of `orchkit.testing.FAULTS`.
    input_tokens, output_tokens : int
        What was billed; 0 when nothing was generated.
    billed_nano : int
        Nano-dollars.
    arrived : float
        Seconds on the server's monotonic clock.
    finished : float or None
        When the server had done with it, however it ended; None while it is in flight.
    delivered : bool
        Whether the whole reply was handed to the network.
    retry_not_before : float or None
        The moment before which this reply told the clients of the model not to ask again.
    """

    seq: int
    wire: str
    model: str
    body: Any
    prompt: str
    key_present: bool
    outcome: str
    input_tokens: int
    output_tokens: int
    billed_nano: int
    arrived: float
    finished: float | None = None
    delivered: bool = False
    retry_not_before: float | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """All requests since the start or the last reset, in order of arrival.

    Attributes
    ----------
    entries : tuple of Entry
        One for each request.
    peak_in_flight : int
        The largest number of requests that were open at the same time.
    """

    entries: tuple[Entry, ...]
    peak_in_flight: int

    @property
    def requests(self) -> int:
        """How many requests arrived."""
        return len(self.entries)

    @property
    def billed_nano(self) -> int:
        """Nano-dollars billed in total."""
        return sum(entry.billed_nano for entry in self.entries)

    @property
    def retry_after_violations(self) -> int:
        """How many requests came before the time that the clients of their model were told."""
        return len(self.early())

    def early(self, grace: float = 0.0) -> tuple[Entry, ...]:
        """List the requests that disregarded a Retry-After.

        Parameters
        ----------
        grace : float, default 0.0
            Seconds for which a request may still be excused because it was on its way while the
            reply that asked to wait was, too.

        Returns
        -------
        tuple of Entry
            In order of arrival.
        """
        told = _told(self.entries)
        return tuple(entry for entry in self.entries if _is_early(entry, told, grace))


class Ledger:
    """The book while it is being written; one writer, the server's event loop."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.in_flight = 0
        self.peak_in_flight = 0

    def open(self, entry: Entry) -> None:
        """Enter a request that arrived."""
        self.entries.append(entry)
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def close(self, seq: int, *, finished: float, delivered: bool) -> None:
        """Note the end of a request."""
        self.entries[seq] = replace(self.entries[seq], finished=finished, delivered=delivered)
        self.in_flight -= 1

    def to_json(self) -> dict[str, Any]:
        """Return what `read` understands."""
        names = [entry_field.name for entry_field in fields(Entry)]
        rows = [[getattr(entry, name) for name in names] for entry in self.entries]
        return {"names": names, "rows": rows, "peak_in_flight": self.peak_in_flight}


def read(payload: dict[str, Any]) -> Book:
    """Rebuild a book from `Ledger.to_json`."""
    entries = tuple(
        Entry(**dict(zip(payload["names"], row, strict=True))) for row in payload["rows"]
    )
    return Book(entries, payload["peak_in_flight"])


@dataclass(slots=True)
class _Told:
    """What the clients of one model were told: from when on, and not before when."""

    since: list[float] = field(default_factory=list)
    until: list[float] = field(default_factory=list)


def _told(entries: Iterable[Entry]) -> dict[str, _Told]:
    told: dict[str, _Told] = defaultdict(_Told)
    for entry in sorted((e for e in entries if e.delivered), key=attrgetter("finished")):
        if entry.finished is not None and entry.retry_not_before is not None:
            told[entry.model].since.append(entry.finished)
            told[entry.model].until.append(entry.retry_not_before)
    for each in told.values():
        each.until = list(accumulate(each.until, max))
    return told


def _is_early(entry: Entry, told: dict[str, _Told], grace: float) -> bool:
    if entry.model not in told:
        return False
    known = bisect_right(told[entry.model].since, entry.arrived - grace)
    return known > 0 and entry.arrived < told[entry.model].until[known - 1]
