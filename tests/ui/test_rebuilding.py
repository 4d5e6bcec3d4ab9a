from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

import orchkit
from orchkit.ui.rebuilding import code, rebuilds

MADE = [
    orchkit.Cheapest(),
    orchkit.Single("gpt-4o"),
    orchkit.Single("it's"),
    orchkit.Fallback(),
    orchkit.Fallback(("a", "b"), 0.123456789),
    orchkit.Fallback(("a", "b"), (0.7,), orchkit.brevity),
    orchkit.Fallback(("a", "b", "c"), (0.1, 0.2), orchkit.agrees_with("d", "e")),
    orchkit.Fallback(confidence=orchkit.self_consistency(3)),
    orchkit.Fallback(confidence=orchkit.LogprobQuantile(0.25)),
    orchkit.Fallback(confidence=orchkit.min_logprob),
    orchkit.Ensemble(2, select="majority"),
    orchkit.Ensemble(models=("a", "b"), select="judge", judge=orchkit.Judge("c", rubric="<b>")),
    orchkit.AgreeThenEscalate(("a", "b"), "c"),
]


@dataclass(frozen=True)
class Own:
    """A strategy of one's own."""

    limit: float = 0.5
    name: ClassVar[str] = "own"

    def plan(self, query: Any, catalog: Any) -> Any:
        """Ask nobody."""
        yield from ()


@pytest.mark.parametrize("strategy", MADE, ids=code)
def test_its_code_makes_it_again(strategy: Any) -> None:
    """The line makes a strategy that is equal, to the last digit of its threshold."""
    line = code(strategy)
    assert rebuilds(line)
    assert eval(line, {"orchkit": orchkit}) == strategy  # noqa: S307 - our own line


def test_a_tuned_one_is_made_again_as_it_was_tuned() -> None:
    """What was fitted are a chain and thresholds, and they are in the line."""
    with orchkit.use("simulator"):
        mat = orchkit.load_dataset("everyday").head(80).orch.record(["gpt-4o-mini", "gpt-4o"])
    tuned = orchkit.Fallback.fit(mat, max_loss=0.3)
    assert eval(code(tuned), {"orchkit": orchkit}) == tuned  # noqa: S307 - our own line


def test_one_of_ones_own_goes_by_its_class() -> None:
    """A class that is not orchkit's has no orchkit in front."""
    assert code(Own(0.7)) == "Own(limit=0.7)"


def test_what_is_no_code_is_marked() -> None:
    """A function of one's own, or a router that was fitted, is named and said to be no code."""
    signal = orchkit.Fallback(confidence=lambda query, response: 0.5)
    router = orchkit.Threshold(orchkit.LengthRouter(), "a", "b", 0.1)
    for each in (signal, router):
        assert not rebuilds(code(each))
        assert " at 0x" not in code(each)
    assert "<LengthRouter()>" in code(router)
