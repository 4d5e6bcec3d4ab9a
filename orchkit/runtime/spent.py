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
    """One strategy's part of a run: rows to come, rows that tell what those will cost, and that.

    `telling` counts the rows from the first on that was not answered from the cache; `paid` is
    the nano-dollars of what they bought.
    """

    left: int
    telling: int = 0
    paid: int = 0

    def count(self, trace: Trace, cached: bool) -> None:
        """Take one finished row into account."""
        self.left -= 1
        if not cached and trace.rounds:
            self.paid += sum(
                (response.cost or 0) * (not response.cached) + response.presumed
                for response in trace.responses
            )
            self.telling += 1
        elif self.telling:
            self.telling += 1


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

    def count(self, trace: Trace, strategy: Strategy, requests: int) -> None:
        """Take one finished row into account, and the requests of all rows so far."""
        cached = trace.cached
        self.rows += 1
        self.requests = requests
        self.failed += trace.failure is not None
        self.cached += cached
        self._shares[id(strategy)].count(trace, cached)

    @property
    def projected(self) -> int | None:
        """Nano-dollars that the whole run is likely to cost; None while that is unknown.

        What is spent, and for each strategy its rows to come times the mean cost of its rows since
        the first that was not answered from the cache. So what an earlier run left at the beginning
        makes nothing cheaper, and what it left in between does. Unknown while a strategy with rows
        to come has no such row.
        """
        shares = [share for share in list(self._shares.values()) if share.left > 0]
        if not all(share.telling for share in shares):
            return None
        to_come = sum(share.left * share.paid // share.telling for share in shares)
        return self.purse.spent + to_come
