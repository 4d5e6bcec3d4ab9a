from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.errors import ColumnError, MatrixError, ParameterError
from orchkit.lab.longtable import COLUMNS
from orchkit.lab.matrix import Matrix

NAN = math.nan
COST, SAID = "{model}|total_cost", "{model}|model_response"


def _wide(**more: Any) -> pd.DataFrame:
    told = {
        "prompt": ["Why?", "How?"],
        "task": ["a", "b"],
        "mini": [1.0, 0.0],
        "mini|total_cost": [1e-5, 2e-5],
        "opus": [1, 1],
        "opus|total_cost": [1e-3, NAN],
    }
    return pd.DataFrame({**told, **more})


CELL = st.tuples(
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 1e3),
    st.none() | st.text("ab", max_size=3),
)
NAMES = st.text("abc|-/.{} ", min_size=1, max_size=6).filter(lambda name: name.strip() == name)


@st.composite
def long_frames(draw: st.DrawFn) -> pd.DataFrame:
    """Give a long frame of one row a prompt and model, some of them missing."""
    models = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    rows = []
    for prompt in range(draw(st.integers(1, 4))):
        task, text = draw(st.sampled_from("xy")), draw(st.sampled_from(["same", f"p{prompt}"]))
        for model in models:
            quality, cost, said = draw(CELL)
            rows.append((f"q{prompt}", text, model, quality, cost, said, task))
    columns = ["prompt_id", "prompt", "model", "quality", "cost", "response", "task"]
    frame = pd.DataFrame(rows, columns=columns).astype({"quality": float, "cost": float})
    return frame[frame[["quality", "cost", "response"]].notna().any(axis=1)]


@settings(max_examples=25)
@given(long_frames())
def test_wide_and_long_are_one(frame: pd.DataFrame) -> None:
    """A long frame that is made wide and read again is the matrix it was, whatever the names."""
    models = frame["model"].unique().tolist()
    if not models:
        return
    parts = [frame.drop_duplicates("prompt_id")[["prompt_id", "prompt", "task"]]]
    for ours in ("quality", "cost", "response"):
        cells = frame.pivot(index="prompt_id", columns="model", values=ours)
        parts.append(cells.add_suffix(f"@{ours}").reset_index())
    wide = parts[0]
    for part in parts[1:]:
        wide = wide.merge(part, on="prompt_id")
    patterns = {ours: f"{{model}}@{ours}" for ours in ("quality", "cost", "response")}
    told = Matrix.from_wide(wide, models=models, **patterns).frame
    order = ["prompt_id", "model"]
    expected = Matrix.from_long(frame).frame
    pd.testing.assert_frame_equal(
        told.sort_values(order).reset_index(drop=True),
        expected.sort_values(order).reset_index(drop=True),
    )


def test_models_are_told_from_their_costs() -> None:
    """With bare names a model is who has a column of another pattern; the rest is the prompt's."""
    told = Matrix.from_wide(_wide(n_lines=[3, 4], year=[1, 0]), cost=COST)
    assert told.models == ["mini", "opus"]
    assert told.quality.loc[1].tolist() == [0, 1]
    assert told.cost["opus"].tolist() == pytest.approx([1e-3, NAN], nan_ok=True)
    assert told.per_prompt("n_lines").tolist() == [3, 4]
    assert set(told.frame.columns) == {*COLUMNS, "task", "n_lines", "year"}


def test_models_are_told_from_what_stands_for_them() -> None:
    """With a pattern around the name, a model is what stands in it; longer patterns first."""
    wide = pd.DataFrame({"a_ok": [1], "a|b_ok": [0], "a_time_ok": [0.5], "n": [7]})
    told = Matrix.from_wide(wide, quality="{model}_ok", latency="{model}_time_ok")
    assert told.models == ["a", "a|b"]
    assert told.frame["latency"].tolist() == pytest.approx([0.5, NAN], nan_ok=True)


def test_responses_alone_will_do() -> None:
    """Without qualities, models are told from the responses."""
    wide = pd.DataFrame({"prompt": ["2+2?"], "mini|model_response": ["4"]})
    told = Matrix.from_wide(wide, quality=None, response=SAID)
    assert (told.models, told.frame["response"].tolist()) == (["mini"], ["4"])


def test_models_left_out_leave_nothing_behind() -> None:
    """Columns of models that are not asked for are not kept as the prompt's own."""
    told = Matrix.from_wide(_wide(), models=["opus"], cost=COST)
    assert set(told.frame.columns) == {*COLUMNS, "task"}
    assert told.models == ["opus"]


def test_what_is_kept_can_be_said() -> None:
    """Of the other columns only those named are kept; one that is not there is refused."""
    assert "task" not in Matrix.from_wide(_wide(), cost=COST, keep=[]).frame
    assert "task" in Matrix.from_wide(_wide(), cost=COST, keep="task").frame
    with pytest.raises(ColumnError, match="Did you mean 'task'"):
        Matrix.from_wide(_wide(), cost=COST, keep=["tsk"])


