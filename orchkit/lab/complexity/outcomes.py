"""Labels from what happened: the lowest tier whose model answered rightly."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchkit.core.calls import Params
from orchkit.core.catalog import Catalog, Tier
from orchkit.core.complexity import KeywordRules
from orchkit.errors import MatrixError, OrchkitWarning, ParameterError, tell
from orchkit.lab.asking import tier_or_none
from orchkit.lab.matrix import Matrix

#: A prompt whose label cannot be known.
_UNKNOWN = -1


def outcome_tiers(
    matrix: Matrix,
    catalog: Catalog,
    *,
    right: float = 0.5,
    unanswered: str | None = Tier.EXPERT,
) -> pd.DataFrame:
    """Return the tier each prompt of a recording needed, by who answered it rightly.

    Each tier is stood for by the model that `cheapest` asks for it, and a prompt's tier is the
    lowest whose model was right: what the router should have said. A prompt with a quality missing
    below that is left out, with a warning.

    Parameters
    ----------
    matrix : Matrix
        With qualities and prompts.
    catalog : Catalog
        Of the recording.
    right : float
        The quality in [0, 1] from which on an answer is right.
    unanswered : str, optional
        The tier of prompts nobody answered; None leaves them out.

    Returns
    -------
    DataFrame
        Indexed by `prompt_id`: prompt (its text), tier (its name).

    Raises
    ------
    MatrixError
        No label can be made: qualities or prompts are missing.
    ParameterError
        `right` or `unanswered` is out of range.

    Examples
    --------
    >>> from orchkit.core.catalog import Model, Rates
    >>> long = pd.DataFrame({"prompt": ["2+2?", "2+2?", "P=NP?", "P=NP?"], "model": ["a", "b"] * 2,
    ...                      "quality": [1, 1, 0, 1]})
    >>> models = {"a": Model("a", "x", Tier.BASIC, (Rates(1, 1),)),
    ...           "b": Model("b", "x", Tier.EXPERT, (Rates(9, 9),))}
    >>> outcome_tiers(Matrix.from_long(long), Catalog(models, ("a", "b")))["tier"].tolist()
    ['basic', 'intermediate']
    """
    if isinstance(right, bool) or not isinstance(right, int | float) or not 0 < right <= 1:
        raise ParameterError(f"right is {right!r:.60}; it must be a quality in (0, 1].")
    none = tier_or_none(unanswered)
    if unanswered is not None and none is None:
        told = f"unanswered is {unanswered!r:.60}; name one of {', '.join(Tier)}, or None."
        raise ParameterError(told)
    asked = [catalog.cheapest_able(tier)[0].name for tier in Tier]
    quality = matrix.quality.reindex(columns=asked).to_numpy(dtype=float)
    ranks = _lowest(quality, right, _UNKNOWN if none is None else none.rank)
    texts = [query.text for query in matrix.queries(KeywordRules().predict, Params())]
    there = (ranks != _UNKNOWN) & np.array([bool(text.strip()) for text in texts])
    if not there.any():
        raise MatrixError(
            f"No prompt has a quality and a text for {', '.join(dict.fromkeys(asked))}. Record "
            "those models, score the responses with matrix.score(...), and keep the prompts."
        )
    _tell_unknown(quality, right)
    names = np.array([tier.value for tier in Tier])
    labels = pd.DataFrame({"prompt": texts, "tier": names[ranks]}, index=matrix.prompts.index)
    kept: pd.DataFrame = labels.loc[there]
    return kept


def _lowest(quality: NDArray[np.float64], right: float, none: int) -> NDArray[np.int64]:
    """Return each row's first column that is right; unknown after a hole, `none` if none is."""
    stops = (quality >= right) | np.isnan(quality)
    first = stops.argmax(axis=1)
    there = quality[np.arange(len(quality)), first]
    ranks = np.where(np.isnan(there), _UNKNOWN, first)
    told: NDArray[np.int64] = np.where(stops.any(axis=1), ranks, none)
    return told


def _tell_unknown(quality: NDArray[np.float64], right: float) -> None:
    holes = int((_lowest(quality, right, 0) == _UNKNOWN).sum())
    if holes:
        share = math.ceil(100 * holes / len(quality))
        told = f"{holes:,} of {len(quality):,} prompts ({share} %) lack a quality and are left out."
        tell(told, OrchkitWarning)
