"""An order: one call to buy, what it took so far, and what each outcome of it means."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

from orchkit.core.calls import Failure, Kind, Response
from orchkit.core.catalog import NANO
from orchkit.runtime.asked import Asked
from orchkit.runtime.budget import Purse
from orchkit.runtime.ledger import Attempt, End
from orchkit.runtime.wire import Rejection


@dataclass
class Order:
    """One call to buy, for whom, and what it took so far.

    Parameters
    ----------
    asked : Asked
        What to buy.
    purse : Purse
        The row's own cap.
    strategy : str
        Whose call it is, for the ledger.
    since : float
        When it was first sent, or found to be bought elsewhere, on the monotonic clock.
    sent, failed, looks, rebought, presumed
        Requests; failures that count; looks whether another process has bought it; attempts that
        may have been paid without an answer, and the nano-dollars presumed spent on them.
    """

    asked: Asked
    purse: Purse
    strategy: str = ""
    since: float = math.inf
    sent: int = 0
    failed: int = 0
    looks: int = 0
    rebought: int = 0
    presumed: int = 0

    def count(self, no: Rejection) -> None:
        """Count a rejection; being asked to come later is no failure."""
        self.failed += no.kind is not Kind.RateLimited
        self.rebought += no.billed
        self.presumed += (self.asked.bound or 0) * no.billed

    def failure(self, why: Failure) -> Response:
        """Return the response of a call that was given up."""
        return Response.failed(
            self.asked.model.name,
            why.kind,
            why.message,
            attempts=self.sent,
            presumed=self.presumed,
            provider=self.asked.provider.name,
        )

    @property
    def too_dear(self) -> Failure:
        """Why a call that fits no purse is not sent."""
        asked = self.asked
        most = "an unknown amount" if asked.bound is None else f"${asked.bound / NANO:.6f}"
        return Failure(
            Kind.BudgetExceeded,
            f"{asked.model.name} may cost {most} with max_tokens={asked.call.params.max_tokens}, "
            "more than is left of the limit; lower max_tokens or raise the limit",
        )


def told(error: BaseException) -> str:
    """Return an exception as one short line, even one that cannot speak for itself."""
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except Exception:  # noqa: BLE001 - its __str__ is as foreign as the rest of it
        return type(error).__name__


def charge(asked: Asked, outcome: Response | Rejection) -> int | None:
    """Return the nano-dollars an outcome counts as: what may have been billed, was."""
    if isinstance(outcome, Response):
        return outcome.cost
    return asked.bound if outcome.billed else 0


def end(attempt: Attempt, asked: Asked, outcome: Response | Rejection) -> End:
    """Return how an outcome ends its attempt."""
    if isinstance(outcome, Response):
        return End(attempt, "settled", outcome.cost, outcome.usage)
    return End(attempt, "presumed", asked.bound) if outcome.billed else End(attempt, "released")


def worth_keeping(outcome: Response | Rejection) -> TypeGuard[Response]:
    """Whether to buy it only once: whole answers, not refusals or stumps."""
    if not isinstance(outcome, Response):
        return False
    return outcome.ok and bool(outcome.text) and outcome.finish == "stop"


def failure_of(no: Rejection) -> Failure:
    """Return what a row is told; of a wait that is too long also when it will be over."""
    message = no.message
    if no.kind is Kind.RateLimited and no.wait and math.isfinite(no.wait) and no.wait < 1e8:
        at = datetime.now(UTC) + timedelta(seconds=no.wait)
        message = f"{message or no.kind.value}; may be asked again at {at:%Y-%m-%d %H:%M:%S} UTC"
    return Failure(no.kind, message)