def test_equal_texts_are_two_prompts() -> None:
    """Rows of one text stay apart, by the index, by position, or by the id that is named."""
    wide = _wide(prompt=["same", "same"], name=["x", "y"])
    assert Matrix.from_wide(wide, cost=COST).quality.index.tolist() == [0, 1]
    assert Matrix.from_wide(wide.set_index("name"), cost=COST).quality.index.tolist() == ["x", "y"]
    assert len(Matrix.from_wide(wide.set_axis([5, 5]), cost=COST)) == 2
    assert Matrix.from_wide(wide, cost=COST, prompt_id="name").quality.index.tolist() == ["x", "y"]
    with pytest.raises(MatrixError, match="prompt_id 'same' stands in rows 0 and 1"):
        Matrix.from_wide(wide, cost=COST, prompt_id="prompt")


def test_a_named_column_stands_before_one_of_our_name() -> None:
    """A column that is named takes the place of one that already bears the name."""
    told = Matrix.from_wide(_wide(asked=["x", "y"], cost=[9, 9]), prompt="asked", cost=COST)
    assert told.prompts["prompt"].tolist() == ["x", "y"]
    assert told.frame["cost"].max() < 1


def test_a_cell_of_which_nothing_is_known_is_none() -> None:
    """A model that has neither quality nor cost for a prompt was not recorded there."""
    wide = _wide(opus=[1, NAN])
    told = Matrix.from_wide(wide, cost=COST)
    assert len(told.frame) == 3
    assert len(told) == 2


def test_a_model_may_lack_a_column() -> None:
    """What one model has and another lacks is unknown for the other."""
    told = Matrix.from_wide(_wide().drop(columns="opus|total_cost"), models=["mini", "opus"],
                            cost=COST)  # fmt: skip
    assert told.cost["opus"].isna().all()
    assert told.cost["mini"].notna().all()


def test_verdicts_in_words_are_qualities() -> None:
    """True and False are read in any spelling, also beside nothing."""
    wide = _wide(mini=["True", "FALSE"], opus=pd.Series([True, None], dtype="object"))
    told = Matrix.from_wide(wide, cost=COST, models=["mini", "opus"]).quality
    assert told["mini"].tolist() == [1, 0]
    assert told["opus"].tolist() == pytest.approx([1, NAN], nan_ok=True)


BAD: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "no frame": ([1], {}, MatrixError, "not of list"),
    "no model": (_wide(), {}, MatrixError, "models=\\["),
    "no pattern": (_wide(), {"quality": None}, MatrixError, "'quality' or 'response'"),
    "no place": (_wide(), {"cost": "cost"}, ParameterError, "must hold {model} once"),
    "two places": (_wide(), {"cost": "{model}{model}"}, ParameterError, "must hold {model} once"),
    "no text": (_wide(), {"cost": 3}, ParameterError, "must hold {model} once"),
    "twice": (_wide(), {"cost": "{model}"}, ParameterError, "One pattern is given twice"),
    "nobody's": (
        _wide(),
        {"cost": COST, "latency": "{model}|s", "models": ["mini"]},
        ColumnError,
        "No model has a column for latency, like 'mini|s'",
    ),
    "no quality": (
        _wide(),
        {"cost": COST, "quality": "{model}_ok", "models": ["mini"]},
        ColumnError,
        "quality=None",
    ),
    "a stranger": (
        _wide(),
        {"cost": COST, "models": ["mini", "opas"]},
        ColumnError,
        "'opas' has no column.* Did you mean 'opus'",
    ),
    "none": (_wide(), {"cost": COST, "models": []}, ParameterError, "at least one model"),
    "a model twice": (
        _wide(), {"cost": COST, "models": ["mini"] * 2}, ParameterError, "each once"
    ),
    "taken": (
        _wide(latency=[1, 2]), {"cost": COST}, ColumnError, "'latency' goes with each prompt"
    ),
    "no column": (_wide(), {"cost": COST, "prompt": "text"}, ColumnError, "no column 'text'"),
    "a hole": (_wide(prompt_id=["x", None]), {"cost": COST}, MatrixError, "or no prompt"),
    "above": (_wide(mini=[1, 7.5]), {"cost": COST}, MatrixError, "quality holds 7.5 in row 1"),
    "doubled": (
        pd.concat([_wide(), _wide()[["mini"]]], axis=1),
        {"cost": COST},
        ColumnError,
        "2 columns named 'mini'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("frame", "given", "error", "told"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_refused(
    frame: Any, given: dict[str, Any], error: type[Exception], told: str
) -> None:
    """Patterns, models and columns that do not fit are refused, saying which and what to do."""
    with pytest.raises(error, match=told):
        Matrix.from_wide(frame, **given)


def test_the_frame_is_left_as_it_was() -> None:
    """A wide frame is only read."""
    wide = _wide()
    before = wide.copy(deep=True)
    Matrix.from_wide(wide, cost=COST)
    pd.testing.assert_frame_equal(wide, before)


def test_columns_without_a_text_name_are_kept() -> None:
    """A column named by a number is no model's, and stays with its prompt."""
    wide = _wide()
    wide[7] = np.array([1, 2])
    assert Matrix.from_wide(wide, cost=COST).per_prompt(7).tolist() == [1, 2]  # type: ignore[arg-type]
