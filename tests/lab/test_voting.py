from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Params
from orchkit.core.catalog import NANO, Catalog, Model, Rates, Tier
from orchkit.core.complexity import KeywordRules
from orchkit.core.plans import Strategy, Trace
from orchkit.core.strategies import AgreeThenEscalate, Ensemble
from orchkit.lab.arrays import arrays_of
from orchkit.lab.cascading import Routed
from orchkit.lab.experiment import recorded_quality
from orchkit.lab.matrix import Matrix
from orchkit.lab.voting import agreeing, ballots_of, escalated, voted

MODELS = ("a", "b", "c")
CATALOG = Catalog(
    {
        "a": Model("a", "replay", Tier.BASIC, (Rates(1.0, 1.0),)),
        "b": Model("b", "replay", Tier.INTERMEDIATE, (Rates(3.0, 3.0),)),
        "c": Model("c", "replay", Tier.INTERMEDIATE, (Rates(2.0, 2.0),)),
    },
    MODELS,
)
SAID = ("42", "The answer is 42", "7", "B)", "word " * 30, "other " * 30, "", None)
cell = st.fixed_dictionaries(
    {
        "quality": st.sampled_from([0.0, 0.3, 1.0]),
        "cost": st.integers(0, 5000).map(lambda nano: nano / NANO),
        "confidence": st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0, None]),
        "response": st.sampled_from(SAID),
        "finish_reason": st.sampled_from(["stop", "stop", "stop", "length", None]),
    }
)
recordings = st.integers(1, 12).flatmap(lambda n: st.lists(cell, min_size=3 * n, max_size=3 * n))


def recording(cells: list[dict[str, Any]]) -> Matrix:
    """Return a matrix of prompts × MODELS."""
    rows = [
        {"prompt_id": place // 3, "prompt": "What?", "model": MODELS[place % 3], **each}
        for place, each in enumerate(cells)
    ]
    return Matrix(pd.DataFrame(rows))


def driven(matrix: Matrix, strategy: Strategy) -> list[Trace]:
    """Return the traces of the generator, a prompt each."""
    queries = matrix.queries(KeywordRules().predict, Params())
    return matrix.run([(query, strategy) for query in queries], CATALOG)


def held_equal(routed: Routed, traces: list[Trace]) -> None:
    """Hold each prompt's model, quality and nano-dollars to the generator's."""
    chosen = [MODELS[column] for column in routed.chosen]
    assert chosen == [trace.answer.response.model for trace in traces if trace.answer.response]
    assert routed.quality.tolist() == [recorded_quality(0, trace) for trace in traces]
    assert routed.cost.tolist() == [trace.cost for trace in traces]


@pytest.mark.parametrize("select", ["confidence", "majority", "weighted"])
@given(cells=recordings)
def test_a_vote_is_the_generator_row_for_row(select: str, cells: list[dict[str, Any]]) -> None:
    """Every ensemble of two or three chooses what `Ensemble` chooses, in any order of members."""
    matrix = recording(cells)
    table = ballots_of(matrix, arrays_of(matrix, MODELS), CATALOG)
    for members in [*permutations(MODELS, 3), *combinations(MODELS, 2)]:
        strategy = Ensemble(models=members, select=select)
        held_equal(voted(table, members, select), driven(matrix, strategy))


@given(cells=recordings)
def test_agreeing_is_the_generator_row_for_row(cells: list[dict[str, Any]]) -> None:
    """Wherever cheap models agree, or do not, the arrays tell of the generator's run."""
    matrix = recording(cells)
    table = ballots_of(matrix, arrays_of(matrix, MODELS), CATALOG)
    for first, second, strong in permutations(MODELS):
        cheap = (first, second)
        strategy = AgreeThenEscalate(cheap, strong)
        routed = escalated(table, cheap, strong, agreeing(table, cheap))
        held_equal(routed, driven(matrix, strategy))
