"""The board's tables, as HTML: text of models and data stands for itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchkit.lab.whatif import Way, differing
from orchkit.ui.excerpts import cut
from orchkit.ui.markup import block, text
from orchkit.ui.money import usd
from orchkit.ui.plots.canvas import ORACLE_COLOUR, OTHER, SINGLE, STRATEGY

#: A way, what is shown of it, and its kind.
Row = tuple[Way, str, str]
#: How each kind is marked, as in the picture.
_MARKS = {
    "now": ("●", STRATEGY),
    "other": ("●", OTHER),
    "single": ("■", SINGLE),
    "oracle": ("★", ORACLE_COLOUR),
}
#: Rows shown of those where two ways differ, each way round.
ROWS = 4
#: Colours are the page's own, light or dark; lines are half see-through.
_LINE = "1px solid rgba(128,128,128,.45)"
_CELL = f"border-bottom:{_LINE};padding:3px 8px;vertical-align:top;line-height:1.35;color:inherit;"


@dataclass(frozen=True)
class Cell:
    """A cell that is HTML already, or a number, which stands to the right."""

    html: str
    right: bool = True


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Cell | str]]) -> str:
    """Return a table; what is not a `Cell` is text, and escaped."""
    rows = [*rows]
    sides = ["right" if isinstance(c, Cell) and c.right else "left" for c in rows[0]]
    top = "".join(
        f'<th scope="col" style="{_CELL}text-align:{side};white-space:nowrap">{text(head)}</th>'
        for head, side in zip(heads, sides, strict=True)
    )
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    told = f'<caption style="{_CAPTION}">{text(caption)}</caption>'
    named = f'tabindex="0" role="region" aria-label="{text(caption)}"'
    return (
        f'<div style="overflow-x:auto;margin:10px 0" {named}><table style="{_TABLE}">{told}'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


_CAPTION = (
    "caption-side:top;text-align:left;font-weight:600;padding:4px 8px;color:inherit;"
    "overflow-wrap:anywhere"
)
_TABLE = (
    "border-collapse:collapse;table-layout:auto;font-size:13px;width:100%;color:inherit;"
    "background:none"
)


def _cell(cell: Cell | str) -> str:
    if isinstance(cell, str):
        return f'<td style="{_CELL}text-align:left;overflow-wrap:anywhere">{text(cell)}</td>'
    side = "right;white-space:nowrap" if cell.right else "left;min-width:9em"
    return f'<td style="{_CELL}text-align:{side}">{cell.html}</td>'


def flow(way: Way) -> str:
    """Return who was asked, who answered, who passed on: the escalation flow."""
    size = len(way)
    rows = [_hop(hop, size) for hop in way.flow().to_dict("records")]
    heads = ("model", "kept | not kept", "asked", "answer kept", "its quality", "USD / 1k")
    return (
        table(f"How {size:,} prompts flowed", heads, rows) if rows else "<p>Nobody was asked.</p>"
    )


def _hop(hop: Mapping[Any, Any], size: int) -> tuple[Cell | str, ...]:
    """Return the row of one model."""
    asked, kept, passed = (hop[name] / size for name in ("asked", "answered", "passed_on"))
    return (
        str(hop["model"]),
        Cell(_bar(kept, passed), right=False),
        Cell(f"{hop['asked']:,} ({_percent(asked)})"),
        Cell(f"{hop['answered']:,} ({_percent(kept)})"),
        Cell("-" if math.isnan(hop["quality"]) else _percent(hop["quality"], 1)),
        Cell(text(usd(hop["cost_per_1k"]))),
    )


def _bar(kept: float, passed: float) -> str:
    """Return a bar: what stayed here, and in a lighter shade what was passed on."""
    part = "display:inline-block;height:11px;vertical-align:middle;width:{:.1f}%;background:{}"
    return (
        '<div style="min-width:110px;white-space:nowrap;font-size:0" aria-hidden="true">'
        f'<span style="{part.format(100 * kept, STRATEGY)}"></span>'
        f'<span style="{part.format(100 * passed, STRATEGY)};opacity:.3"></span></div>'
    )


def standings(now: tuple[Way, str], others: Iterable[Row], against: str) -> str:
    """Return how each way stands, and what is shown of it against the reference."""
    rows = [_standing(*now, "now")]
    rows += [_standing(*row) for row in others if row[0].name != now[0].name]
    heads = ("strategy", "quality [95 %]", "USD / 1k", f"against {against}")
    return table("Verdicts, each by itself with 95 % confidence", heads, rows)


def _standing(way: Way, told: str, kind: str) -> tuple[Cell | str, ...]:
    at, (mark, colour) = way.standing, _MARKS[kind]
    name = f"<b>{text(way.name)}</b>" if kind == "now" else text(way.name)
    dot = f'<span style="color:{colour}" aria-hidden="true">{mark}</span> '
    cost = Cell(text(usd(at["cost_per_1k"])))
    return Cell(dot + name, right=False), Cell(text(interval(at))), cost, told


def interval(at: Mapping[str, float]) -> str:
    """Return quality with its interval, where there is one, in percent."""
    low, high = 100 * at["quality_low"], 100 * at["quality_high"]
    told = _percent(at["quality"], 1)
    return told if math.isnan(low) else f"{told} [{low:.1f}, {high:.1f}]"


def verdict(way: Way, reference: Way) -> str:
    """Return in words what is shown of a way against the reference."""
    if way.name == reference.name:
        return "the reference"
    return (
        f"the same as {reference.name}" if way.same_as(reference) else str(way.against(reference))
    )


def disagreements(
    now: Way, reference: Way, prompt: Callable[[int], str], answer: Callable[[Way, int], str]
) -> str:
    """Return the first prompts that one of two ways answered better than the other."""
    better, worse, gained, lost = differing(now, reference, ROWS)
    told = (
        f"Rows where {now.name} and {reference.name} disagree: {gained:,} better by {now.name}, "
        f"{lost:,} by {reference.name}, {len(now) - gained - lost:,} alike"
    )
    shown = sorted([*better.tolist(), *worse.tolist()])
    rows = [
        (cut(prompt(at)), *_given(now, at, answer), *_given(reference, at, answer)) for at in shown
    ]
    heads = ("prompt", f"{now.name}: answer", "score", f"{reference.name}: answer", "score")
    return table(told, heads, rows) if rows else f"<p>{text(told)}.</p>"


def _given(way: Way, at: int, answer: Callable[[Way, int], str]) -> tuple[str, Cell]:
    """Return the model and answer a way kept, and its score."""
    model = way.models[way.chosen[at]] if way.chosen[at] >= 0 else "nobody"
    said = answer(way, at) if way.chosen[at] >= 0 else "no answer"
    return f"{model}: {cut(said)}", Cell(f"{way.quality[at]:.2g}")


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


_LINE_OF_TEXT = "margin:4px 8px;line-height:1.35;color:inherit;overflow-wrap:anywhere"


def paragraph(*lines: str) -> str:
    """Return lines of text as one block."""
    return block(*(f'<p style="{_LINE_OF_TEXT}">{text(line)}</p>' for line in lines))
