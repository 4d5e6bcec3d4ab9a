"""KeywordRules: text -> tier, a table of patterns. The honest default until one is trained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchkit.core.catalog import Tier

#: What the instruction asks for. The hardest pattern that matches wins.
WORDS_OF: Mapping[Tier, tuple[str, ...]] = {
    Tier.EXPERT: (
        "research|comprehensive(?:ly)?|in-depth|literature review|state of the art",
        r"prove|proof|formal(?:ly)? verif\w+|rigorous(?:ly)?|exhaustive(?:ly)?",
    ),
    Tier.ADVANCED: (
        "design|analy[sz]e|analysis|architect(?:ure)?|evaluate|optimi[sz]e|derive|trace",
        "trade-?offs?|diagnose|root cause|debug|refactor|schedule|determine|strategy",
    ),
    Tier.INTERMEDIATE: (
        "explain|describe|write|implement|summari[sz]e|compare|contrast|how (?:do|does|to)",
        "why|should (?:i|we)|review|translate|outline|step by step|code|function|calculate",
    ),
    Tier.BASIC: (
        "what(?: is| are|'s)|define|format|list|name|when|who|where|which|classify|convert",
        "extract|capital of|spell",
    ),
}
PATTERNS: tuple[tuple[Tier, re.Pattern[str]], ...] = tuple(
    (tier, re.compile(rf"\b(?:{'|'.join(words)})\b", re.I)) for tier, words in WORDS_OF.items()
)
#: Without a keyword, length decides: at most so many words.
WORDS: tuple[tuple[int, Tier], ...] = ((15, Tier.BASIC), (60, Tier.INTERMEDIATE))
#: Keywords count where instructions stand: in the opening, not in what is quoted below it.
OPENING = 200


@dataclass(frozen=True)
class KeywordRules:
    """Score prompts by the words they open with, or by their length when no word tells.

    Examples
    --------
    >>> texts = ["What is 2+2?", "Explain Docker", "Analyze logs", "Comprehensive analysis of X"]
    >>> [tier.value for tier in KeywordRules().predict(texts)]
    ['basic', 'intermediate', 'advanced', 'expert']
    """

    patterns: tuple[tuple[Tier, re.Pattern[str]], ...] = PATTERNS
    words: tuple[tuple[int, Tier], ...] = WORDS

    def predict(self, texts: Iterable[str]) -> list[Tier]:
        """Return one tier a text."""
        return [self._tier(text) for text in texts]

    def _tier(self, text: str) -> Tier:
        for tier, pattern in self.patterns:
            if _opens(pattern, text):
                return tier
        return self._by_length(len(text.split()))

    def _by_length(self, count: int) -> Tier:
        return next((tier for limit, tier in self.words if count <= limit), Tier.ADVANCED)


def _opens(pattern: re.Pattern[str], text: str) -> bool:
    """Whether a whole word of the pattern ends within the opening."""
    found = pattern.search(text, 0, OPENING + 1)  # the letter after it says where a word ends
    return found is not None and found.end() <= OPENING
