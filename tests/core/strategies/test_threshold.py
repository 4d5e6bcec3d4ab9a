from __future__ import annotations

import math
from typing import Any

import pytest

from orchkit.core.calls import Kind, Response
from orchkit.core.strategies import Threshold
from orchkit.errors import ParameterError, UnknownModelError

WEAK, STRONG = "gpt-4o-mini", "gpt-4o"
REPLIES = {name: Response(name, name) for name in (WEAK, STRONG)}


class Fixed:
    """A router for two models."""

    def predict(self, texts: list[str]) -> list[dict[str, float]]:
        """Return how likely each model is right."""
        return [{WEAK: 0.5, STRONG: 0.75} for _ in texts]


def chosen(run: Any, strategy: Threshold) -> str:
    """Return the model that a strategy asked last."""
    return str(run(strategy, REPLIES).answer.response.model)


@pytest.mark.parametrize(("limit", "model"), [(0.2, STRONG), (0.25, STRONG), (0.3, WEAK)])
def test_the_strong_model_is_asked_from_the_threshold_on(
    run: Any, limit: float, model: str
) -> None:
    """The gain is the difference of the two probabilities; at the threshold it is enough."""
    assert chosen(run, Threshold(Fixed(), WEAK, STRONG, limit)) == model


@pytest.mark.parametrize(("score", "model"), [(-1.0, WEAK), (5.0, STRONG), (math.nan, STRONG)])
def test_a_function_scores_texts(run: Any, score: float, model: str) -> None:
    """A plain function will do; a prompt without a score goes to the strong model."""
    strategy = Threshold(lambda texts: [score for _ in texts], WEAK, STRONG, 3)
    assert chosen(run, strategy) == model
    assert chosen(run, strategy.prepared(["What is 2+2?"])) == model


def test_the_weak_model_stands_in(run: Any) -> None:
    """Where the strong model does not fit the cost limit the weak one answers."""
    refused = {**REPLIES, STRONG: Response.failed(STRONG, Kind.BudgetExceeded)}
    answer = run(Threshold(Fixed(), WEAK, STRONG, 0.0), refused).answer
    assert answer.response.model == WEAK
    assert answer.planned == (STRONG, WEAK)


def test_texts_are_scored_at_once() -> None:
    """All texts of a frame are scored by one call, each once."""
    asked: list[list[str]] = []

    def lengths(texts: list[str]) -> list[int]:
        asked.append(texts)
        return [len(text) for text in texts]

    strategy = Threshold(lengths, WEAK, STRONG, 3).prepared(["a", "bcd", "a"])
    assert asked == [["a", "bcd"]]
    assert strategy.foreseen == {"a": 1.0, "bcd": 3.0}


def test_settings_are_checked() -> None:
    """A threshold is finite, models differ, scores are one a text, and routers know both models."""
    with pytest.raises(ParameterError, match="finite"):
        Threshold(Fixed(), WEAK, STRONG, math.inf)
    with pytest.raises(ParameterError, match="two models"):
        Threshold(Fixed(), WEAK, WEAK, 0)
    with pytest.raises(ParameterError, match="0 scores for 1 texts"):
        Threshold(lambda _: [], WEAK, STRONG, 0).prepared(["?"])
    with pytest.raises(UnknownModelError, match="tells nothing of 'gpt-4'"):
        Threshold(Fixed(), WEAK, "gpt-4", 0).prepared(["?"])
