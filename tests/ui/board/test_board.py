from __future__ import annotations

import gc
import re
import weakref
from itertools import product
from typing import Any

import ipywidgets
import pandas as pd
import pytest

import orchkit
from orchkit.errors import MatrixError, ParameterError
from orchkit.ui.comparison import Comparison


def text_of(board: Any) -> str:
    """Return everything the board tells in words."""
    return re.sub(r"<[^>]+>", " ", board._repr_mimebundle_()["text/html"])


def test_a_move_redraws_picture_and_numbers(board: Any) -> None:
    """The picture, the words, the tables and the code all follow the threshold."""
    before = (board.picture, repr(board), text_of(board), board.code)
    board.controls.threshold.value = 0.9
    after = (board.picture, repr(board), text_of(board), board.code)
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert "threshold=0.9" in board.code


def replayed(board: Any, matrix: Any) -> Any:
    """Return what running the exported code compares to."""
    space = {"orchkit": orchkit, "mat": matrix}
    made, replay = board.code.split("\n")
    exec(made, space)  # noqa: S102 - it is what a user would run
    return eval(replay.rpartition("# or ")[2], space)  # noqa: S307 - so is this


@pytest.mark.parametrize("name", ["fallback", "cheapest", "ensemble", "agree"])
@pytest.mark.parametrize("factor", [1.0, 0.316, 10.0])
def test_the_exported_code_gives_the_numbers_that_are_shown(
    board: Any, matrix: Any, name: str, factor: float
) -> None:
    """Quality and cost of every prompt, at other prices and with a model less, too."""
    board.controls.threshold.value = 0.85
    board.controls.strategy.value = name
    board.controls.prices["claude-haiku-3.5"].value = factor
    for kept in (True, False) if name in ("cheapest", "fallback") else (True,):
        board.controls.models["gpt-4o-mini"].value = kept
        told = replayed(board, matrix)
        way = board.source.table.way(board.setting)
        assert told.results["quality"].tolist() == way.quality.tolist()
        assert told.results["cost"].tolist() == pytest.approx(way.cost.tolist(), abs=1e-12)
        assert f"{told.summary()['cost_per_1k'].iloc[0]:.2f} per 1,000" in repr(board)


def test_what_cannot_be_says_why_and_shows_nothing_else(board: Any) -> None:
    """Without enough models there is a sentence; ticking one brings all back."""
    board.controls.strategy.value = "agree"
    board.controls.models["gpt-4o-mini"].value = False
    assert repr(board) == "Dashboard(agree needs 3 models or more; tick another.)"
    assert board.code == ""
    assert "Verdicts" not in text_of(board)
    assert "<img" not in board._repr_mimebundle_()["text/html"]
    board.controls.models["gpt-4o-mini"].value = True
    assert "Verdicts" in text_of(board)


def test_the_best_within_a_budget_is_found(board: Any) -> None:
    """The button moves the threshold to the best quality whose cost is within it."""
    board.controls.budget.value = 2.0
    told = re.search(r"best threshold within it is (0\.\d\d)", text_of(board))
    board.controls.best.click()
    assert told is not None
    assert board.controls.threshold.value == float(told.group(1))
    assert "Within the budget" in text_of(board)


def test_a_budget_nothing_fits_moves_nothing(board: Any) -> None:
    """It is told how far over it is."""
    board.controls.budget.value = 0.0001
    before = board.controls.threshold.value
    board.controls.best.click()
    assert board.controls.threshold.value == before
    assert "Over the budget by" in text_of(board)


def test_prices_move_money_and_not_quality(board: Any) -> None:
    """Twice the price of every model is twice the cost."""
    told = repr(board)
    for slider in board.controls.prices.values():
        slider.value = 2.0
    assert told.split(" for ")[0] == repr(board).split(" for ")[0]
    cost = [float(re.search(r"\$([\d.]+) per", each).group(1)) for each in (told, repr(board))]
    assert cost[1] == pytest.approx(2 * cost[0], rel=0.01)
    assert ".reprice(times={'gpt-4o-mini': 2.0, " in board.code


