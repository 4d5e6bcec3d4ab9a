"""Drawing prompts, or whole clusters of them, again and again: the one source of replicates.

A replicate draws as many units as there are, with replacement. The same seed draws the same units
for every column and every statistic, so that what is compared is compared on the same prompts.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.stats.columns import Floats, Integers, as_long, cluster_codes

#: With fewer clusters there is no inference (SCIENCE: Miller, 2024, on clustered errors).
FEWEST_CLUSTERS = 10


@dataclass(frozen=True)
class Units:
    """What is drawn as a whole: `count` rows, or as many clusters of `rows` rows."""

    rows: int
    count: int
    codes: Integers | None

    @classmethod
    def of(cls, rows: int, clusters: ArrayLike | None) -> Units:
        """Return the units of so many rows, each its own or in the cluster it names."""
        if clusters is None:
            return cls(rows, rows, None)
        codes = cluster_codes(clusters)
        return cls(rows, int(codes.max(initial=-1)) + 1, codes)

    @property
    def clusters(self) -> int | None:
        """How many clusters there are; None where none were named."""
        return None if self.codes is None else self.count

    @property
    def too_few(self) -> str | None:
        """Why nothing can be inferred from so few units, if that is so."""
        if self.codes is not None and self.count < FEWEST_CLUSTERS:
            return f"too few clusters ({self.count}): at least {FEWEST_CLUSTERS} are needed"
        return f"too few prompts ({self.rows}): at least 2 are needed" if self.rows < 2 else None

    def totals(self, column: Floats) -> Floats:
        """Return the sum of a column over each unit."""
        if self.codes is None:
            return column
        return np.bincount(self.codes, column, self.count).astype(float)

    def positions(self, drawn: Integers) -> Integers:
        """Return the positions of all rows of the drawn units."""
        if self.codes is None:
            return drawn
        order, starts, sizes = self._members
        lengths = sizes[drawn]
        ends = lengths.cumsum()
        within = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
        rows: Integers = order[np.repeat(starts[drawn], lengths) + within]
        return rows

    @cached_property
    def _members(self) -> tuple[Integers, Integers, Integers]:
        codes = np.arange(self.rows) if self.codes is None else self.codes
        sizes = np.bincount(codes, minlength=self.count)
        return np.argsort(codes, kind="stable"), sizes.cumsum() - sizes, sizes


def draws(units: Units, n: int, seed: int) -> Iterator[Integers]:
    """Yield the units of each of `n` replicates."""
    rng, kind = generator(seed), np.int32 if units.count < 2**31 else np.int64
    for _ in range(n):
        yield rng.integers(units.count, size=units.count, dtype=kind)


def generator(seed: int) -> np.random.Generator:
    """Return the random numbers of a seed, which is a whole number."""
    try:
        return np.random.default_rng(index(seed))
    except (TypeError, ValueError):
        raise ParameterError(
            f"seed is {seed!r}; write a whole number of 0 or more: it makes the result repeatable."
        ) from None


def replicated_means(columns: Sequence[Floats], units: Units, n: int, seed: int) -> list[Floats]:
    """Return the mean of each column in each of `n` replicates: one array of `n` a column."""
    if units.too_few:
        return [np.full(n, np.nan) for _ in columns]
    sums = np.stack([units.totals(column) for column in [*columns, np.ones(units.rows)]])
    drawn = np.empty((n, len(sums)))
    for number, chosen in enumerate(draws(units, n, seed)):
        # How often each unit was drawn stands for the drawn rows themselves.
        drawn[number] = sums @ np.bincount(chosen, minlength=units.count).astype(float)
    return [drawn[:, place] / drawn[:, -1] for place in range(len(columns))]


def replicated(
    statistic: Callable[..., Any], columns: Sequence[NDArray[Any]], units: Units, n: int, seed: int
) -> Floats:
    """Return the statistic of each of `n` replicates, NaN where it is undefined."""
    if units.too_few:
        return np.full(n, np.nan)
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", MetricWarning)  # undefined replicates are counted, not told
        found = [
            statistic(*(column[rows] for column in columns))
            for rows in map(units.positions, draws(units, n, seed))
        ]
    try:
        return np.asarray(found, dtype=float)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"The statistic must return a float, or arrays of one shape: {error}."
        ) from None


def known(columns: dict[str, Floats], clusters: ArrayLike | None) -> tuple[list[Floats], Units]:
    """Return the rows that are known in every column, and the units they form."""
    codes = None if clusters is None else cluster_codes(clusters)
    as_long(**columns, clusters=codes)
    kept = ~np.isnan(np.stack(list(columns.values()))).any(axis=0)
    left = [column[kept] for column in columns.values()]
    return left, Units.of(int(kept.sum()), None if codes is None else codes[kept])


def rows_of(values: ArrayLike) -> NDArray[Any]:
    """Return rows to draw from; numbers of nullable columns as floats with NaN."""
    if isinstance(values, (pd.Series, pd.DataFrame, pd.Index)):
        try:
            return np.asarray(values.to_numpy(dtype=float, na_value=np.nan))
        except (TypeError, ValueError):
            return np.asarray(values)
    rows = np.asarray(values)
    if not rows.ndim:
        raise ParameterError(f"{values!r} is no column; write one value a prompt.")
    return rows
