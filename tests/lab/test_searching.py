from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.catalog import Catalog
from orchkit.errors import ParameterError
from orchkit.lab.arrays import Arrays, arrays_of
from orchkit.lab.cascading import cascaded
from orchkit.lab.matrix import Matrix
from orchkit.lab.searching import (
    FOLDS,
    Candidate,
    Goal,
    best,
    chains,
    pairs,
    parts,
    singles,
    strongest,
    thresholds,
    votes,
)
from orchkit.lab.voting import ballots_of

Table = Callable[..., pd.DataFrame]
LAST = -math.inf
grades = st.sampled_from([0.0, 0.3, 0.5, 1.0])
cell = st.tuples(grades, st.integers(0, 9), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]))
cells = st.integers(2, 12).flatmap(lambda n: st.lists(cell, min_size=3 * n, max_size=3 * n))


def arrays(told: list[tuple[float, int, float]]) -> Arrays:
    """Return arrays of models a, b, c from their cells, in order."""
    each = np.array(told, dtype=float).reshape(-1, 3, 3)
    usable = np.full(each.shape[:2], fill_value=True)
    cost = each[..., 1].astype(np.int64)
    return Arrays(("a", "b", "c"), np.arange(len(each)), each[..., 0], cost, each[..., 2], usable)


@pytest.mark.parametrize(
    "given",
    [
        {"budget": 1.0, "max_loss": 0.1},
        *({"budget": wrong} for wrong in (-1, math.nan, "x", True, 1j)),
        *({"max_loss": wrong} for wrong in (-0.1, 1, 1.5, math.nan, "x", True)),
        *({"caution": wrong} for wrong in (-1, math.inf, math.nan, "x", None)),
    ],
    ids=str,
)
def test_a_goal_that_is_none_is_refused(given: dict[str, Any]) -> None:
    """One of the two, in its range and a number; the message names it."""
    with pytest.raises(ParameterError, match="|".join(given)):
        Goal(**given)


def test_a_goal_tells_what_was_asked() -> None:
    """Without any it is the loss of one point; an endless budget is the best quality."""
    assert Goal() == Goal(max_loss=0.01)
    told = [str(goal) for goal in (Goal(), Goal(budget=2e-5), Goal(budget=math.inf))]
    assert told == ["max_loss=0.01", "budget=2e-05 USD a prompt", "the best quality"]


def test_what_misses_a_goal_by_less_comes_first() -> None:
    """Where nothing meets a goal, what comes nearest to it is first."""
    budget = Goal(budget=1e-9).order(np.array([5.0, 1.0]), np.array([900, 20]), 10, 9.0)
    assert np.lexsort(budget[::-1]).tolist() == [1, 0]
    loss = Goal(max_loss=0.1).order(np.array([5.0, 1.0]), np.array([900, 20]), 10, 9.0)
    assert np.lexsort(loss[::-1]).tolist() == [0, 1]


def test_a_cost_that_was_read_is_a_budget_that_is_met() -> None:
    """A mean of nano-dollars, as a budget, allows what it is the mean of."""
    for n, cost in product((3, 7, 11, 1319), (10, 29, 12_345_677)):
        assert Goal(budget=cost / n / 1e9).order(0.0, cost, n, 0.0)[0] == 0
        assert Goal(budget=(cost - 1) / n / 1e9).order(0.0, cost, n, 0.0)[0] > 0


@given(cells, st.sampled_from([("a", "b"), ("c", "a"), ("a", "b", "c")]), st.data())
def test_thresholds_are_the_best_there_are(
    told: list[tuple[float, int, float]], chain: tuple[str, ...], data: st.DataObject
) -> None:
    """No other thresholds among the confidences come nearer to the goal; those meet it if any."""
    table = arrays(told)
    goal = data.draw(
        st.sampled_from([Goal(max_loss=0.0), Goal(max_loss=0.2), Goal(budget=4e-9), Goal(budget=9)])
    )
    found = thresholds(table, chain, goal)
    top = float(table.quality.sum(axis=0).max())

    def key(limits: tuple[float, ...]) -> tuple[Any, ...]:
        routed = cascaded(table, chain, (*limits, LAST))
        return goal.order(routed.quality.sum(), routed.cost.sum(), len(table), top)

    grid = product(*[np.unique(table.rank[:, table.column(name)]) for name in chain[:-1]])
    nearest = min(map(key, grid))
    assert key(found) == pytest.approx(nearest, abs=1e-8)


def test_a_chain_is_judged_by_thresholds_chosen_without_it(table: Table) -> None:
    """Each prompt of a candidate went by thresholds fitted on the other parts."""
    found = arrays_of(Matrix(table(50)), ("a", "b", "c"))
    goal = Goal(max_loss=0.1)
    fold = parts(len(found), FOLDS, seed=3)
    for candidate in [each for each in chains(found, goal, 3, 3) if len(each.models) > 1]:
        assert candidate.setting == thresholds(found, candidate.models, goal)
        for part in range(FOLDS):
            limits = thresholds(found.at(fold != part), candidate.models, goal)
            routed = cascaded(found.at(fold == part), candidate.models, (*limits, LAST))
            assert candidate.quality[fold == part].tolist() == routed.quality.tolist()
            assert candidate.cost[fold == part].tolist() == routed.cost.tolist()


