from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import orchkit
from orchkit.errors import ColumnError, ParameterError
from orchkit.lab.pictures.flow import OUTCOMES, chain_flow
from orchkit.lab.stats import wilson


def test_each_hop_is_counted(results: pd.DataFrame) -> None:
    """Every prompt is counted where it stopped, by whose answer it kept."""
    flow = chain_flow(results).set_index("model")
    assert flow["asked"].tolist() == [5, 3, 2]
    assert flow["accepted"].tolist() == [2, 1, 0]
    assert flow["earlier"].tolist() == [0, 0, 1]
    assert flow["failed"].tolist() == [0, 0, 1]
    assert flow["escalated"].tolist() == [3, 2, 0]
    assert flow["quality"].tolist()[:2] == [0.5, 1.0]
    assert tuple(flow.loc["a", ["quality_low", "quality_high"]]) == wilson(1, 2)
    assert flow.loc["c", ["quality", "quality_low"]].isna().all()


def test_quality_may_be_unknown(results: pd.DataFrame) -> None:
    """Without a quality the flow is counted all the same."""
    flow = chain_flow(results.drop(columns="quality"))
    assert flow["quality"].isna().all()
    assert flow["asked"].tolist() == [5, 3, 2]


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_outcomes_add_up(ends: list[tuple[int, int]]) -> None:
    """What became of the prompts of a hop adds up to those asked; the escalated are asked next."""
    chain = ["a", "b", "c"]
    rows = [
        {
            "strategy": "s",
            "model_used": chain[used - 1] if 0 < used <= last else None,
            "fallback_chain": chain,
            "metadata": {"calls": [{"model": model} for model in chain[:last]]},
        }
        for last, used in ends
    ]
    flow = chain_flow(pd.DataFrame(rows))
    assert flow[list(OUTCOMES)].sum(axis=1).tolist() == flow["asked"].tolist()
    assert flow["escalated"].tolist()[:-1] == flow["asked"].tolist()[1:]
    assert flow["asked"].iloc[0] == len(rows)


def test_the_strategy_that_escalates_is_found() -> None:
    """Of a comparison the one with a chain is taken; its flow agrees with rounds and model_used."""
    with orchkit.use("simulator"):
        found = orchkit.compare(
            orchkit.load_dataset("everyday").head(40), ["cheapest", "fallback", "ensemble"]
        )
    flow, own = chain_flow(found.results), found.results.query("strategy == 'fallback'")
    assert flow["strategy"].unique().tolist() == ["fallback"]
    assert flow["asked"].tolist() == [(own["rounds"] >= n).sum() for n in flow["hop"]]
    first = own[(own["rounds"] == 1) & own["error"].isna()]
    assert flow["accepted"].iloc[0] == len(first)
    assert flow["quality"].iloc[0] == pytest.approx(first["quality"].mean())


def test_several_that_escalate_need_a_name(results: pd.DataFrame) -> None:
    """Where two strategies escalate the error names them; a name chooses one."""
    both = pd.concat([results, results.head(2).assign(strategy="other")])
    with pytest.raises(ParameterError, match="'fallback', 'other'"):
        chain_flow(both)
    assert chain_flow(both, strategy="other")["asked"].tolist() == [2, 0, 0]
    with pytest.raises(ParameterError, match="no chain of 'nobody'"):
        chain_flow(both, strategy="nobody")


def test_no_chain_is_told(results: pd.DataFrame) -> None:
    """A frame without a chain of two says what to pass; so does one without the columns."""
    with pytest.raises(ParameterError, match="chain of two"):
        chain_flow(results.assign(fallback_chain=[["a"]] * len(results)))
    with pytest.raises(ColumnError, match=r"model_used.*compare"):
        chain_flow(results.drop(columns="model_used"))


def test_models_asked_together_are_one_hop() -> None:
    """Two cheap models of one round stand as one hop, whichever of their answers is kept."""
    first = [{"model": "a", "round": 0}, {"model": "b", "round": 0}]
    rows = [("a", first), ("c", [*first, {"model": "c", "round": 1}])]
    frame = pd.DataFrame(
        {
            "strategy": "agree",
            "model_used": [used for used, _ in rows],
            "fallback_chain": [["a", "b", "c"]] * 2,
            "metadata": [{"calls": calls} for _, calls in rows],
        }
    )
    flow = chain_flow(frame)
    assert flow["model"].tolist() == ["a + b", "c"]
    assert flow["asked"].tolist() == [2, 1]
    assert flow["accepted"].tolist() == [1, 1]
    assert flow["escalated"].tolist() == [1, 0]
