"""A provider, a strategy, a scorer and a confidence of one's own, with public names only."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest

import orchkit


class Echo:
    """Answers with the prompt, for one token a word; says no to what is rude."""

    name = "echo"
    quotas: ClassVar[dict[str, orchkit.Quota]] = {}

    async def complete(self, call: orchkit.Call) -> orchkit.Response:
        """Answer, or refuse in known terms."""
        said = call.messages[-1].content
        if "rude" in said:
            raise orchkit.Rejection(orchkit.Kind.Refused, "be kind")
        words = len(said.split())
        return orchkit.Response(call.model, said, orchkit.Usage(words, words), latency=0.25)


@dataclass(frozen=True)
class Twice:
    """Ask the first model, and the second where the first is not sure."""

    models: tuple[str, str]
    confidence: orchkit.Signal
    name: ClassVar[str] = "twice"

    def plan(self, query: orchkit.Query, catalog: orchkit.Catalog) -> orchkit.Plan:
        """Two rounds at most."""
        for model in self.models:
            (response,) = yield (query.call(model),)
            sure = self.confidence(query, response)
            if not orchkit.hard_failure(response) and sure > 0.5:
                return orchkit.Answer(response, orchkit.Confidence(sure, "length"))
        return orchkit.Answer(None, failure=orchkit.Failure(orchkit.Kind.EmptyAnswer, "unsure"))


def length(query: orchkit.Query, response: orchkit.Response) -> float:
    """Be the surer, the longer the answer."""
    return math.tanh(len(response.text or "") / 10)


def starts_alike(text: str, reference: str) -> float:
    """Score 1 where both start with the same letter."""
    return float(text[:1] == reference[:1])


@pytest.fixture(autouse=True)
def echo() -> None:
    """Add two models of the provider."""
    for name in ("small", "large"):
        orchkit.add_model(name, provider=Echo(), input_price=1, output_price=1)


def test_they_work_together() -> None:
    """All four run in one comparison; cost, quality and failures are theirs."""
    asked = {"prompt": ["a long enough prompt", "be rude", "b"], "reference": ["a", "b", "c"]}
    provider: orchkit.Provider = Echo()
    scorer: orchkit.Scorer = starts_alike
    strategy: orchkit.Strategy = Twice(("small", "large"), length)
    found = orchkit.compare(pd.DataFrame(asked), [strategy], scorer=scorer, progress=False)
    results = found.results
    assert provider.name == "echo"
    assert list(results["quality"]) == [1, 0, 0]
    assert results.loc[0, "cost"] == pytest.approx(8e-6)
    assert results.loc[0, "provider"] == "echo"
    assert list(results["error"].fillna("")) == ["", *["EmptyAnswer: unsure"] * 2]


def test_a_rejection_names_its_kind() -> None:
    """A provider's no reaches the row as its kind and its words."""
    result = orchkit.run_orchestration("be rude", "small")
    assert result.error == "Refused: be kind"


def test_a_plan_is_tested_by_hand() -> None:
    """A strategy runs without any provider: its plan is advanced by hand, and a trace told."""
    query = orchkit.Query((orchkit.Message("user", "?"),))
    plan = Twice(("small", "large"), length).plan(query, orchkit.Catalog({}, ()))
    (call,) = next(plan)
    response = orchkit.Response(call.model, "a long enough answer", cost=7)
    with pytest.raises(StopIteration) as ended:
        plan.send((response,))
    trace = orchkit.Trace(((response,),), ended.value.value)
    assert (trace.cost, trace.failure) == (7, None)


def test_only_public_names_were_needed() -> None:
    """Of orchkit nothing is imported here but orchkit."""
    tree = ast.parse(Path(__file__).read_text("utf-8"))
    told = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, "module", None) or node.names[0].name for node in told}
    assert {name for name in names if name.startswith("orchkit")} == {"orchkit"}
