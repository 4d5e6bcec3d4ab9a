from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.errors import ColumnError
from orchkit.lab.metrics import oracle_frontier
from orchkit.lab.pictures.tradeoff import oracle_line, points, zero_router

MODELS = st.lists(
    st.tuples(st.one_of(st.just(0.0), st.floats(1e-6, 1e3)), st.floats(0, 1)),
    min_size=1,
    max_size=6,
)


@given(MODELS, st.floats(0, 2e3))
def test_the_zero_router_is_above_every_model(models: list[tuple[float, float]], up: float) -> None:
    """The line is at or above every model, never falls, is concave, and ends where it is told."""
    table = pd.DataFrame(models, columns=["cost_per_1k", "quality"])
    line = zero_router(table, up, n=50)
    cost, quality = line["cost_per_1k"].to_numpy(), line["quality"].to_numpy()
    assert cost[0] == table["cost_per_1k"].min()
    assert cost[-1] == max(up, table["cost_per_1k"].max())
    assert np.all(np.diff(quality) >= -1e-9)
    for at, good in models:
        assert quality[cost == at].item() >= good - 1e-9


def test_the_zero_router_mixes_two_models() -> None:
    """Between two models the line is the straight one, sampled for a logarithmic axis."""
    line = zero_router(pd.DataFrame({"cost_per_1k": [1, 100], "quality": [0.5, 0.9]}), 200, n=50)
    mixed = line[line["cost_per_1k"] <= 100]
    expected = 0.5 + 0.4 * (mixed["cost_per_1k"] - 1) / 99
    assert mixed["quality"].tolist() == pytest.approx(expected.tolist())
    assert len(mixed) > 30
    assert line["quality"].iloc[-1] == 0.9


def test_an_oracles_frontier_is_per_thousand_prompts() -> None:
    """What `oracle_frontier` says of a prompt is drawn per 1,000 of them."""
    frontier = oracle_frontier([[0, 1], [1, 1]], [[0.001, 0.004], [0.001, 0.004]])
    line = oracle_line(frontier)
    assert line["cost_per_1k"].tolist() == pytest.approx((1000 * frontier["cost"]).tolist())
    assert line["quality"].tolist() == frontier["quality"].tolist()


def test_misuse_is_told() -> None:
    """A missing column is named with what to pass."""
    with pytest.raises(ColumnError, match=r"cost_per_1k.*summary\(\)"):
        points(pd.DataFrame({"quality": [0.5]}))
    with pytest.raises(ColumnError, match="oracle_frontier"):
        oracle_line(pd.DataFrame({"quality": [0.5]}))
