from __future__ import annotations

import html
import json
import re
from dataclasses import FrozenInstanceError, dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

import pytest

import orchkit
from orchkit.core.plans import Answer, Plan
from orchkit.ui import money
from orchkit.ui.result import confidence_of

KEYS = [
    "response",
    "model_used",
    "cost",
    "latency",
    "confidence",
    "input_tokens",
    "output_tokens",
    "strategy",
    "fallback_chain",
    "ensemble_models",
    "metadata",
    "timestamp",
    "provider",
    "cached",
    "error",
]


@dataclass(frozen=True)
class Noted:
    """Ask one model and note something."""

    note: Any
    name: ClassVar[str] = "noted"

    def plan(self, query: orchkit.Query, catalog: orchkit.Catalog) -> Plan:
        """Ask once."""
        (response,) = yield (query.call("gpt-4o"),)
        return Answer(response, notes={"noted": self.note})


def test_a_result_has_the_quick_references_keys() -> None:
    """The keys are the quick reference's in its order, then provider, cached and error."""
    told = orchkit.run_orchestration("Should I use REST or GraphQL?", "ensemble").to_dict()
    assert list(told) == KEYS


def test_the_same_answer_reads_the_same() -> None:
    """The text of a result does not say when it was answered, so notebooks can be compared."""
    first, second = (orchkit.run_orchestration("Explain tides", cache=False) for _ in range(2))
    assert first.timestamp < second.timestamp
    assert repr(first) == repr(second)


def test_a_result_has_the_quick_references_values() -> None:
    """Each value is of the type the output format shows."""
    told = json.loads(orchkit.run_orchestration("REST or GraphQL?", "ensemble").to_json())
    kinds = {name: type(value) for name, value in told.items() if name != "error"}
    assert kinds == {
        **dict.fromkeys(("response", "model_used", "strategy", "timestamp", "provider"), str),
        **dict.fromkeys(("cost", "latency", "confidence"), float),
        **dict.fromkeys(("input_tokens", "output_tokens"), int),
        **dict.fromkeys(("fallback_chain", "ensemble_models"), list),
        "metadata": dict,
        "cached": bool,
    }
    assert told["ensemble_models"] == ["gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5"]
    assert told["metadata"]["ensemble_size"] == 3
    assert told["error"] is None


def test_attributes_are_the_keys() -> None:
    """What to_dict tells is what the attributes hold, but for the time as text."""
    result = orchkit.run_orchestration("Explain Docker", "fallback")
    told = result.to_dict()
    assert datetime.fromisoformat(told.pop("timestamp")) == result.timestamp
    assert told == {name: getattr(result, name) for name in told}
    assert result.timestamp.tzinfo is not None


def test_a_result_does_not_change() -> None:
    """A result is frozen."""
    result = orchkit.run_orchestration("What is 2+2?")
    with pytest.raises(FrozenInstanceError):
        result.cost = 0.0  # type: ignore[misc]


def test_a_failed_prompt_is_a_result_with_an_error() -> None:
    """A prompt that cannot be asked has an error, and null for all that is unknown."""
    told = json.loads(orchkit.run_orchestration("  ").to_json())
    assert told["error"].startswith("EmptyPrompt: ")
    unknown = ("response", "model_used", "confidence", "provider")
    assert [told[name] for name in unknown] == [None] * 4
    assert (told["cost"], told["input_tokens"], told["cached"]) == (0, 0, False)


def test_an_unknown_cost_is_null() -> None:
    """What a model without a price cost is null in JSON, not NaN."""
    orchkit.add_model("dear", provider="simulator")
    with orchkit.use("simulator"):
        told = json.loads(orchkit.run_orchestration("What is 2+2?", "dear").to_json())
    assert told["cost"] is None
    assert told["metadata"]["calls"][0]["cost"] is None


def test_json_keeps_every_script() -> None:
    """Text in any script is written as it is, and read back the same."""
    said = "Was heißt 你好 🌍?"
    text = orchkit.run_orchestration(said, "gpt-4o").to_json()
    assert said in text
    assert said in json.loads(text)["response"]


@pytest.mark.parametrize(
    ("note", "told"), [(float("nan"), None), ({"deep": [float("inf")]}, {"deep": [None]})]
)
def test_unknown_is_null_at_any_depth(note: object, told: object) -> None:
    """A number that JSON has no word for is null wherever a strategy noted it."""
    result = orchkit.run_orchestration("What is 2+2?", Noted(note))
    assert json.loads(result.to_json())["metadata"]["noted"] == told


class Sly:
    """A provider that answers with markup."""

    name = "<b>sly</b>"

    async def complete(self, call: orchkit.Call) -> orchkit.Response:
        """Answer with a script, a formula and an escape."""
        return orchkit.Response(call.model, "<script>alert(1)</script> $x$ \x1b[31m")


def test_its_html_is_text(df: Any) -> None:
    """In a notebook an answer, a provider's name and a model's are text, never markup or maths."""
    orchkit.add_model("<i>m</i>", provider=Sly(), input_price=0, output_price=0)
    result = orchkit.run_orchestration("Hi", "<i>m</i>")
    shown = result._repr_html_()
    assert set(re.findall(r"<(\w+)", shown)) == {"div", "pre", "table", "tbody", "tr", "th", "td"}
    assert shown.startswith('<div class="tex2jax_ignore mathjax_ignore"><pre>&lt;script&gt;alert')
    assert "&lt;b&gt;sly&lt;/b&gt;" in shown
    assert "\x1b" not in shown
    assert "\x1b" not in repr(result)


def test_its_html_tells_the_figures() -> None:
    """Under the answer stand the model, the cost, whether it was cached, and how sure it is."""
    results = [orchkit.run_orchestration("What is 2+2?") for _ in range(2)]
    first, second = (result._repr_html_() for result in results)
    assert html.escape(results[0].response or "") in first
    assert "gpt-4o-mini (simulator)" in first
    assert f">{money.usd(results[0].cost)}</td>" in first
    assert f">{money.usd(results[0].cost)} (cached)</td>" in second


def test_a_failed_prompts_html_says_why() -> None:
    """Where there is no answer the error stands in its place."""
    shown = orchkit.run_orchestration("  ")._repr_html_()
    assert "<pre>EmptyPrompt: " in shown


@pytest.mark.parametrize("code", [0x7F, 0x9B, 0x9F, 0xD800, 0xDFFF], ids=hex)
def test_json_holds_no_character_a_terminal_obeys(code: int) -> None:
    """C1 controls and lone surrogates are escaped, and read back the same."""
    result = replace(orchkit.run_orchestration("Hi"), response=f"a{chr(code)}b")
    assert chr(code) not in result.to_json()
    assert json.loads(result.to_json())["response"] == f"a{chr(code)}b"


@pytest.mark.parametrize(("calibrated", "word"), [(True, "calibrated"), (False, "uncalibrated")])
def test_a_confidence_says_whether_it_is_a_probability(calibrated: bool, word: str) -> None:
    """What is shown under an answer tells the signal, and whether it was fitted to outcomes."""

    def sure(query: orchkit.Query, response: orchkit.Response) -> orchkit.Confidence:
        return orchkit.Confidence(0.8, "own", calibrated)

    result = orchkit.run_orchestration("Why?", orchkit.Single("gpt-4o", sure))
    assert f">0.80 (own, {word})</td>" in result._repr_html_()
    assert confidence_of(result) == f"0.80 (own, {word})"
