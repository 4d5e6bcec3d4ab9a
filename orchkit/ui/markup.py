"""What a notebook or a page shows: text only, whatever a model or a vendor wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

import pandas as pd

from orchkit.ui.terminal import harmless

#: Keeps notebooks from typesetting dollars as formulas, and links in them.
UNTYPESET = "tex2jax_ignore mathjax_ignore"
#: Between rows: what is stored in a notebook is compared line by line.
NEXT = "\n"
#: How tags begin, or are, that a notebook would show otherwise, and how they are to look: text is
#: escaped, and begins none.
LOOKS = {
    '<div class="wide"': "overflow-x: auto",
    "<caption": "text-align: left",
    '<th scope="col" class="told"': "text-align: left",
    '<th scope="row" class="name"': "text-align: left; vertical-align: top; min-width: 10em",
    '<th scope="row">': "text-align: left; vertical-align: top",
    '<td class="told"': "text-align: left; vertical-align: top",
    '<td class="figure"': "text-align: right; vertical-align: top",
}
#: How cells begin that are figures, and stand on the right.
_FIGURE = re.compile(r"[-+<$.]?\d|(?:-|unknown|nan|never)?\Z")


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


def notebook(*parts: str) -> str:
    """Return pieces of HTML as a cell's output: what is wide scrolls, and words stand on the left.

    Colours are the notebook's own, light or dark. A page has a style sheet instead.

    Examples
    --------
    >>> notebook(facts([("n", 3)])).count("text-align: left")
    2
    """
    shown = block(*parts)
    for tag, look in LOOKS.items():
        begun = tag.removesuffix(">")
        shown = shown.replace(tag, f'{begun} style="{look}"{tag[len(begun) :]}')
    return shown


def listed(lines: Iterable[object]) -> str:
    """Return lines as a list; nothing of none.

    Examples
    --------
    >>> listed(["a < b"]), listed([])
    ('<ul><li>a &lt; b</li></ul>', '')
    """
    items = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def table(frame: pd.DataFrame, caption: str = "") -> str:
    """Return a frame of text as a table that scrolls by itself where it is too wide.

    Columns of figures are of class ``figure``; a figure is not broken over lines. The index heads
    the rows, unless it is just their numbers.

    Examples
    --------
    >>> shown = table(pd.DataFrame({"USD": ["0.11"]}, index=["gpt-4o-mini"]), "Costs")
    >>> '<th scope="row" class="name">gpt-4o-mini</th><td class="figure">0.11</td>' in shown
    True
    """
    numbered = isinstance(frame.index, pd.RangeIndex)
    looks = [_look(frame.iloc[:, place]) for place in range(frame.shape[1])]
    heads = [
        *([] if numbered else [("told", frame.index.name or "")]),
        *zip(looks, frame.columns, strict=True),
    ]
    rows = (_row(name, cells, looks, numbered) for name, *cells in frame.itertuples(name=None))
    named = f"<caption>{text(caption)}</caption>" if caption else ""
    head = "".join(f'<th scope="col" class="{look}">{text(each)}</th>' for look, each in heads)
    shown = f"<table>{named}<thead><tr>{head}</tr></thead><tbody>{NEXT.join(rows)}</tbody></table>"
    label = f' aria-label="{text(caption)}"' if caption else ""
    return f'<div class="wide" role="region" tabindex="0"{label}>{shown}</div>'


def facts(told: Iterable[tuple[str, object]], caption: str = "") -> str:
    """Return names and what there is to say of each as a table of two columns.

    Examples
    --------
    >>> facts([("cost", "$0.01")])
    '<table><tbody><tr><th scope="row">cost</th><td class="told">$0.01</td></tr></tbody></table>'
    """
    named = f"<caption>{text(caption)}</caption>" if caption else ""
    rows = NEXT.join(
        f'<tr><th scope="row">{text(name)}</th><td class="told">{text(each)}</td></tr>'
        for name, each in told
    )
    return f"<table>{named}<tbody>{rows}</tbody></table>"


def _row(name: object, cells: list[object], looks: list[str], numbered: bool) -> str:
    head = "" if numbered else f'<th scope="row" class="name">{text(name)}</th>'
    told = (
        f'<td class="{look}">{_unbroken(cell) if look == "figure" else text(cell)}</td>'
        for look, cell in zip(looks, cells, strict=True)
    )
    return f"<tr>{head}{''.join(told)}</tr>"


def _unbroken(cell: object) -> str:
    """Return a figure that stays in one line; a remark in brackets behind it may break."""
    figure, bracket, remark = text(cell).partition(" (")
    return figure.replace(" ", "\N{NO-BREAK SPACE}") + bracket + remark


def _look(cells: pd.Series[str]) -> str:
    return "figure" if all(_FIGURE.match(str(cell)) for cell in cells) else "told"
