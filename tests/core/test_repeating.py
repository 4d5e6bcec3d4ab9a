from collections.abc import Generator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Call, Kind, Response
from orchkit.core.catalog import Catalog
from orchkit.core.drive import replay
from orchkit.core.plans import Query
from orchkit.core.repeating import once
from orchkit.core.signals import agrees_with
from orchkit.core.strategies import AgreeThenEscalate, Ensemble, Fallback

MINI, HAIKU, SONNET = "gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5"
names = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3), max_size=5)


def asking(rounds: Sequence[Sequence[str]]) -> Generator[Any, Any, list[list[str]]]:
    """Ask for rounds of models; return what each round heard."""
    heard = []
    for models in rounds:
        said = yield tuple(Call(name, ()) for name in models)
        heard.append([response.text for response in said])
    return heard


def run(plan: Generator[Any, Any, Any], failing: str = "") -> tuple[list[str], Any]:
    """Answer each call with its model's name; return the models asked, and the plan's end."""
    asked: list[str] = []
    try:
        calls = next(plan)
        while True:
            asked += [call.model for call in calls]
            said = [
                Response.failed(c.model, Kind.Timeout) if c.model in failing
                else Response(c.model, c.model) for c in calls
            ]  # fmt: skip
            calls = plan.send(tuple(said))
    except StopIteration as end:
        return asked, end.value


@given(names)
def test_each_call_is_made_once_and_heard_as_often(rounds: list[list[str]]) -> None:
    """A plan hears what it would have heard, and no call goes out a second time."""
    asked, heard = run(once(asking(rounds), {}))
    assert heard == rounds
    assert sorted(asked) == sorted({name for models in rounds for name in models})


@given(names)
def test_what_failed_is_asked_again(rounds: list[list[str]]) -> None:
    """A failure is not remembered: it may have passed."""
    asked, _ = run(once(asking(rounds), {}), failing="a")
    assert asked.count("a") == sum("a" in models for models in rounds)


def test_an_endless_plan_ends() -> None:
    """A signal that asks for what it was told for ever costs its row, not the process."""
    with pytest.raises(RuntimeError, match="rounds"):
        run(once(asking([["a"]] * 2000), {}))


@pytest.mark.parametrize(
    ("strategy", "cost"),
    [
        (Fallback((MINI, SONNET), 1.0, agrees_with(HAIKU)), 3),
        (Fallback((MINI, HAIKU, SONNET), 1.0, agrees_with(HAIKU)), 3),
        (Ensemble(models=(MINI, HAIKU, SONNET), confidence=agrees_with(MINI)), 3),
        (Ensemble(models=(MINI, SONNET), confidence=agrees_with(HAIKU)), 3),
        (AgreeThenEscalate((MINI, HAIKU), SONNET, agrees_with(HAIKU)), 3),
    ],
    ids=repr,
)
def test_a_row_has_the_price_of_each_answer_once(
    catalog: Catalog, query: Query, strategy: Any, cost: int
) -> None:
    """Models that a signal and a strategy both ask are part of the row's cost once."""

    def answer(calls: tuple[Call, ...]) -> tuple[Response, ...]:
        return tuple(Response(c.model, f"{len(c.model)} or so", cost=1) for c in calls)

    trace = replay(strategy.plan(query, catalog), answer)
    assert trace.cost == cost
    assert trace.failure is None
