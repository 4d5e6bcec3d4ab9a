"""The main job: a frame of prompts in, a table of strategies out, and files to keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from orchkit.ui import exporting, plots, verbs
from orchkit.ui.comparison import Comparison
from orchkit.ui.session import SESSION
from orchkit.ui.writing import naming, refuse_unwritable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT_STRATEGIES = ("cheapest", "fallback", "ensemble")
FILES = ("results.parquet", "summary.csv", "cost_quality.png", "report.html")


def bench(
    frame: pd.DataFrame,
    strategies: Sequence[str] = DEFAULT_STRATEGIES,
    *,
    every_model: bool = True,
    **options: Any,
) -> Comparison:
    """Return the comparison of strategies, and of every default model on its own.

    What is not named here is as in `orchkit.compare`.
    """
    return verbs.compare(frame, ways(strategies, every_model=every_model), **options)


def ways(strategies: Sequence[str], *, every_model: bool) -> list[str]:
    """Return the names to compare: those given, and every default model that is not among them."""
    names = [name.strip() for name in strategies]
    return names + [name for name in SESSION.catalog().pool if every_model and name not in names]


def foretold(frame: pd.DataFrame, names: Sequence[str]) -> tuple[float, float]:
    """Return USD to expect of a bench and USD at the very most; NaN where a price is unknown.

    Calls that several strategies share are bought once but counted for each: it is no less.
    """
    told = [verbs.estimate(frame, name) for name in names]
    return sum(each.expected_cost for each in told), sum(each.worst_cost for each in told)


def prepare(folder: Path) -> None:
    """Make the folder, and see that `write` can write into it, before anything is paid."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        refuse_unwritable(folder / name)


def write(found: Comparison, folder: Path, title: str | None = None) -> list[Path]:
    """Write results, summary, figure and report into `folder`; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    results, summary, figure, report = (folder / name for name in FILES)
    with naming(results):
        _readable(found).to_parquet(results)
    with naming(summary):
        exporting.to_csv(found.summary().assign(simulated=found.simulated), summary)
    with naming(figure):
        draw(lambda ax: found.plot(ax=ax), figure)
    found.to_html(report, title=title)
    return [results, summary, figure, report]


def _readable(found: Comparison) -> pd.DataFrame:
    """Return the results with the prompts and references they are of, and metadata as text."""
    told = found.results.assign(metadata=found.results["metadata"].map(str))
    asked = found.prompts
    for name in ("reference", "prompt"):
        if asked is not None and name in asked and name not in told:
            told.insert(
                1, name, asked[name].map(str, na_action="ignore").iloc[told["row"]].to_numpy()
            )
    return told


def draw(onto: Callable[[Axes], object], path: Path) -> None:
    """Write a figure without pyplot, which would keep it open."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=plots.SIZE, layout="constrained")
    onto(figure.subplots())
    figure.savefig(path, dpi=150)
