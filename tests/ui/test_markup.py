from __future__ import annotations

from html import unescape
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.ui.markup import block, facts, notebook, table, text
from orchkit.ui.terminal import harmless

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</div></pre><iframe srcdoc='<script>1</script>'>",
    "<!--><a href=javascript:alert(1)>x</a>",
    "&lt;script&gt;",
    "\\href{javascript:alert(1)}{x} $$x$$",
    "<scr\0ipt>",
]


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[list[str]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, and what its attributes are called."""
        self.tags.append(tag)
        self.attributes.append([name for name, _ in attrs])

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


@pytest.mark.parametrize("told", HOSTILE, ids=ascii)
def test_markup_is_shown_as_text(told: str) -> None:
    """Whatever is told is read back from the page as text, and makes no tag."""
    page = Page(block(text(told)))
    assert page.tags == ["div"]
    assert page.text == harmless(told)


@given(st.text(st.characters(exclude_categories=())))
def test_no_text_leaves_its_place(told: str) -> None:
    """No text holds a character that could open a tag or end an attribute."""
    shown = text(told)
    assert not set(shown) & set("<>\"'")
    assert unescape(shown) == harmless(told)
    shown.encode("utf-8")


def test_a_tag_has_one_look() -> None:
    """No tag of a notebook has an attribute twice: a browser would heed the first alone."""
    frame = pd.DataFrame({"USD": ["0.11"], "of": ["x"]}, index=["gpt-4o-mini"])
    page = Page(notebook(table(frame, "Costs"), facts([("n", 3)], "Facts")))
    assert [names for names in page.attributes if len(names) > len({*names})] == []
    assert sum("style" in names for names in page.attributes) == 10


def test_a_figure_stays_in_one_line_and_a_remark_may_break() -> None:
    """Blanks within a figure do not break; those of a remark in brackets, and of words, do."""
    frame = pd.DataFrame({"sure": ["0.79 (a, b)"], "cost": ["0.1 / 2 s"], "why": ["so it is"]})
    page = Page(table(frame))
    assert "0.79 (a, b)" in page.text
    assert "0.1\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}2\N{NO-BREAK SPACE}s" in page.text
    assert "so it is" in page.text
