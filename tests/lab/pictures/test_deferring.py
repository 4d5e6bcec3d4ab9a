from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import ColumnError, ParameterError
from orchkit.lab.metrics import deferral_curve
from orchkit.lab.pictures.deferring import deferral_lines


def curve() -> pd.DataFrame:
    """Return a deferral curve of four prompts with its costs."""
    return deferral_curve(
        [0.9, 0.5, 0.4, 0.1], [0, 0, 1, 1], [1, 1, 1, 0], weak_cost=0.001, strong_cost=0.005
    )


def test_a_curve_stays_as_it_is() -> None:
    """Shares and qualities are the curve's; the mix is the line between its ends."""
    lines = deferral_lines(curve())
    assert lines["share"].tolist() == curve()["share"].tolist()
    assert lines["quality"].tolist() == curve()["quality"].tolist()
    assert lines["mix"].tolist() == pytest.approx([0.5 + 0.25 * f for f in lines["share"]])


def test_costs_are_per_thousand_prompts() -> None:
    """A curve's cost a prompt is drawn per 1,000; a sweep's cost_per_1k as it is."""
    lines = deferral_lines(curve(), x="cost")
    assert lines["cost_per_1k"].tolist() == pytest.approx([1, 2, 3, 4, 5])
    sweep = pd.DataFrame({"cost_per_1k": [1, 3], "quality": [0.5, 0.7]})
    assert deferral_lines(sweep)["cost_per_1k"].tolist() == [1, 3]


def test_curves_are_told_apart_and_sorted() -> None:
    """Each curve is sorted and has a mix of its own ends; the unknown is left out."""
    frame = pd.DataFrame(
        {
            "name": ["b", "b", "b", "a", "a"],
            "escalation_rate": [1.0, 0.0, 0.5, 0.2, 0.6],
            "quality": [0.9, 0.5, np.nan, 0.3, 0.4],
        }
    )
    lines = deferral_lines(frame, by="name")
    assert sorted(lines["name"]) == list("aabb")
    assert lines.query("name == 'b'")["quality"].tolist() == [0.5, 0.9]
    assert lines["mix"].tolist() == lines["quality"].tolist()


def test_nothing_gives_no_point() -> None:
    """An empty curve has no point, and the same columns."""
    assert (
        deferral_lines(curve().iloc[:0]).columns.tolist()
        == deferral_lines(curve()).columns.tolist()
    )
    assert deferral_lines(curve().iloc[:0]).empty


def test_misuse_is_told() -> None:
    """Without a share, a cost, a quality, or such an axis the message says what to give."""
    with pytest.raises(ColumnError, match="share, share_escalated"):
        deferral_lines(pd.DataFrame({"quality": [0.5]}))
    with pytest.raises(ColumnError, match="deferral_curve"):
        deferral_lines(pd.DataFrame({"share": [0.5]}))
    with pytest.raises(ParameterError, match="'share' or 'cost'"):
        deferral_lines(curve(), x="price")
