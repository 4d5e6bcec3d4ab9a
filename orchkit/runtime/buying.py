"""Buyer: reserve, write down, send, settle; again while that may help. Only it asks a provider."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace

from orchkit.core.calls import Failure, Kind, Response
from orchkit.errors import StoreError
from orchkit.runtime.asked import Asked
from orchkit.runtime.budget import Purse
from orchkit.runtime.ledger import Attempt, Begin, End
from orchkit.runtime.limits import Policy
from orchkit.runtime.orders import Order, charge, end, failure_of, told, worth_keeping
from orchkit.runtime.pacing import Pace, Paces, Paused, Turn
from orchkit.runtime.scribe import Begun, Scribe, Word
from orchkit.runtime.waits import Waits
from orchkit.runtime.wire import Rejection

#: Seconds between two looks for an answer that another process is buying, and how many looks
#: until it is asked whether that process still lives.
_LOOK, _LOOKS = 0.05, 10
_PUT_OFF = Rejection(Kind.RateLimited, again=True)
_ELSEWHERE = Rejection(
    Kind.Timeout, "another process is buying it, and does not get it", again=True
)


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
    scribe : Scribe
        Writes down what is bought, before it is sent and after.
    paces : Paces
        How fast each model may be asked, shared by all runs.
    category, tags
        What the run is for, in the ledger.

    Attributes
    ----------
    requests : int
        Requests sent so far.
    paid : int
        Nano-dollars of the answers so far; what is spent beyond them is presumed.
    overran : str
        Who charged more than was reserved under a cap, if anybody.
    waits : Waits
        Which calls may not be sent yet.
    """

    def __init__(
        self,
        policy: Policy,
        purses: Sequence[Purse],
        concurrency: int,
        scribe: Scribe,
        paces: Paces,
        category: str,
        tags: tuple[str, ...] = (),
    ) -> None:
        self.policy = policy
        self.requests = 0
        self.paid = 0
        self.overran = ""
        self.waits = Waits()
        self.run = uuid.uuid4().hex
        self._purses = tuple(purses)
        self._slots = asyncio.Semaphore(concurrency)
        self._scribe = scribe
        self._paces = paces
        self._category = category
        self._tags = tags
        self._stopped: dict[int, Failure] = {}
        self._over: Failure | None = None

    async def buy(self, order: Order) -> Response:
        """Return the answer, or the failure once there is nothing left to try."""
        while True:
            if stopped := self._ended(order.asked):
                return order.failure(stopped)
            if not await self._reserve(order):
                return order.failure(order.too_dear)
            outcome = await self._attempt(order)
            if isinstance(outcome, Response):
                return replace(outcome, attempts=order.sent, presumed=order.presumed)
            pause = await self._pause(order, outcome)
            if self._gives_up(outcome, order, pause):
                return order.failure(failure_of(outcome))
            with self.waits.resting(order.asked.model.name, pause, outcome.kind):
                await asyncio.sleep(pause)

    def _ended(self, asked: Asked) -> Failure | None:
        """Return why this call is not to be sent at all any more."""
        return self._over or self._stopped.get(id(asked.provider))

    async def _reserve(self, order: Order) -> bool:
        """Hold the worst case in every purse, or in none."""
        held: list[Purse] = []
        try:
            for purse in (order.purse, *self._purses):
                if not await purse.reserve(order.asked.bound):
                    break
                held.append(purse)
            else:
                held.clear()
                return True
        finally:  # also when an interrupt came while waiting for money
            for purse in held:
                purse.settle(order.asked.bound, 0)
        return False

    async def _attempt(self, order: Order) -> Response | Rejection:
        """Take a turn, write the attempt down, send it. What may be billed counts as spent."""
        asked, pace = order.asked, self._paces.of(order.asked.model)
        spent: int | None = 0
        place = self.waits.enter(asked.model.name, pace)
        try:
            async with pace.turn(self._slots, asked.tokens, self.policy.max_wait) as turn:
                self.waits.leave(place)
                if stopped := self._ended(asked):
                    return Rejection(stopped.kind, stopped.message)
                begun = await self._begin(order)
                if isinstance(begun, Response | Rejection):
                    return begun
                if pace.left:  # since meanwhile
                    return self._put_off(begun)
                pace.sent(turn)
                spent = asked.bound  # from here on it may be billed, whatever happens
                outcome = await self._send(order, begun)
                spent = charge(asked, outcome)
                self._learn(order, pace, turn, outcome)
                return outcome
        except Paused:
            return Rejection(Kind.RateLimited, wait=pace.left)
        finally:
            self.waits.leave(place)
            for purse in (order.purse, *self._purses):
                purse.settle(asked.bound, spent)

    async def _begin(self, order: Order) -> Attempt | Response | Rejection | None:
        """Write the attempt down before it is sent; or give what somebody else has bought.

        None where nothing is paid, and so nothing written down.
        """
        if self._scribe.ledger is None:
            return None
        asked = order.asked
        about = (asked.key, asked.model.name, asked.provider.name, asked.bound)
        claim = self._scribe.cache is not None
        begin = Begin(self.run, self._category, order.strategy, *about, claim, self._tags)
        writing = self._scribe.write(Word(begin=begin))
        try:
            begun = await asyncio.shield(writing)
        except StoreError as error:
            self._over = Failure(Kind.StoreFull, str(error))
            return Rejection(Kind.StoreFull, str(error))
        except asyncio.CancelledError:  # it will be written down all the same, and is not sent
            writing.add_done_callback(self._release)
            raise
        if isinstance(begun, Response):
            return asked.known(begun)
        return _ELSEWHERE if begun is None else begun

    def _put_off(self, attempt: Attempt | None) -> Rejection:
        """Give an attempt back that has to wait after all."""
        if attempt:
            self._scribe.write(Word(end=End(attempt, "released")))
        return _PUT_OFF

    def _release(self, writing: asyncio.Future[Begun]) -> None:
        """Give back what nobody is there to send any more."""
        begun = None if writing.cancelled() or writing.exception() else writing.result()
        if isinstance(begun, Attempt):
            self._scribe.write(Word(end=End(begun, "released")))

    async def _send(self, order: Order, attempt: Attempt | None) -> Response | Rejection:
        """Send, and write down what came of it, even when an interrupt came meanwhile."""
        asked = order.asked
        try:
            outcome = await self._complete(order)
        except BaseException:
            if attempt:
                self._scribe.write(Word(end=End(attempt, "presumed", asked.bound)))
            raise
        ended = end(attempt, asked, outcome) if attempt else None
        keep = (asked.key, outcome) if worth_keeping(outcome) else None
        try:
            if ended or (keep and self._scribe.cache is not None):
                await self._scribe.write(Word(end=ended, keep=keep))
        except StoreError as error:
            self._lose(error)
        if _interrupted():  # and the provider has swallowed it
            raise asyncio.CancelledError
        return outcome

    async def _complete(self, order: Order) -> Response | Rejection:
        """Ask the provider once, whatever it does."""
        asked = order.asked
        order.since = min(order.since, time.monotonic())
        order.sent += 1
        self.requests += 1
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.policy.timeout):
                response = await asked.provider.complete(asked.call)
            return asked.priced(response, time.perf_counter() - started)
        except Rejection as no:
            return no
        except TimeoutError:
            return Rejection(Kind.Timeout, again=True, billed=True)
        except asyncio.CancelledError:
            if _interrupted():
                raise
            return Rejection(Kind.ProviderError, "the provider cancelled its own call", billed=True)
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - a provider's bug costs its row, not the run
            return Rejection(Kind.ProviderError, told(error), billed=True)

    def _learn(self, order: Order, pace: Pace, turn: Turn, outcome: Response | Rejection) -> None:
        """Take from an outcome what it says of the next calls: how fast, and whether at all."""
        asked = order.asked
        quotas = getattr(asked.provider, "quotas", {})
        if quota := quotas.get(asked.call.model):
            pace.learn(quota)
        if isinstance(outcome, Rejection):
            pace.settle(turn, asked.tokens if outcome.billed else 0, answered=False)
            if outcome.terminal:
                self._stopped[id(asked.provider)] = failure_of(outcome)
            return
        pace.answered()
        self.paid += outcome.cost or 0
        tokens = outcome.usage.input_tokens + outcome.usage.output_tokens
        pace.settle(turn, tokens, answered=True)
        capped = any(purse.cap is not None for purse in (order.purse, *self._purses))
        if capped and outcome.extra.get("overrun"):
            self._over = Failure(Kind.BudgetOverrun)
            told = "charged more than a call may cost at most, and the run was stopped"
            self.overran = f"{asked.model.name} {told}: its max_tokens was not kept to."

    def _lose(self, error: StoreError) -> None:
        """Stop a paid run that can write nothing down; a free one goes on without its store."""
        note = f"{error} What was answered is in the result."
        self._scribe.told.append(note)
        if self._scribe.ledger is None:
            self._scribe.cache = None
        else:
            self._over = Failure(Kind.StoreFull, str(error))

    async def _pause(self, order: Order, no: Rejection) -> float:
        """Return the seconds until the next try; what a vendor orders holds for its whole model."""
        if no is _ELSEWHERE:
            order.since = min(order.since, time.monotonic())
            order.looks += 1
            if not order.looks % _LOOKS:
                await self._scribe.recover()
            return _LOOK
        if no is _PUT_OFF:
            return 0.0
        order.count(no)
        if no.kind is not Kind.RateLimited and not no.wait:
            return self.policy.backoff(order.failed)
        pace = self._paces.of(order.asked.model)
        if no.wait or not pace.left:
            pace.pause(no.wait or self.policy.backoff(pace.streak))
        return pace.left

    def _gives_up(self, no: Rejection, order: Order, pause: float) -> bool:
        late = time.monotonic() + pause > order.since + self.policy.patience
        too_long = (no.wait or 0) > self.policy.max_wait
        worn = order.failed >= self.policy.attempts or order.rebought > self.policy.rebuys
        return not no.again or too_long or late or worn


def _interrupted() -> bool:
    task = asyncio.current_task()
    return task is not None and bool(task.cancelling())
