"""Which texts are unlike everything a router was fitted on: it can only guess there."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchkit.errors import OrchkitWarning, tell
from orchkit.lab.routers.lessons import Floats

#: Share of the training prompts that are as unlike all others as what is told of.
UNLIKE = 0.01
#: Training prompts that texts are held against, at most.
_MOST = 2_000
_CHUNK = 1_000
#: A word; or a sign, where there are nothing but signs.
_WORD, _SIGN = r"(?u)\w+", r"(?u)\S"


@dataclass(frozen=True)
class Novelty:
    """The words of training prompts, and how near the farthest of them are to another.

    A text is unlike them if its nearest is farther than that of all but 1 % of the distinct
    training prompts: cosine similarity of TF-IDF weighted words.
    """

    words: Any
    seen: Any
    limit: float

    @classmethod
    def of(cls, texts: Sequence[str]) -> Novelty:
        """Return the novelty of texts beside these."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        distinct = list(dict.fromkeys(texts))  # a prompt's twin would make it look like others
        size = len(distinct)
        some = np.unique(np.linspace(0, size - 1, min(_MOST, size)).astype(int))
        kept = [distinct[place] for place in some]
        pattern = _WORD if any(re.search(_WORD, text) for text in kept) else _SIGN
        words = TfidfVectorizer(sublinear_tf=True, token_pattern=pattern, dtype=np.float32)
        seen = words.fit_transform(kept)
        nearest = _nearest(seen, seen, alone=True)
        limit = float(np.quantile(nearest, UNLIKE)) if len(some) > 1 else 0.0
        return cls(words, seen, limit)

    def unlike(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return which texts are unlike: one boolean a text."""
        near = _nearest(self.words.transform(texts), self.seen) if len(texts) else np.empty(0)
        far: NDArray[np.bool_] = (near < self.limit) | (near <= 0)
        return far

    def tell(self, texts: Sequence[str], who: str, n: int) -> None:
        """Warn where more of the texts are unlike than three standard errors of chance."""
        count, size = int(self.unlike(texts).sum()), len(texts)
        chance = UNLIKE * size + 3 * math.sqrt(UNLIKE * (1 - UNLIKE) * size)
        if count > chance:
            told = (
                f"{count:,} of {size:,} prompts ({count / size:.0%}) are unlike the {n:,} that "
                f"{who} was fitted on; what it says of them is a guess."
            )
            tell(told, OrchkitWarning)


def _nearest(texts: Any, seen: Any, *, alone: bool = False) -> Floats:
    """Return the highest similarity of each text to any that was seen; `alone`: to any other."""
    found = []
    for start in range(0, texts.shape[0], _CHUNK):
        near = (texts[start : start + _CHUNK] @ seen.T).toarray()
        if alone:
            rows = np.arange(len(near))
            near[rows, start + rows] = -1.0
        found.append(near.max(axis=1))
    return np.concatenate(found).astype(float)
