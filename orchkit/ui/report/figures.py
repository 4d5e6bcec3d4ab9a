"""The figures of a report: drawn without pyplot, held by the page itself, and told in words."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import pandas as pd

from orchkit.errors import OrchkitError
from orchkit.ui import plots
from orchkit.ui.markup import text
from orchkit.ui.money import usd
from orchkit.ui.plots.canvas import sized
from orchkit.ui.report.examples import MOST

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from orchkit.ui.comparison import Comparison

Draw = Callable[["Axes"], "Axes"]
#: Dots an inch: sharp on a dense screen and on paper, at a few dozen kilobytes a figure.
DPI = 160


@dataclass(frozen=True)
class Figure:
    """One figure: its heading, how it is drawn, and what it says in words of what was drawn."""

    heading: str
    draw: Draw
    tell: Callable[[pd.DataFrame], str]
    size: tuple[float, float] = plots.SIZE


def figures(found: Comparison) -> str:
    """Return all figures of a comparison; of one that cannot be drawn, why."""
    return "".join(map(_shown, _wanted(found)))


def _wanted(found: Comparison) -> Iterator[Figure]:
    results, simulated = found.results, found.simulated
    names = [str(name) for name in results["strategy"].unique()]
    tall = sized(rows=len(names))
    if results["quality"].notna().any():
        yield Figure("Cost and quality", lambda ax: found.plot(ax=ax), _tell_quality)
    for name in _chained(results):
        yield Figure(
            f"Escalation: {name}",
            lambda ax, name=name: plots.escalation(  # type: ignore[misc]
                results, ax=ax, strategy=name, simulated=simulated
            ),
            _tell_flow,
        )
    yield Figure(
        "Where the money goes",
        lambda ax: plots.cost_breakdown(results, ax=ax, simulated=simulated),
        _tell_cost,
        tall,
    )
    yield Figure(
        "Latency",
        lambda ax: plots.latency(results, ax=ax, simulated=simulated),
        _tell_latency,
        tall,
    )
    judged = _routed(results, found.singles)
    if judged[["confidence", "quality"]].notna().all(axis=1).any():
        yield Figure(
            "Reliability: is confidence a probability?",
            lambda ax: plots.reliability(judged, ax=ax, simulated=simulated),
            _tell_reliability,
            sized(lines=3 + judged["strategy"].nunique()),
        )


def _routed(results: pd.DataFrame, singles: Sequence[str]) -> pd.DataFrame:
    """Return the rows of strategies that choose, a few of them; without any, of models alone."""
    names = [name for name in results["strategy"].unique() if name not in singles]
    shown = names[:MOST] or list(singles)[:MOST]
    return results[results["strategy"].isin(shown)]


def _chained(results: pd.DataFrame) -> list[str]:
    """Return the strategies that have a chain of two models or more, and are no vote."""
    chained = results["fallback_chain"].map(len) > 1
    voting = results["ensemble_models"].map(len) > 0
    return [str(name) for name in results.loc[chained & ~voting, "strategy"].unique()]


def _shown(figure: Figure) -> str:
    head = f"<h3>{text(figure.heading)}</h3>"
    try:
        picture, told = _drawn(figure)
    except OrchkitError as error:
        return f"{head}<p>This figure could not be drawn: {text(error)}</p>"
    source = f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"
    return f'{head}<figure><img src="{source}" alt="{text(told)}"></figure>'


def _drawn(figure: Figure) -> tuple[bytes, str]:
    """Return a figure as PNG, in matplotlib's own style whatever the session's is; and in words."""
    from matplotlib import figure as canvas
    from matplotlib import style

    with style.context("default"):
        sheet = canvas.Figure(figsize=figure.size, layout="constrained")
        ax = figure.draw(sheet.subplots())
        made = BytesIO()
        sheet.savefig(made, format="png", dpi=DPI, metadata={"Software": None})
    return made.getvalue(), figure.tell(plots.drawn(ax))


def _tell_quality(drawn: pd.DataFrame) -> str:
    rows = drawn[["quality", "cost_per_1k"]].itertuples()
    told = [f"{name} {_percent(quality)} for {usd(cost)}" for name, quality, cost in rows]
    return f"Quality, and cost per 1,000 prompts: {'; '.join(told)}."


def _tell_flow(drawn: pd.DataFrame) -> str:
    told = [
        f"{hop['model']} was asked {hop['asked']:,} prompts, {hop['accepted']:,} ended there and "
        f"{hop['escalated']:,} went on"
        for _, hop in drawn.iterrows()
    ]
    return f"Down the chain: {'; '.join(told)}."


def _tell_cost(drawn: pd.DataFrame) -> str:
    told = []
    for name, own in drawn.groupby("strategy", sort=False):
        lost = own.loc[~own["kept"], "cost_per_1k"].sum()
        told.append(f"{name} {usd(own['cost_per_1k'].sum())}, of it {usd(lost)} not kept")
    return f"Cost per 1,000 prompts, and for answers that were not kept: {'; '.join(told)}."


def _tell_latency(drawn: pd.DataFrame) -> str:
    rows = drawn[["strategy", "p50", "p95"]].itertuples(index=False)
    told = [f"{name} {p50:.2f} s, {p95:.2f} s" for name, p50, p95 in rows]
    return f"Latency, median and 95 %: {'; '.join(told)}."


def _tell_reliability(drawn: pd.DataFrame) -> str:
    names = drawn.columns[0]
    told = [
        f"{own[names].iloc[0]} {own['ece_debiased'].iloc[0]:.3f}"
        for _, own in drawn.groupby(names, sort=False)
    ]
    return f"Confidence and quality; debiased calibration error: {'; '.join(told)}."


def _percent(share: float) -> str:
    return "unknown" if pd.isna(share) else f"{100 * share:.1f} %"
