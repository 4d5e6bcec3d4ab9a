from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Failure, Kind, Message, Response
from orchkit.core.plans import Answer, Query, Trace
from orchkit.core.strategies import Single
from orchkit.runtime.spent import Spent
from orchkit.runtime.waits import Wait
from orchkit.ui import telling

ONE = Single("a")
ANSWER = Response("a", "yes")


def spent(rows: int = 0, nano: int = 0, total: int = 200, **known: object) -> Spent:
    """Return what a run may have done so far, each of its rows for the same money."""
    done = Spent(**known)  # type: ignore[arg-type]
    done.expect([(Query((Message("user", "x"),)), ONE)] * total)
    for _ in range(rows):
        paid = Response("a", "yes", cost=nano // rows)
        done.count(Trace(((paid,),), Answer(paid)), ONE, done.begin(ONE), 1)
    done.purse.spent = nano
    return done


def parts(done: Spent, *, seconds: float = 60, simulated: bool = False) -> list[str]:
    """Return what the line of 200 rows says after so many seconds."""
    return telling.parts(done, 200, seconds, 2.0, simulated)


def test_a_line_tells_money_spent_projected_and_a_minute() -> None:
    """Of 200 rows, 50 that cost $0.50 together project $2; half a minute of that is $1/min."""
    told = parts(spent(50, 500_000_000), seconds=30)
    assert told == ["$0.50 of about $2.00", "00:30<01:15", "$1.00/min"]


def test_simulated_money_is_never_called_spent() -> None:
    """What the named models would have asked is said to be simulated, and has no speed."""
    told = parts(spent(50, 500_000_000), simulated=True)
    assert told[0] == "$0.50 of about $2.00 simulated"
    assert not [each for each in told if "/min" in each or "spent" in each]


def test_the_time_left_is_no_shorter_than_a_wait() -> None:
    """Where a model waits for five minutes, a run does not end in one."""
    told = parts(spent(100, waits=(Wait("gpt-4o", 9, 300.0),)))
    assert told[0] == "gpt-4o waits 300 s (rate limit)"
    assert "01:00<05:00" in told


def test_a_moment_is_no_wait() -> None:
    """Waits that are over before one could read are not told."""
    assert not [each for each in parts(spent(waits=(Wait("a", 1, 0.1),))) if "waits" in each]


@pytest.mark.parametrize(
    "name", ["\x1b[31mred\x1b[0m", "a\nb\r\x07c", "\x1b]0;title\x07x", "m" * 999]
)
def test_a_hostile_name_is_harmless(name: str) -> None:
    """A model's name steers no terminal, breaks no line and fills no line."""
    told = telling.wait(Wait(name, 1, 5.0))
    assert told.isprintable()
    assert len(told) < 70


@given(
    st.integers(0, 200), st.integers(0, 10**12), st.floats(0, 1e6), st.floats(0, 1e5), st.booleans()
)
def test_no_line_says_less_than_nothing(
    rows: int, nano: int, seconds: float, wait: float, simulated: bool
) -> None:
    """Whatever happened, a line holds no negative number, and fits."""
    done = spent(rows, nano, waits=(Wait("gpt-4o", 1, wait),), failed=0)
    told = parts(done, seconds=seconds, simulated=simulated)
    assert not re.search(r"-\s*\$?\d", " ".join(told).replace("gpt-4o", ""))
    assert len(telling.fitted(told, 60)) <= 60


def test_what_does_not_fit_is_left_out() -> None:
    """What fits behind what does not is told; nothing is cut in two."""
    assert telling.fitted(["12345", "1234567", "12"], 10) == "12345, 12"
    assert telling.fitted(["12345"], 4) == ""


def test_failures_are_counted_by_kind() -> None:
    """The commonest comes first, with what to do; nothing is said where nothing failed."""
    failed = [_failed(Kind.Refused), *[_failed(Kind.RateLimited)] * 2]
    fine = [Trace(((ANSWER,),), Answer(ANSWER))] * 7
    told = telling.failures([*failed, *fine], kept=True) or ""
    assert told.startswith("3 of 10 rows failed: RateLimited 2, Refused 1; the column error")
    assert "Running again" in told
    assert "Running again" not in (telling.failures(failed, kept=False) or "")
    assert telling.failures(fine, kept=True) is None


def test_rows_that_cannot_be_asked_are_not_asked_again() -> None:
    """An empty prompt stays empty."""
    unasked = Trace((), Answer(None, failure=Failure(Kind.EmptyPrompt)))
    told = telling.failures([unasked], kept=True)
    assert told == "1 of 1 row failed: EmptyPrompt 1; the column error says why."


def _failed(kind: Kind) -> Trace:
    response = Response.failed("a", kind)
    return Trace(((response,),), Answer(response))


def interrupted(done: Spent, presumed: int = 0, **known: object) -> str:
    """Return what is said of an interrupted run."""
    given = {"kept": True, "simulated": False, "where": "cell", **known}
    return telling.interrupted("routing", 200, done, presumed, **given)  # type: ignore[arg-type]


def test_an_interrupt_tells_what_the_run_was_and_how_to_resume() -> None:
    """Rows, money, what may be billed besides, the rows at hand, and what to run again."""
    assert interrupted(spent(50, 500_000_000, cached=12, failed=1), 100_000_000) == (
        "routing was interrupted after 50 of 200 rows (12 cached, 1 failed), $0.40 spent, at most "
        "$0.10 more for requests under way. orchkit.last_run() gives the rows that were finished. "
        "Run the cell again to resume: what was answered is in the cache."
    )


def test_an_interrupt_promises_nothing_that_is_not_so() -> None:
    """Without a cache nothing resumes, at a shell there is no last run, simulated costs nothing."""
    assert "begin anew" in interrupted(spent(1), kept=False)
    assert "last_run" not in interrupted(spent(1), where="command")
    told = interrupted(spent(50, 500_000_000), simulated=True)
    assert "nothing spent: answers are simulated" in told
    assert "$" not in told


def test_a_finished_run_says_what_it_was() -> None:
    """Rows, cached, failed, money, time, and how much of it was waiting for limits."""
    done = spent(200, 500_000_000, cached=12, failed=3, waited=40.0)
    assert telling.ended("routing", 200, done, 63.0, simulated=False) == (
        "routing: 200 rows, 12 cached, 3 failed, $0.50 spent in 01:03, 00:40 of it waiting"
    )
