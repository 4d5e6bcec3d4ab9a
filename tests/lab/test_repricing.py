from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Usage
from orchkit.core.catalog import NANO, Catalog, Model, Rates, Tier
from orchkit.errors import ColumnError, MatrixError, ParameterError
from orchkit.lab.matrix import Matrix

NAN = math.nan
PRICES = {"mini": (0.15, 0.6), "opus": (15, 75.0)}
CATALOG = Catalog(
    {
        "mini": Model("mini", "v", Tier.BASIC, (Rates(0.15, 0.6), Rates(0.3, 1.2, above=1000))),
        "opus": Model("opus", "v", Tier.EXPERT, (Rates(15, 75),)),
    },
    ("mini", "opus"),
    {"mini-2024": "mini"},
)


def _matrix(**columns: Any) -> Matrix:
    told = {
        "prompt_id": ["q1", "q1", "q2"],
        "prompt": ["Why is it?", "Why is it?", "How?"],
        "model": ["mini", "opus", "mini"],
        "response": ["so", "because of it", None],
        "quality": [1.0, 1.0, 0.0],
        "cost": [1.0, 2.0, 3.0],
        "input_tokens": [8, 8, 3],
        "output_tokens": [1, 4, 0],
    }
    return Matrix(pd.DataFrame({**told, **columns}))


PRICE = st.sampled_from([0, 0.15, 0.6, 2.5, 10, 75.0]) | st.floats(0, 200).map(
    lambda p: round(p, 4)
)
TOKENS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)), min_size=1, max_size=6)


@settings(max_examples=25)
@given(TOKENS, PRICE, PRICE)
def test_the_prices_it_was_recorded_at_change_nothing(
    tokens: list[tuple[int, int]], read: float, written: float
) -> None:
    """Costs worked out at some prices are the same, bit for bit, at those prices again."""
    rates = Rates(read, written)
    costs = [rates.cost(Usage(*pair)) or 0 for pair in tokens]
    frame = pd.DataFrame(tokens, columns=["input_tokens", "output_tokens"]).assign(
        prompt_id=range(len(tokens)), model="m", quality=1.0, cost=np.array(costs) / NANO
    )
    matrix = Matrix(frame)
    pd.testing.assert_frame_equal(matrix.reprice({"m": (read, written)}).frame, matrix.frame)


def test_costs_are_whole_nano_dollars_rounded_up() -> None:
    """A cost is that of core's arithmetic, and all else stays as it was."""
    told = _matrix().reprice(PRICES)
    assert (told.frame["cost"] * NANO).round().tolist() == [1800, 420_000, 450]
    kept = [name for name in told.frame if name != "cost"]
    pd.testing.assert_frame_equal(told.frame[kept], _matrix().frame[kept])
    odd = _matrix(input_tokens=[1, 1, 1]).reprice({"mini": (0.0001, 0), "opus": (0, 0)})
    assert (odd.frame["cost"] * NANO).round().tolist() == [1, 0, 1]


def test_prices_come_in_several_forms() -> None:
    """A mapping, a frame like orchkit.models(), one with a name column and a catalog are one."""
    frame = pd.DataFrame(PRICES.values(), PRICES, ["input_price", "output_price"])  # type: ignore[arg-type]
    forms: list[Any] = [PRICES, frame, frame.rename_axis("name").reset_index(), CATALOG]
    told = [_matrix().reprice(form).frame["cost"].tolist() for form in forms]
    assert all(each == told[0] for each in told)


def test_a_catalog_knows_long_requests_and_other_names() -> None:
    """Rates for long requests hold, and a recorded alias finds its model."""
    told = _matrix(model=["mini-2024", "opus", "mini"], input_tokens=[2000, 8, 3]).reprice(CATALOG)
    assert told.frame["cost"][0] == pytest.approx((2000 * 0.3 + 1.2) / 1e6)


def test_a_call_that_failed_costs_nothing_that_is_known() -> None:
    """A row with an error is no answer, and gets no cost."""
    told = _matrix(error=[None, None, "Timeout: x"], cost=[1, 2, NAN], input_tokens=[8, 8, NAN])
    assert told.reprice(PRICES).frame["cost"].isna().tolist() == [False, False, True]


def test_what_has_no_price_is_named_or_kept() -> None:
    """Models without a price are an error that names them, or keep their recorded cost."""
    with pytest.raises(MatrixError, match=r"No price is known for 'opus'.*Known: 'mini'"):
        _matrix().reprice({"mini": (1, 1)})
    with pytest.raises(MatrixError, match=r"No price is known for 'opus'"):
        _matrix().reprice({"mini": (1, 1), "opus": (NAN, 1)})
    kept = _matrix().reprice({"mini": (1, 1)}, missing="keep").frame["cost"]
    assert kept.tolist() == pytest.approx([9e-6, 2.0, 3e-6])


def test_what_has_no_tokens_is_named_or_kept() -> None:
    """Answers without tokens are an error that counts them, or keep their recorded cost."""
    without = _matrix(output_tokens=[1, NAN, NAN])
    with pytest.raises(MatrixError, match=r"tokens of 2 answers are unknown, 1 of them by"):
        without.reprice(PRICES)
    assert without.reprice(PRICES, missing="keep").frame["cost"].tolist()[1:] == [2.0, 3.0]


