"""Arrays: a recording as prompts × models, which is all that column arithmetic needs.

They hold what a strategy would see of each cell: how sure it is, whether it can be accepted, what
it cost in integer nano-dollars. So sums do not depend on their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchkit.core.calls import Response
from orchkit.core.catalog import NANO
from orchkit.core.confidence import Signal, hard_failure, judge
from orchkit.core.plans import Confidence, Query
from orchkit.errors import MatrixError, ParameterError
from orchkit.lab.matrix import Matrix
from orchkit.lab.replaying import FINISHES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
#: A double counts whole numbers exactly up to here: nine million dollars.
_EXACT = 2**53


@dataclass(frozen=True)
class Arrays:
    """Prompts × models arrays of the first draw of each cell, a column a model.

    Parameters
    ----------
    models : tuple of str
        The columns.
    place : int array (prompts,)
        Positions of the prompts in the recording.
    quality : float array
        In [0, 1]; NaN where unknown.
    cost : int array
        Nano-dollars.
    rank : float array
        Confidence as strategies compare it: minus infinity where there is none.
    usable : bool array
        Whether the answer can be accepted: it is there, whole and not blank.
    left_out : int
        Prompts of the recording that are not here, since a cell or what is known of it is missing.
    """

    models: tuple[str, ...]
    place: Ints
    quality: Floats
    cost: Ints
    rank: Floats
    usable: Flags
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.place)

    def column(self, model: str) -> int:
        """Return the column of a model."""
        if model not in self.models:
            raise MatrixError(f"{model!r} is not among {', '.join(self.models)}.")
        return self.models.index(model)

    def at(self, rows: NDArray[Any]) -> Arrays:
        """Return the arrays of these prompts: positions, or a mask."""
        cells = (self.quality, self.cost, self.rank, self.usable)
        quality, cost, rank, usable = (np.asfortranarray(cell[rows]) for cell in cells)
        return replace(
            self, place=self.place[rows], quality=quality, cost=cost, rank=rank, usable=usable
        )

    @cached_property
    def binary(self) -> bool:
        """Whether every quality is 0 or 1."""
        return bool(((self.quality == 0) | (self.quality == 1)).all())


def arrays_of(
    matrix: Matrix,
    models: Sequence[str],
    signal: Signal | None = None,
    queries: Sequence[Query] | None = None,
) -> Arrays:
    """Return the arrays of a recording, of the prompts all of these models were recorded for.

    Parameters
    ----------
    matrix : Matrix
    models : sequence of str
        Recorded names.
    signal : callable, optional
        What strategies judge confidence by; by default the best each response carries.
    queries : sequence of Query, optional
        One a prompt, for signals that read it.

    Raises
    ------
    MatrixError
        There is no prompt for which quality and cost of all these models are known.
    ParameterError
        The signal fails; or it asks again, which only the generator can replay.
    """
    if not models:
        raise MatrixError("The recording is empty: there is no model in it.")
    frame, rows = matrix.cell_rows(models)
    known = (rows >= 0) & np.isfinite(frame["quality"].to_numpy()[rows])
    known &= np.isfinite(frame["cost"].to_numpy()[rows])
    place = np.flatnonzero(known.all(axis=1))
    if not len(place):
        raise MatrixError(
            f"No prompt has quality and cost recorded for all of {', '.join(models)}. Score the "
            "responses (mat.score); give a cost column, or prices where tokens are known "
            "(mat.reprice); or choose models with subset."
        )
    kept = rows[place]
    rank, usable = _ranks(matrix, frame, kept, models, place, signal, queries)
    quality = frame["quality"].to_numpy()[kept]
    cost = _nano(frame["cost"].to_numpy()[kept])
    return Arrays(
        tuple(models),
        place,
        quality=np.asfortranarray(quality),
        cost=np.asfortranarray(cost),
        rank=np.asfortranarray(rank),
        usable=np.asfortranarray(usable),
        left_out=len(rows) - len(place),
    )


def _nano(dollars: Floats) -> Ints:
    """Return USD as nano-dollars, whose sums a double still holds exactly."""
    if dollars.sum() * NANO >= _EXACT:
        raise MatrixError(
            f"cost sums to ${dollars.sum():,.0f}; it must be USD. Divide it, or name its column."
        )
    return np.rint(dollars * NANO).astype(np.int64)


def _ranks(
    matrix: Matrix,
    frame: pd.DataFrame,
    rows: Ints,
    models: Sequence[str],
    place: Ints,
    signal: Signal | None,
    queries: Sequence[Query] | None,
) -> tuple[Floats, Flags]:
    """Return the ranks of cells and whether they can be accepted: in bulk where that is known.

    A recorded confidence of a whole answer is what `auto` says; all others are put to the signal.
    """
    recorded = frame["confidence"].to_numpy()[rows]
    whole = ~frame["finish_reason"].isin([*FINISHES])
    plain = whole.to_numpy()[rows] & np.isfinite(recorded) & (signal is None)
    rank, usable = np.where(plain, recorded, -np.inf), plain.copy()
    for prompt, model in np.argwhere(~plain).tolist():
        response = matrix.cells[int(place[prompt]), models[model]][0]
        usable[prompt, model] = not hard_failure(response)
        query = queries[int(place[prompt])] if queries else Query(())
        rank[prompt, model] = _judged(signal, query, response).rank
    return rank, usable


def _judged(signal: Signal | None, query: Query, response: Response) -> Confidence:
    asking = judge(signal, query, response)
    name = getattr(signal, "__name__", type(signal).__name__)
    try:
        next(asking)
    except StopIteration as stop:
        said: Confidence = stop.value
        return said
    except Exception as error:  # noqa: BLE001 - a signal of one's own may raise anything
        told = f"confidence {name} failed on {response.text!r:.60} of {response.model}"
        raise ParameterError(f"{told}: {type(error).__name__}: {error}") from None
    asking.close()
    raise ParameterError(
        f"confidence {name} asks models again, which a sweep cannot; replay it with route or "
        "compare, or give a signal that reads the response alone."
    )
