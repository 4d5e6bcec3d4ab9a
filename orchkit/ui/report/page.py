"""The page: its head, which lets nothing in, and its sections in order."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING

from orchkit.ui.markup import block, text
from orchkit.ui.report import sections, words
from orchkit.ui.report.examples import examples
from orchkit.ui.report.figures import figures

if TYPE_CHECKING:
    from orchkit.ui.comparison import Comparison

Section = Callable[["Comparison"], str]
SECTIONS: tuple[tuple[str, Section], ...] = (
    ("Result", sections.result),
    ("Provenance", sections.provenance),
    ("Differences from the reference", sections.contrasts),
    ("What the same money buys otherwise", sections.baselines),
    ("Figures", figures),
    ("Failures", sections.failures),
    ("Strategies as code", sections.strategies),
    ("Method", sections.method),
)


#: Rows stand before this section.
_ROWS_AT = [name for name, _ in SECTIONS].index("Failures")


def page(found: Comparison, title: str | None = None, rows: int = 5) -> str:
    """Return a comparison as a whole page of HTML: no script, no request, all of it in one text.

    With so many `rows` on which strategies differ.
    """
    size = found.results["row"].nunique()
    told = title or f"{found.results['strategy'].nunique():,} strategies on {size:,} prompts"
    style = resources.files("orchkit.ui.report").joinpath("style.css").read_text("utf-8")
    parts = (f"<section><h2>{name}</h2>{make(found)}</section>" for name, make in _sections(rows))
    body = block(f"<main><header>{_header(found, told)}</header>", *parts, "</main>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{text(told)}</title><style>{style}</style></head><body>{body}</body></html>\n"
    )


def _sections(rows: int) -> list[tuple[str, Section]]:
    """Return the sections, with so many rows after the figures."""
    shown = [("Some rows", lambda found: examples(found, rows))] if rows else []
    return [*SECTIONS[:_ROWS_AT], *shown, *SECTIONS[_ROWS_AT:]]


def _policy(style: str) -> str:
    """Return the policy under which only this style sheet and the pictures in the page count."""
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _header(found: Comparison, title: str) -> str:
    made = f"Made on {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC by orchkit."
    return f"<h1>{text(title)}</h1>{_origin(found)}<p>{text(found.title())}.</p><p>{made}</p>"


def _origin(found: Comparison) -> str:
    if found.simulated:
        return f'<p class="simulated" role="note">{words.SIMULATED}</p>'
    return f"<p>{words.REPLAYED if found.provenance.replayed else words.REAL}</p>"
