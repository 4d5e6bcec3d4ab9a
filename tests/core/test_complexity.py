import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.catalog import Catalog, Tier
from orchkit.core.complexity import OPENING, KeywordRules

BASIC, INTERMEDIATE, ADVANCED, EXPERT = Tier

#: "Complexity Detection" of the quick reference: the words a prompt opens with.
OPENERS = {
    "What is": BASIC,
    "Define": BASIC,
    "Format": BASIC,
    "Explain": INTERMEDIATE,
    "Write code": INTERMEDIATE,
    "Design system": ADVANCED,
    "Analyze": ADVANCED,
    "Research": EXPERT,
    "Comprehensive analysis": EXPERT,
}
#: Every prompt the quick reference shows, at the tier of the models it says are asked.
SHOWN = {
    "What is 2+2?": BASIC,
    "What is Python?": BASIC,
    "Quick question": BASIC,
    "Classify: the parcel never came": BASIC,
    "Explain quantum physics": INTERMEDIATE,
    "Explain Docker": INTERMEDIATE,
    "Write a binary search function": INTERMEDIATE,
    "Write documentation for orchkit/core/calls.py": INTERMEDIATE,
    "How does X work?": INTERMEDIATE,
    "Should I use REST or GraphQL?": INTERMEDIATE,
    "Should we use X or Y?": INTERMEDIATE,
    "Review this documentation: it is short": INTERMEDIATE,
    "Design distributed architecture": ADVANCED,
    "Design X system": ADVANCED,
    "Analyze logs": ADVANCED,
    "Analyze: the parcel never came": ADVANCED,
    "Important analysis": ADVANCED,
}
MODELS = {
    BASIC: "gpt-4o-mini",
    INTERMEDIATE: "claude-haiku-3.5",
    ADVANCED: "claude-sonnet-3.5",
    EXPERT: "claude-opus-3",
}

plain_words = st.sampled_from(["green", "tea", "harbour", "of", "the", "42", "naïve", "猫"])
endings = st.lists(plain_words, min_size=1, max_size=8).map(" ".join)


def _tier(text: str) -> Tier:
    return KeywordRules().predict([text])[0]


@given(st.sampled_from(list(OPENERS)), endings)
def test_the_opening_decides(opener: str, ending: str) -> None:
    """However it goes on, a prompt has the tier the quick reference gives its opening."""
    assert _tier(f"{opener} {ending}") == OPENERS[opener]


@pytest.mark.parametrize("opener", OPENERS)
def test_a_tier_leads_to_its_model(opener: str, catalog: Catalog) -> None:
    """The opening of a prompt leads to the model the quick reference names."""
    tier = _tier(f"{opener} ...")
    assert catalog.cheapest_able(tier)[0].name == MODELS[OPENERS[opener]]


@pytest.mark.parametrize("prompt", SHOWN)
def test_prompts_of_the_quick_reference(prompt: str) -> None:
    """A prompt shown in the quick reference has the tier it is shown with."""
    assert _tier(prompt) == SHOWN[prompt]


@pytest.mark.parametrize("prompt", [*OPENERS, *SHOWN])
def test_case_does_not_matter(prompt: str) -> None:
    """Shouting a prompt does not make it harder."""
    assert _tier(prompt.upper()) == _tier(prompt.lower()) == _tier(prompt)


@pytest.mark.parametrize("word", ["researchers' tea", "redesigned tea", "barcode", "unexplained"])
def test_part_of_a_word_is_no_keyword(word: str) -> None:
    """A keyword counts as a whole word only."""
    assert _tier(word) == BASIC


@pytest.mark.parametrize(
    ("prompt", "tier"),
    [
        ("Explain what is meant by tea", INTERMEDIATE),
        ("Explain and analyze tea", ADVANCED),
        ("Define tea, then prove it", EXPERT),
    ],
)
def test_the_hardest_keyword_wins(prompt: str, tier: Tier) -> None:
    """A prompt that asks for two things is as hard as the harder one."""
    assert _tier(prompt) == tier


@given(endings)
def test_what_is_quoted_below_does_not_count(quoted: str) -> None:
    """Keywords count in the opening, not in the material that follows it."""
    material = "tea " * (OPENING // 4)
    assert _tier(f"Define {material}{quoted} comprehensive research") == BASIC


@pytest.mark.parametrize(("before", "tier"), [(OPENING - 8, EXPERT), (OPENING - 7, ADVANCED)])
def test_the_opening_ends_somewhere(before: int, tier: Tier) -> None:
    """A keyword counts when the whole of it stands in the opening."""
    assert _tier("-" * before + "research" + " tea" * 61) == tier


@pytest.mark.parametrize(
    ("count", "tier"),
    [(0, BASIC), (15, BASIC), (16, INTERMEDIATE), (60, INTERMEDIATE), (61, ADVANCED)],
)
def test_without_a_keyword_length_decides(count: int, tier: Tier) -> None:
    """A prompt without a keyword is as hard as it is long."""
    assert _tier("tea " * count) == tier


@given(st.lists(st.text()))
def test_every_text_has_a_tier_of_its_own(texts: list[str]) -> None:
    """Any text gets a tier, in order, whatever stands beside it."""
    assert KeywordRules().predict(iter(texts)) == [_tier(text) for text in texts]


def test_rules_can_be_other_rules() -> None:
    """The table of patterns and the lengths are parameters."""
    rules = KeywordRules(patterns=((EXPERT, re.compile("tea")),), words=((1, INTERMEDIATE),))
    assert rules.predict(["tea", "Research", "Research it"]) == [EXPERT, INTERMEDIATE, ADVANCED]
