"""What holds for every figure."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

import orchkit
from orchkit import errors, plots

HOSTILE = "$\\frac$ a_b^2 \x1b[31mred\x1b[0m\x00\u202e\n\\input{x} " + "long " * 30
#: `spending` draws the ledger, which knows no answers; it has tests of its own.
FIGURES: dict[str, Callable[..., Axes]] = {
    name: getattr(plots, name)
    for name in plots.__all__
    if name not in ("SIZE", "drawn", "spending")
}
#: What stands on the axes of each.
UNITS = {
    "confidence": ("confidence", "share of"),
    "confusion": ("taken for", "what it is"),
    "cost_breakdown": ("USD per 1,000 prompts", ""),
    "cost_quality": ("USD per 1,000 prompts", "mean score"),
    "deferral": ("share of prompts", "mean score"),
    "escalation": ("prompts", ""),
    "latency": ("latency [s]", ""),
    "reliability": ("confidence", "share right"),
}
#: Text that stands where there is nothing to draw.
NOTHING = {
    "confidence": "no answer has both",
    "confusion": "no prompt has both labels",
    "cost_breakdown": "no calls were made",
    "cost_quality": "no quality is known",
    "deferral": "no quality is known",
    "latency": "no latency is known",
    "reliability": "no answer has both",
}


@pytest.fixture
def frames(found: orchkit.Comparison) -> dict[str, pd.DataFrame]:
    """Give each figure a frame of the kind it draws, all of them simulated."""
    prompts = orchkit.load_dataset("everyday").head(30)
    guessed = orchkit.KeywordRules().predict(prompts["prompt"])
    curve = orchkit.metrics.deferral_curve([3, 2, 1], [0, 1, 1], [1, 1, 0])
    frames = dict.fromkeys(FIGURES, found.results)
    frames["cost_quality"] = found.summary()
    frames["confidence"] = found.results.query("strategy == 'fallback'")
    frames["deferral"] = curve.assign(provider="simulator")
    frames["confusion"] = prompts.assign(predicted=guessed, provider="simulator")
    return frames


@pytest.fixture(params=sorted(FIGURES))
def name(request: pytest.FixtureRequest) -> str:
    """Give the name of each figure."""
    return str(request.param)


def told(ax: Axes) -> list[str]:
    """Return every text in the figure of these Axes."""
    figure: Any = ax.figure
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_it_draws_where_it_is_told(
    name: str, frames: dict[str, pd.DataFrame], ax: Axes, no_figures: Any
) -> None:
    """A figure returns the Axes given, opens none beside them, and changes no frame."""
    before = frames[name].copy(deep=True)
    assert FIGURES[name](frames[name], ax=ax) is ax
    assert no_figures.get_fignums() == [1]
    assert ax.figure.axes == [ax]
    pd.testing.assert_frame_equal(frames[name], before)


def test_it_changes_no_setting(name: str, frames: dict[str, pd.DataFrame], ax: Axes) -> None:
    """Neither matplotlib's settings nor the layout of a figure of one's own is changed."""
    import matplotlib as mpl

    before, layout = dict(mpl.rcParams), ax.figure.get_layout_engine()  # type: ignore[union-attr]
    FIGURES[name](frames[name], ax=ax)
    assert dict(mpl.rcParams) == before
    assert ax.figure.get_layout_engine() is layout  # type: ignore[union-attr]


def test_it_makes_a_figure_of_notebook_width(
    name: str, frames: dict[str, pd.DataFrame], no_figures: Any
) -> None:
    """Without Axes a figure is made, of one width, in which nothing is written outside of it."""
    drawn = FIGURES[name](frames[name])
    assert no_figures.get_fignums() == [1]
    figure: Any = drawn.figure
    assert figure.get_figwidth() == plots.SIZE[0]
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert box.x0 > -0.05
    assert box.x1 < plots.SIZE[0] + 0.05
    assert box.y0 > -0.05


def test_axes_carry_units(name: str, frames: dict[str, pd.DataFrame], ax: Axes) -> None:
    """Both axes say what they show, in which unit."""
    FIGURES[name](frames[name], ax=ax)
    x, y = UNITS[name]
    assert x in ax.get_xlabel()
    assert y in ax.get_ylabel()


def test_simulated_answers_are_named(name: str, frames: dict[str, pd.DataFrame]) -> None:
    """The title says that answers are simulated when the frame or the caller does, only then."""
    frame = frames[name]
    assert "SIMULATED" in FIGURES[name](frame, ax=Figure().subplots()).get_title()
    measured = frame.assign(provider="openai")
    assert "SIMULATED" not in FIGURES[name](measured, ax=Figure().subplots()).get_title()
    if name != "confusion":
        ax = FIGURES[name](measured, ax=Figure().subplots(), simulated=True)
        assert "SIMULATED" in ax.get_title()


@pytest.mark.parametrize("figure", sorted(NOTHING))
def test_nothing_is_told(figure: str, frames: dict[str, pd.DataFrame]) -> None:
    """Where there is nothing to draw the Axes say so, and hand over their empty frame."""
    ax = FIGURES[figure](frames[figure].iloc[:0], ax=Figure().subplots())
    assert any(NOTHING[figure] in text for text in told(ax))
    assert isinstance(plots.drawn(ax), pd.DataFrame)


@pytest.mark.parametrize("figure", sorted(set(NOTHING) - {"confusion", "cost_breakdown"}))
def test_nothing_known_is_told(figure: str, frames: dict[str, pd.DataFrame]) -> None:
    """Where every number is missing the Axes say so."""
    unknown = frames[figure].assign(quality=np.nan, latency=np.nan)
    ax = FIGURES[figure](unknown, ax=Figure().subplots())
    assert any(NOTHING[figure] in text for text in told(ax))


def test_one_row_is_enough(name: str, frames: dict[str, pd.DataFrame]) -> None:
    """A frame of one row is drawn."""
    frame = frames[name]
    one = frame[frame["strategy"] == "fallback"].head(1) if "strategy" in frame else frame.head(1)
    ax = FIGURES[name](one, ax=Figure().subplots())
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert len(plots.drawn(ax)) >= 1


def test_a_wrong_frame_is_told(name: str, frames: dict[str, pd.DataFrame]) -> None:
    """A frame without the columns is refused with what to pass, and no figure is opened."""
    from matplotlib import pyplot as plt

    plt.close("all")
    with pytest.raises(errors.ColumnError, match=r"has no(ne)? .*Pass "):
        FIGURES[name](pd.DataFrame({"other": [1]}))
    with pytest.raises(errors.ParameterError, match="DataFrame"):
        FIGURES[name]("a name")
    assert plt.get_fignums() == []


def hostile(name: str, frame: pd.DataFrame) -> Axes:
    """Draw a frame whose labels steer terminals and typesetters."""
    ax = Figure().subplots()
    if name == "cost_quality":
        return plots.cost_quality(frame.rename(index=lambda label: f"{HOSTILE}{label}"), ax=ax)
    if name == "confusion":
        spoilt = frame.assign(predicted=HOSTILE, **{HOSTILE: frame["complexity"]})
        return plots.confusion(spoilt, truth=HOSTILE, ax=ax)
    if name in ("deferral", "reliability"):
        return FIGURES[name](frame.assign(who=HOSTILE), by="who", ax=ax)
    if name == "confidence":
        return plots.confidence(frame.assign(provider=HOSTILE), ax=ax)
    return FIGURES[name](frame[frame["strategy"] == "fallback"].assign(strategy=HOSTILE), ax=ax)


def test_names_are_drawn_as_written(name: str, frames: dict[str, pd.DataFrame]) -> None:
    """A name is no formula and steers nothing: no escape, control or direction is drawn."""
    ax = hostile(name, frames[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    for text in told(ax):
        assert all(letter.isprintable() or letter == "\n" for letter in text)
    if name != "confidence":
        written = [text for text in ax.figure.findobj(Text) if "$" in text.get_text()]  # type: ignore[union-attr]
        assert any("\\frac" in text.get_text() for text in written)
        spoilt = [text for text in written if text.get_text().count("$") > 1]
        assert not any(text.get_parse_math() or text.get_usetex() for text in spoilt)


def test_drawing_again_hands_over_the_last(
    name: str, frames: dict[str, pd.DataFrame], ax: Axes
) -> None:
    """What is handed over is a copy of what was drawn last."""
    drawn = plots.drawn(FIGURES[name](frames[name], ax=ax))
    drawn.iloc[:, 0] = drawn.iloc[0, 0]
    again = plots.drawn(FIGURES[name](frames[name], ax=Figure().subplots()))
    pd.testing.assert_frame_equal(plots.drawn(ax), again)


def test_ten_long_names_fit(frames: dict[str, pd.DataFrame]) -> None:
    """Ten strategies with long names keep their ends, and stay inside of the figure."""
    from matplotlib import pyplot as plt

    own = frames["latency"].query("strategy == 'fallback'")
    ends = [f"threshold=0.{n})" for n in range(10)]
    long = "fallback(chain=gpt-4o-mini → claude-sonnet-3.5 → claude-opus-3, "
    many = pd.concat([own.assign(strategy=long + end) for end in ends])
    for draw in (plots.latency, plots.cost_breakdown):
        ax = draw(many)
        ax.figure.draw_without_rendering()  # type: ignore[union-attr]
        names = ax.get_yticklabels()
        assert all(end in text.get_text() for end, text in zip(ends, names, strict=True))
        boxes = [text.get_window_extent() for text in names]
        assert all(not one.overlaps(two) for one, two in pairwise(boxes))
        assert min(box.x0 for box in boxes) >= 0
        plt.close("all")
