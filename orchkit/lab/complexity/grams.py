"""TF-IDF of words and of letters: the numbers of scikit-learn's TfidfVectorizer, much faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchkit.lab.complexity.reading import (
    Counts,
    Read,
    Whole,
    counted,
    documents,
    idf,
    normed,
    places,
)

#: Letters of a gram, from … to; a gram is known that stands in so many texts at least.
SHORTEST, LONGEST, SEEN = 2, 5, 2
#: A letter is a number of so many bits; a gram of letters is one number.
_BITS = 12
_UNKNOWN = -1


@dataclass(frozen=True)
class WordGrams:
    """Words and pairs of neighbours: counts × idf, each row of length 1.

    Parameters
    ----------
    words : list of str
        In order.
    pairs : array (m,)
        Each the place of its first word × the number of words + the place of its second.
    weights : array
        The idf of the words, then of the pairs.
    """

    words: list[str]
    pairs: Whole
    weights: NDArray[np.float64]

    @classmethod
    def fit(cls, read: Read) -> WordGrams:
        """Return the grams that stand in at least `SEEN` of the texts."""
        found, codes, rows = read.words
        seen = documents(counted(rows, codes, (len(read.texts), len(found))))
        words = sorted(word for word, often in zip(found, seen, strict=True) if often >= SEEN)
        known = cls(words, np.zeros(0, dtype=np.int64), np.zeros(0))
        asked, where = known._beside(*known._known(read))
        distinct, codes = np.unique(asked, return_inverse=True)
        often = documents(counted(where, codes, (len(read.texts), len(distinct))))
        of = dict(zip(found, seen.tolist(), strict=True))
        weights = [*(of[word] for word in words), *often[often >= SEEN]]
        told = idf(np.array(weights, dtype=np.int64), len(read.texts))
        return cls(words, distinct[often >= SEEN], told)

    def transform(self, read: Read) -> Counts:
        """Return texts × grams."""
        known, rows = self._known(read)
        asked, where = self._beside(known, rows)
        pair = places(self.pairs, asked)  # type: ignore[arg-type] # an array is a sequence
        columns = np.concatenate([known, np.where(pair < 0, pair, pair + len(self.words))])
        shape = len(read.texts), len(self.weights)
        return _weighed(counted(np.concatenate([rows, where]), columns, shape), self.weights)

    def _known(self, read: Read) -> tuple[Whole, Whole]:
        """Return the place of each word as it is read, -1 if it is not known; and its text."""
        found, codes, rows = read.words
        return places(self.words, found)[codes] if found else codes, rows

    def _beside(self, known: Whole, rows: Whole) -> tuple[Whole, Whole]:
        """Return the pairs of known words that stand beside each other, and their texts."""
        there = (rows[1:] == rows[:-1]) & (known[1:] >= 0) & (known[:-1] >= 0)
        return (known[:-1] * len(self.words) + known[1:])[there], rows[1:][there]


@dataclass(frozen=True)
class LetterGrams:
    """Runs of `SHORTEST` to `LONGEST` letters inside words: counts × idf, each row of length 1.

    Parameters
    ----------
    letters : str
        Those known, the most frequent first, at most 4,095; a space is the edge of a word.
    grams : array
        In order: a gram is its letters' places, from 1, as digits of a number.
    weights : array
        The idf of each.
    """

    letters: str
    grams: Whole
    weights: NDArray[np.float64]

    @classmethod
    def fit(cls, read: Read) -> LetterGrams:
        """Return the grams that stand in at least `SEEN` of the texts."""
        codes, often = np.unique(_code_points(_edged(read.parts)), return_counts=True)
        common = codes[np.argsort(-often, kind="stable")][: 2**_BITS - 1]
        letters = common.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
        asked, owner = cls(letters, np.zeros(0, np.int64), np.zeros(0))._inside(read.parts)
        grams, pieces = np.unique(asked, return_inverse=True)
        seen = documents(read.counts @ counted(owner, pieces, (len(read.parts), len(grams))))
        return cls(letters, grams[seen >= SEEN], idf(seen[seen >= SEEN], len(read.texts)))

    def transform(self, read: Read) -> Counts:
        """Return texts × grams."""
        return normed(read.counts @ self._holds(read))

    def named(self) -> list[str]:
        """Return the grams as text."""
        digits = [(self.grams >> (_BITS * place)) % 2**_BITS for place in range(LONGEST)]
        rows = np.column_stack(digits[::-1]).tolist()
        return ["".join(self.letters[digit - 1] for digit in row if digit) for row in rows]

    def _holds(self, read: Read) -> Counts:
        """Return parts × grams: counts × idf."""
        asked, owner = self._inside(read.parts)
        pieces = places(self.grams, asked)  # type: ignore[arg-type] # an array is a sequence
        holds = counted(owner, pieces, (len(read.parts), len(self.weights)))
        holds.data *= self.weights[holds.indices]
        return holds

    def _inside(self, parts: Sequence[str]) -> tuple[Whole, Whole]:
        """Return the grams of known letters inside parts, and which part each is in."""
        known = np.zeros(0x110000, dtype=np.int64)
        known[_code_points(self.letters)] = np.arange(1, len(self.letters) + 1)
        letters = known[_code_points(_edged(parts))]
        sizes = np.fromiter(map(len, parts), np.int64, len(parts)) + 2
        found = [*_runs(letters, np.repeat(np.arange(len(parts)), sizes))]
        return tuple(map(np.concatenate, zip(*found, strict=True)))  # type: ignore[return-value]


def _runs(letters: Whole, owner: Whole) -> Iterator[tuple[Whole, Whole]]:
    """Yield, for each length, the runs of known letters that stay inside one part."""
    run, fine = letters, letters > 0
    for size in range(2, LONGEST + 1):
        ahead = letters[size - 1 :]
        run = (run[:-1] << _BITS) + ahead
        fine = fine[:-1] & (ahead > 0) & (owner[: len(ahead)] == owner[size - 1 :])
        if size >= SHORTEST:
            yield run[fine], owner[: len(ahead)][fine]


def _edged(parts: Sequence[str]) -> str:
    return "".join(f" {part} " for part in parts)


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _weighed(counts: Counts, weights: NDArray[np.float64]) -> Counts:
    """Return counts × idf with rows of length 1."""
    counts.data *= weights[counts.indices]
    return normed(counts)
