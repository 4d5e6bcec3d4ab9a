"""A few rows of a comparison, to check its figures by: where strategies disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from orchkit.lab.frames import missing
from orchkit.ui.excerpts import cut, said
from orchkit.ui.markup import table

if TYPE_CHECKING:
    from orchkit.ui.comparison import Comparison

#: Strategies that are shown beside each other.
MOST = 6


def examples(found: Comparison, many: int) -> str:
    """Return the first prompts on which strategies differ, with their answers and scores."""
    names = list(found.results["strategy"].unique())[:MOST]
    own = found.results[found.results["strategy"].isin(names)]
    quality = own.pivot(index="row", columns="strategy", values="quality")
    rows = quality.index[quality.max(axis=1) > quality.min(axis=1)][:many]
    if not len(rows):
        return "<p>No prompt tells the strategies apart.</p>"
    shown = pd.DataFrame(_asked(found, rows), columns=["prompt", "reference"])
    answers = own.set_index(["strategy", "row"])
    for name in names:
        shown[name] = [_answer(answers.loc[(name, row)]) for row in rows]
    told = f"The first {len(rows)} of the prompts on which strategies differ: answers, and scores"
    return table(shown, told)


def _asked(found: Comparison, rows: Any) -> list[tuple[str, str]]:
    """Return prompt and reference of each row, as far as they are known."""
    prompts, asked = found.prompts, found.provenance.asked
    names = (asked.get("prompt") or "prompt", asked.get("reference") or "reference")
    cells = [None if prompts is None or name not in prompts else prompts[name] for name in names]
    return [
        (
            cut(said(None if cells[0] is None else cells[0].iloc[row], f"prompt {row}")),
            "" if cells[1] is None or missing(cells[1].iloc[row]) else cut(str(cells[1].iloc[row])),
        )
        for row in rows
    ]


def _answer(row: pd.Series[Any]) -> str:
    told = said(row["response"], said(row["error"], "no answer"))
    score = "-" if pd.isna(row["quality"]) else f"{row['quality']:.2g}"
    return f"{cut(told)} ({score})"
