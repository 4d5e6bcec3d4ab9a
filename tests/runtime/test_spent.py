from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Failure, Kind, Message, Response
from orchkit.core.plans import Answer, Query, Trace
from orchkit.core.strategies import Single
from orchkit.runtime.spent import Spent

ASKED = Query((Message("user", "x"),))
ONE, OTHER = Single("a"), Single("b")


def row(cost: int | None = 0, cached: bool = False, presumed: int = 0) -> Trace:
    """Return a finished row of one response."""
    response = Response("a", "yes", cost=cost, cached=cached, presumed=presumed)
    return Trace(((response,),), Answer(response))


def unasked() -> Trace:
    """Return a row that no call was made for."""
    return Trace((), Answer(None, failure=Failure(Kind.EmptyPrompt)))


def run(total: int, *traces: Trace) -> Spent:
    """Return what a run of one strategy has done by now."""
    spent = Spent()
    spent.expect([(ASKED, ONE)] * total)
    for trace in traces:
        fresh = [each for each in trace.responses if not each.cached]
        spent.purse.spent += sum((each.cost or 0) + each.presumed for each in fresh)
        spent.count(trace, ONE, spent.begin(ONE), 1)
    return spent


def test_rows_to_come_cost_what_bought_rows_did() -> None:
    """Of ten rows, two that cost 10 each project 100."""
    assert run(10, row(10), row(10)).projected == 100


def test_what_an_earlier_run_left_makes_nothing_cheaper() -> None:
    """Rows from the cache before the first bought one say nothing of the rows to come."""
    cached = [row(10, cached=True)] * 5
    assert run(10, *cached, row(10)).projected == 10 + 4 * 10


def test_rows_cached_in_between_are_expected_in_between() -> None:
    """Where every other row was cached since, every other one is expected to be."""
    mixed = [row(10), row(10, cached=True)] * 2
    assert run(10, *mixed).projected == 20 + 6 * 5


def test_before_anything_was_bought_nothing_is_projected() -> None:
    """Neither no rows nor cached ones nor such as were never asked tell a price."""
    assert run(10).projected is None
    assert run(10, row(10, cached=True), unasked()).projected is None


def test_a_finished_run_has_no_more_to_come() -> None:
    """The projection ends at what was spent."""
    assert run(2, row(10), row(30)).projected == 40
    assert run(2, row(10, cached=True), row(10, cached=True)).projected == 0


def test_presumed_money_is_projected_too() -> None:
    """What may have been billed without an answer may be so again."""
    assert run(4, row(None, presumed=8)).projected == 32


def test_each_strategy_has_its_own_mean() -> None:
    """A cheap strategy that runs first does not make the dear one after it look cheap."""
    spent = Spent()
    spent.expect([(ASKED, ONE)] * 2 + [(ASKED, OTHER)] * 2)
    for trace, strategy in [(row(1), ONE), (row(1), ONE)]:
        spent.purse.spent += 1
        spent.count(trace, strategy, spent.begin(strategy), 1)
    assert spent.projected is None
    spent.purse.spent += 100
    spent.count(row(100), OTHER, spent.begin(OTHER), 3)
    assert spent.projected == 202


def test_rows_that_are_done_first_do_not_make_a_run_look_cheap() -> None:
    """Of rows at once the cheap ones end first; they tell nothing until those before them do."""
    spent = run(10)
    turns = [spent.begin(ONE) for _ in range(4)]
    for turn, cost in ((turns[1], 1), (turns[2], 1), (turns[3], 1)):
        spent.purse.spent += cost
        spent.count(row(cost), ONE, turn, 3)
    assert spent.projected is None
    spent.purse.spent += 37
    spent.count(row(37), ONE, turns[0], 4)
    assert spent.projected == 100


@given(st.lists(st.sampled_from([row(7), row(7, cached=True), row(None), unasked()]), max_size=30))
def test_counts_never_exceed_the_rows(traces: list[Trace]) -> None:
    """However rows end, counts stay within totals and a projection is no less than was spent."""
    spent = run(30, *traces)
    assert spent.rows == len(traces) <= 30
    assert 0 <= spent.failed + spent.cached <= spent.rows
    assert spent.projected is None or spent.projected >= spent.purse.spent >= 0
