from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.core.calls import Call, Kind, Response, Usage
from orchkit.errors import ColumnError, ParameterError
from orchkit.lab.complexity import ComplexityClassifier
from orchkit.lab.complexity.guide import labelling_prompt
from orchkit.runtime.wire import Rejection
from orchkit.ui.labelling import label_tiers, outcome_tiers

PROMPTS = ["2+2?", "Prove it.", "Why?"]


class Labeller:
    """A provider of one's own that answers as it is told, and remembers what it was asked."""

    name = "labeller"

    def __init__(self, says: Callable[[str], str]) -> None:
        self.says = says
        self.asked: list[str] = []

    async def complete(self, call: Call) -> Response:
        """Answer with a label."""
        self.asked.append(call.messages[-1].content)
        said = self.says(call.messages[-1].content)
        return Response(call.model, said, provider="labeller", usage=Usage(100, 2))


def _added(says: Callable[[str], str], price: float = 1.0) -> Labeller:
    labeller = Labeller(says)
    prices: dict[str, Any] = {"input_price": price, "output_price": price}
    orchkit.add_model("judge", provider=labeller, tier="expert", **prices)
    return labeller


def _by_text(asked: str) -> str:
    answers = {"2+2?": "basic", "Prove it.": "Expert.", "Why?": "It depends: basic or advanced"}
    return next(label for text, label in answers.items() if f"\n{text}\n" in asked)


def test_a_model_labels_by_the_guide() -> None:
    """Each row gets the tier the model said, its cost, and no default where it said none."""
    labeller = _added(_by_text)
    df = pd.DataFrame({"prompt": PROMPTS, "kept": [1, 2, 3]}, index=["x", "y", "x"])
    out = label_tiers(df, "judge", progress=False)
    assert out.columns.tolist() == ["prompt", "kept", "tier", "tier_cost", "tier_error"]
    assert out.index.tolist() == ["x", "y", "x"]
    assert out["tier"].tolist()[:2] == ["basic", "expert"]
    assert out["tier"].isna().tolist() == [False, False, True]
    assert out["tier_error"].iloc[2].startswith("NoTier: the answer 'It depends")
    assert out["tier_error"].isna().tolist() == [True, True, False]
    assert (out["tier_cost"] == 102e-6).all()
    assert sorted(labeller.asked) == sorted(map(labelling_prompt, PROMPTS))
    assert list(df.columns) == ["prompt", "kept"]


def test_labels_are_bought_once() -> None:
    """Labelling again asks nobody: answers are kept like any other."""
    labeller = _added(lambda _: "basic")
    df = pd.DataFrame({"prompt": PROMPTS})
    first = label_tiers(df, "judge", progress=False)
    pd.testing.assert_frame_equal(label_tiers(df, "judge", progress=False), first)
    assert len(labeller.asked) == 3


def test_a_budget_is_hard() -> None:
    """What does not fit is not asked, and its row says why."""
    labeller = _added(lambda _: "basic", price=1000.0)
    out = label_tiers(pd.DataFrame({"prompt": PROMPTS}), "judge", budget=0.001, progress=False)
    assert labeller.asked == []
    assert out["tier"].isna().all()
    assert out["tier_error"].str.startswith("BudgetExceeded").all()


def test_a_row_that_fails_has_no_label() -> None:
    """A refusal and a cell that cannot be asked are told of in their rows."""

    def says(asked: str) -> str:
        raise Rejection(Kind.Refused)

    labeller = _added(says)
    cells = [None, "", "2+2?", [{"role": "user", "content": "Why?"}]]
    out = label_tiers(pd.DataFrame({"q": cells}), "judge", prompt="q", progress=False)
    assert out["tier"].isna().all()
    errors = [error.partition(":")[0] for error in out["tier_error"]]
    assert errors == ["EmptyPrompt", "EmptyPrompt", "Refused", "Refused"]
    assert sorted(labeller.asked) == sorted(map(labelling_prompt, ["2+2?", "Why?"]))


def test_a_column_is_not_overwritten() -> None:
    """A frame that has such a column is refused before anything is asked."""
    labeller = _added(lambda _: "basic")
    with pytest.raises(ColumnError, match="column 'tier' already"):
        label_tiers(pd.DataFrame({"prompt": PROMPTS, "tier": 1}), "judge")
    with pytest.raises(ColumnError, match="no column 'prompt'"):
        label_tiers(pd.DataFrame({"text": PROMPTS}), "judge")
    with pytest.raises(TypeError, match="DataFrame"):
        label_tiers(PROMPTS, "judge")  # type: ignore[arg-type]
    assert labeller.asked == []


def test_labels_teach_a_classifier() -> None:
    """What was labelled can be learnt as it is, without the rows that have no label."""
    _added(lambda asked: "expert" if "prove" in asked.split("=" * 24)[1] else "basic")
    texts = [f"{verb} {number}" for verb in ("name", "prove") for number in range(9)]
    out = label_tiers(pd.DataFrame({"prompt": texts}), "judge", progress=False)
    known = out.dropna(subset="tier")
    judge = ComplexityClassifier(tau=None, features="text").fit(known["prompt"], known["tier"])
    assert [tier.value for tier in judge.predict(["prove 77", "name 78"])] == ["expert", "basic"]


def test_outcomes_are_those_of_the_models_cheapest_asks() -> None:
    """A recording's labels go by the catalog's tiers: what the router should have said."""
    names = ["gpt-4o-mini", "claude-haiku-3.5", "gpt-4o", "claude-sonnet-3.5", "claude-opus-3"]
    right = {"a": [1, 0, 0, 0, 0], "b": [0, 1, 0, 0, 0], "c": [0, 0, 1, 1, 1], "d": [0] * 5}
    long = pd.DataFrame(
        [
            {"prompt": text, "model": name, "quality": quality, "cost": 0.001}
            for text, row in right.items()
            for name, quality in zip(names, row, strict=True)
        ]
    )
    matrix = orchkit.ResponseMatrix.from_long(long)
    found = outcome_tiers(matrix)
    assert found["tier"].tolist() == ["basic", "intermediate", "advanced", "expert"]
    assert outcome_tiers(matrix, unanswered=None)["prompt"].tolist() == ["a", "b", "c"]
    with pytest.raises(ParameterError, match="right is 2"):
        outcome_tiers(matrix, right=2)


def test_a_judge_that_knows_the_outcomes_routes_best() -> None:
    """Routing by its own labels, cheapest answers all that its models can answer."""
    df = orchkit.load_dataset("everyday").head(40)
    with orchkit.use("simulator"):
        matrix = orchkit.record(df, progress=False)
    found = outcome_tiers(matrix)
    known = dict(zip(found["prompt"], found["tier"], strict=True))

    class Knows:
        def predict(self, texts: list[str]) -> list[str]:
            return [known[text] for text in texts]

    quality = matrix.compare(["cheapest"], complexity=Knows()).results["quality"]
    asked = {
        matrix.catalog(orchkit.ui.session.SESSION.offline_catalog()).cheapest_able(tier)[0]
        for tier in orchkit.Tier
    }
    best = matrix.quality[[model.name for model in asked]].max(axis=1)
    assert quality.mean() == pytest.approx(best.mean())
