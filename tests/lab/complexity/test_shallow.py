from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.lab.complexity.reading import Read
from orchkit.lab.complexity.shallow import KINDS, NAMES, shallow


def _row(text: str) -> dict[str, float]:
    return dict(zip(NAMES, shallow(Read.of([text]))[0].tolist(), strict=True))


@given(st.text(max_size=60))
def test_counts_are_what_counting_finds(text: str) -> None:
    """Each number is the logarithm of 1 + a count that a plain loop gives, too."""
    row = _row(text)
    words = re.findall(r"\w\w+", text.lower())
    assert row["characters"] == np.log1p(len(text))
    assert row["words"] == np.log1p(len(words))
    assert row["digits"] == np.log1p(sum(letter in "0123456789" for letter in text))
    assert row["lines"] == np.log1p(text.count("\n"))
    assert row["questions"] == np.log1p(text.count("?"))
    for kind, told in KINDS.items():
        assert row[kind] == np.log1p(sum(word in told.split() for word in words))


def test_each_word_is_of_one_kind() -> None:
    """No instructing word is counted twice."""
    words = [word for told in KINDS.values() for word in told.split()]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("texts", [[], [""], ["", "a\n"]])
def test_texts_of_nothing_have_rows(texts: list[str]) -> None:
    """There is one finite row a text, even for none and for nothing."""
    rows = shallow(Read.of(texts))
    assert rows.shape == (len(texts), len(NAMES))
    assert np.isfinite(rows).all()
