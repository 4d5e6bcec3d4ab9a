"""Votes as column arithmetic: what `Ensemble` and `AgreeThenEscalate` choose for each prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from orchkit.core.catalog import Catalog
from orchkit.core.confidence import answer_key
from orchkit.core.strategies.ensemble import CAPABILITY
from orchkit.lab.arrays import Arrays, Flags, Floats, Ints
from orchkit.lab.cascading import Routed
from orchkit.lab.matrix import Matrix

_NONE: Floats = np.empty(0)


@dataclass(frozen=True)
class Ballots:
    """Arrays with what each answer comes down to, and how much its model's word counts.

    Parameters
    ----------
    arrays : Arrays
    said : int array, prompts × models
        Equal numbers for equal answers; -1 for what cannot be compared.
    capable : float array (models,)
        The weight of the model's tier.
    price : float array (models,)
        Its blended price, for ties.
    """

    arrays: Arrays
    said: Ints
    capable: Floats
    price: Floats


def ballots_of(matrix: Matrix, arrays: Arrays, catalog: Catalog) -> Ballots:
    """Return the ballots of a recording; texts are read once for each cell."""
    frame, rows = matrix.cell_rows(arrays.models)
    texts = frame["response"].to_numpy(object)[rows[arrays.place]]
    keys = [
        answer_key(text) if isinstance(text, str) and fit else None
        for text, fit in zip(texts.ravel(), arrays.usable.ravel(), strict=True)
    ]
    said = pd.factorize(np.array(keys, dtype=object))[0].reshape(texts.shape)
    return weighed(Ballots(arrays, np.asfortranarray(said), _NONE, _NONE), catalog)


def weighed(table: Ballots, catalog: Catalog) -> Ballots:
    """Return the ballots, with the weights and prices that a catalog has for their models."""
    models = [catalog[name] for name in table.arrays.models]
    capable = np.array([CAPABILITY[model.tier] for model in models])
    return replace(table, capable=capable, price=np.array([model.blended for model in models]))


def shares(table: Ballots, columns: Sequence[int]) -> Floats:
    """Return for each answer the share of usable answers that say the same, as `agreement` does."""
    said, usable = table.said[:, columns], table.arrays.usable[:, columns]
    keyed = (said >= 0) & usable
    same = (said[:, :, None] == said[:, None, :]) & keyed[:, :, None] & keyed[:, None, :]
    votes = np.where(keyed, same.sum(axis=2), 1)
    counted = usable & (keyed.sum(axis=1, keepdims=True) >= 2)
    return np.where(counted, votes / np.maximum(usable.sum(axis=1, keepdims=True), 1), np.nan)


def voted(table: Ballots, models: Sequence[str], select: str) -> Routed:
    """Return what `Ensemble(models=models, select=select)` comes to for each prompt."""
    arrays = table.arrays
    columns = [arrays.column(name) for name in models]
    usable = arrays.usable[:, columns]
    agreed = np.nan_to_num(shares(table, columns), nan=1.0)
    worth = _WORTH[select](table, columns, agreed)
    chosen = np.full(len(arrays), columns[-1])  # nobody's usable: the last one's, cut as it is
    best = np.full(len(arrays), -1)
    for place in _by_seniority(table, columns):
        held = worth[np.arange(len(arrays)), best]
        wins = usable[:, place] & ((best < 0) | (worth[:, place] > held))
        best = np.where(wins, place, best)
    chosen = np.where(best >= 0, np.array(columns)[best], chosen)
    rows = np.arange(len(arrays))
    cost = arrays.cost[:, columns].sum(axis=1)
    return Routed(chosen, arrays.quality[rows, chosen], cost)


def _by_seniority(table: Ballots, columns: Sequence[int]) -> list[int]:
    """Return the places of the models, those first that win a tie."""
    order = range(len(columns))
    return sorted(order, key=lambda at: (-table.capable[columns[at]], table.price[columns[at]]))


def _confident(table: Ballots, columns: Sequence[int], agreed: Floats) -> Floats:
    """Return what `by_confidence` goes by; what responses carry by default is never calibrated."""
    rank = table.arrays.rank[:, columns]
    sure = np.where(np.isfinite(rank), rank, 0.0)
    return agreed * sure * table.capable[columns]


def _majority(_: Ballots, __: Sequence[int], agreed: Floats) -> Floats:
    return agreed


def _weighted(table: Ballots, columns: Sequence[int], _: Floats) -> Floats:
    rank, said = table.arrays.rank[:, columns], table.said[:, columns]
    usable = table.arrays.usable[:, columns]
    p = np.clip(np.where(np.isfinite(rank), rank, 0.5), 0.05, 0.95)
    p = np.where(np.isfinite(rank), p, 0.5)
    odds = np.where(usable, np.log(p / (1 - p)), 0.0)
    alone = -2 - np.arange(len(columns))
    key = np.where(said >= 0, said, alone)
    same = key[:, :, None] == key[:, None, :]
    weights: Floats = np.round((same * odds[:, None, :]).sum(axis=2), 9)
    return weights


_WORTH = {"confidence": _confident, "majority": _majority, "weighted": _weighted}


def agreeing(table: Ballots, cheap: Sequence[str]) -> Flags:
    """Return where all of the cheap models say the same."""
    alike: Flags = shares(table, [table.arrays.column(name) for name in cheap]) == 1
    return np.asarray(alike.all(axis=1))


def escalated(table: Ballots, cheap: Sequence[str], then: str, agreed: Flags) -> Routed:
    """Return what `AgreeThenEscalate(cheap, then)` comes to for each prompt."""
    arrays, strong = table.arrays, table.arrays.column(then)
    columns = [arrays.column(name) for name in cheap]
    chosen = np.full(len(arrays), strong)
    for column in columns:  # where the strong one's fails, the last usable of these
        chosen = np.where(arrays.usable[:, column] & ~arrays.usable[:, strong], column, chosen)
    chosen = np.where(agreed, columns[0], chosen)
    rows = np.arange(len(arrays))
    cost = arrays.cost[:, columns].sum(axis=1) + np.where(agreed, 0, arrays.cost[:, strong])
    return Routed(chosen, arrays.quality[rows, chosen], cost)
