from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.catalog import Catalog
from orchkit.core.plans import Answer, Plan, Query
from orchkit.core.strategies import Ensemble, Fallback, Single
from orchkit.errors import ParameterError
from orchkit.lab.arrays import Arrays, arrays_of
from orchkit.lab.frontiers import frontier, replayed, swept_frame
from orchkit.lab.matrix import Matrix
from orchkit.lab.metrics import hull, pareto
from orchkit.lab.sweeping import binned, by_cost, subchains, swept

Table = Callable[..., pd.DataFrame]
GRID = np.linspace(0, 1, 11)
cell = st.tuples(
    st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0]), st.integers(0, 5), st.sampled_from([0.0, 0.4, 0.8])
)
cells = st.integers(1, 8).flatmap(lambda n: st.lists(cell, min_size=3 * n, max_size=3 * n))


@dataclass(frozen=True)
class Gate:
    """Ask a, and c where it is below the threshold: what a chain of two does."""

    threshold: float = 0.5
    name: ClassVar[str] = "gate"

    def plan(self, query: Query, _: Catalog) -> Plan:
        """Go by the recorded confidence."""
        (first,) = yield (query.call("a"),)
        if (first.confidence or 0) >= self.threshold:
            return Answer(first)
        (second,) = yield (query.call("c"),)
        return Answer(second)


def known(matrix: Matrix) -> Catalog:
    """Return the catalog of a recording nobody knows the models of."""
    return matrix.catalog(Catalog({}, ()))


def arrays(told: list[tuple[float, int, float]]) -> Arrays:
    """Return arrays of models a, b, c from their cells, in order."""
    each = np.array(told, dtype=float).reshape(-1, 3, 3)
    usable = np.full(each.shape[:2], fill_value=True)
    cost = each[..., 1].astype(np.int64)
    return Arrays(("a", "b", "c"), np.arange(len(each)), each[..., 0], cost, each[..., 2], usable)


@given(cells, st.integers(1, 3))
def test_nothing_is_as_cheap_and_as_good_as_a_point_of_the_frontier(
    told: list[tuple[float, int, float]], longest: int
) -> None:
    """Every model and chain at every threshold is beaten or matched by a point of it."""
    table = arrays(told)
    found = frontier(table, GRID, longest)
    assert found["cost_per_1k"].is_monotonic_increasing
    assert found["quality"].is_unique
    assert set(found["chain"].map(len)) <= set(range(1, longest + 1))
    chains = [(name,) for name in by_cost(table)] + list(subchains(by_cost(table), longest))
    for chain in chains:
        sweep = swept(binned(table, GRID), chain)
        spent, good = 1000 * sweep.cost / 1e9 / sweep.n, sweep.quality / sweep.n
        for cost, quality in zip(spent, good, strict=True):
            beaten = (found["cost_per_1k"] <= cost + 1e-15) & (found["quality"] >= quality - 1e-9)
            assert beaten.any()


@given(cells)
def test_a_frontier_is_told_in_labels_and_corners(told: list[tuple[float, int, float]]) -> None:
    """Single models have no threshold; corners are those of the hull of what is kept."""
    found = frontier(arrays(told), GRID, 3)
    alone = found["chain"].map(len) == 1
    assert found.loc[alone, "threshold"].isna().all()
    assert found.loc[~alone, "threshold"].notna().all()
    assert found.loc[alone, "strategy"].tolist() == [chain[0] for chain in found["chain"][alone]]
    assert found["strategy"].is_unique
    corners = hull(found["cost_per_1k"], found["quality"])["index"]
    assert np.flatnonzero(found["hull"]).tolist() == corners.tolist()
    assert pareto(found["cost_per_1k"], found["quality"]).all()


