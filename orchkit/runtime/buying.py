"""Buyer: reserve, send, settle; again while that may help. The only place that asks a provider."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from orchkit.core.calls import Failure, Kind, Response
from orchkit.runtime.asked import Asked
from orchkit.runtime.budget import Purse
from orchkit.runtime.limits import Pace, Policy
from orchkit.runtime.wire import Rejection


class Buyer:
    """Buys answers for one run.

    Parameters
    ----------
    policy : Policy
        What one call may take.
    purses : sequence of Purse
        Every call must fit all of them, beside its row's own.
    concurrency : int
        Requests under way at once.

    Attributes
    ----------
    requests : int
        Requests sent so far.
    """

    def __init__(self, policy: Policy, purses: Sequence[Purse], concurrency: int) -> None:
        self.policy = policy
        self.requests = 0
        self._purses = tuple(purses)
        self._slots = asyncio.Semaphore(concurrency)
        self._paces: Mapping[str, Pace] = defaultdict(Pace)
        self._stopped: dict[int, Failure] = {}

    async def buy(self, asked: Asked, row: Purse) -> Response:
        """Return the answer, or the failure once there is nothing left to try."""
        until = time.monotonic() + self.policy.patience
        tries = _Tries()
        while True:
            if stopped := self._stopped.get(id(asked.provider)):
                return _failed(asked, stopped, tries)
            if not await self._reserve(asked, row):
                return _failed(asked, _too_dear(asked), tries)
            outcome = await self._attempt(asked, (row, *self._purses), tries)
            if isinstance(outcome, Response):
                return replace(outcome, attempts=tries.sent)
            tries.count(outcome)
            if outcome.terminal:
                self._stopped[id(asked.provider)] = Failure(outcome.kind, outcome.message)
            pause = self._pause(asked, outcome, tries)
            if self._gives_up(outcome, tries, time.monotonic() + pause > until):
                return _failed(asked, Failure(outcome.kind, outcome.message), tries)
            await asyncio.sleep(pause)

    async def _reserve(self, asked: Asked, row: Purse) -> bool:
        """Hold the worst case in every purse, or in none."""
        held: list[Purse] = []
        try:
            for purse in (row, *self._purses):
                if not await purse.reserve(asked.bound):
                    break
                held.append(purse)
            else:
                held.clear()
                return True
        finally:  # also when an interrupt came while waiting for money
            for purse in held:
                purse.settle(asked.bound, 0)
        return False

    async def _attempt(
        self, asked: Asked, purses: Sequence[Purse], tries: _Tries
    ) -> Response | Rejection:
        """Send once. An attempt whose outcome is unknown is presumed spent."""
        charge: int | None = 0
        try:
            async with self._turn(asked):
                charge = asked.bound  # from here on it may be billed, whatever happens
                response = await self._send(asked, tries)
                charge = response.cost
        except Rejection as no:
            charge = asked.bound if no.billed else 0
            return no
        except TimeoutError:
            return Rejection(Kind.Timeout, again=True, billed=True)
        except asyncio.CancelledError:
            if _interrupted():
                raise
            return Rejection(Kind.ProviderError, "the provider cancelled its own call", billed=True)
        except Exception as error:  # noqa: BLE001 - a provider's bug may cost its row, not the run
            return Rejection(Kind.ProviderError, told(error), billed=True)
        finally:
            for purse in purses:
                purse.settle(asked.bound, charge)
        return response

    @asynccontextmanager
    async def _turn(self, asked: Asked) -> AsyncIterator[None]:
        """Hold one of the run's slots while the model may be asked.

        No slot is held while a model is paused: other models may use it meanwhile.
        """
        pace = self._paces[asked.model.name]
        while True:
            if pace.left > self.policy.max_wait:
                told = f"the vendor asks to wait {pace.left:,.0f} s"
                raise Rejection(Kind.RateLimited, told, wait=pace.left)
            await pace.wait()
            async with self._slots:
                if stopped := self._stopped.get(id(asked.provider)):
                    raise Rejection(stopped.kind, stopped.message)
                if not pace.left:
                    yield
                    return

    async def _send(self, asked: Asked, tries: _Tries) -> Response:
        tries.sent += 1
        self.requests += 1
        started = time.perf_counter()
        async with asyncio.timeout(self.policy.timeout):
            response = await asked.provider.complete(asked.call)
        return asked.priced(response, time.perf_counter() - started)

    def _gives_up(self, no: Rejection, tries: _Tries, late: bool) -> bool:
        too_long = (no.wait or 0) > self.policy.max_wait
        worn = tries.failed >= self.policy.attempts or tries.rebought > self.policy.rebuys
        return not no.again or too_long or late or worn

    def _pause(self, asked: Asked, no: Rejection, tries: _Tries) -> float:
        """Return how long this call waits; what a vendor ordered holds for its whole model."""
        seconds = no.wait or self.policy.backoff(tries.failed)
        if no.kind is Kind.RateLimited:
            self._paces[asked.model.name].pause(seconds)
        return seconds


class _Tries:
    """What one call took so far: requests, failures that count, attempts paid without an answer."""

    def __init__(self) -> None:
        self.sent = self.failed = self.rebought = 0

    def count(self, no: Rejection) -> None:
        """Count a rejection; a wait that was ordered is no failure."""
        self.failed += not (no.kind is Kind.RateLimited and no.wait)
        self.rebought += no.billed


def told(error: BaseException) -> str:
    """Return an exception as one short line, even one that cannot speak for itself."""
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except Exception:  # noqa: BLE001 - its __str__ is as foreign as the rest of it
        return type(error).__name__


def _interrupted() -> bool:
    task = asyncio.current_task()
    return task is not None and bool(task.cancelling())


def _failed(asked: Asked, why: Failure, tries: _Tries) -> Response:
    return Response.failed(
        asked.model.name,
        why.kind,
        why.message,
        attempts=tries.sent,
        provider=asked.provider.name,
    )


def _too_dear(asked: Asked) -> Failure:
    dollars = "an unknown amount" if asked.bound is None else f"${asked.bound / 1e9:.6f}"
    told = (
        f"{asked.model.name} may cost {dollars} with max_tokens={asked.call.params.max_tokens}, "
        "more than is left of the limit; lower max_tokens or raise the limit"
    )
    return Failure(Kind.BudgetExceeded, told)
