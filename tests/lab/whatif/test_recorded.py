from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Params
from orchkit.core.catalog import NANO, Catalog, Model, Rates, Tier
from orchkit.core.complexity import KeywordRules
from orchkit.errors import MatrixError, ParameterError
from orchkit.lab.experiment import recorded_quality
from orchkit.lab.matrix import Matrix
from orchkit.lab.whatif import Recorded, Setting, Way

MODELS = ("a", "b", "c")
FIVE = (*MODELS, "d", "e")
PROMPTS = ("What is it?", "Explain it", "Design a system", "Research it", "")
PREDICT = KeywordRules().predict

cell = st.fixed_dictionaries(
    {
        "quality": st.sampled_from([0.0, 0.3, 1.0]),
        "cost": st.integers(0, 5000).map(lambda nano: nano / NANO),
        "confidence": st.sampled_from((0.0, 0.25, 0.5, 0.6, 0.75, 1.0, None)),
        "response": st.sampled_from(("42", "7", "I don't know.", "It might be 7", "  ")),
        "finish_reason": st.sampled_from(("stop", "stop", "stop", "length", None)),
    }
)
cells = st.integers(1, 8).flatmap(lambda n: st.lists(cell, min_size=5 * n, max_size=5 * n))
several = st.sets(st.sampled_from(FIVE), min_size=1).map(lambda some: tuple(sorted(some)))
#: What is known of models: nothing, or two of those recorded, one of them asked by default.
KNOWN = {
    "nobody": Catalog({}, ()),
    "two": Catalog(
        {
            "b": Model("b", "openai", Tier.EXPERT, (Rates(1, 4),)),
            "d": Model("d", "openai", Tier.BASIC, (Rates(2, 8),)),
        },
        ("b",),
    ),
}