@given(st.lists(st.sampled_from("uvwxyz"), min_size=1, max_size=30), st.integers(0, 9))
def test_a_group_is_drawn_into_one_part(groups: list[str], seed: int) -> None:
    """Prompts of one group share a part, and groups are spread evenly over the parts."""
    found = parts(len(groups), 3, seed, groups)
    each = {name: {found[at] for at, own in enumerate(groups) if own == name} for name in groups}
    assert {len(drawn) for drawn in each.values()} == {1}
    counts = np.bincount([drawn.pop() for drawn in each.values()], minlength=3)
    assert counts.max() - counts.min() <= 1


@given(cells, st.sampled_from([Goal(budget=4e-9), Goal(max_loss=0.1, caution=0)]))
def test_nothing_is_chosen_that_a_cheaper_model_beats(
    told: list[tuple[float, int, float]], goal: Goal
) -> None:
    """No single model is as cheap and as good as what is chosen, and better in one of them."""
    table = arrays(told)
    try:
        found = best(chains(table, goal, 3), goal, table)
    except ParameterError:
        return
    good, spent = found.quality.mean(), found.cost.mean()
    for each in singles(table):
        better = each.quality.mean() > good + 1e-9 or each.cost.mean() < spent - 1e-9
        as_good = each.quality.mean() >= good - 1e-9 and each.cost.mean() <= spent + 1e-9
        assert each.models == found.models or not (better and as_good)


@given(cells)
def test_a_chain_that_mixing_matches_is_passed_over(told: list[tuple[float, int, float]]) -> None:
    """What is chosen is one model, or better than any mix of two at its cost."""
    table, goal = arrays(told), Goal(max_loss=0.3, caution=0)
    found = best(chains(table, goal, 3), goal, table)
    good, spent = table.quality.mean(axis=0), table.cost.mean(axis=0)
    for one, other in product(range(3), repeat=2):
        for share in np.linspace(0, 1, 5):
            cost = share * spent[one] + (1 - share) * spent[other]
            if len(found.models) > 1 and cost <= found.cost.mean():
                assert found.quality.mean() > share * good[one] + (1 - share) * good[other]


def test_sums_in_another_order_are_no_better() -> None:
    """Of two ways that differ in the last digit of a sum the cheaper is taken."""
    quality = np.array([[0.1, 0.3, 0.0], [0.2, 0.2, 0.0], [0.3, 0.1, 0.0]])
    assert quality[:, 0].sum() != quality[:, 1].sum()
    for first, second in ((0, 1), (1, 0)):
        cost = np.ones((3, 3), dtype=np.int64)
        cost[:, second] = 2
        table = Arrays(("a", "b", "c"), np.arange(3), quality, cost, quality, quality >= 0)
        assert strongest(table) == table.models[first]
        assert best(singles(table), Goal(budget=1), table).models == (table.models[first],)


def test_caution_passes_over_what_only_looks_good_enough() -> None:
    """A loss within the limit is not enough where it is a standard error from being too large."""
    quality = np.ones((100, 2))
    quality[:3, 0] = 0
    cost = np.tile([1, 9], (100, 1))
    table = Arrays(("a", "b"), np.arange(100), quality, cost, quality, quality >= 0)
    chosen = [
        best(singles(table), Goal(max_loss=0.04, caution=caution), table).models
        for caution in (0, 0.5, 1)
    ]
    assert chosen == [("a",), ("a",), ("b",)]


def test_the_strongest_is_the_cheapest_of_equals() -> None:
    """Quality first, then cost, then the order of the columns."""
    quality, cost = np.array([[1.0, 1.0, 0.0]]), np.array([[5, 3, 1]])
    table = Arrays(("a", "b", "c"), np.arange(1), quality, cost, quality, quality >= 0)
    assert strongest(table) == "b"


def test_what_nothing_meets_is_told_with_what_there_is(table: Table) -> None:
    """The message names the goal, the cheapest model's cost and the best quality."""
    found = arrays_of(Matrix(table(50)), ("a", "b", "c"))
    with pytest.raises(
        ParameterError, match=r"Nothing meets budget=1e-12 .* \d\.\d+e-06 USD .* 0\."
    ):
        best(singles(found), Goal(budget=1e-12), found)


def test_what_mixing_beats_is_told_as_that(table: Table) -> None:
    """Where every way is passed over, that is what is said, not that the goal is too high."""
    found = arrays_of(Matrix(table(20)), ("a", "b", "c"))
    poor = Candidate(("a", "b"), None, np.zeros(20), found.cost.sum(axis=1))
    with pytest.raises(ParameterError, match="None of 1 ways does better"):
        best([poor], Goal(), found)
    assert best([poor], Goal(budget=math.inf), found, mixing=True) is poor


def test_every_vote_and_every_pair_is_tried(table: Table) -> None:
    """All sizes × ways of counting; all pairs with each third model, beside the models alone."""
    matrix = Matrix(table(10, models="abcd"))
    found = arrays_of(matrix, matrix.models)
    ballots = ballots_of(matrix, found, matrix.catalog(Catalog({}, ())))
    counted = list(votes(ballots, (2, 3), ("majority", "weighted")))
    assert len({(each.models, each.setting) for each in counted}) == (6 + 4) * 2
    paired = list(pairs(ballots))
    assert len({(each.models, each.setting) for each in paired}) == 4 + 6 * 2
    assert all(each.setting not in each.models for each in paired if len(each.models) > 1)
