from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.errors import ParameterError
from orchkit.lab.metrics import oracle_frontier, utility_curve
from orchkit.lab.metrics.utilities import chosen

#: Few values, so that ties are common, and sums of them are exact.
shares = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
amounts = st.integers(0, 4).map(float)


def tables(cell: st.SearchStrategy[float], count: int) -> st.SearchStrategy[list[Any]]:
    """Give tables of one shape: prompts × models."""
    return st.tuples(st.integers(1, 6), st.integers(1, 4)).flatmap(
        lambda size: st.lists(
            st.lists(cell, min_size=size[0] * size[1], max_size=size[0] * size[1]).map(
                lambda cells: np.array(cells).reshape(size)
            ),
            min_size=count,
            max_size=count,
        )
    )


@st.composite
def recorded(draw: st.DrawFn) -> tuple[Any, Any, Any, Any]:
    """Give predicted and real qualities, expected and real costs."""
    hoped, good = draw(tables(shares, 2))
    cells = st.lists(amounts, min_size=hoped.size, max_size=hoped.size)
    priced, spent = (np.array(draw(cells)).reshape(hoped.shape) for _ in range(2))
    return hoped, priced, good, spent


def plainly(hoped: Any, priced: Any, price: float) -> list[int]:
    """Return the choice of every prompt, one by one."""
    columns = range(hoped.shape[1])
    return [
        min(columns, key=lambda m, i=i: (-(hoped[i, m] - priced[i, m] * price), priced[i, m]))
        for i in range(len(hoped))
    ]


@given(recorded())
def test_the_curve_is_brute_force_at_every_price(tables: tuple[Any, Any, Any, Any]) -> None:
    """Between two breakpoints, and beyond them, every prompt's own best choice gives the row."""
    hoped, priced, good, spent = tables
    curve = utility_curve(*tables)
    edges = [*curve["gain_per_cost"].tolist()[1:], 0.0]
    rows = np.arange(len(good))
    for above, (low, row) in zip(
        [None, *edges], zip(edges, curve.itertuples(), strict=True), strict=False
    ):
        price = low + 1.0 if above is None else (above + low) / 2
        at = plainly(hoped, priced, price)
        assert row.quality == pytest.approx(good[rows, at].mean(), abs=1e-12)
        assert row.cost == pytest.approx(spent[rows, at].mean(), abs=1e-12)


@given(recorded(), st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0, 3.0]))
def test_choosing_at_a_price_is_brute_force(
    tables: tuple[Any, Any, Any, Any], price: float
) -> None:
    """At a breakpoint itself the cheaper model is chosen, of equals the first."""
    hoped, priced, *_ = tables
    assert chosen(hoped, priced, price).tolist() == plainly(hoped, priced, price)


@given(recorded())
def test_the_oracle_is_the_curve_of_the_truth(tables: tuple[Any, Any, Any, Any]) -> None:
    """Predicting what will be makes the curve the oracle's frontier, concave and rising."""
    *_, good, spent = tables
    curve = utility_curve(good, spent, good, spent)
    pd.testing.assert_frame_equal(curve, oracle_frontier(good, spent))
    assert all(a < b for a, b in pairwise(curve["cost"]))


def test_prompts_with_a_gap_are_left_out() -> None:
    """A missing value in any of the four tables leaves the prompt out, and is counted."""
    whole = np.array([[0.5, 1.0], [0.0, 1.0]])
    gap = np.array([[np.nan, 1.0], [0.0, 1.0]])
    curve = utility_curve(whole, whole, gap, whole)
    assert curve.attrs == {"n": 1, "dropped": 1}
    assert utility_curve(whole, gap, whole, whole).attrs["dropped"] == 1


def test_tables_are_of_one_shape() -> None:
    """Predictions of other prompts or models are refused with both shapes."""
    with pytest.raises(ParameterError, match="predicted is 1 × 2 and quality is 1 × 3"):
        utility_curve([[0, 1]], [[1, 2]], [[0, 1, 1]], [[1, 2, 3]])
    with pytest.raises(ParameterError, match=r"must lie in \[0, 1\]"):
        utility_curve([[2.0]], [[1.0]], [[1.0]], [[1.0]])