def recording(cells: list[dict[str, Any]]) -> Matrix:
    """Return a matrix of prompts × FIVE models from its cells, in order."""
    rows = [
        {
            "prompt_id": f"p{at // 5}",
            "prompt": PROMPTS[at // 5 % len(PROMPTS)],
            "model": FIVE[at % 5],
            **each,
        }
        for at, each in enumerate(cells)
    ]
    return Matrix(pd.DataFrame(rows))


def recorded(matrix: Matrix, known: str = "nobody") -> Recorded:
    """Return it to try settings on."""
    return Recorded(matrix, KNOWN[known], PREDICT)


@given(cells, several, st.sampled_from(("fallback", "cheapest", "ensemble", "agree")),
       st.sampled_from((0.0, 0.3, 0.6, 0.75, 1.0)), st.sampled_from(sorted(KNOWN)),
       st.sampled_from(({}, {"a": 3.0}, {"b": 0.0, "d": 2.0})))  # fmt: skip
def test_a_way_is_the_generator_row_by_row(
    cells: list[dict[str, Any]],
    kept: tuple[str, ...],
    name: str,
    threshold: float,
    known: str,
    times: dict[str, float],
) -> None:
    """Model, quality and nano-dollars of every prompt equal those of driving the strategy.

    Where strategies choose among all models, on a recording of the kept ones alone; at other
    prices, on the recording at them.
    """
    table = recorded(matrix := recording(cells), known)
    setting = Setting(name, kept, threshold, times)
    if len(kept) < {"agree": 3, "ensemble": 2}.get(name, 1):
        with pytest.raises(ParameterError, match="models or more"):
            table.way(setting)
        return
    way = table.way(setting)
    matrix = matrix.reprice(times=times)
    matrix = matrix.subset(models=kept) if name == "cheapest" else matrix
    catalog = matrix.catalog(KNOWN[known])
    queries = matrix.queries(PREDICT, Params())
    traces = matrix.run([(query, table.strategy(setting)) for query in queries], catalog)
    for row, trace in enumerate(traces):
        assert round(way.paid[row].sum()) == trace.cost
        asked = {name for name, there in zip(table.models, way.asked[row], strict=True) if there}
        assert {response.model for response in trace.responses} == asked
        if trace.answer.failure is None:
            assert table.models[way.chosen[row]] == trace.answer.response.model
            assert way.quality[row] == recorded_quality(row, trace)


def frame(rows: int = 40, seed: int = 0) -> pd.DataFrame:
    """Return a long table of prompts × three models, a the cheapest and c the best."""
    draw = np.random.default_rng(seed)
    size = rows * 3
    return pd.DataFrame(
        {
            "prompt_id": np.repeat(np.arange(rows), 3),
            "prompt": np.repeat([f"Explain {at}" for at in range(rows)], 3),
            "model": [*MODELS] * rows,
            "quality": (draw.random(size) < np.tile([0.5, 0.7, 0.9], rows)).astype(float),
            "cost": np.tile([1e-5, 5e-5, 5e-4], rows),
            "confidence": draw.random(size).round(2),
            "response": "42",
        }
    )


def test_prices_are_multiplied_and_reorder_a_chain() -> None:
    """A call costs as many times as much, and a chain starts with what is then the cheapest."""
    table = recorded(Matrix(frame()))
    plain = table.way(Setting("fallback", MODELS, 0.0))
    dear = table.way(Setting("fallback", MODELS, 0.0, {"a": 60.0}))
    assert plain.standing["cost_per_1k"] == pytest.approx(0.01)
    assert dear.standing["cost_per_1k"] == pytest.approx(0.05)
    assert table.kept(Setting("fallback", MODELS, 0.0, {"a": 60.0})) == ("b", "c", "a")


def test_the_curve_goes_through_every_way() -> None:
    """At 0.57, and each other hundredth, a curve tells what the way there comes to."""
    table = recorded(Matrix(frame()))
    curve = table.curve(Setting("fallback", MODELS))
    assert curve is not None
    for percent, at in curve.iterrows():
        standing = table.way(Setting("fallback", MODELS, percent / 100)).standing
        assert standing["quality"] == pytest.approx(at["quality"])
        assert standing["cost_per_1k"] == pytest.approx(at["cost_per_1k"])
    assert table.curve(Setting("ensemble", MODELS)) is None


def test_a_conversation_is_as_complex_as_what_was_last_said() -> None:
    """Its tier is the one a replay goes by."""
    said = ["What is it?", "Research it", "Design a system"]
    talks = [[{"role": "system", "content": "Be brief"}, {"role": "user", "content": each}]
             for each in said]  # fmt: skip
    long = frame(3).assign(prompt=[talk for talk in talks for _ in MODELS])
    ranks = recorded(Matrix(long)).tiers
    assert ranks.tolist() == [Tier(each).rank for each in PREDICT(said)]
    assert len(set(ranks.tolist())) > 1


def test_prompts_with_a_gap_are_left_out_and_counted() -> None:
    """Ways are of the prompts of which all is known."""
    table = recorded(Matrix(frame().drop(index=[4, 30])))
    assert (table.left_out, len(table.way(Setting("fallback", MODELS)))) == (2, 38)


def test_it_starts_with_what_fallback_is_there() -> None:
    """The default chain of the recording's catalog, as a replay of its name would take."""
    table = recorded(Matrix(frame()))
    assert set(table.start().models) == set(table.catalog.ladder())


def test_without_a_chain_it_starts_with_the_models_no_other_beats() -> None:
    """Where the cheapest model is trusted with everything, a fallback over the frontier."""
    long = frame()
    long.loc[long["model"] == "b", "cost"] = 1e-3
    able = {name: Model(name, "openai", Tier.EXPERT, (Rates(1, 1),)) for name in MODELS}
    assert Recorded(Matrix(long), Catalog(able, MODELS), PREDICT).start().models == ("a", "c")


def test_what_cannot_be_judged_is_told_at_once() -> None:
    """Without qualities or costs there is nothing to hold against each other."""
    with pytest.raises(MatrixError, match="quality and cost"):
        recorded(Matrix(frame().drop(columns="cost")))


def test_an_unknown_strategy_is_told() -> None:
    """The error names those there are."""
    with pytest.raises(ParameterError, match="fallback, cheapest, ensemble, agree"):
        recorded(Matrix(frame())).way(Setting("magic", MODELS))


def test_singles_are_each_model_alone() -> None:
    """Quality and cost are those recorded."""
    singles = recorded(Matrix(frame())).singles(Setting("fallback", MODELS))
    assert isinstance(singles["a"], Way)
    assert {name: way.standing["cost_per_1k"] for name, way in singles.items()} == pytest.approx(
        {"a": 0.01, "b": 0.05, "c": 0.5}
    )
