from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchkit.core.catalog import Catalog
from orchkit.core.plans import Answer, Plan, Query
from orchkit.core.strategies import AgreeThenEscalate, Cheapest, Fallback, Single
from orchkit.errors import ChainError, ParameterError, UnknownModelError, UnknownNameError
from orchkit.ui.recordings import ResponseMatrix

GRID = [0.0, 0.3, 0.6, 1.0]


def long(models: tuple[str, ...], n: int = 30) -> pd.DataFrame:
    """Return a recording of these models, each dearer and better."""
    drawn = np.random.default_rng(2)
    rows = [
        {
            "prompt_id": row,
            "prompt": "What is it?",
            "model": model,
            "quality": float(drawn.random() < 0.4 + 0.15 * place),
            "response": "1",
            "cost": 1e-5 * 5**place,
            "confidence": float(np.round(drawn.random(), 2)),
        }
        for row in range(n)
        for place, model in enumerate(models)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def foreign() -> ResponseMatrix:
    """Give a recording of models nobody knows."""
    return ResponseMatrix(long(("wee", "mid", "big", "huge")))


def held_equal(matrix: ResponseMatrix, swept: pd.DataFrame, **settings: Any) -> None:
    """Hold a sweep to replaying the named strategy at each threshold."""
    assert swept["threshold"].tolist() == GRID
    for row in swept.itertuples():
        out = matrix.route("fallback", threshold=row.threshold, **settings)
        assert row.cost == pytest.approx(out["cost"].sum())
        chosen = [matrix.quality.loc[prompt, model] for prompt, model in out["model_used"].items()]
        assert row.quality == pytest.approx(np.mean(chosen))
        assert row.calls == pytest.approx(out["metadata"].map(lambda m: len(m["calls"])).mean())


def test_the_default_chain_is_swept_on_foreign_models(foreign: ResponseMatrix) -> None:
    """A recording of models nobody knows has a chain of its own, and its sweep is its replay."""
    swept = foreign.sweep("fallback", threshold=GRID)
    assert len(swept.attrs["chain"]) > 1
    assert swept.attrs["chain"] == foreign.route("fallback")["fallback_chain"].iloc[0]
    held_equal(foreign, swept)


def test_chain_and_confidence_are_the_named_strategy_s(foreign: ResponseMatrix) -> None:
    """Settings reach the sweep as they reach a replay, a lambda that reads the query as well."""

    def length(query: Query, response: Any) -> float:
        return (len(query.text) + len(response.model)) / 20

    for settings in ({"chain": ["big", "wee"]}, {"chain": "wee, huge", "confidence": length}):
        held_equal(foreign, foreign.sweep("fallback", threshold=GRID, **settings), **settings)


def test_the_sweep_of_an_object_is_of_its_chain(foreign: ResponseMatrix) -> None:
    """A Fallback's own threshold is what the sweep is over; its class is its defaults."""
    swept = foreign.sweep(Fallback(("wee", "big"), 0.9), threshold=GRID)
    pd.testing.assert_frame_equal(
        swept, foreign.sweep("fallback", threshold=GRID, chain=["wee", "big"])
    )
    assert len(foreign.sweep(Fallback)) == 101  # type: ignore[arg-type]


@dataclass(frozen=True)
class Stubborn(Fallback):
    """A fallback that asks its first model, whatever the threshold."""

    def plan(self, query: Query, _: Catalog) -> Plan:
        """Ask once."""
        (said,) = yield (query.call((self.chain or ("wee",))[0]),)
        return Answer(said)


def test_a_fallback_that_plans_otherwise_is_driven(foreign: ResponseMatrix) -> None:
    """A class that overrides the plan is swept by its own plan, not by that of Fallback."""
    swept = foreign.sweep(Stubborn(("wee", "big")), threshold=GRID)
    assert swept["calls"].tolist() == [1.0] * 4
    assert len(set(swept["quality"])) == 1


@pytest.mark.parametrize(
    ("strategy", "error", "told"),
    [
        ("ensemble", ParameterError, "ensemble has no threshold to sweep over"),
        ("cheapest", ParameterError, "cheapest has no threshold"),
        ("agree", ParameterError, "agree has no threshold"),
        ("wee", ParameterError, "wee has no threshold"),
        (Single("wee"), ParameterError, "wee has no threshold"),
        (Cheapest(), ParameterError, "cheapest has no threshold"),
        (AgreeThenEscalate(("wee", "mid"), "big"), ParameterError, "has no threshold"),
        (Fallback(("wee", "mid"), (0.5,)), ParameterError, "one number for each hop"),
        (Fallback(("wee", "nobody")), UnknownModelError, "nobody"),
        ("fallbak", UnknownNameError, "Did you mean 'fallback'"),
        (7, ParameterError, "neither a name"),
    ],
    ids=str,
)
def test_what_cannot_be_swept_says_why(
    foreign: ResponseMatrix, strategy: Any, error: type[Exception], told: str
) -> None:
    """Each kind that has no one threshold is refused in words."""
    with pytest.raises(error, match=told):
        foreign.sweep(strategy)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"threshold": "x"}, ParameterError),
        ({"threshold": []}, ParameterError),
        ({"threshold": [2]}, ParameterError),
        ({"confidence": "x"}, ParameterError),
        ({"confidence": lambda query, response: 1 / 0}, ParameterError),
        ({"chain": []}, ChainError),
        ({"chain": ["wee", "wee"]}, ChainError),
        ({"chain": ["wee", "gone"]}, UnknownModelError),
    ],
    ids=str,
)
def test_settings_that_are_none_are_refused(
    foreign: ResponseMatrix, settings: dict[str, Any], error: type[Exception]
) -> None:
    """What a sweep cannot use is misuse of the right sort."""
    with pytest.raises(error):
        foreign.sweep("fallback", **settings)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"threshold": "x"}, ParameterError),
        ({"longest": 0}, ParameterError),
        ({"longest": 1.5}, ParameterError),
        ({"models": ["gone"]}, UnknownModelError),
        ({"models": []}, ChainError),
        ({"models": 5}, ChainError),
    ],
    ids=str,
)
def test_a_frontier_refuses_the_same(
    foreign: ResponseMatrix, settings: dict[str, Any], error: type[Exception]
) -> None:
    """What a frontier cannot use is misuse of the right sort."""
    with pytest.raises(error):
        foreign.frontier(**settings)


