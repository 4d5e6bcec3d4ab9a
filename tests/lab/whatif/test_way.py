from __future__ import annotations

import numpy as np
import pytest

from orchkit.core.catalog import NANO
from orchkit.lab.whatif import Way, differing, oracle_of


def alone(name: str, column: int, quality: list[float], dollars: float) -> Way:
    """Return one of two models alone, at one cost a prompt."""
    asked = np.zeros((len(quality), 2), dtype=bool)
    asked[:, column] = True
    paid = asked * dollars * NANO
    return Way(
        name, ("small", "large"), np.array(quality), np.full(len(quality), column), asked, paid
    )


SMALL = alone("small", 0, [1, 0, 0, 1], 0.001)
LARGE = alone("large", 1, [1, 1, 0, 0], 0.01)


def test_the_oracle_is_the_cheapest_of_the_right_ones() -> None:
    """Where nothing is right it is the cheapest model."""
    oracle = oracle_of([LARGE, SMALL])
    assert [oracle.models[at] for at in oracle.chosen] == ["small", "large", "small", "small"]
    assert oracle.standing["quality"] == 0.75
    assert oracle.standing["cost_per_1k"] == pytest.approx(1000 * (0.001 * 3 + 0.01) / 4)


def test_a_model_that_answered_nothing_leaves_nobody_asked() -> None:
    """Where it is the cheapest of all that are wrong, the oracle has no answer either."""
    none = np.full(4, -1)
    mute = Way("mute", SMALL.models, np.zeros(4), none, np.zeros((4, 2), dtype=bool), SMALL.costs)
    oracle = oracle_of([mute, LARGE])
    assert oracle.chosen.tolist() == [1, 1, -1, -1]
    assert oracle.asked.sum() == 2


def test_rows_that_differ_are_found_and_counted_both_ways() -> None:
    """The first ones of each kind, and how many there are."""
    better, worse, gained, lost = differing(LARGE, SMALL, 4)
    assert (better.tolist(), worse.tolist(), gained, lost) == ([1], [3], 1, 1)


def test_the_flow_tells_who_was_asked_and_whose_answer_was_kept() -> None:
    """Prompts passed on are those asked whose answer was not kept; money is each model's own."""
    asked = np.array([[True, False], [True, True], [True, True], [True, True]])
    way = Way("chain", SMALL.models, LARGE.quality, np.array([0, 1, 1, 0]), asked,
              asked * [0.001 * NANO, 0.01 * NANO])  # fmt: skip
    told = way.flow().set_index("model")
    assert told["asked"].to_dict() == {"small": 4, "large": 3}
    assert told["answered"].to_dict() == {"small": 2, "large": 2}
    assert told["passed_on"].to_dict() == {"small": 2, "large": 1}
    assert told["quality"].to_dict() == {"small": 0.5, "large": 0.5}
    assert told["cost_per_1k"].to_dict() == pytest.approx({"small": 1.0, "large": 7.5})


def test_who_was_not_asked_is_no_part_of_the_flow() -> None:
    """A model alone is one row."""
    assert SMALL.flow()["model"].tolist() == ["small"]


def test_the_verdict_is_of_quality_and_cost() -> None:
    """Against the reference, by name; without costs of quality alone."""
    assert "within 1 pt of large at 10 % [10, 10] of its cost" in str(SMALL.against(LARGE))
    assert "cost" not in str(SMALL.against(alone("free", 1, [1, 1, 0, 0], 0.0)))


def test_the_same_is_the_same_answers_for_the_same_money() -> None:
    """Equal quality at another price is something else."""
    assert SMALL.same_as(SMALL)
    assert not SMALL.same_as(alone("other", 0, [1, 0, 0, 1], 0.002))
