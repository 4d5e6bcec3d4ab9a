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
from orchkit.core.strategies import Fallback
from orchkit.errors import MatrixError, ParameterError
from orchkit.lab.arrays import Arrays, arrays_of
from orchkit.lab.cascading import cascaded, hop_grid
from orchkit.lab.experiment import recorded_quality
from orchkit.lab.matrix import Matrix
from orchkit.lab.sweeping import binned, by_cost, subchains, sweep_frame, swept

MODELS = ("a", "b", "c")
#: Few values, so that ties are common; None is a confidence that was not recorded.
SURE = (0.0, 0.25, 0.5, 0.6, 0.75, 1.0, None)
TEXTS = ("42", "I don't know.", "It might be 7", "", "  ", None)
FINISHES = ("stop", "stop", "stop", "length", "refusal", None)


def recording(cells: list[dict[str, Any]]) -> Matrix:
    """Return a matrix of prompts × MODELS from what is recorded of its cells, in order."""
    rows = [
        {"prompt_id": f"p{place // len(MODELS)}", "model": MODELS[place % len(MODELS)], **cell}
        for place, cell in enumerate(cells)
    ]
    frame = pd.DataFrame(rows).assign(prompt="What is it?")
    return Matrix(frame[[True if gap is None else not gap for gap in frame.pop("gap")]])


cell = st.fixed_dictionaries(
    {
        "quality": st.sampled_from([0.0, 0.3, 1.0]),
        "cost": st.integers(0, 5000).map(lambda nano: nano / NANO),
        "confidence": st.sampled_from(SURE),
        "response": st.sampled_from(TEXTS),
        "finish_reason": st.sampled_from(FINISHES),
        "gap": st.just(False),
    }
)
full = st.integers(1, 12).flatmap(lambda n: st.lists(cell, min_size=3 * n, max_size=3 * n))
chains = st.permutations(MODELS).flatmap(
    lambda order: st.integers(1, 3).map(lambda size: tuple(order[:size]))
)


def driven(matrix: Matrix, strategy: Fallback) -> list[Trace]:
    """Return the traces of the generator, a prompt each."""
    catalog: Catalog = matrix.catalog(Catalog({}, ()))
    queries = matrix.queries(KeywordRules().predict, Params())
    return matrix.run([(query, strategy) for query in queries], catalog)


def nano(traces: list[Trace]) -> int:
    """Return the nano-dollars of all traces."""
    costs = [trace.cost for trace in traces]
    assert None not in costs
    return sum(cost for cost in costs if cost)


@given(full, chains)
def test_a_sweep_is_the_generator_at_every_threshold(
    cells: list[dict[str, Any]], chain: tuple[str, ...]
) -> None:
    """Quality, nano-dollars and escalations equal those of driving `Fallback` at each threshold."""
    matrix = recording(cells)
    arrays = arrays_of(matrix, MODELS)
    sweep = swept(binned(arrays, np.linspace(0, 1, 11)), chain)
    for at, threshold in enumerate(sweep.thresholds):
        traces = driven(matrix, Fallback(chain, float(threshold)))
        quality = [recorded_quality(0, trace) for trace in traces]
        assert sweep.quality[at] == pytest.approx(sum(quality), abs=1e-9)
        assert sweep.square[at] == pytest.approx(sum(q * q for q in quality), abs=1e-9)
        assert sweep.cost[at] == nano(traces)
        rounds = [len(trace.rounds) for trace in traces]
        past = [sum(done > hop for done in rounds) for hop in range(1, len(chain))]
        assert sweep.escalated[:, at].tolist() == past


@given(full, chains, st.data())
def test_a_cascade_is_the_generator_row_for_row(
    cells: list[dict[str, Any]], chain: tuple[str, ...], data: st.DataObject
) -> None:
    """With a threshold a hop, each prompt gets the generator's model, quality and nano-dollars."""
    matrix = recording(cells)
    hops = tuple(data.draw(st.sampled_from([0.0, 0.3, 0.6, 1.0])) for _ in chain[1:])
    traces = driven(matrix, Fallback(chain, hops))
    routed = cascaded(arrays_of(matrix, MODELS), chain, (*hops, -math.inf))
    chosen = [MODELS[column] for column in routed.chosen]
    assert chosen == [trace.answer.response.model for trace in traces if trace.answer.response]
    assert routed.quality.tolist() == [recorded_quality(0, trace) for trace in traces]
    assert routed.cost.tolist() == [trace.cost for trace in traces]


@given(full, chains)
def test_a_grid_holds_every_combination_of_thresholds(
    cells: list[dict[str, Any]], chain: tuple[str, ...]
) -> None:
    """`hop_grid` sums what `cascaded` gives at each combination of the hops' thresholds."""
    arrays = arrays_of(recording(cells), MODELS)
    limits = [np.array([0.0, 0.5, 0.6, 0.9])[: 4 - hop] for hop in range(len(chain) - 1)]
    quality, cost = hop_grid(arrays, chain, limits)
    assert quality.shape == cost.shape == tuple(len(each) for each in limits)
    for at in np.ndindex(*quality.shape):
        hops = [each[place] for each, place in zip(limits, at, strict=True)]
        routed = cascaded(arrays, chain, (*hops, -math.inf))
        assert quality[at] == pytest.approx(routed.quality.sum(), abs=1e-9)
        assert cost[at] == routed.cost.sum()


