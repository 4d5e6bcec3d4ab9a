"""Texts -> one row of numbers each: words, letters, what they look like, and an encoder's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchkit.errors import ParameterError
from orchkit.lab.complexity.grams import LetterGrams, WordGrams
from orchkit.lab.complexity.reading import Counts, Read
from orchkit.lab.complexity.shallow import NAMES, shallow

Encoder = Callable[[list[str]], Any]
#: How much what a text looks like weighs beside its words, whose row has length 1.
WEIGHT = 0.15
_SCALES = ("looks", "encoded")


@dataclass(frozen=True)
class Scale:
    """Columns brought to mean 0 and deviation 1, times a weight.

    Parameters
    ----------
    mean, deviation : array (d,)
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: NDArray[np.float64]) -> Scale:
        """Return the scale of these rows; a column of one value stays where it is."""
        deviation = rows.std(axis=0)
        return cls(rows.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    def transform(self, rows: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
        """Return the rows on this scale."""
        told: NDArray[np.float64] = weight * (rows - self.mean) / self.deviation
        return told


@dataclass(frozen=True)
class Features:
    """What was learnt of texts to make numbers of others; None where it is not looked at.

    Parameters
    ----------
    words : WordGrams, optional
    letters : LetterGrams, optional
    looks : Scale, optional
        Of `shallow`.
    encoded : Scale, optional
        Of the encoder's rows.
    """

    words: WordGrams | None
    letters: LetterGrams | None
    looks: Scale | None
    encoded: Scale | None

    @classmethod
    def fit(cls, texts: Sequence[str], kind: str, encoder: Encoder | None) -> Features:
        """Return what there is to know of these texts: "text", "shallow" or "encoder"."""
        read = Read.of(texts)
        text = kind == "text"
        return cls(
            WordGrams.fit(read) if text else None,
            LetterGrams.fit(read) if text else None,
            Scale.fit(shallow(read)) if kind != "encoder" else None,
            None if encoder is None else Scale.fit(encoded(encoder, texts)),
        )

    def state(self) -> dict[str, Any]:
        """Return all of it as texts and arrays, for a file."""
        told: dict[str, Any] = {}
        if self.words is not None and self.letters is not None:
            told |= {"words": "\n".join(self.words.words), "pairs": self.words.pairs}
            told |= {"word_idf": self.words.weights, "letters": self.letters.letters}
            told |= {"grams": self.letters.grams, "gram_idf": self.letters.weights}
        for name, scale in zip(_SCALES, (self.looks, self.encoded), strict=True):
            if scale is not None:
                told[name] = np.stack([scale.mean, scale.deviation])
        return told

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Features:
        """Return what `state` gave; KeyError or ValueError where it does not fit together."""
        words = letters = None
        if "words" in state:
            told = state["words"].split("\n") if state["words"] else []
            words = WordGrams(told, state["pairs"], state["word_idf"])
            letters = LetterGrams(state["letters"], state["grams"], state["gram_idf"])
        looks, own = (Scale(*state[name]) if name in state else None for name in _SCALES)
        made = cls(words, letters, looks, own)
        made._check()
        return made

    def _check(self) -> None:
        """Raise ValueError where parts that belong together are of different sizes."""
        fits = [self.looks is None or len(self.looks.mean) == len(NAMES)]
        if self.words is not None and self.letters is not None:
            known = len(self.words.words)
            fits += [
                len(self.words.weights) == known + len(self.words.pairs),
                len(self.letters.weights) == len(self.letters.grams),
                bool((self.words.pairs < known**2).all() and (self.words.pairs >= 0).all()),
                self.words.pairs.dtype == self.letters.grams.dtype == np.int64,
            ]
        if not all(fits):
            raise ValueError("its parts do not fit together")

    @property
    def width(self) -> int:
        """The number of columns."""
        grams = [each.weights for each in (self.words, self.letters) if each is not None]
        scales = [each.mean for each in (self.looks, self.encoded) if each is not None]
        return sum(map(len, [*grams, *scales]))

    def transform(self, texts: Sequence[str], encoder: Encoder | None) -> Counts:
        """Return texts × columns, sparse."""
        from scipy import sparse

        return sparse.hstack([*map(sparse.csr_array, self._blocks(texts, encoder))], format="csr")

    def scores(
        self, texts: Sequence[str], encoder: Encoder | None, coef: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return ``transform(texts) @ coef``, without putting the columns together."""
        told, start = np.zeros((len(texts), coef.shape[1])), 0
        for block in self._blocks(texts, encoder):
            told += block @ coef[start : start + block.shape[1]]
            start += block.shape[1]
        return told

    def _blocks(self, texts: Sequence[str], encoder: Encoder | None) -> Iterator[Any]:
        """Yield the columns of words, of letters, of looks and of the encoder."""
        read = Read.of(texts)
        if self.words is not None and self.letters is not None:
            yield self.words.transform(read)
            yield self.letters.transform(read)
        if self.looks is not None:
            weight = 1.0 if self.words is None else WEIGHT
            yield self.looks.transform(shallow(read), weight)
        if self.encoded is not None and encoder is not None:
            rows = encoded(encoder, texts, len(self.encoded.mean))
            yield self.encoded.transform(rows, WEIGHT)


class Remembering:
    """An encoder that is asked about each text once: it may be slow, or cost money."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._rows: dict[str, NDArray[np.float64]] = {}

    def __call__(self, texts: list[str]) -> Any:
        """Return one row a text."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._rows]
        if fresh:
            self._rows |= dict(zip(fresh, encoded(self._encoder, fresh), strict=True))
        return np.array([self._rows[text] for text in texts])


def encoded(
    encoder: Encoder, texts: Sequence[str], width: int | None = None
) -> NDArray[np.float64]:
    """Return an encoder's rows, or say what is wrong with them."""
    rows = np.asarray(encoder(list(texts)), dtype=np.float64)
    wanted = "n × d" if width is None else f"n × {width}"
    if rows.ndim != 2 or len(rows) != len(texts) or width not in (None, rows.shape[1]):
        raise ParameterError(
            f"encoder gave an array of shape {rows.shape} for {len(texts)} texts; it must give "
            f"one row of numbers a text, {wanted}."
        )
    if not np.isfinite(rows).all():
        raise ParameterError("encoder gave NaN or infinity; each row must hold finite numbers.")
    return rows
