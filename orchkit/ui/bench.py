"""The main job: a frame of prompts in, a table of strategies out, and files to keep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from orchkit.ui import plots, verbs
from orchkit.ui.comparison import Comparison
from orchkit.ui.session import SESSION

DEFAULT_STRATEGIES = ("cheapest", "fallback", "ensemble")
RESULTS, SUMMARY, FIGURE = "results.parquet", "summary.csv", "cost_quality.png"


def bench(
    frame: pd.DataFrame,
    strategies: Sequence[str] = DEFAULT_STRATEGIES,
    *,
    budget: float | None = None,
    every_model: bool = True,
) -> Comparison:
    """Return the comparison of strategies, and of every default model on its own."""
    names = [name.strip() for name in strategies]
    names += [model for model in SESSION.catalog().pool if every_model and model not in names]
    return verbs.compare(frame, names, budget=budget)


def prepare(folder: Path) -> None:
    """Make the folder, and see that `write` can write into it, before anything is paid."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (RESULTS, SUMMARY, FIGURE):
        refuse_unwritable(folder / name)


def refuse_unwritable(path: Path) -> None:
    """Raise the OSError that writing this file would raise, and leave no trace of it."""
    fresh = not path.exists()
    path.open("ab").close()
    if fresh:
        path.unlink()


def write(found: Comparison, folder: Path) -> list[Path]:
    """Write results, summary and figure into `folder`; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    results, summary, figure = (folder / name for name in (RESULTS, SUMMARY, FIGURE))
    found.results.assign(metadata=found.results["metadata"].map(str)).to_parquet(results)
    found.summary().assign(simulated=found.simulated).to_csv(summary)
    _draw(found, figure)
    return [results, summary, figure]


def _draw(found: Comparison, path: Path) -> None:
    """Write the figure without pyplot, which would keep it open."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=plots.SIZE, layout="constrained")
    found.plot(ax=figure.subplots())
    figure.savefig(path, dpi=150)
