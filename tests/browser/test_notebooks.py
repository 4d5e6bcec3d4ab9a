"""What a newcomer opens runs in JupyterLab, and is seen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.pages import PALE

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "notebooks" / "01_quickstart.ipynb"
EVERY = "get_ipython().ast_node_interactivity = 'all'  # show each line's value, not the last's"
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def readme() -> list[str]:
    """Return the cells of the README's section on notebooks."""
    section = (ROOT / "README.md").read_text().partition("## In a notebook")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    return [EVERY, *found[1].strip().split("\n\n")]


@pytest.fixture(scope="module", params=["readme", "quickstart"])
def notebook(request: pytest.FixtureRequest, lab: Any) -> Any:
    """Give a notebook that has been run."""
    opened = lab.open(QUICKSTART if request.param == "quickstart" else readme(), request.param)
    opened.run()
    opened.shot(request.param)
    return opened


def test_it_runs_to_the_end(notebook: Any) -> None:
    """No cell ends in an exception."""
    assert notebook.errors == []


def test_the_comparison_is_seen(notebook: Any) -> None:
    """The table of strategies is visible, says that it is simulated, and closes with a verdict."""
    shown = notebook.outputs.filter(has=notebook.page.locator("th:text-is('quality [95 %]')"))
    shown = shown.filter(has_text="SIMULATED")
    shown.first.scroll_into_view_if_needed()
    assert shown.first.is_visible()
    assert shown.first.locator("tbody th:text-is('cheapest')").is_visible()
    assert "nothing cheaper is shown" in shown.first.inner_text()


def test_the_figure_is_seen(notebook: Any) -> None:
    """A picture stands under the comparison, large enough to read."""
    figure = notebook.page.locator(".jp-OutputArea-output img[src^='data:image/png']").first
    figure.scroll_into_view_if_needed()
    box = figure.bounding_box()
    assert box["width"] > 400
    assert box["height"] > 250


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_it_is_readable(notebook: Any, theme: str) -> None:
    """Every text of a table, a verdict or a widget stands out from its ground in both themes."""
    with notebook.theme(theme):
        shown = notebook.outputs.filter(has_text="quality [95 %]").first
        notebook.shot(f"{notebook.name}_{theme.split()[1].lower()}", shown)
        assert notebook.pale() == []


def test_pale_text_is_found(context: Any) -> None:
    """Grey on white and black on dark grey are found, so that finding none means something."""
    page = context.new_page()
    page.set_content(
        "<p style='color:#aaa'>one</p><p style='color:#595959'>fine</p>"
        "<div style='background:#222'><p>two</p></div>"
    )
    found = page.locator("body").evaluate(PALE)
    page.close()
    assert [told.partition(": ")[2] for told in found] == ["one", "two"]