def test_reset_brings_the_first_view_back(board: Any) -> None:
    """All controls, and with them picture and words."""
    first = (repr(board), board.code, board.setting)
    board.controls.strategy.value = "cheapest"
    board.controls.budget.value = 3
    board.controls.prices["claude-opus-3"].value = 0.1
    board.controls.models["gpt-4o-mini"].value = False
    board.controls.reset.click()
    assert (repr(board), board.code, board.setting) == first
    assert board.controls.limit is None


def test_a_reset_is_drawn_once(board: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many controls it moves; what lies between was asked for by nobody."""
    for slider in board.controls.prices.values():
        slider.value = 2.0
    drawn, draw = list[Any](), board._figure.draw
    monkeypatch.setattr(board._figure, "draw", lambda scene: drawn.append(scene) or draw(scene))
    board.controls.reset.click()
    assert len(drawn) == 1
    board.controls.threshold.value = 0.3
    assert len(drawn) == 2


def test_the_models_left_are_those_a_replay_chooses_among() -> None:
    """Models nobody knows stand in tiers by price, among those that are there: so in the code."""
    long = pd.DataFrame(
        {
            "prompt_id": [at // 4 for at in range(16)],
            "prompt": [f"{each} it" for each in ("List", "Explain", "Design", "Research")
                       for _ in range(4)],
            "model": list("abcd") * 4,
            "quality": [0, 1, 1, 0] * 4,
            "cost": [0.001, 0.002, 0.004, 0.008] * 4,
        }
    )  # fmt: skip
    matrix = orchkit.ResponseMatrix(long)
    board = orchkit.dashboard(matrix)
    board.controls.strategy.value = "cheapest"
    for left in ("ab", "cd", "abd", "acd", "abcd"):
        for name, box in board.controls.models.items():
            box.value = name in left
        assert ("\ndf.orch.route(" in board.code) == (left == "abcd")  # that asks whom it likes
        told = replayed(board, matrix).results["cost"]
        assert board.source.table.way(board.setting).cost.tolist() == pytest.approx(told.tolist())


def test_a_closed_board_is_forgotten(matrix: Any) -> None:
    """Nothing keeps it, nor its arrays."""
    board = orchkit.dashboard(matrix)
    gone = weakref.ref(board.source.table)
    board.close()
    del board
    gc.collect()
    assert gone() is None


def test_a_strategy_without_a_threshold_has_none_to_move(board: Any) -> None:
    """The slider is off, and so is the curve."""
    board.controls.strategy.value = "ensemble"
    assert board.controls.threshold.disabled
    board.controls.strategy.value = "fallback"
    assert not board.controls.threshold.disabled


def test_it_is_a_widget_with_a_stable_text_and_a_still_twin(board: Any, matrix: Any) -> None:
    """No address in its text; a page without a kernel has the picture with words for it."""
    bundle = board._repr_mimebundle_()
    assert isinstance(board, ipywidgets.Widget)
    assert bundle["text/plain"] == repr(board) == repr(orchkit.dashboard(matrix))
    assert "0x" not in repr(board)
    assert '<img alt="fallback at 0.60: ' in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_simulated_answers_are_named(board: Any) -> None:
    """In words, beside the numbers."""
    assert "SIMULATED answers" in text_of(board)


def test_a_comparison_can_be_looked_at(matrix: Any) -> None:
    """Its strategies as they were run, held against each other and the recorded models."""
    board = orchkit.dashboard(matrix.compare(["fallback", "ensemble"]))
    assert board.controls.strategy.options == ("fallback", "ensemble")
    assert board.controls.threshold.disabled
    before = board.picture
    board.controls.strategy.value = "ensemble"
    assert board.picture != before
    assert "Rows where ensemble and claude-opus-3 disagree" in text_of(board)
    assert board.code == "strategy = orchkit.Ensemble()"
    board.controls.prices["claude-opus-3"].value = 0.1
    assert board.code.endswith("# at prices times {'claude-opus-3': 0.1}")


def test_a_reference_needs_no_tick() -> None:
    """Strategies that asked a model without one leave the tables, and can still be held against."""
    chain = orchkit.Fallback(("gpt-4o-mini", "gpt-4o"))
    with orchkit.use("simulator"):
        df = orchkit.load_dataset("everyday").head(20)
        board = orchkit.dashboard(df.orch.compare(["cheapest", chain], progress=False))
    other = next(name for name in board.controls.against.options if name != "cheapest")
    board.controls.against.value = other
    board.controls.models["gpt-4o"].value = False
    assert f"against {other}" in text_of(board)
    assert board.controls.strategy.value == "cheapest"
    assert board.code


def test_a_comparison_is_held_against_models_then_strategies(matrix: Any) -> None:
    """The strongest model stands first; where texts of one that was only recorded are is told."""
    board = orchkit.dashboard(matrix.compare(["fallback", "ensemble"]))
    *models, one, other = board.controls.against.options
    assert models[0] == "claude-opus-3"
    assert {one, other} == {"fallback", "ensemble"}
    board.controls.against.value = "gpt-4o-mini"
    assert "(its text is in the recording)" in text_of(board)


def test_where_no_call_fits_the_limit_nobody_was_asked() -> None:
    """What was refused before it was sent is no call, and no answer."""
    with orchkit.use("simulator"):
        df = orchkit.load_dataset("everyday").head(5)
        cmp = df.orch.compare(["gpt-4o", "gpt-4"], max_cost=1e-9, progress=False)
    told = text_of(orchkit.dashboard(cmp))
    assert "Nobody was asked." in told
    assert "5 prompts × 0 models" in told


def test_of_a_comparison_the_best_within_a_budget_is_a_strategy(matrix: Any) -> None:
    """The button goes to the one of the highest quality that is paid for, or is off."""
    cheap = orchkit.Fallback(("gpt-4o-mini", "claude-haiku-3.5"))
    board = orchkit.dashboard(matrix.compare(["ensemble", "fallback", cheap]))
    assert board.controls.best.disabled
    cost = {name: way.standing["cost_per_1k"] for name, way in
            board.source.table.others(board.setting).items()}  # fmt: skip
    board.controls.budget.value = cost["fallback"] + 1e-6
    assert "the best strategy within it is fallback" in text_of(board)
    board.controls.best.click()
    assert board.controls.strategy.value == "fallback"
    board.controls.budget.value = min(cost.values()) / 2
    assert board.controls.best.disabled


def test_what_needs_a_model_that_is_not_ticked_names_what_does_not(matrix: Any) -> None:
    """A strategy as it was run cannot do without a model it asked; others can be chosen."""
    cheap = orchkit.Fallback(("gpt-4o-mini", "claude-haiku-3.5"))
    board = orchkit.dashboard(matrix.compare(["ensemble", cheap]))
    board.controls.models["claude-opus-3"].value = False
    other = board.controls.strategy.options[1]
    assert repr(board).endswith(f"asked claude-opus-3; tick it, or choose {other}.)")


def test_a_live_comparison_without_single_models_can_be_looked_at(matrix: Any) -> None:
    """Strategies are then held against each other."""
    with orchkit.use("simulator"):
        df = orchkit.load_dataset("everyday").head(20)
        board = orchkit.dashboard(df.orch.compare(["cheapest", "fallback"], progress=False))
    assert set(board.controls.against.options) == {"cheapest", "fallback"}
    assert "SIMULATED" in text_of(board)


def test_a_recording_without_texts_or_confidences_works() -> None:
    """Ids stand for prompts; what was not recorded is said to be missing."""
    long = pd.DataFrame(
        {
            "prompt_id": ["q1", "q1", "q2", "q2"],
            "model": ["a", "b"] * 2,
            "quality": [0, 1, 1, 0],
            "cost": [0.001, 0.002] * 2,
        }
    )
    board = orchkit.dashboard(orchkit.ResponseMatrix(long))
    board.controls.against.value = "a"
    told = text_of(board)
    assert "q1" in told
    assert "(no text recorded)" in told


@pytest.mark.parametrize("given", [None, "m.parquet", pd.DataFrame()])
def test_what_is_neither_is_refused(given: Any) -> None:
    """The error says how to make one."""
    with pytest.raises(ParameterError, match=r"df\.orch\.record"):
        orchkit.dashboard(given)


def small(names: tuple[str, str] = ("a", "b"), **columns: Any) -> orchkit.ResponseMatrix:
    """Return a recording of three prompts and two models."""
    cells = product(("q1", "q2", "q3"), enumerate(names))
    rows = [(prompt, name, at, 0.001 * (at + 1)) for prompt, (at, name) in cells]
    long = pd.DataFrame(rows, columns=["prompt_id", "model", "quality", "cost"])
    return orchkit.ResponseMatrix(long.assign(**columns))


def test_a_model_called_as_a_strategy_stays_apart() -> None:
    """The strategy is not taken for the model it is held against."""
    board = orchkit.dashboard(small(("fallback", "b")))
    board.controls.against.value = "fallback"
    board.controls.models["b"].value = True
    assert "fallback (strategy)" in text_of(board)
    assert "better by fallback (strategy)" in text_of(board)


def test_what_cannot_be_has_no_picture(board: Any) -> None:
    """That of another setting is not kept in its place."""
    board.controls.strategy.value = "agree"
    board.controls.models["gpt-4o-mini"].value = False
    assert board.picture == b""
    assert "<img" not in board._repr_mimebundle_()["text/html"]


def test_its_text_steers_no_terminal() -> None:
    """Names of models are data: no escape sequence and no further line is printed."""
    told = repr(orchkit.dashboard(small(("a\n\x1b[2J", "b"))))
    assert "\x1b" not in told
    assert "\n" not in told


def test_a_comparison_without_costs_says_so() -> None:
    """Nothing can be drawn; the error says what is missing."""
    found = small(cost=None).compare(["fallback"])
    with pytest.raises(MatrixError, match="quality and cost of all strategies"):
        orchkit.dashboard(found)


def test_a_comparison_leaves_out_what_has_no_cost() -> None:
    """And counts it."""
    board = orchkit.dashboard(small(cost=[0.1, 0.2, None, 0.2, 0.1, 0.2]).compare(["a", "b"]))
    assert "2 prompts × 2 models; 1 more left out" in text_of(board)


def test_closed_it_is_gone() -> None:
    """What ipywidgets keeps of it is let go, and with it pictures and arrays."""
    board = orchkit.dashboard(small())
    told = weakref.ref(board)
    board.close()
    del board
    gc.collect()
    assert told() is None


def test_a_label_is_no_code() -> None:
    """What nobody kept the strategy of stays a comment, whatever it is called."""
    found = small().compare(["a", "b"])
    found.results["strategy"] = found.results["strategy"].replace({"a": "a\nimport os"})
    board = orchkit.dashboard(Comparison(found.results, singles=("a\nimport os", "b")))
    assert board.code == "# 'a\\nimport os'"


def test_a_models_name_begins_no_formula() -> None:
    """Notebooks typeset what stands between dollars in a label, and links in it."""
    rows = {"prompt_id": [1, 1], "model": [r"$\href{javascript:alert(1)}{x}$", "b"]}
    long = pd.DataFrame(rows | {"quality": [1, 0], "cost": [0.1, 0.2]})
    board = orchkit.dashboard(orchkit.ResponseMatrix(long))
    labels = [box.description for box in board.controls.models.values()]
    assert not any(sign in label for label in labels for sign in "$\\")
    assert labels[0] == "\uff04\uff3chref{javascript:alert(1)}{x}\uff04"
