from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Params
from orchkit.core.catalog import NANO, Catalog, Model, Rates, Tier
from orchkit.core.complexity import KeywordRules
from orchkit.core.confidence import brevity
from orchkit.core.signals import agrees_with, self_consistency, verbalised
from orchkit.core.strategies import Single
from orchkit.errors import ParameterError
from orchkit.lab.matrix import Matrix
from orchkit.lab.observing import default_signals, name_of, observed, signals_of

MODELS = ("a", "b", "c")
ONE = (Rates(1.0, 1.0),)
CATALOG = Catalog({name: Model(name, "replay", Tier.BASIC, ONE) for name in MODELS}, MODELS)
SAID = ("42", "The answer is 42", "7", "word " * 30, "", None)
cell = st.fixed_dictionaries(
    {
        "quality": st.sampled_from([0.0, 0.3, 1.0, None]),
        "cost": st.sampled_from([0.0, 1e-6, 2.5e-6, None]),
        "confidence": st.sampled_from([0.0, 0.3, 0.9, None]),
        "response": st.sampled_from(SAID),
        "finish_reason": st.sampled_from(["stop", "stop", "stop", "length", None]),
        "error": st.sampled_from([None, None, None, "Timeout: late"]),
    }
)
recordings = st.integers(1, 8).flatmap(lambda n: st.lists(cell, min_size=3 * n, max_size=3 * n))


def recording(cells: list[dict[str, Any]]) -> Matrix:
    """Return a matrix of prompts × MODELS."""
    rows = [
        {"prompt_id": f"q{n // 3}", "prompt": "What?", "model": MODELS[n % 3], **each}
        for n, each in enumerate(cells)
    ]
    return Matrix(pd.DataFrame(rows))


def by_hand(matrix: Matrix, signal: Any) -> list[tuple[Any, ...]]:
    """Return model, prompt, confidence, quality and price as the generator gives them."""
    found = []
    queries = matrix.queries(KeywordRules().predict, Params())
    for model in matrix.models:
        traces = matrix.run([(query, Single(model, signal)) for query in queries], CATALOG)
        for prompt, trace in zip(matrix.prompts.index, traces, strict=True):
            if trace.responses and trace.answer.confidence.signal != "failure":
                paid = [response.cost for response in trace.responses[1:]]
                price = math.nan if None in paid else sum(each or 0 for each in paid) / NANO
                first = trace.responses[0]
                told = (trace.answer.confidence.value, first.extra.get("quality", math.nan), price)
                found.append((model, prompt, *map(float, told)))
    return found


@settings(max_examples=12)
@given(cells=recordings)
@pytest.mark.parametrize(
    "signal", [None, brevity, agrees_with("b"), agrees_with("a", "c"), self_consistency(1)], ids=str
)
def test_columns_are_the_generator_row_for_row(signal: Any, cells: list[dict[str, Any]]) -> None:
    """What is observed in bulk is what the signal says when each answer is replayed, and its price.

    With gaps, failures, truncated and blank answers, and unknown costs and qualities.
    """
    matrix = recording(cells)
    table = observed(matrix, CATALOG, [signal])
    columns = ["model", "prompt_id", "confidence", "quality", "price"]
    told = [tuple(row) for row in table[columns].itertuples(index=False)]
    wanted = by_hand(matrix, signal)
    assert [row[:2] for row in told] == [row[:2] for row in wanted]
    numbers = (np.array([row[2:] for row in rows], dtype=float) for rows in (told, wanted))
    np.testing.assert_allclose(*numbers, rtol=1e-9, atol=1e-12)


def test_signals_and_models_stand_in_order() -> None:
    """One block a signal, in it one a model, in it the prompts as recorded."""
    matrix = recording([{"quality": 1.0, "cost": 1e-6, "response": "42"}] * 6)
    table = observed(matrix, CATALOG, [brevity, agrees_with("b")], ["c", "a"])
    assert table["signal"].tolist() == ["brevity"] * 4 + ["agrees_with(b)"] * 4
    assert table["model"].tolist() == ["c", "c", "a", "a"] * 2
    assert table["prompt_id"].tolist() == ["q0", "q1"] * 4


def test_what_was_not_recorded_is_unknown() -> None:
    """A signal that asks what no recording holds is unknown, and costs nothing."""
    matrix = recording([{"quality": 1.0, "cost": 1e-6, "response": "42"}] * 3)
    table = observed(matrix, CATALOG, [verbalised, self_consistency(2)])
    assert len(table) == 6
    assert table["confidence"].isna().all()
    assert (table["price"] == 0).all()


def test_default_signals_are_those_a_recording_can_tell() -> None:
    """Without texts there is what responses carry; with them brevity, and the cheapest agreeing."""
    cells = [{"quality": 1.0, "cost": cost, "confidence": 0.5} for cost in (3e-6, 1e-6, 2e-6)]
    assert default_signals(recording(cells)) == [None]
    texts = [{**each, "response": "42"} for each in cells]
    assert default_signals(recording(texts)) == [None, brevity, agrees_with("b", "c")]
    unpriced = [{**each, "cost": None} for each in texts]
    assert default_signals(recording(unpriced))[2] == agrees_with("a", "b")


def test_signals_are_one_or_several() -> None:
    """A function is a list of one; what is none is refused."""
    matrix = recording([{"quality": 1.0, "response": "42"}] * 3)
    assert signals_of(brevity, matrix) == [brevity]
    assert signals_of([None, brevity], matrix) == [None, brevity]
    for given_ in ([], ["brevity"]):
        with pytest.raises(ParameterError, match="signals"):
            signals_of(given_, matrix)


def test_a_signal_has_a_name() -> None:
    """The default, a function and one with settings can be told apart in tables."""
    assert [name_of(each) for each in (None, brevity, self_consistency(3))] == [
        "auto",
        "brevity",
        "self_consistency(3)",
    ]
