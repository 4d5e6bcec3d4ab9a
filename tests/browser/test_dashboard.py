"""The dashboard follows hand and keyboard in a notebook, and is read in both themes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.browser.pages import awaited

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SETUP = """
import orchkit

df = orchkit.load_dataset("everyday").head(120)
with orchkit.use("simulator"):
    mat = df.orch.record(["gpt-4o-mini", "gpt-4o", "claude-opus-3"], progress=False)
"""
#: What can be reached by Tab below an element, and is not disabled or hidden.
REACHABLE = """root => [...root.querySelectorAll('input, select, button, textarea, [role=slider]')]
  .filter(each => !each.disabled && each.checkVisibility())
  .map((each, at) => each.dataset.reached = String(at))"""
FOCUSED = "() => document.activeElement.dataset.reached || ''"


class Board:
    """The dashboard as it is seen."""

    def __init__(self, notebook: Any) -> None:
        self.notebook, self.page, self.root = notebook, notebook.page, notebook.cell(1).first
        self.picture = self.root.locator("img").first
        self.told, self.flow = self.part("p"), self.part("table")
        self.code = self.root.locator("textarea").first
        self.threshold = self.control("threshold", "[role=slider]")
        self.level = self.control("threshold", ".widget-readout")

    def part(self, tag: str) -> Any:
        """Return the first part of the numbers that has such an element."""
        has = self.page.locator(tag)
        return self.root.locator(".widget-html-content").filter(has=has).first

    def control(self, label: str, inner: str) -> Any:
        """Return one part of a labelled control."""
        named = self.page.locator(f"label:text-is('{label}')")
        return self.root.locator(".widget-inline-hbox").filter(has=named).locator(inner)

    @contextmanager
    def redrawn(self) -> Iterator[None]:
        """Have what is done inside change the picture, the numbers, the tables and the code."""
        picture, told = self.picture.get_attribute("src"), self.told.text_content()
        flow, code = self.flow.text_content(), self.code.input_value()
        yield
        awaited(self.picture).not_to_have_attribute("src", picture)
        awaited(self.told).not_to_have_text(told)
        awaited(self.flow).not_to_have_text(flow)
        awaited(self.code).not_to_have_value(code)


@pytest.fixture(scope="module")
def opened(lab: Any) -> Board:
    """Give the dashboard of a simulated recording."""
    notebook = lab.open([SETUP, "orchkit.dashboard(mat)"], "dashboard")
    notebook.run()
    assert notebook.errors == []
    shown = Board(notebook)
    shown.picture.wait_for()
    return shown


@pytest.fixture
def board(opened: Board) -> Board:
    """Give the dashboard as it was at first, by its own button."""
    opened.root.get_by_role("button", name="reset").click()
    awaited(opened.told).to_contain_text("fallback at 0.60")
    awaited(opened.code).to_have_value(re.compile("claude-opus-3'\\)\\)"))
    return opened


def test_the_arrow_keys_move_the_threshold(board: Board) -> None:
    """With the slider focused, an arrow key changes threshold, picture, numbers and code."""
    awaited(board.level).to_have_text("0.60")
    board.threshold.focus()
    with board.redrawn():
        board.page.keyboard.press("ArrowRight")
        board.page.keyboard.press("ArrowRight")
    awaited(board.level).to_have_text("0.62")
    awaited(board.code).to_have_value(re.compile("threshold=0.62"))
    awaited(board.told).to_contain_text("fallback at 0.62")


def test_the_mouse_moves_the_threshold(board: Board) -> None:
    """Dragging the handle to the left lowers the threshold, and what is shown follows."""
    board.threshold.scroll_into_view_if_needed()
    box = board.threshold.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    with board.redrawn():
        board.page.mouse.move(x, y)
        board.page.mouse.down()
        board.page.mouse.move(x - 40, y, steps=4)
        board.page.mouse.up()
    level = board.level.inner_text()
    assert float(level) < 0.5
    awaited(board.told).to_contain_text(f"fallback at {level}")


def test_another_strategy_is_chosen(board: Board) -> None:
    """Choosing a strategy by its name draws, counts and exports that one."""
    with board.redrawn():
        board.control("strategy", "select").select_option("ensemble")
    awaited(board.told).to_contain_text("ensemble: ")
    awaited(board.code).to_have_value(re.compile("Ensemble"))


def test_a_model_is_left_out(board: Board) -> None:
    """Without its tick, a model is no longer in the exported chain."""
    tick = board.root.locator("label:has-text('claude-opus-3') input[type=checkbox]")
    with board.redrawn():
        tick.uncheck()
    awaited(board.code).not_to_have_value(re.compile("claude-opus-3"))


def test_dearer_prices_show(board: Board) -> None:
    """A model made dearer by keyboard changes the picture, the money and the code."""
    row = board.root.locator(".widget-hbox").filter(has=board.page.locator("[type=checkbox]"))
    row = row.filter(has_text="gpt-4o-mini").last
    row.locator("[role=slider]").focus()
    with board.redrawn():
        for _ in range(4):
            board.page.keyboard.press("ArrowRight")
    awaited(board.code).to_have_value(re.compile("gpt-4o-mini': 1.585"))


def test_a_budget_is_typed(board: Board) -> None:
    """A budget entered by keyboard is told of in the numbers, and a button keeps within it."""
    field = board.control("budget", "input")
    field.fill("0.5")
    field.press("Enter")
    awaited(board.told).to_contain_text("Over the budget")
    board.root.get_by_role("button", name="best within budget").click()
    awaited(board.told).to_contain_text("Within the budget")
    awaited(board.told).not_to_contain_text("fallback at 0.60")


def test_every_control_is_reached_by_tab(board: Board) -> None:
    """From the first control on, Tab comes to each of them, in the order they are shown."""
    expected = board.root.evaluate(REACHABLE)
    assert len(expected) > 8
    board.control("strategy", "select").focus()
    reached = [board.page.evaluate(FOCUSED)]
    for _ in range(3 * len(expected)):
        if reached[-1] == expected[-1]:
            break
        board.page.keyboard.press("Tab")
        reached.append(board.page.evaluate(FOCUSED))
    assert [each for each in reached if each] == expected


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_dashboard_is_readable(board: Board, theme: str) -> None:
    """Every text of the dashboard stands out from its ground in both themes."""
    with board.notebook.theme(theme):
        board.notebook.shot(f"dashboard_{theme.split()[1].lower()}", board.root)
        board.notebook.shot(f"dashboard_{theme.split()[1].lower()}_tables", board.flow)
        assert board.notebook.pale() == []


def test_nothing_of_it_is_cut_off(board: Board) -> None:
    """No label of a control is shortened for want of room, and nothing reaches past the output."""
    cut = board.root.evaluate(
        "root => [...root.querySelectorAll('.widget-label, button, label')]"
        ".filter(each => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)"
        ".map(each => each.textContent)"
    )
    assert cut == []
    width = board.root.evaluate("root => [root.scrollWidth, root.clientWidth]")
    assert width[0] <= width[1] + 1
