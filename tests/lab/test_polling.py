from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from orchkit.core.catalog import Catalog
from orchkit.lab.arrays import arrays_of
from orchkit.lab.matrix import Matrix
from orchkit.lab.polling import pairs, votes
from orchkit.lab.voting import ballots_of

Table = Callable[..., pd.DataFrame]


def test_every_vote_and_every_pair_is_tried(table: Table) -> None:
    """All sizes × ways of counting; all pairs with each third model."""
    matrix = Matrix(table(10, models="abcd"))
    found = arrays_of(matrix, matrix.models)
    ballots = ballots_of(matrix, found, matrix.catalog(Catalog({}, ())))
    counted = list(votes(ballots, (2, 3), ("majority", "weighted")))
    assert len({(each.models, each.setting) for each in counted}) == (6 + 4) * 2
    paired = list(pairs(ballots))
    assert len({(each.models, each.setting) for each in paired}) == 6 * 2
    assert all(each.setting not in each.models for each in paired)
