from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.ui.terminal import harmless

CONTROLS = [chr(code) for code in (*range(32), *range(0x7F, 0xA0))]
PIECES = ["\x1b", "[", "]", "0", ";", "m", "\x07", "\\", "P", "\x9b", "\x9d", "\x9c", "a", "\n"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[Hgone?", "gone?"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cm0gLXJm\x07", ""),
        ("\x1bP+q544e\x1b\\text", "text"),
        ("\x9b31mred\x9d0;title\x9ctext", "redtext"),
        ("\x1bc\x1b(Btext\x1b7", "text"),
        ("safe\rEVIL", "safeEVIL"),
        ("abc\b\b\bxyz\x7f", "abcxyz"),
        ("\x1b\x1b[0m[31m", "[31m"),
        ("never ended \x1b]0;the answer", "never ended ]0;the answer"),
        ("a\tb\nc\r\nd", "a\tb\nc\nd"),
        ("naïve 你好 🌍 [31m", "naïve 你好 🌍 [31m"),
        ("half \ud800", "half \ufffd"),
    ],
    ids=ascii,
)
def test_sequences_go_and_words_stay(text: str, shown: str) -> None:
    """Colours, cursor moves, titles, links and clipboard writes go; the words stay."""
    assert harmless(text) == shown


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_of_the_controls_only_tab_and_newline_stay(control: str) -> None:
    """Of C0, DEL and C1 only what lays out text is printed."""
    shown = control if control in "\t\n" else ""
    assert harmless(f"a{control}\n") == f"a{shown}\n"


@given(st.text(st.sampled_from(PIECES)) | st.text(st.characters(exclude_categories=())))
def test_no_control_survives(text: str) -> None:
    """Whatever pieces of sequences are nested, no control comes out, and again changes nothing."""
    shown = harmless(text)
    assert all(unicodedata.category(c) not in ("Cc", "Cs") or c in "\t\n" for c in shown)
    assert harmless(shown) == shown


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"))))
def test_plain_text_is_untouched(text: str) -> None:
    """Text without controls is printed as it is."""
    assert harmless(text) == text
