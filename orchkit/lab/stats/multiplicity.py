"""Many comparisons at once: p-values adjusted for how many there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from orchkit.lab.stats.columns import Floats, numbers


def holm(p_values: Any) -> Any:
    """Return p-values adjusted for how many there are: for a planned family of comparisons.

    Rejecting those of at most 0.05 errs in any of them with a probability of at most 0.05,
    however they depend on each other.

    Parameters
    ----------
    p_values : array_like or Series
        In [0, 1]; NaN for a test that was not made, which stays NaN and does not count.

    Returns
    -------
    array or Series
        Of the same length and order; a Series for a Series.

    Notes
    -----
    Source: Holm, Scandinavian Journal of Statistics 6, 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    return _adjusted(p_values, lambda p: np.maximum.accumulate(p * np.arange(len(p), 0, -1)))


def benjamini_hochberg(p_values: Any) -> Any:
    """Return p-values adjusted so that few of the findings are false: for exploring.

    Of the comparisons with at most 0.10, a tenth or less are expected to be false, where tests are
    independent or depend positively on each other.

    Parameters
    ----------
    p_values : array_like or Series
        In [0, 1]; NaN for a test that was not made, which stays NaN and does not count.

    Returns
    -------
    array or Series
        Of the same length and order; a Series for a Series.

    Notes
    -----
    Source: Benjamini and Hochberg, Journal of the Royal Statistical Society B 57, 1995.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).round(3).tolist()
    [0.04, 0.053, 0.053, 0.5]
    """
    return _adjusted(
        p_values,
        lambda p: np.minimum.accumulate((p * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1],
    )


def _adjusted(p_values: Any, adjust: Callable[[Floats], Floats]) -> Any:
    values = numbers("p_values", p_values, low=0, high=1)
    adjusted, order = np.full(len(values), np.nan), np.argsort(values, kind="stable")
    order = order[~np.isnan(values[order])]
    adjusted[order] = np.minimum(1.0, adjust(values[order]))
    if isinstance(p_values, pd.Series):
        return pd.Series(adjusted, index=p_values.index, name=p_values.name)
    return adjusted
