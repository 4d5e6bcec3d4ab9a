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
from orchkit.lab.cascading import cascaded
from orchkit.lab.goals import Candidate, Goal, best, parts, singles
from orchkit.lab.matrix import Matrix
from orchkit.lab.searching import FOLDS, Search, chains, routed_by, searched, thresholds
from orchkit.lab.sweeping import by_cost, subchains

Table = Callable[..., pd.DataFrame]
LAST = -math.inf
NONE = Goal(max_loss=0.0, caution=0)


def every(table: Arrays, goal: Goal) -> list[Candidate]:
    """Return each single model and each chain of two or three."""
    tried = list(subchains(by_cost(table), 3))
    return [*singles(table), *chains(table, tried, Search(goal))]


grades = st.sampled_from([0.0, 0.3, 0.5, 1.0])
cell = st.tuples(grades, st.integers(0, 9), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]))
cells = st.integers(2, 12).flatmap(lambda n: st.lists(cell, min_size=3 * n, max_size=3 * n))


def arrays(told: list[tuple[float, int, float]]) -> Arrays:
    """Return arrays of models a, b, c from their cells, in order."""
    each = np.array(told, dtype=float).reshape(-1, 3, 3)
    usable = np.full(each.shape[:2], fill_value=True)
    cost = each[..., 1].astype(np.int64)
    return Arrays(("a", "b", "c"), np.arange(len(each)), each[..., 0], cost, each[..., 2], usable)


@given(cells, st.sampled_from([("a", "b"), ("c", "a"), ("a", "b", "c")]), st.data())
def test_thresholds_are_the_best_there_are(
    told: list[tuple[float, int, float]], chain: tuple[str, ...], data: st.DataObject
) -> None:
    """No other thresholds among the confidences come nearer to the goal; those meet it if any."""
    table = arrays(told)
    goal = data.draw(
        st.sampled_from([NONE, Goal(max_loss=0.2, caution=0), Goal(budget=4e-9), Goal(budget=9)])
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
    tried = list(subchains(by_cost(found), 3))
    candidates = chains(found, tried, Search(goal, 3, 3))
    assert [each.models for each in candidates] == tried
    for candidate in candidates:
        assert candidate.setting == (thresholds(found, candidate.models, goal), None)
        for part in range(FOLDS):
            limits = thresholds(found.at(fold != part), candidate.models, goal)
            routed = cascaded(found.at(fold == part), candidate.models, (*limits, LAST))
            assert candidate.quality[fold == part].tolist() == routed.quality.tolist()
            assert candidate.cost[fold == part].tolist() == routed.cost.tolist()


@given(cells, st.sampled_from([Goal(budget=4e-9), Goal(max_loss=0.1, caution=0)]))
def test_nothing_is_chosen_that_a_cheaper_model_beats(
    told: list[tuple[float, int, float]], goal: Goal
) -> None:
    """No single model is as cheap and as good as what is chosen, and better in one of them."""
    table = arrays(told)
    try:
        found = best(every(table, goal), goal, table)
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
    found = best(every(table, goal), goal, table)
    good, spent = table.quality.mean(axis=0), table.cost.mean(axis=0)
    for one, other in product(range(3), repeat=2):
        for share in np.linspace(0, 1, 5):
            cost = share * spent[one] + (1 - share) * spent[other]
            if len(found.models) > 1 and cost <= found.cost.mean():
                assert found.quality.mean() > share * good[one] + (1 - share) * good[other]


def knowing(n: int, seed: int, *, telling: bool) -> Arrays:
    """Return arrays of a cheap model that is sure where it is right, or whose surety is noise."""
    rng = np.random.default_rng(seed)
    quality = (rng.random((n, 2)) < [0.6, 0.9]).astype(float)
    noise = rng.random((n, 2))
    rank = 0.3 * noise + 0.6 * quality if telling else noise
    cost = np.tile([1, 20], (n, 1))
    return Arrays(("a", "b"), np.arange(n), quality, cost, rank, quality >= 0)


@pytest.mark.parametrize("telling", [True, False], ids=["telling", "noise"])
def test_a_search_that_does_not_pay_ends_with_one_model(telling: bool) -> None:
    """A confidence that tells gives a chain; one that is noise gives a single model, mostly."""
    chosen = []
    for seed in range(12):
        table = knowing(200, seed, telling=telling)
        found = searched({None: table}, Search(Goal(budget=12e-9), 2, seed))
        chosen.append(len(found.models))
        routed = routed_by({None: table}, found, np.full(200, fill_value=True))
        assert routed.cost.mean() <= 12 + 0.5 / 200
    assert np.mean(chosen) > 1.9 if telling else np.mean(chosen) < 1.35


def unsure(n: int, seed: int) -> Arrays:
    """Return arrays of six models that are nearly alike, of which some look better by luck."""
    rng = np.random.default_rng(seed)
    quality = (rng.random((n, 6)) < np.linspace(0.70, 0.80, 6)).astype(float)
    rank = np.clip(0.5 + 0.2 * quality + rng.normal(0, 0.3, (n, 6)), 0, 1)
    cost = np.tile(2 ** np.arange(6), (n, 1))
    return Arrays(tuple("abcdef"), np.arange(n), quality, cost, rank, quality >= 0)


@pytest.mark.parametrize(("caution", "kept"), [(0.0, False), (1.0, True)], ids=["bold", "cautious"])
def test_caution_keeps_a_loss_that_was_asked_for(caution: float, kept: bool) -> None:
    """What looks within the limit by luck is not: with caution the loss elsewhere stays in it."""
    lost = []
    for seed in range(20):
        fit, other = unsure(150, seed), unsure(4000, 1000 + seed)
        found = searched({None: fit}, Search(Goal(max_loss=0.02, caution=caution), 2, seed))
        routed = routed_by({None: other}, found, np.full(4000, fill_value=True))
        lost.append(float(other.quality[:, 5].mean() - routed.quality.mean()))
    assert bool(np.mean(lost) <= 0.02) is kept
