from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Params
from orchkit.core.catalog import NANO, Catalog
from orchkit.core.complexity import KeywordRules
from orchkit.core.plans import Trace
from orchkit.core.strategies import Threshold, Utility
from orchkit.errors import ParameterError
from orchkit.lab.arrays import arrays_of
from orchkit.lab.experiment import recorded_quality
from orchkit.lab.frontiers import replayed, swept_utility
from orchkit.lab.matrix import Matrix
from orchkit.lab.metrics.utilities import chosen

MODELS = ("a", "b", "c")
NOBODY = Catalog({}, ())


class Table:
    """A router that looks up what it says; it counts the calls."""

    models_ = MODELS

    def __init__(self, right: Any, cost: Any) -> None:
        self.right, self.cost, self.calls = right, cost, 0

    def predict(self, texts: list[str]) -> pd.DataFrame:
        """Return how likely each model is right."""
        self.calls += 1
        return self._of(self.right, texts)

    def predict_cost(self, texts: list[str]) -> pd.DataFrame:
        """Return USD."""
        return self._of(self.cost, texts)

    def _of(self, table: Any, texts: list[str]) -> pd.DataFrame:
        rows = [table[int(text)] for text in texts]
        return pd.DataFrame(rows, columns=pd.Index(MODELS))


@st.composite
def recordings(draw: st.DrawFn) -> tuple[Matrix, Table]:
    """Give a recording, and what a router says of it: few values, so that ties are common."""
    n = draw(st.integers(1, 8))
    cells = [(prompt, model) for prompt in range(n) for model in MODELS]
    size = {"min_size": len(cells), "max_size": len(cells)}
    quality = draw(st.lists(st.sampled_from([0.0, 0.3, 1.0]), **size))
    nano = draw(st.lists(st.integers(0, 5000), **size))
    frame = pd.DataFrame(cells, columns=["prompt_id", "model"])
    frame = frame.assign(prompt=frame["prompt_id"].astype(str), quality=quality)
    matrix = Matrix(frame.assign(cost=[each / NANO for each in nano]))
    right, cost = (
        np.array(draw(st.lists(values, **size)), dtype=float).reshape(n, 3)
        for values in (
            st.sampled_from([0.0, 0.3, 0.5, 0.7, math.nan]),
            st.sampled_from([0.0, 0.1, 0.2, 0.3]),
        )
    )
    return matrix, Table(right, cost)


def driven(matrix: Matrix, strategy: Any) -> list[Trace]:
    """Return the traces of the generator, a prompt each."""
    queries = matrix.queries(KeywordRules().predict, Params())
    return matrix.run([(query, strategy) for query in queries], matrix.catalog(NOBODY))


@given(recordings(), st.sampled_from([0.1, 0.5, 1.0, 2.0, 7.0, math.inf]))
def test_utility_is_column_arithmetic_row_for_row(told: tuple[Matrix, Table], value: float) -> None:
    """Each prompt gets the same model, quality and nano-dollars by the generator as by columns."""
    matrix, router = told
    traces = driven(matrix, Utility(router, value))
    at = chosen(router.right, router.cost, 1 / value)
    arrays, rows = arrays_of(matrix, MODELS), np.arange(len(matrix))
    assert [trace.cost for trace in traces] == arrays.cost[rows, at].tolist()
    assert [recorded_quality(0, each) for each in traces] == arrays.quality[rows, at].tolist()
    models = [trace.answer.response.model for trace in traces if trace.answer.response]
    assert models == [MODELS[column] for column in at]
    assert router.calls == 1


@given(recordings(), st.lists(st.sampled_from([0.1, 0.5, 1.0, 7.0]), min_size=1, max_size=3))
def test_a_sweep_over_values_is_the_replay(told: tuple[Matrix, Table], values: list[float]) -> None:
    """A row a value, ascending: quality and dollars are those of replaying `Utility` with it."""
    matrix, router = told
    frame = swept_utility(matrix, matrix.catalog(NOBODY), Utility(router, 1.0), values)
    assert frame["value"].tolist() == sorted(set(values))
    for row in frame.itertuples():
        traces = driven(matrix, Utility(router, row.value))
        assert row.cost == sum(trace.cost or 0 for trace in traces) / NANO
        quality = [recorded_quality(0, trace) for trace in traces]
        assert row.quality == pytest.approx(np.mean(quality), abs=1e-12)


def test_a_sweep_over_thresholds_scores_once() -> None:
    """A threshold strategy is replayed at each threshold on scores that are worked out once."""
    rows = [(n, str(n), model, 0.5, 1e-6) for n in range(4) for model in MODELS]
    matrix = Matrix(pd.DataFrame(rows, columns=["prompt_id", "prompt", "model", "quality", "cost"]))
    router = Table(np.array([[0.5, 0.5 + n / 10, 0.0] for n in range(4)]), np.ones((4, 3)))
    strategy = Threshold(router, "a", "b", 0.0)
    frame = replayed(matrix, matrix.catalog(NOBODY), strategy, [0.0, 0.15, 1.0])
    assert frame["n"].tolist() == [4] * 3
    assert router.calls == 1


@pytest.mark.parametrize("values", [[], [0.0], [-1.0], [math.nan]])
def test_values_are_above_0(values: list[float]) -> None:
    """What is no amount of dollars is refused."""
    frame = pd.DataFrame(
        {"prompt_id": [0], "prompt": "0", "model": "a", "quality": 1, "cost": 1e-6}
    )
    matrix = Matrix(frame)
    with pytest.raises(ParameterError, match="USD above 0"):
        swept_utility(matrix, matrix.catalog(NOBODY), Utility(Table([], []), 1.0), values)