def test_a_frontier_s_points_are_what_a_replay_gives(foreign: ResponseMatrix) -> None:
    """Quality and cost of every point equal those of replaying its strategy."""
    found = foreign.frontier(threshold=GRID, models=["wee", "mid", "big"])
    assert set(found["chain"].map(len)) > {1}
    strategies: list[Any] = [
        Single(chain[0]) if len(chain) == 1 else Fallback(chain, threshold)
        for chain, threshold in zip(found["chain"], found["threshold"], strict=True)
    ]
    table = foreign.compare(strategies).summary()
    assert found["strategy"].tolist() == table.index[: len(found)].tolist()
    for name in ("quality", "cost_per_1k"):
        assert found[name].tolist() == pytest.approx(table[name].tolist()[: len(found)])


def test_a_gap_is_left_out_and_counted() -> None:
    """Prompts that lack one of a chain's models are in no row, and ``attrs`` tells how many."""
    frame = long(("wee", "mid", "big"))
    partial = ResponseMatrix(frame.drop(index=[1, 4]))
    for chain, left_out in ((("wee", "mid"), 2), (("wee", "big"), 0)):
        swept = partial.sweep(Fallback(chain), threshold=GRID)
        assert (set(swept["n"]), swept.attrs["left_out"]) == ({30 - left_out}, left_out)
    assert partial.frontier().attrs["left_out"] == 2


def test_a_grid_for_each_hop_gives_every_combination(foreign: ResponseMatrix) -> None:
    """Each row of a sweep over grids is what the chain with those thresholds comes to."""
    chain = tuple(foreign.models[:3])
    grids = [[0.2, 0.5, 0.8], [0.4, 0.6]]
    frame = foreign.sweep(Fallback(chain), threshold=grids)
    assert frame.shape == (6, 6)
    assert frame.attrs["chain"] == list(chain)
    for row in frame.itertuples():
        each = Fallback(chain, (row.threshold_1, row.threshold_2))
        found = foreign.compare([each]).summary().iloc[0]
        assert found["quality"] == pytest.approx(row.quality)
        assert found["cost"] == pytest.approx(row.cost)
    with pytest.raises(ParameterError, match="one for each of its 2 hops"):
        foreign.sweep(Fallback(chain), threshold=[[0.5]])


def test_a_sweep_tells_how_many_answers_have_no_confidence(foreign: ResponseMatrix) -> None:
    """Those escalate whatever the threshold: their share stands in the frame's attributes."""
    chain = foreign.models[:2]
    assert foreign.sweep("fallback", chain=chain).attrs["unsure"] == 0
    bare = foreign.frame
    bare.loc[bare["model"] == chain[0], ["confidence", "response"]] = None
    assert ResponseMatrix(bare).sweep("fallback", chain=chain).attrs["unsure"] == 0.5
