from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd
import pytest

from orchkit.core.catalog import Tier
from orchkit.core.complexity import PATTERNS, KeywordRules
from orchkit.lab.datasets import load_dataset


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Give the cold-start set."""
    return load_dataset("complexity")


def _tokens(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def test_every_cell_is_filled(frame: pd.DataFrame) -> None:
    """Three columns of text, and at least 600 prompts."""
    assert frame.columns.tolist() == ["prompt", "complexity", "domain"]
    filled = frame.map(lambda cell: isinstance(cell, str) and cell == cell.strip() != "")
    assert filled.all(axis=None)
    assert len(frame) >= 600


def test_it_is_balanced(frame: pd.DataFrame) -> None:
    """Each tier has as many prompts, and in each of a dozen domains or more about as many."""
    tiers = frame["complexity"].value_counts()
    assert set(tiers.index) == set(Tier)
    assert tiers.min() == tiers.max()
    counts = pd.crosstab(frame["domain"], frame["complexity"])
    assert len(counts) >= 12
    assert counts.to_numpy().min() >= 8
    assert counts.to_numpy().max() <= 12


def test_no_two_prompts_are_alike(frame: pd.DataFrame) -> None:
    """No prompt stands twice, and no two of five words or more share half of them."""
    told = [_tokens(prompt) for prompt in frame["prompt"]]
    alike = [
        (left, right)
        for left, right in itertools.combinations(told, 2)
        if len(left & right) >= 0.5 * len(left | right) and min(len(left), len(right)) >= 5
    ]
    assert len(set(told)) == len(frame)
    assert alike == []


def test_no_template_made_them(frame: pd.DataFrame) -> None:
    """No three opening words are shared by more than one prompt in fifty."""
    openings = frame["prompt"].str.casefold().str.findall(r"\w+").str[:3].str.join(" ")
    assert openings.value_counts().max() <= len(frame) / 50


def test_it_shares_no_prompt_with_the_other_set(frame: pd.DataFrame) -> None:
    """What is learnt here can be judged there."""
    assert set(frame["prompt"]).isdisjoint(load_dataset("everyday")["prompt"])


def test_lengths_are_of_all_kinds(frame: pd.DataFrame) -> None:
    """Each tier has prompts of few words and of many, so that length is not all."""
    words = frame["prompt"].str.split().str.len()
    for _, sizes in words.groupby(frame["complexity"]):
        assert sizes.min() <= 15
        assert sizes.max() >= 100


def test_many_prompts_have_no_trigger_word(frame: pd.DataFrame) -> None:
    """At least two in five open without a word of the keyword rules."""
    seen = [any(p.search(text[:201]) for _, p in PATTERNS) for text in frame["prompt"]]
    assert np.mean(seen) <= 0.6


def test_hard_words_stand_in_easy_prompts(frame: pd.DataFrame) -> None:
    """Some basic prompts look expert to the keyword rules, and many expert ones do not."""
    found = pd.Series(KeywordRules().predict(frame["prompt"]), index=frame.index)
    easy, hard = frame["complexity"] == "basic", frame["complexity"] == "expert"
    assert found[easy].isin(["advanced", "expert"]).sum() >= 5
    assert found[hard].isin(["basic", "intermediate"]).mean() >= 0.5


def test_the_keyword_rules_are_told_of_as_they_are(frame: pd.DataFrame) -> None:
    """They are right on between four and five tenths of these prompts."""
    right = KeywordRules().predict(frame["prompt"]) == frame["complexity"].to_numpy()
    assert right.mean() == pytest.approx(0.466, abs=0.01)
