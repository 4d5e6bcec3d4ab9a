"""What a figure shows is what it hands over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

import orchkit
from orchkit import plots


def test_bars_of_cost_are_as_long_as_their_parts(results: pd.DataFrame, ax: Axes) -> None:
    """The widths of a strategy's bars sum to its cost per 1,000 prompts; hatched is not kept."""
    parts = plots.drawn(plots.cost_breakdown(results, ax=ax))
    bars = [each for each in ax.patches if isinstance(each, Rectangle) and each.get_width() > 0]
    order = results["strategy"].unique()
    for row, name in enumerate(order):
        own = [bar for bar in bars if abs(bar.get_y() + bar.get_height() / 2 - row) < 0.01]
        cost = 1000 * results.loc[results["strategy"] == name, "cost"].mean()
        assert sum(bar.get_width() for bar in own) == pytest.approx(cost)
        lost = parts.loc[(parts["strategy"] == name) & ~parts["kept"], "cost_per_1k"].sum()
        hatched = sum(bar.get_width() for bar in own if bar.get_hatch())
        assert hatched == pytest.approx(lost)


def test_an_unknown_price_is_told(results: pd.DataFrame, ax: Axes) -> None:
    """Calls without a price are counted beside the bar, and drawn as no cost."""
    calls = [{"model": "mine", "cost": None, "error": None}, {"model": "b", "cost": 0.001}]
    row = {"strategy": "s", "model_used": "b", "metadata": {"calls": calls}}
    plots.cost_breakdown(pd.DataFrame([row]), ax=ax)
    assert [text.get_text() for text in ax.texts] == ["$1.00 + 1 calls of unknown price"]


def test_more_models_than_colours_are_put_together(ax: Axes) -> None:
    """Of many models the cheapest share a colour; the frame keeps them apart."""
    calls = [{"model": f"m{n}", "cost": 0.001 * (n + 1)} for n in range(12)]
    row = {"strategy": "s", "model_used": "m11", "metadata": {"calls": calls}}
    plots.cost_breakdown(pd.DataFrame([row]), ax=ax)
    legend = ax.get_legend()
    assert legend is not None
    told = [text.get_text() for text in legend.get_texts()]
    assert len(told) == 8
    assert "other models" in told
    assert plots.drawn(ax)["model"].nunique() == 12
    drawn = sum(bar.get_width() for bar in ax.patches if isinstance(bar, Rectangle))
    assert drawn == pytest.approx(78)


def test_medians_stand_where_they_are(results: pd.DataFrame, ax: Axes) -> None:
    """The dots of latency are the medians of answered rows."""
    plots.latency(results, ax=ax)
    dots = next(line for line in ax.get_lines() if line.get_marker() == "o")
    answered = results[results["error"].isna()]
    medians = answered.groupby("strategy", sort=False)["latency"].median()
    assert list(dots.get_xdata()) == pytest.approx(medians.tolist())  # type: ignore[arg-type]


def test_reliability_draws_its_bins(results: pd.DataFrame, ax: Axes) -> None:
    """The markers stand at the means of their bins, and the legend tells their error."""
    own = results[results["strategy"] == "gpt-4o-mini"]
    bins = plots.drawn(plots.reliability(own, bins=4, ax=ax))
    (marks,) = [each for each in ax.collections if len(each.get_offsets()) == len(bins) > 1]
    np.testing.assert_allclose(marks.get_offsets(), bins[["confidence", "quality"]])
    error = orchkit.metrics.ece(own["confidence"], own["quality"], bins=4, kind="mass")
    legend = ax.get_legend()
    assert legend is not None
    assert any(f"ECE {error:.3f} equal-mass" in text.get_text() for text in legend.get_texts())


def test_graded_quality_is_a_mean_score(results: pd.DataFrame, ax: Axes) -> None:
    """Graded quality is named so, and its intervals are not Wilson's."""
    plots.reliability(results.assign(quality=results["confidence"]), ax=ax)
    legend = ax.get_legend()
    assert legend is not None
    assert "mean score" in ax.get_ylabel()
    assert not any("Wilson" in text.get_text() for text in legend.get_texts())


def test_confidence_tells_its_auroc(results: pd.DataFrame, ax: Axes) -> None:
    """The title has the AUROC of the metrics."""
    own = results[results["strategy"] == "fallback"]
    plots.confidence(own, ax=ax)
    auroc = orchkit.metrics.auroc(own["confidence"], own["quality"])
    assert f"AUROC {auroc:.3f}" in ax.get_title()


def test_answers_of_several_strategies_are_not_pooled(results: pd.DataFrame, ax: Axes) -> None:
    """They answer the same prompts: the figure asks for one of them, and reliability parts them."""
    with pytest.raises(orchkit.ParameterError, match="5 strategies"):
        plots.confidence(results, ax=ax)
    assert plots.drawn(plots.reliability(results, ax=ax))["strategy"].nunique() == 5
    with pytest.raises(orchkit.ColumnError, match="a row a prompt, and no curve"):
        plots.deferral(results, ax=ax)


def test_a_sweep_has_a_band(ax: Axes) -> None:
    """Intervals of a sweep are drawn as a band between them."""
    sweep = pd.DataFrame({"escalation_rate": [0, 0.5, 1], "quality": [0.5, 0.8, 0.9]})
    plots.deferral(sweep.assign(quality_low=0.4, quality_high=0.95), ax=ax)
    (band,) = ax.collections
    ends = band.get_datalim(ax.transData)
    assert (ends.y0, ends.y1) == pytest.approx((0.4, 0.95))
    assert "95 % interval" in ax.get_ylabel()


def test_the_flow_narrows(results: pd.DataFrame, ax: Axes) -> None:
    """The bar of a hop is as long as its prompts are many, and ends where the first ends."""
    flow = plots.drawn(plots.escalation(results, ax=ax))
    for row, asked in enumerate(flow["asked"]):
        own = [
            bar
            for bar in ax.patches
            if isinstance(bar, Rectangle) and abs(bar.get_y() + bar.get_height() / 2 - row) < 0.01
        ]
        own = [bar for bar in own if bar.get_width()]
        assert sum(bar.get_width() for bar in own) == pytest.approx(asked)
        if own:
            assert max(bar.get_x() + bar.get_width() for bar in own) == flow["asked"].iloc[0]


def test_cells_tell_counts_and_shares(ax: Axes) -> None:
    """Each cell with prompts has its count and its share of the row; other labels no kappa."""
    frame = pd.DataFrame({"complexity": list("xxxy"), "predicted": list("xxyy")})
    plots.confusion(frame, ax=ax)
    assert {text.get_text() for text in ax.texts} == {"2\n67 %", "1\n33 %", "1\n100 %"}
    assert "kappa" not in ax.get_title()


def test_artists_can_be_told_how_to_look(results: pd.DataFrame, ax: Axes) -> None:
    """What is passed beside goes to the artist."""
    plots.latency(results, ax=ax, color="black")
    bars = [bar for bar in ax.patches if isinstance(bar, Rectangle)]
    assert {bar.get_facecolor()[:3] for bar in bars} == {(0.0, 0.0, 0.0)}
