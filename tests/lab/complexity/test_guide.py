from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.catalog import Tier
from orchkit.lab.complexity.guide import MEANING, RULES, labelling_prompt, tier_said

GUIDE = Path(__file__).parents[3] / "datasets" / "complexity.md"


@pytest.mark.parametrize(
    ("answer", "tier"),
    [
        ("basic", Tier.BASIC),
        (" Expert.\n", Tier.EXPERT),
        ("**ADVANCED**", Tier.ADVANCED),
        ('"intermediate"', Tier.INTERMEDIATE),
        ("basic or intermediate", None),
        ("The tier is basic", None),
        ("basics", None),
        ("hard", None),
        ("", None),
        (None, None),
        ("2", None),
    ],
)
def test_an_answer_is_one_tier_or_none(answer: str | None, tier: Tier | None) -> None:
    """One word is a tier; more, less or another word is no label, and never a default."""
    assert tier_said(answer) is tier


@given(st.text(st.sampled_from("=a\n "), max_size=80))
def test_the_text_stands_between_fences_it_cannot_forge(text: str) -> None:
    """The text is there letter for letter, between two lines that it does not contain."""
    asked = labelling_prompt(text)
    before, _, _ = asked.rpartition("\nReply with one word")
    fence = before.rpartition("\n")[2]
    assert set(fence) == {"="}
    assert before.endswith(f"{fence}\n{text}\n{fence}")
    assert fence not in text


def test_people_and_models_label_by_the_same_words() -> None:
    """The written guide holds each tier's meaning and each rule of the prompt, word for word."""
    told = GUIDE.read_text("utf-8")
    asked = labelling_prompt("?")
    assert list(MEANING) == list(Tier)
    for words in (*MEANING.values(), *RULES):
        assert words in told
        assert words in asked