def test_tokens_are_guessed_only_when_asked_and_said_to_be() -> None:
    """A quarter of the characters stands in where nobody counted, and the matrix says so."""
    without = _matrix(input_tokens=[8, NAN, NAN], output_tokens=[1, NAN, NAN])
    told = without.reprice(PRICES, missing="keep", tokens="estimate")
    assert told.frame["input_tokens"].tolist() == [8, 3, 1]
    assert told.frame["output_tokens"].tolist() == pytest.approx([1, 4, NAN], nan_ok=True)
    assert told.frame["tokens_estimated"].tolist() == [False, True, True]
    assert told.frame["cost"].tolist() == pytest.approx([1.8e-6, 345e-6, 3.0])
    assert "tokens of 2 ESTIMATED" in repr(told)
    assert "ESTIMATED" not in repr(without.reprice(PRICES, missing="keep"))
    again = told.reprice(PRICES, missing="keep", tokens="estimate")
    pd.testing.assert_frame_equal(again.frame, told.frame)


def test_all_of_a_conversation_is_counted() -> None:
    """Where a conversation was recorded, its every message is part of the guess."""
    talk = '[{"role": "system", "content": "12345678"}, {"role": "user", "content": "1234"}]'
    told = _matrix(messages=[talk, None, None], input_tokens=NAN, output_tokens=1)
    guessed = told.reprice(PRICES, tokens="estimate").frame["input_tokens"]
    assert guessed.tolist() == [3, 3, 1]


def test_guesses_are_saved(tmp_path: Path) -> None:
    """A saved matrix still says that its tokens are guesses."""
    told = _matrix(input_tokens=NAN).reprice(PRICES, missing="keep", tokens="estimate")
    told.save(tmp_path / "m.parquet")
    assert "ESTIMATED" in repr(Matrix.load(tmp_path / "m.parquet"))


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a number": ({"prices": 3}, MatrixError, "prices is 3"),
    "one price": ({"prices": {"mini": 3}}, MatrixError, "price of 'mini' is 3"),
    "three prices": ({"prices": {"mini": (1, 2, 3)}}, MatrixError, "price of 'mini'"),
    "below": ({"prices": {"mini": (-1, 2)}}, MatrixError, "price of 'mini'"),
    "endless": ({"prices": {"mini": (math.inf, 2)}}, MatrixError, "price of 'mini'"),
    "words": ({"prices": {"mini": ("1", "2")}}, MatrixError, "price of 'mini'"),
    "yes": ({"prices": {"mini": (True, 2)}}, MatrixError, "price of 'mini'"),
    "another frame": ({"prices": pd.DataFrame({"a": [1]})}, ColumnError, "input_price"),
    "missing": ({"prices": PRICES, "missing": "drop"}, ParameterError, "'error' or 'keep'"),
    "tokens": ({"prices": PRICES, "tokens": True}, ParameterError, "'recorded' or 'estimate'"),
}


@pytest.mark.parametrize(("given", "error", "told"), BAD.values(), ids=BAD)
def test_prices_that_are_none_are_refused(
    given: dict[str, Any], error: type[Exception], told: str
) -> None:
    """Prices that cannot be are refused, saying whose they are and what they must be."""
    with pytest.raises(error, match=told):
        _matrix().reprice(**given)


def test_nothing_can_be_repriced() -> None:
    """A matrix without rows needs no prices."""
    assert len(_matrix().subset(prompts=[]).reprice({}).frame) == 0


def test_costs_are_multiplied_to_the_nano_dollar() -> None:
    """Others stay as they were, and unknown ones unknown; no tokens are needed."""
    long = pd.DataFrame(
        {
            "prompt_id": [1, 1, 2, 2],
            "model": ["a", "b"] * 2,
            "quality": 1,
            "cost": [3e-9, 0.2, np.nan, 0.1],
        }
    )
    told = Matrix(long).reprice(times={"a": 0.5}).frame
    assert told["cost"].fillna(-1).tolist() == [2e-9, 0.2, -1, 0.1]


def test_what_a_replay_pays_is_multiplied() -> None:
    """Fractions of a nano-dollar, which no replay pays, do not come back ten times as large."""
    long = pd.DataFrame({"prompt_id": [1], "model": "a", "quality": 1, "cost": [1.4e-9]})
    assert Matrix(long).reprice(times={"a": 10}).frame["cost"].tolist() == [1e-8]


@pytest.mark.parametrize("factor", [-1, float("nan"), float("inf"), "2", True, None])
def test_a_factor_that_is_none_is_refused(factor: Any) -> None:
    """The error names the model."""
    long = pd.DataFrame({"prompt_id": [1], "model": ["a"], "quality": [1], "cost": [0.1]})
    with pytest.raises(MatrixError, match=r"times\['a'\] is"):
        Matrix(long).reprice(times={"a": factor})


def test_only_what_was_recorded_can_be_multiplied_and_only_one_of_both_asked() -> None:
    """A misspelt model is told with a proposal; prices and times exclude each other."""
    long = pd.DataFrame({"prompt_id": [1], "model": ["mini"], "quality": [1], "cost": [0.1]})
    with pytest.raises(MatrixError, match="Did you mean 'mini'"):
        Matrix(long).reprice(times={"minni": 2})
    for asked in ({}, {"prices": {"mini": (1, 1)}, "times": {"mini": 2}}):
        with pytest.raises(ParameterError, match="one of them"):
            Matrix(long).reprice(**asked)
