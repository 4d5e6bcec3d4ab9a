"""What a notebook shows: text only, whatever a model or a vendor wrote."""

from __future__ import annotations

from html import escape

from orchkit.ui.terminal import harmless

#: Keeps notebooks from typesetting dollars as formulas, and links in them.
UNTYPESET = "tex2jax_ignore mathjax_ignore"


def text(told: object) -> str:
    """Return text that stands for itself between and inside tags.

    Examples
    --------
    >>> text("<b>1 & 2</b>")
    '&lt;b&gt;1 &amp; 2&lt;/b&gt;'
    """
    return escape(harmless(str(told)))


def block(*parts: str) -> str:
    """Return pieces of HTML as one that no formula is read into."""
    return f'<div class="{UNTYPESET}">{"".join(parts)}</div>'
