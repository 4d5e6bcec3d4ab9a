"""What a run did so far: facts, for whoever watches it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from orchkit.core.drive import Row
from orchkit.core.plans import Strategy, Trace
from orchkit.runtime.budget import Purse
from orchkit.runtime.waits import Wait


@dataclass(slots=True)
class Share:
    """One strategy's part of a run, and what its first rows tell of those to come.

    Cheap rows are finished first, so only rows before which none is unfinished are taken to tell:
    `settled` counts them, `early` holds the others that are finished. `telling` counts settled rows
    from the first on that was not answered from the cache, `paid` is the nano-dollars they bought.
    """

    rows: int
    started: int = 0
    settled: int = 0
    telling: int = 0
    paid: int = 0
    early: dict[int, int | None] = field(default_factory=dict)

    def count(self, turn: int, bought: int | None) -> None:
        """Take a finished row into account: nano-dollars it bought, None where it asked nobody."""
        self.early[turn] = bought
        while self.settled in self.early:
            paid = self.early.pop(self.settled)
            self.settled += 1
            self.paid += paid or 0
            self.telling += paid is not None or self.telling > 0

    @property
    def projected(self) -> int | None:
        """Nano-dollars that all its rows are likely to cost; None while that is unknown."""
        left = self.rows - self.settled
        if left and not self.telling:
            return None
        return self.paid + (left * self.paid // self.telling if left else 0)


@dataclass
class Spent:
    """What a run did so far: counts, and money in nano-dollars.

    Parameters
    ----------
    rows, failed, cached
        Rows that are finished; of these, those without an answer, and those whose every answer
        came from the cache or from an equal row.
    requests
        Requests sent.
    purse
        What was spent, and what is held for calls under way.
    waits, waited
        Who waits now, and the seconds in which anybody did, as was seen a few times a second.
    """

    rows: int = 0
    failed: int = 0
    requests: int = 0
    cached: int = 0
    purse: Purse = field(default_factory=Purse)
    waits: tuple[Wait, ...] = ()
    waited: float = 0.0
    _shares: dict[int, Share] = field(default_factory=dict, repr=False)

    def expect(self, rows: Sequence[Row]) -> None:
        """Note what is to come."""
        for key, many in Counter(id(strategy) for _, strategy in rows).items():
            self._shares[key] = Share(many)

    def begin(self, strategy: Strategy) -> int:
        """Note that a strategy's next row has begun; return which of its rows that is, from 0."""
        share = self._shares[id(strategy)]
        share.started += 1
        return share.started - 1

    def count(self, trace: Trace, strategy: Strategy, turn: int, requests: int) -> None:
        """Take a finished row into account, and the requests of all rows so far."""
        cached = trace.cached
        self.rows += 1
        self.requests = requests
        self.failed += trace.failure is not None
        self.cached += cached
        silent = cached or not trace.rounds
        self._shares[id(strategy)].count(turn, None if silent else _bought(trace))

    @property
    def projected(self) -> int | None:
        """Nano-dollars that the whole run is likely to cost; None while that is unknown.

        For each strategy what its first rows cost, up to the first that is unfinished, and for all
        others the mean of these since the first that was not answered from the cache. So neither
        cheap rows, which are finished sooner, make a run look cheap, nor what an earlier run left
        at the beginning. Unknown while a strategy with rows to come has no such row.
        """
        shares = [share.projected for share in list(self._shares.values())]
        known = [share for share in shares if share is not None]
        return max(self.purse.spent, sum(known)) if len(known) == len(shares) else None


def _bought(trace: Trace) -> int:
    """Return the nano-dollars of what a row bought, or may have."""
    return sum(
        (response.cost or 0) * (not response.cached) + response.presumed
        for response in trace.responses
    )
