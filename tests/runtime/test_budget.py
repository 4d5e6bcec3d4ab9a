from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.runtime.budget import Purse

amounts = st.integers(0, 100)
#: The worst case, what it really was, and how many turns of the loop it took.
wishes = st.lists(st.tuples(amounts, amounts, st.integers(0, 4)), max_size=25)


class Watched(Purse):
    """A purse that checks its law whenever its state changes."""

    def __setattr__(self, name: str, value: object) -> None:
        """Set the attribute and compare spent and held with the cap."""
        super().__setattr__(name, value)
        if name == "held":
            assert self.cap is None or getattr(self, "spent", 0) + self.held <= self.cap
            assert self.held >= 0


async def _fulfil(purse: Purse, wish: tuple[int, int, int]) -> bool:
    worst, actual, turns = wish
    if not await purse.reserve(worst):
        return False
    for _ in range(turns):
        await asyncio.sleep(0)
    purse.settle(worst, min(worst, actual))
    return True


def _fulfilled(purse: Purse, wishes: list[tuple[int, int, int]]) -> list[bool]:
    async def together() -> list[bool]:
        return await asyncio.gather(*(_fulfil(purse, wish) for wish in wishes))

    return asyncio.run(asyncio.wait_for(together(), 10))


@settings(deadline=None)
@given(st.integers(0, 400), wishes)
def test_the_cap_holds_at_every_step(cap: int, wishes: list[tuple[int, int, int]]) -> None:
    """However tasks interleave, what is spent and held together never exceeds the cap."""
    purse = Watched(cap)
    _fulfilled(purse, wishes)
    assert purse.held == 0
    assert purse.spent <= cap


@settings(deadline=None)
@given(st.integers(0, 400), wishes)
def test_only_what_can_never_fit_is_refused(cap: int, wishes: list[tuple[int, int, int]]) -> None:
    """Whoever was refused would not fit beside what was spent in the end, and all others did."""
    purse = Purse(cap)
    granted = _fulfilled(purse, wishes)
    refused = [wish[0] for wish, got in zip(wishes, granted, strict=True) if not got]
    assert all(purse.spent + worst > cap for worst in refused)
    paid = [min(wish[:2]) for wish, got in zip(wishes, granted, strict=True) if got]
    assert purse.spent == sum(paid)


def test_a_reservation_waits_while_something_is_held() -> None:
    """What does not fit now, but may after a settlement, waits and is then granted."""

    async def scene() -> tuple[bool, bool]:
        purse = Purse(100)
        await purse.reserve(60)
        second = asyncio.create_task(purse.reserve(60))
        await asyncio.sleep(0.01)
        waited = not second.done()
        purse.settle(60, 40)
        return waited, await second

    assert asyncio.run(scene()) == (True, True)


def test_a_waiting_reservation_is_refused_once_nothing_can_help() -> None:
    """The last settlement tells those who wait that they can never fit."""

    async def scene() -> bool:
        purse = Purse(100)
        await purse.reserve(60)
        second = asyncio.create_task(purse.reserve(60))
        await asyncio.sleep(0)
        purse.settle(60, 60)
        return await second

    assert asyncio.run(scene()) is False


def test_what_can_never_fit_is_refused_at_once() -> None:
    """More than the cap leaves is refused although something is held."""

    async def scene() -> bool:
        purse = Purse(100)
        await purse.reserve(60)
        return await asyncio.wait_for(purse.reserve(101), 1)

    assert asyncio.run(scene()) is False


def test_one_settlement_wakes_all_that_fit() -> None:
    """All who wait look again when money is released, not only the first."""

    async def scene() -> list[bool]:
        purse = Purse(100)
        await purse.reserve(100)
        waiting = [asyncio.create_task(purse.reserve(25)) for _ in range(4)]
        await asyncio.sleep(0)
        purse.settle(100, 0)
        return await asyncio.wait_for(asyncio.gather(*waiting), 1)

    assert asyncio.run(scene()) == [True] * 4


def test_a_cancelled_wait_holds_nothing() -> None:
    """Who stops waiting leaves the purse as it was, and wakes nobody by mistake."""

    async def scene() -> tuple[int, bool]:
        purse = Purse(100)
        await purse.reserve(100)
        gone, stays = (asyncio.create_task(purse.reserve(10)) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        held, early = purse.held, stays.done()
        purse.settle(100, 0)
        return held, early or not await stays

    assert asyncio.run(scene()) == (100, False)


@pytest.mark.parametrize(
    ("cap", "fits"), [(None, True), (10**12, False)], ids=["no cap", "large cap"]
)
def test_an_unknown_amount_fits_only_without_a_cap(cap: int | None, fits: bool) -> None:
    """Of a price that is unknown no cap can be promised to hold."""
    assert asyncio.run(Purse(cap).reserve(None)) is fits


def test_an_unknown_outcome_costs_the_reservation() -> None:
    """What cannot be known to have cost less is presumed spent in full."""
    purse = Purse(100)
    asyncio.run(purse.reserve(30))
    purse.settle(30, None)
    assert (purse.spent, purse.held) == (30, 0)


def test_a_purse_without_a_cap_counts() -> None:
    """Without a cap everything is granted and still added up."""
    purse = Purse()
    assert asyncio.run(purse.reserve(10**15))
    purse.settle(10**15, 7)
    assert (purse.spent, purse.held) == (7, 0)
