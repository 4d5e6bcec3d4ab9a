from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
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


@dataclass(frozen=True)
class Weighing:
    """A strategy of one's own with settings that are numpy's."""

    weights: Any = None
    limit: Any = 0.5
    most: Any = 3
    name: ClassVar[str] = "weighing"

    def plan(self, query: Any, catalog: Any) -> Any:
        """Ask the first model."""
        (said,) = yield (query.call(catalog.ladder()[0]),)
        return orchkit.Answer(said)


def test_numbers_are_plain() -> None:
    """A number of numpy's is written as Python's; one that has no end is code, too."""
    line = code(Weighing(None, np.float64(0.25), np.int64(4)))
    assert line == "Weighing(limit=0.25, most=4)"
    assert code(Weighing(None, math.inf)) == "Weighing(limit=float('inf'))"
    assert rebuilds(code(Weighing(None, -math.inf)))


def test_an_array_is_a_setting_too(df: Any, tmp_path: Path) -> None:
    """What is equal to nothing, as an array, is named, and marked: it is no code."""
    weighing = Weighing(np.array([0.25, 0.5]))
    assert code(weighing) == "Weighing(weights=<array([0.25, 0.5 ])>)"
    found = df.orch.compare([weighing, "gpt-4o"])
    assert found.names == ["weighing(weights=[0.25 0.5 ])", "gpt-4o"]
    assert "array([0.25" in found.to_html(tmp_path / "report.html").read_text("utf-8")


def test_what_is_no_code_is_marked() -> None:
    """A function of one's own, or a router that was fitted, is named and said to be no code."""
    signal = orchkit.Fallback(confidence=lambda query, response: 0.5)
    router = orchkit.Threshold(orchkit.LengthRouter(), "a", "b", 0.1)
    for each in (signal, router):
        assert not rebuilds(code(each))
        assert " at 0x" not in code(each)
    assert "<LengthRouter()>" in code(router)
