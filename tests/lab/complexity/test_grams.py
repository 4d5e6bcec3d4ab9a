from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from orchkit.lab.complexity.grams import LetterGrams, WordGrams
from orchkit.lab.complexity.reading import Read

SOME = [
    "What is well-known, or a_b?",
    "well known: x\ty  Ünïcode İstanbul",
    "a b c",
    "   ",
    "Known well; what is it?",
    "日本語 日本 x² 日本語\x1f日本",
]
#: Letters that join, part, fold and overflow.
LETTERS = st.text(st.sampled_from("ab cÄßİ_-.\n\t9日😀\u0301"), max_size=40)


def _named(words: WordGrams) -> list[str]:
    size = len(words.words)
    pairs = [f"{words.words[p // size]} {words.words[p % size]}" for p in words.pairs.tolist()]
    return [*words.words, *pairs]


def _same(texts: list[str], others: list[str], *, letters: bool) -> None:
    """Compare with scikit-learn, column by column."""
    told = {"analyzer": "char_wb", "ngram_range": (2, 5)} if letters else {"ngram_range": (1, 2)}
    theirs = TfidfVectorizer(min_df=2, **told)
    read = Read.of(texts)
    ours = LetterGrams.fit(read) if letters else WordGrams.fit(read)
    names = ours.named() if isinstance(ours, LetterGrams) else _named(ours)
    try:
        theirs.fit(texts)
    except ValueError:  # it will have no empty vocabulary
        assert names == []
        return
    assert sorted(names) == theirs.get_feature_names_out().tolist()
    order = np.argsort(np.array(names, dtype=object))
    rows = ours.transform(Read.of(others)).toarray()[:, order]
    np.testing.assert_allclose(rows, theirs.transform(others).toarray(), atol=1e-12)


@pytest.mark.parametrize("letters", [True, False], ids=["letters", "words"])
def test_the_numbers_are_those_of_scikit_learn(letters: bool) -> None:
    """Names and weights are those of TfidfVectorizer, on known texts and on others."""
    _same(SOME, [*SOME, "something else, well", ""], letters=letters)


@pytest.mark.parametrize("letters", [True, False], ids=["letters", "words"])
@given(st.lists(LETTERS, min_size=2, max_size=6), LETTERS)
def test_whatever_the_letters_the_numbers_are_the_same(
    letters: bool, texts: list[str], other: str
) -> None:
    """Two independent implementations agree on any text."""
    _same(texts, [*texts, other], letters=letters)


@pytest.mark.parametrize("kind", [WordGrams, LetterGrams])
def test_rows_have_length_one(kind: type[WordGrams] | type[LetterGrams]) -> None:
    """Each row is of length 1, or of nothing."""
    rows = kind.fit(Read.of(SOME)).transform(Read.of([*SOME, "qqq"]))
    norms = np.sqrt((rows.toarray() ** 2).sum(axis=1))
    assert all(norm == pytest.approx(1) or norm == 0 for norm in norms)


def test_a_text_is_read_the_same_among_others() -> None:
    """What a text comes to does not depend on the texts it is read with."""
    grams = LetterGrams.fit(Read.of(SOME))
    alone = [grams.transform(Read.of([text])).toarray()[0] for text in SOME]
    np.testing.assert_allclose(grams.transform(Read.of(SOME)).toarray(), alone, atol=1e-15)