@given(full, st.lists(st.booleans(), min_size=36, max_size=36))
def test_prompts_with_a_gap_are_left_out(cells: list[dict[str, Any]], gaps: list[bool]) -> None:
    """Only prompts recorded for every model are swept, and the others are counted."""
    told = [{**cell, "gap": gap} for cell, gap in zip(cells, gaps, strict=False)]
    full_rows = [not any(cell["gap"] for cell in told[i : i + 3]) for i in range(0, len(told), 3)]
    if not any(full_rows) or all(cell["gap"] for cell in told):
        return
    matrix = recording(told)
    if set(matrix.models) != set(MODELS):
        return
    arrays = arrays_of(matrix, MODELS)
    assert len(arrays) == sum(full_rows)
    assert arrays.left_out == len(matrix) - sum(full_rows)


def arrays(**columns: list[float]) -> Arrays:
    """Return arrays of one model a keyword, from qualities; costs 1, 10, 100, …, sure at 0.5."""
    quality = np.array(list(columns.values()), dtype=float).T
    n, m = quality.shape
    cost = np.tile(10 ** np.arange(m), (n, 1)).astype(np.int64)
    rank, usable = np.full((n, m), 0.5), np.full((n, m), fill_value=True)
    return Arrays(tuple(columns), np.arange(n), quality, cost, rank, usable)


def test_a_sweep_as_a_frame_has_units_and_intervals() -> None:
    """Costs are USD, per 1,000 prompts too; quality has Wilson's interval."""
    table = arrays(a=[0.0, 1.0], b=[1.0, 1.0])
    frame = sweep_frame(swept(binned(table, [0.4, 0.6]), ("a", "b")), ("a", "b"), binary=True)
    assert frame["quality"].tolist() == [0.5, 1.0]
    assert frame["cost"].tolist() == [2e-9, 22e-9]
    assert frame["cost_per_1k"].tolist() == pytest.approx([1e-6, 11e-6])
    assert frame["escalation_rate"].tolist() == [0.0, 1.0]
    assert frame["calls"].tolist() == [1.0, 2.0]
    assert frame["quality_low"].round(3).tolist() == [0.095, 0.342]
    assert frame.attrs["chain"] == ["a", "b"]


def test_graded_quality_has_a_normal_interval() -> None:
    """Qualities between 0 and 1 get the mean plus or minus 1.96 standard errors."""
    table = arrays(a=[0.2, 0.4, 0.6, 0.8])
    frame = sweep_frame(swept(binned(table, 0.5), ("a",)), ("a",), binary=False)
    error = np.std([0.2, 0.4, 0.6, 0.8], ddof=1) / 2
    assert frame["quality_high"].item() == pytest.approx(0.5 + 1.959964 * error, abs=1e-6)


@pytest.mark.parametrize("wrong", [[], [1.2], [-0.1], [math.nan]])
def test_thresholds_lie_between_0_and_1(wrong: list[float]) -> None:
    """What is no threshold is refused by name."""
    with pytest.raises(ParameterError, match="numbers in \\[0, 1\\]"):
        binned(arrays(a=[1.0]), wrong)


def test_more_thresholds_than_a_byte_counts() -> None:
    """Bins are as wide as the number of thresholds needs."""
    table = arrays(a=[0.0], b=[1.0])
    sweep = swept(binned(table, np.linspace(0, 1, 100_001)), ("a", "b"))
    assert sweep.cost[50_000] == 1
    assert sweep.cost[50_001] == 11


def test_chains_keep_the_order_of_costs() -> None:
    """Six models ordered by cost have 57 chains of two or more."""
    table = arrays(**{name: [1.0] for name in "fedcba"})
    assert by_cost(table) == list("fedcba")
    assert len(list(subchains(by_cost(table)))) == 57
    assert len(list(subchains(by_cost(table), 2))) == 15


def test_costs_that_are_no_dollars_are_refused() -> None:
    """A table whose costs come to millions was not written in USD."""
    rows = [{"prompt_id": n, "model": "a", "quality": 1, "cost": 2e6} for n in range(9)]
    with pytest.raises(MatrixError, match="must be USD"):
        arrays_of(Matrix(pd.DataFrame(rows)), ["a"])


def test_without_qualities_there_is_nothing_to_sweep() -> None:
    """A recording without qualities says how to come by them."""
    rows = [{"prompt_id": 1, "model": "a", "response": "x", "cost": 1e-6}]
    with pytest.raises(MatrixError, match=r"mat\.score"):
        arrays_of(Matrix(pd.DataFrame(rows)), ["a"])


def test_a_signal_that_asks_again_cannot_be_swept() -> None:
    """It is refused, and told what to use instead."""

    def asks(query: Any, _: Any) -> Any:
        (again,) = yield (query.call("a", draw=1),)
        return float(again.ok)

    rows = [{"prompt_id": 1, "model": "a", "response": "x", "cost": 1e-6, "quality": 1}]
    with pytest.raises(ParameterError, match="asks models again"):
        arrays_of(Matrix(pd.DataFrame(rows)), ["a"], asks)
