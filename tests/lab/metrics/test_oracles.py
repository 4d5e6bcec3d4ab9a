import math
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.metrics import hull, hull_value, model_recall, oracle_frontier, regret

NAN = math.nan
GRADES = st.sampled_from([0.0, 0.5, 1.0])
PRICES = st.integers(0, 4).map(float) | st.floats(0.01, 10)
Table = list[list[tuple[float, float]]]


@st.composite
def tables(draw: st.DrawFn, most: int = 6, models: int = 4) -> Table:
    """Draw prompts × models: quality and cost."""
    width = draw(st.integers(1, models))
    row = st.lists(st.tuples(GRADES, PRICES), min_size=width, max_size=width)
    return draw(st.lists(row, min_size=1, max_size=most))


def parted(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the table of qualities and that of costs."""
    both = np.array(table)
    return both[:, :, 0], both[:, :, 1]


@given(tables(most=4, models=3))
def test_the_frontier_is_the_hull_of_all_choices(table: Table) -> None:
    """Trying every model for every prompt, no choice and no mix of choices is better."""
    quality, cost = parted(table)
    choices = list(product(range(quality.shape[1]), repeat=len(quality)))
    rows = np.arange(len(quality))
    means = [(cost[rows, each].mean(), quality[rows, each].mean()) for each in choices]
    paid, good = zip(*means, strict=True)
    frontier = oracle_frontier(quality, cost)
    grid = np.linspace(min(paid), max(paid) + 1, 40)
    ours = hull_value(frontier["cost"], frontier["quality"], grid)
    assert ours == pytest.approx(hull_value(paid, good, grid), abs=1e-9)


@given(tables(), st.floats(1e-3, 100))
def test_every_price_of_money_has_its_choice_on_the_frontier(table: Table, price: float) -> None:
    """The best of quality minus price times cost, prompt by prompt, is reached and not beaten."""
    quality, cost = parted(table)
    best = (quality - price * cost).max(axis=1).mean()
    frontier = oracle_frontier(quality, cost)
    assert (frontier["quality"] - price * frontier["cost"]).max() == pytest.approx(best, abs=1e-9)


@given(tables())
def test_the_frontier_begins_cheapest_and_ends_best(table: Table) -> None:
    """From each prompt's cheapest model to the cheapest of its best, rising and concave."""
    quality, cost = parted(table)
    frontier = oracle_frontier(quality, cost)
    cheapest = np.where(cost == cost.min(axis=1, keepdims=True), quality, -1)
    best = np.where(quality == quality.max(axis=1, keepdims=True), cost, math.inf)
    first, last = frontier.iloc[0], frontier.iloc[-1]
    assert (first["cost"], first["quality"]) == pytest.approx(
        (cost.min(axis=1).mean(), cheapest.max(axis=1).mean())
    )
    assert (last["cost"], last["quality"]) == pytest.approx(
        (best.min(axis=1).mean(), quality.max(axis=1).mean())
    )
    assert first["gain_per_cost"] == math.inf
    assert (np.diff(frontier["gain_per_cost"]) < 0).all()
    assert np.diff(frontier["quality"]) == pytest.approx(
        np.diff(frontier["cost"]) * frontier["gain_per_cost"][1:], abs=1e-9
    )


@given(tables())
def test_no_single_model_beats_the_oracle(table: Table) -> None:
    """Always asking one model has no negative regret, and lies under the frontier."""
    quality, cost = parted(table)
    frontier = oracle_frontier(quality, cost)
    oracle = {"oracle_cost": frontier["cost"], "oracle_quality": frontier["quality"]}
    assert (np.asarray(regret(cost.mean(axis=0), quality.mean(axis=0), **oracle)) >= -1e-9).all()


def test_a_prompt_with_an_unknown_cell_is_left_out() -> None:
    """The same prompts for every model, and a count of the others."""
    frontier = oracle_frontier([[0, 1], [NAN, 1]], [[1, 2], [1, 2]])
    assert frontier[["cost", "quality"]].to_numpy().tolist() == [[1, 0], [2, 1]]
    assert frontier.attrs == {"n": 1, "dropped": 1}


def test_no_prompts_have_an_empty_frontier() -> None:
    """The columns without rows."""
    for table in (np.empty((0, 2)), [[NAN, 1.0]]):
        frontier = oracle_frontier(table, np.ones_like(table))
        assert list(frontier.columns) == ["cost", "quality", "gain_per_cost"]
        assert len(frontier) == 0


def test_frames_must_have_the_same_labels() -> None:
    """Columns in another order would pay one model's price for another's answer."""
    quality = pd.DataFrame({"small": [0.0], "large": [1.0]})
    cost = pd.DataFrame({"large": [9.0], "small": [1.0]})
    with pytest.raises(ParameterError, match=r"give cost.loc\[quality.index, quality.columns\]"):
        oracle_frontier(quality, cost)
    frontier = oracle_frontier(quality, cost.loc[quality.index, quality.columns])
    assert frontier["cost"].tolist() == [1, 9]


@pytest.mark.parametrize(
    ("quality", "cost", "told"),
    [
        ([0.5], [1], "quality is .*prompts × models"),
        ([[0.5, 1]], [[1]], "quality has 1 × 2 values and cost has 1 × 1"),
        ([[2]], [[1]], "quality holds 2"),
        ([[1]], [[-1]], "cost holds -1"),
        (np.empty((3, 0)), np.empty((3, 0)), "has no column"),
        ([[1, 2], [1]], [[1]], "prompts × models"),
    ],
)
def test_what_is_no_table_is_refused(quality: object, cost: object, told: str) -> None:
    """The message names what was given."""
    with pytest.raises(ParameterError, match=told):
        oracle_frontier(quality, cost)  # type: ignore[arg-type]


def test_regret_is_told_where_the_oracle_never_goes() -> None:
    """NaN for what costs less than every choice, a number for the rest; one gives a float."""
    oracle = {"oracle_cost": [1, 2], "oracle_quality": [0.5, 0.75]}
    assert regret(1.0, 0.5, **oracle) == 0.0
    assert isinstance(regret(1.0, 0.5, **oracle), float)
    with pytest.warns(MetricWarning, match="1 of 2 cost less than the oracle ever does"):
        value = regret([0.5, 9], [0.5, 0.5], **oracle)
    assert value == pytest.approx([NAN, 0.25], nan_ok=True)
    with pytest.warns(MetricWarning, match="regret leaves out 1 of 1"):
        assert math.isnan(regret(1.0, NAN, **oracle))  # type: ignore[arg-type]


@given(
    st.lists(st.tuples(GRADES, GRADES, GRADES), min_size=1, max_size=9), st.sampled_from([0.5, 1])
)
@pytest.mark.filterwarnings("ignore:model_recall is NaN:orchkit.MetricWarning")
def test_recall_counts_the_prompts_that_could_be_right(
    rows: list[tuple[float, float, float]], right: float
) -> None:
    """By a loop over prompts."""
    solvable = [row for row in rows if max(row[1:]) >= right]
    expected = sum(row[0] >= right for row in solvable) / len(solvable) if solvable else NAN
    mine, theirs = [row[0] for row in rows], [row[1:] for row in rows]
    assert model_recall(mine, theirs, right=right) == pytest.approx(expected, nan_ok=True)


def test_recall_without_a_right_answer_is_nan() -> None:
    """The reason is told, and so is what is left out."""
    with pytest.warns(MetricWarning, match="no model gets any prompt right"):
        assert math.isnan(model_recall([0.0], [[0.0, 0.5]]))
    with pytest.warns(MetricWarning, match="model_recall leaves out 1 of 2"):
        assert model_recall([1, 1], [[1, 0], [NAN, 1]]) == 1.0


@pytest.mark.data
def test_the_oracle_on_recorded_answers(recorded: Path) -> None:
    """On 1,319 × 13 recorded GSM8K answers it ends at the share some model got right."""
    long = pd.read_csv(recorded / "zeroeval_gsm8k_matrix.csv.gz")
    wide = long.pivot_table(index="idx", columns="model", values=["correct", "cost_nano_usd"])
    quality, cost = wide["correct"].astype(float), wide["cost_nano_usd"]
    frontier = oracle_frontier(quality, cost)
    assert len(frontier) > 100
    assert frontier["quality"].iloc[-1] == pytest.approx(quality.max(axis=1).mean(), abs=1e-12)
    for price in 10.0 ** np.arange(-9, -2):
        best = (quality - price * cost).max(axis=1).mean()
        reached = (frontier["quality"] - price * frontier["cost"]).max()
        assert reached == pytest.approx(best, abs=1e-9)
    singles = hull(cost.mean(), quality.mean())
    zero = hull_value(singles["cost"], singles["quality"], frontier["cost"])
    assert (frontier["quality"] >= np.nan_to_num(zero) - 1e-12).all()
