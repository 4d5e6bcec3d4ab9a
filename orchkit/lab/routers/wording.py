"""What a text looks like to a learner: its words, its letters, and its shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from orchkit.errors import MatrixError, ParameterError
from orchkit.lab.routers.lessons import Floats, centred

#: An embedding: texts in, an array texts × dimensions out.
Encoder = Callable[[list[str]], Any]
#: What the shape of a text weighs beside its words, whose weights have length 1.
_SHAPE_WEIGHT = 0.15
#: Standard deviations beyond which a shape is as odd as can be.
_FAR = 5.0
#: Below so many texts a word that stands in one of them counts, too.
_FEW = 50
_WORD = r"(?u)\b\w+\b"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass
class Wording:
    """TF-IDF weights of words and pairs of words, of runs of 2 to 5 letters, and the shape."""

    _parts: list[Any] = field(default_factory=list)
    _centre: Floats = field(default_factory=lambda: np.zeros(0))
    _scale: Floats = field(default_factory=lambda: np.zeros(0))

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Learn which words and letters there are; return texts × features, sparse."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        setting: dict[str, Any] = {"sublinear_tf": True, "min_df": 2 if len(texts) >= _FEW else 1}
        words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=_WORD, **setting)
        runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **setting)
        found = [(part, weights) for part in (words, runs) for weights in _weighted(part, texts)]
        if not found:
            raise MatrixError("The prompts have no words in common, so nothing can be learned.")
        self._parts = [part for part, _ in found]
        shape = shapes(texts)
        self._centre, self._scale = centred(shape)
        return self._beside([weights for _, weights in found], shape)

    def transform(self, texts: Sequence[str]) -> Any:
        """Return texts × features, sparse."""
        return self._beside([part.transform(texts) for part in self._parts], shapes(texts))

    def _beside(self, weights: Sequence[Any], shape: Floats) -> Any:
        from scipy.sparse import csr_array, hstack

        weighed = _SHAPE_WEIGHT * np.clip((shape - self._centre) / self._scale, -_FAR, _FAR)
        return hstack([*weights, csr_array(weighed)]).tocsr()


def _weighted(part: Any, texts: Sequence[str]) -> list[Any]:
    """Return the weights of texts by a part that learns them; none where no word is left."""
    try:
        return [part.fit_transform(texts)]
    except ValueError:
        return []


def shapes(texts: Sequence[str]) -> Floats:
    """Return texts × ten counts that tell of length, numbers, lines, symbols and repetition.

    Examples
    --------
    >>> shapes(["What is 2+2?", ""]).shape
    (2, 10)
    """
    return np.array([_shape(text) for text in texts], dtype=float).reshape(-1, 10)


def _shape(text: str) -> list[float]:
    words = text.split()
    counts = (
        len(text),
        len(words),
        sum(map(str.isdigit, text)),
        len(_NUMBER.findall(text)),
        text.count("\n"),
        text.count("?"),
        sum(map(text.count, "\\{}$^_=<>")),
        sum(map(text.count, ".;:,")),
    )
    size = max(len(words), 1)
    return [*np.log1p(counts), sum(map(len, words)) / size, len(set(words)) / size]


@dataclass
class Embedding:
    """Texts as directions: of an encoder of one's own, or 100 dimensions of their wording."""

    encoder: Encoder | None = None
    size: int = 100
    _wording: Wording = field(default_factory=Wording)
    _reduced: Any = None

    def fit_transform(self, texts: Sequence[str]) -> Floats:
        """Learn the dimensions, where there is no encoder; return texts × dimensions."""
        from sklearn.decomposition import TruncatedSVD

        if self.encoder is not None:
            return self.transform(texts)
        weights = self._wording.fit_transform(texts)
        most = min(self.size, min(weights.shape) - 1)
        if most > 0:
            self._reduced = TruncatedSVD(most, random_state=0).fit(weights)
        return self._directed(weights)

    def transform(self, texts: Sequence[str]) -> Floats:
        """Return texts × dimensions, each row of length 1; of nothing, 0."""
        if self.encoder is not None:
            return _unit(encoded(self.encoder, texts))
        return self._directed(self._wording.transform(texts))

    def _directed(self, weights: Any) -> Floats:
        reduced = self._reduced.transform(weights) if self._reduced else weights.toarray()
        return _unit(reduced)


def encoded(encoder: Encoder, texts: Sequence[str]) -> Floats:
    """Return what an encoder makes of texts, or say what it must make."""
    given = np.asarray(encoder(list(texts)), dtype=float)
    if given.ndim != 2 or len(given) != len(texts) or not np.isfinite(given).all():
        raise ParameterError(
            f"encoder gave the shape {given.shape} for {len(texts)} texts; it must give finite "
            "numbers, one row a text."
        )
    return given


def _unit(rows: Floats) -> Floats:
    long = np.linalg.norm(rows, axis=1, keepdims=True)
    directions: Floats = rows / np.where(long > 0, long, 1.0)
    return directions