def test_a_frontier_is_no_dearer_for_the_last_digit_of_a_sum() -> None:
    """A dearer model of the same mean is not better for the order in which it is summed."""
    quality = np.array([[0.3, 0.1], [0.2, 0.2], [0.1, 0.3]])
    cost = np.tile([1, 2], (3, 1))
    table = Arrays(("a", "b"), np.arange(3), quality, cost, np.zeros((3, 2)), quality >= 0)
    assert quality[:, 0].sum() < quality[:, 1].sum()
    assert frontier(table, GRID, 2)["strategy"].tolist() == ["a"]


def test_labels_of_thresholds_are_short() -> None:
    """A threshold of a grid is written as it was meant, not with all of its digits."""
    quality = np.array([[0.0, 1.0], [1.0, 1.0]])
    cost, rank = np.tile([1, 9], (2, 1)), np.array([[0.3, 1], [0.36, 1]])
    table = Arrays(("a", "b"), np.arange(2), quality, cost, rank, quality >= 0)
    found = frontier(table, np.linspace(0, 1, 101)[35:], 2)
    assert found["strategy"].tolist() == ["a", "fallback(a → b, threshold=0.35)"]


def test_any_strategy_with_a_threshold_is_swept_by_replaying_it(table: Table) -> None:
    """A gate of one's own comes to what the chain of two comes to by column arithmetic."""
    matrix = Matrix(table(40))
    driven = replayed(matrix, known(matrix), Gate(), GRID)
    columns = swept_frame(matrix, known(matrix), Fallback(("a", "c")), GRID)
    assert driven.columns.tolist() == columns.columns.tolist()
    same = ["threshold", "cost_per_1k", "cost", "escalation_rate", "calls", "n"]
    pd.testing.assert_frame_equal(driven[same], columns[same], check_dtype=False)


def test_a_gap_is_left_out_of_all_rows(table: Table) -> None:
    """Prompts that lack an answer at one threshold are not counted at any other."""
    frame = table(40)
    gaps = (frame["model"] == "c") & (frame["confidence"] > 0.3)
    matrix = Matrix(frame[~gaps])
    found = replayed(matrix, known(matrix), Gate(), [0.0, 0.5, 1.0])
    expected = int((~gaps[frame["model"] == "c"]).sum())
    assert 0 < expected < 40
    assert found["n"].tolist() == [found["n"][0]] * 3
    assert found.attrs["left_out"] == 40 - found["n"][0]
    assert found["escalation_rate"].tolist()[::2] == [0.0, 1.0]


@pytest.mark.parametrize("strategy", [Ensemble(), Single("a")], ids=repr)
def test_what_has_no_threshold_is_not_swept(table: Table, strategy: Any) -> None:
    """The message says what can be."""
    matrix = Matrix(table(3))
    with pytest.raises(ParameterError, match="has no threshold to sweep over; give 'fallback'"):
        replayed(matrix, known(matrix), strategy, GRID)


@pytest.mark.parametrize("wrong", [[], "x", [0.5, None], [1.5], [float("nan")], object()], ids=str)
def test_what_is_no_threshold_is_refused(table: Table, wrong: Any) -> None:
    """By columns, by replaying and on a frontier alike."""
    matrix = Matrix(table(3))
    chain, models = Fallback(("a", "c")), arrays_of(matrix, ("a", "c"))
    for sweeping in (
        lambda: replayed(matrix, known(matrix), Gate(), wrong),
        lambda: swept_frame(matrix, known(matrix), chain, wrong),
        lambda: frontier(models, wrong, 2),
    ):
        with pytest.raises(ParameterError, match="give numbers in"):
            sweeping()


def test_thresholds_a_hop_are_not_swept(table: Table) -> None:
    """A sweep that would pass over a strategy's own thresholds says so instead."""
    matrix = Matrix(table(3))
    with pytest.raises(ParameterError, match=r"one number for each hop \(0.1, 0.2\)"):
        swept_frame(matrix, known(matrix), Fallback(("a", "b", "c"), (0.1, 0.2)), GRID)
    assert len(swept_frame(matrix, known(matrix), Fallback(("a",), ()), GRID)) == 11
