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

from orchkit.errors import ParameterError
from orchkit.lab.arrays import Arrays, arrays_of
from orchkit.lab.goals import Candidate, Goal, beats_mixing, best, parts, singles, strongest
from orchkit.lab.matrix import Matrix

Table = Callable[..., pd.DataFrame]


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


@given(st.lists(st.sampled_from("uvwxyz"), min_size=1, max_size=30), st.integers(0, 9))
def test_a_group_is_drawn_into_one_part(groups: list[str], seed: int) -> None:
    """Prompts of one group share a part, and groups are spread evenly over the parts."""
    found = parts(len(groups), 3, seed, groups)
    each = {name: {found[at] for at, own in enumerate(groups) if own == name} for name in groups}
    assert {len(drawn) for drawn in each.values()} == {1}
    counts = np.bincount([drawn.pop() for drawn in each.values()], minlength=3)
    assert counts.max() - counts.min() <= 1


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


def test_a_gain_over_mixing_is_shown_by_standard_errors() -> None:
    """With caution a gain counts that is so many of its standard errors above the best mix."""
    rng = np.random.default_rng(0)
    cheap, strong = (rng.random(400) < 0.5).astype(float), np.ones(400)
    quality, cost = np.column_stack([cheap, strong]), np.tile([1, 9], (400, 1))
    table = Arrays(("a", "b"), np.arange(400), quality, cost, quality, quality >= 0)
    sent = np.arange(400) % 2 == 0
    mixed = np.where(sent, strong, cheap)
    mixed[np.flatnonzero(~sent & (cheap == 0))[:8]] = 1.0
    candidate = Candidate(("a", "b"), None, mixed, np.where(sent, 9, 1))
    assert beats_mixing(candidate, table)
    gain = mixed - (cheap + strong) / 2
    errors = gain.mean() / (gain.std(ddof=1) / 20)
    assert beats_mixing(candidate, table, errors * 0.99)
    assert not beats_mixing(candidate, table, errors * 1.01)
