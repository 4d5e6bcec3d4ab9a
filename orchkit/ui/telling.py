"""What is said of a run, while it lasts and afterwards; the facts are the runtime's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from orchkit.core.calls import Kind
from orchkit.core.catalog import NANO
from orchkit.core.plans import Trace
from orchkit.runtime.spent import Spent
from orchkit.runtime.waits import Wait
from orchkit.ui.money import usd
from orchkit.ui.terminal import harmless

#: Seconds from which on a rate a minute says anything.
_STEADY = 5.0
#: Seconds from which on a wait is worth a word.
_LONG = 0.5
_AGAIN = "Running again asks for these anew; what is in the cache is not bought again."
#: Characters of a model's name.
_NAME = 32


def parts(
    spent: Spent, total: int, seconds: float, rate: float | None, simulated: bool
) -> list[str]:
    """Return what a line says beside the rows, the most important first; not what is zero.

    Parameters
    ----------
    spent
        What the run did so far.
    total
        Rows of the run.
    seconds
        Since its start.
    rate
        Rows a second now; None while it is unknown.
    simulated
        Whether answers are made up, so that nothing is spent.

    Examples
    --------
    >>> from orchkit.runtime.spent import Spent
    >>> parts(Spent(rows=50, cached=20, failed=1), 200, 40.0, 2.0, simulated=False)
    ['1 failed', '00:40<01:15', '20 cached']
    """
    waiting = [wait(each) for each in spent.waits[:1] if each.seconds >= _LONG]
    failed = [f"{spent.failed:,} failed"] if spent.failed else []
    cached = [f"{spent.cached:,} cached"] if spent.cached else []
    times = [_times(spent, total - spent.rows, seconds, rate)]
    if simulated:
        return [*waiting, *_simulated(spent, total), *failed, *times, *cached]
    return [*waiting, *_money(spent, total), *failed, *times, *cached, *_speed(spent, seconds)]


def wait(told: Wait) -> str:
    """Return who waits, how long, and what for.

    Examples
    --------
    >>> from orchkit.core.calls import Kind
    >>> wait(Wait("gpt-4o", 3, 37.6)), wait(Wait("gpt-4o", 1, 2, Kind.ServerError))
    ('gpt-4o waits 38 s (rate limit)', 'gpt-4o waits 2 s (ServerError)')
    """
    name = _short(told.model)
    why = "rate limit" if told.why is Kind.RateLimited else told.why.name
    return f"{name} waits {max(1, round(told.seconds)):,} s ({why})"


def fitted(pieces: Iterable[str], width: int) -> str:
    """Return the pieces that fit, each after a comma, the first ones first.

    Examples
    --------
    >>> fitted(["$0.012 spent", "1 failed", "20 cached"], 26)
    '$0.012 spent, 1 failed'
    """
    text = ""
    for piece in pieces:
        more = f", {piece}" if text else piece
        text += more if len(text) + len(more) <= width else ""
    return text


def ended(what: str, total: int, spent: Spent, seconds: float, simulated: bool) -> str:
    """Return what a finished run was.

    Examples
    --------
    >>> ended("routing", 200, Spent(rows=200, cached=20), 63.0, simulated=False)
    'routing: 200 rows, 20 cached, $0 spent in 01:03'
    """
    counts = _counts(spent)
    held = f", {clock(spent.waited)} of it waiting" if spent.waited >= 1 else ""
    money = _simulated(spent, 0)[:1] if simulated else [f"{usd(spent.purse.spent / NANO)} spent"]
    return f"{what}: {', '.join([_rows(total), *counts, *money])} in {clock(seconds)}{held}"


def failures(traces: Sequence[Trace], kept: bool) -> str | None:
    """Return how many rows failed, of what, and what to do; None when none did.

    `kept` is whether answers are kept, so that running again buys only what is missing.
    """
    kinds = Counter(trace.failure.kind.name for trace in traces if trace.failure)
    if not kinds:
        return None
    several = ", ".join(f"{kind} {many:,}" for kind, many in kinds.most_common())
    asked = any(trace.failure and trace.rounds for trace in traces)
    again = f" {_AGAIN}" if kept and asked else ""
    told = f"{kinds.total():,} of {_rows(len(traces))} failed: {several}; the column error says why"
    return f"{told}.{again}"


def interrupted(
    what: str, total: int, spent: Spent, presumed: int, *, kept: bool, simulated: bool, where: str
) -> str:
    """Return what an interrupted run was, and how to resume it.

    Parameters
    ----------
    what, total, spent
        What was being done with how many rows, and how far it was.
    presumed
        Nano-dollars that may have been billed without an answer.
    kept
        Whether answers are kept, so that running again resumes.
    simulated
        Whether nothing was spent.
    where
        What a person runs again: ``"cell"``, ``"command"`` or ``"code"``.
    """
    counts = _counts(spent)
    done = f"{what} was interrupted after {spent.rows:,} of {_rows(total)}"
    done += f" ({', '.join(counts)})" if counts else ""
    paid = f"{usd((spent.purse.spent - presumed) / NANO)} spent"
    more = f", at most {usd(presumed / NANO)} more for requests under way" if presumed else ""
    money = "nothing spent: answers are simulated" if simulated else f"{paid}{more}"
    last = "" if where == "command" else "orchkit.last_run() gives the rows that were finished. "
    again = "resume: what was answered is in the cache" if kept else "begin anew: nothing is cached"
    return f"{done}, {money}. {last}Run the {where} again to {again}."


def clock(seconds: float) -> str:
    """Return a length of time as a clock shows it.

    Examples
    --------
    >>> clock(63), clock(3723)
    ('01:03', '1:02:03')
    """
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def _times(spent: Spent, left: int, seconds: float, rate: float | None) -> str:
    """Return how long it has been, and how long it will be: a wait's end at the least."""
    if not rate or left <= 0:
        return clock(seconds)
    longest = max((each.seconds for each in spent.waits), default=0.0)
    return f"{clock(seconds)}<{clock(max(left / rate, longest))}"


def _money(spent: Spent, total: int) -> list[str]:
    so_far, all_of_it = spent.purse.spent, spent.projected
    if not so_far:
        return [] if spent.rows < total else ["$0 spent"]
    if all_of_it is None or spent.rows >= total:
        return [f"{usd(so_far / NANO)} spent"]
    return [f"{usd(so_far / NANO)} of about {usd(all_of_it / NANO)}"]


def _speed(spent: Spent, seconds: float) -> list[str]:
    if seconds < _STEADY or not spent.purse.spent:
        return []
    return [f"{usd(spent.purse.spent / NANO / seconds * 60)}/min"]


def _simulated(spent: Spent, total: int) -> list[str]:
    """Return what the named models would have asked, which nobody has spent."""
    so_far, all_of_it = spent.purse.spent, spent.projected
    if not so_far:
        return ["simulated"]
    more = "" if all_of_it is None or spent.rows >= total else f" of about {usd(all_of_it / NANO)}"
    return [f"{usd(so_far / NANO)}{more} simulated"]


def _counts(spent: Spent) -> list[str]:
    cached = [f"{spent.cached:,} cached"] if spent.cached else []
    return cached + ([f"{spent.failed:,} failed"] if spent.failed else [])


def _rows(many: int) -> str:
    return f"{many:,} row" if many == 1 else f"{many:,} rows"


def _short(name: str) -> str:
    name = " ".join(harmless(name).split())
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
