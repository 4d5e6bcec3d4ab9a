from __future__ import annotations

from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.ui.markup import block, text
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
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Note a tag."""
        self.tags.append(tag)

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
