"""Texts taken apart once, for whatever counts something in them.

What a word is made of does not depend on the text it stands in: each distinct one is looked at
once, and the rest is arithmetic on numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Counts = Any  # scipy.sparse.csr_array, which is loaded late and has no types
_TOKEN = re.compile(r"\w\w+")


@dataclass(frozen=True)
class Read:
    """Texts as the parts between white space, in lower case.

    Parameters
    ----------
    texts : sequence of str
    parts : list of str
        The distinct ones.
    codes, rows : array
        For each part as it is read: its place in `parts`, and the text it stands in.
    """

    texts: Sequence[str]
    parts: list[str]
    codes: Whole
    rows: Whole

    @classmethod
    def of(cls, texts: Sequence[str]) -> Read:
        """Return the texts taken apart.

        Examples
        --------
        >>> Read.of(["To be or", "to go"]).codes.tolist()
        [0, 1, 2, 0, 3]
        """
        flat, rows = flattened([text.lower().split() for text in texts])
        codes, parts = factorized(flat)
        return cls(texts, parts, codes, rows)

    @property
    def counts(self) -> Counts:
        """Texts × parts: how often each stands there, as so many ones."""
        from scipy import sparse

        ends = np.cumsum(np.bincount(self.rows, minlength=len(self.texts)))
        starts = np.concatenate([[0], ends]).astype(np.int32)
        told = np.ones(len(self.codes)), self.codes.astype(np.int32), starts
        return sparse.csr_array(told, shape=(len(self.texts), len(self.parts)))

    @cached_property
    def words(self) -> tuple[list[str], Whole, Whole]:
        """The distinct words of two letters or more; for each as it is read its place, its text."""
        flat, owner = flattened([_words(part) for part in self.parts])
        place, words = factorized(flat)
        held = np.bincount(owner, minlength=len(self.parts))
        number = held[self.codes]
        first = (np.cumsum(held) - held)[self.codes] - (np.cumsum(number) - number)
        return words, place[np.repeat(first, number) + np.arange(number.sum())], self._rows(number)

    def _rows(self, number: Whole) -> Whole:
        return np.repeat(self.rows, number)


def _words(part: str) -> list[str]:
    """Return the words of two letters or more in a part: most parts are one."""
    return [part] if part.isalnum() and len(part) > 1 else _TOKEN.findall(part)


def flattened(lists: Sequence[list[str]]) -> tuple[list[str], Whole]:
    """Return lists put together, and which of them each element came from."""
    sizes = np.fromiter(map(len, lists), np.int64, len(lists))
    return list(chain.from_iterable(lists)), np.repeat(np.arange(len(lists)), sizes)


def factorized(flat: Sequence[str]) -> tuple[Whole, list[str]]:
    """Return the place of each element among the distinct ones, and those as first met."""
    codes, found = pd.factorize(np.array(flat, dtype=object))
    return codes.astype(np.int64), list(found)


def counted(rows: Whole, columns: Whole, shape: tuple[int, int]) -> Counts:
    """Return a sparse matrix that counts pairs of row and column; a column of -1 is none."""
    from scipy import sparse

    there = columns >= 0
    at = [place[there].astype(np.int32) for place in (rows, columns)]  # solvers take no larger
    return sparse.csr_array((np.ones(len(at[0])), (at[0], at[1])), shape=shape)


def documents(counts: Counts) -> Whole:
    """Return in how many rows each column stands."""
    return np.bincount(counts.indices, minlength=counts.shape[1])


def idf(seen: Whole, texts: int) -> NDArray[np.float64]:
    """Return the smoothed inverse document frequency, ln((1 + n) / (1 + df)) + 1.

    Examples
    --------
    >>> idf(np.array([1, 3]), 3).round(2).tolist()
    [1.69, 1.0]
    """
    told: NDArray[np.float64] = np.log((1 + texts) / (1 + seen)) + 1
    return told


def normed(weighed: Counts) -> Counts:
    """Return rows of length 1; a row of nothing stays so."""
    rows = np.repeat(np.arange(weighed.shape[0]), np.diff(weighed.indptr))
    norm = np.sqrt(np.bincount(rows, weighed.data**2, weighed.shape[0]))
    weighed.data /= np.where(norm > 0, norm, 1)[rows]
    return weighed


def places(known: Iterable[Any], asked: Sequence[Any]) -> Whole:
    """Return the place of each among the known ones, -1 where it is not among them.

    Examples
    --------
    >>> places(["a", "b"], ["b", "c"]).tolist()
    [1, -1]
    """
    told: Whole = pd.Index(known).get_indexer(pd.Index(asked)).astype(np.int64)
    return told
