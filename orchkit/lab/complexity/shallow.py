"""What a prompt looks like, without its words' meaning: lengths, signs, and words that instruct."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from orchkit.lab.complexity.reading import Read, Whole

#: Words that tell what is asked for, by kind. They are counted, wherever they stand.
KINDS: Mapping[str, str] = {
    "lookup": "what when who where which name define list spell convert format extract capital",
    "telling": "explain describe write summarize summarise translate outline compare why how",
    "judging": "design analyze analyse evaluate diagnose debug refactor optimize optimise strategy "
    "architecture plan review",
    "proving": "prove proof show derive rigorous formal comprehensive research exhaustive bound "
    "theorem lemma optimal complexity",
    "constraint": "must only exactly without every each least most unless except both never "
    "assume given suppose constraint",
}
_KIND: Mapping[str, int] = {
    word: place for place, words in enumerate(KINDS.values()) for word in words.split()
}
_DIGITS = "0123456789"
_SIGNS: Mapping[str, str] = {
    "digits": _DIGITS,
    "symbols": "\\$^_{}[]<>=+*/|&%#@~`",
    "punctuation": ".,;:!'\"()-",
    "questions": "?",
    "lines": "\n",
    "capitals": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
NAMES: tuple[str, ...] = ("characters", "words", "word length", *_SIGNS, *KINDS)


def shallow(read: Read) -> NDArray[np.float64]:
    """Return one row of `NAMES` a text: logarithms of counts, and the mean length of a word.

    Examples
    --------
    >>> row = dict(zip(NAMES, shallow(Read.of(["What is 12 + 30?"]))[0].round(2).tolist()))
    >>> row["digits"], row["questions"], row["lookup"], row["proving"]
    (1.61, 0.69, 0.69, 0.0)
    """
    words, codes, rows = read.words
    n, number = len(read.texts), np.bincount(rows, minlength=len(read.texts))
    kinds = np.array([_KIND.get(word, -1) for word in words], dtype=np.int64)[codes]
    sizes = np.array([len(word) for word in words], dtype=np.int64)[codes]
    told = _tallied(rows, kinds, n, len(KINDS))
    letters = np.bincount(rows, sizes, n) / np.maximum(number, 1)
    length = np.fromiter(map(len, read.texts), np.int64, n)
    counts = np.column_stack([length, number, _signs(read.texts, length), told])
    return np.insert(np.log1p(counts.astype(float)), 2, letters, axis=1)


def _signs(texts: Sequence[str], length: Whole) -> Whole:
    """Return how many signs of each kind a text has."""
    table = np.full(129, -1, dtype=np.int64)
    for place, signs in enumerate(_SIGNS.values()):
        table[[ord(sign) for sign in signs]] = place
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    kinds = table[np.minimum(codes, 128)]
    return _tallied(np.repeat(np.arange(len(texts)), length), kinds, len(texts), len(_SIGNS))


def _tallied(rows: Whole, kinds: Whole, texts: int, size: int) -> Whole:
    """Return texts × kinds: how many of each; -1 is none."""
    there = kinds >= 0
    places = rows[there] * size + kinds[there]
    return np.bincount(places, minlength=texts * size).reshape(texts, size)
