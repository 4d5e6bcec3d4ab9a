from __future__ import annotations

import math

import numpy as np
import pytest

from orchkit.lab.arrays import Arrays
from orchkit.lab.cascading import cascaded, hop_grid, most_confident, places

RANKS = [[0.2, 0.5], [0.5, 0.5], [0.9, 0.1], [-math.inf, -math.inf]]


@pytest.fixture
def arrays() -> Arrays:
    """Give four prompts of a cheap and a strong model; the third answer of the cheap is cut."""
    return Arrays(
        ("cheap", "strong"),
        np.arange(4),
        quality=np.array([[0.1, 1.0], [0.2, 0.9], [0.3, 0.8], [0.4, 0.7]]),
        cost=np.array([[1, 10]] * 4),
        rank=np.array(RANKS),
        usable=np.array([[True, True], [True, True], [False, True], [True, False]]),
    )


def test_a_confidence_at_the_limit_reaches_it(arrays: Arrays) -> None:
    """At or above a limit is enough; an answer that cannot be accepted reaches none."""
    limits = np.array([0.0, 0.5, 0.9])
    assert places(arrays, 0, limits).tolist() == [1, 2, 0, 0]


def test_of_equals_the_later_is_the_most_confident(arrays: Arrays) -> None:
    """Equal confidences, unknown ones too, are the later model's."""
    assert most_confident(arrays, [0, 1]).tolist() == [1.0, 0.9, 0.3, 0.7]
    assert most_confident(arrays, [1, 0]).tolist() == [1.0, 0.2, 0.3, 0.4]


def test_money_is_spent_up_to_where_it_stops(arrays: Arrays) -> None:
    """Whoever is not accepted was paid for, and the last is taken as it is if it is usable."""
    routed = cascaded(arrays, ("cheap", "strong"), (0.5, -math.inf))
    assert routed.chosen.tolist() == [1, 0, 1, 1]
    assert routed.cost.tolist() == [11, 1, 11, 11]
    assert routed.quality.tolist() == [1.0, 0.2, 0.8, 0.7]


def test_where_the_last_is_unusable_the_most_confident_is_taken(arrays: Arrays) -> None:
    """A strong answer that is cut does not replace a cheap one that was surer."""
    cut = np.array([[True, False]] * 4)
    table = Arrays("ab", np.arange(4), arrays.quality, arrays.cost, arrays.rank, cut)  # type: ignore[arg-type]
    routed = cascaded(table, ("a", "b"), (1.0, -math.inf))
    assert routed.chosen.tolist() == [1, 1, 0, 1]
    assert routed.cost.tolist() == [11] * 4


def test_no_prompts_come_to_nothing(arrays: Arrays) -> None:
    """A part without prompts is routed, and sums to 0."""
    nobody = arrays.at(np.zeros(4, dtype=bool))
    assert len(cascaded(nobody, ("cheap", "strong"), (0.5, -math.inf)).chosen) == 0
    quality, cost = hop_grid(nobody, ("cheap", "strong"), [np.array([0.1, 0.5])])
    assert (quality.tolist(), cost.tolist()) == ([0.0, 0.0], [0, 0])
