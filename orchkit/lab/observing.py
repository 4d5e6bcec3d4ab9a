"""What signals say of recorded answers, beside whether they were right: one tidy frame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from orchkit.core.calls import Kind, Params
from orchkit.core.catalog import NANO, Catalog
from orchkit.core.complexity import KeywordRules
from orchkit.core.confidence import Signal, brevity
from orchkit.core.plans import Query, Trace
from orchkit.core.signals import AgreesWith, agrees_with
from orchkit.core.strategies import Single
from orchkit.errors import MatrixError, ParameterError
from orchkit.lab.arrays import Floats, arrays_of
from orchkit.lab.matrix import Matrix
from orchkit.lab.sweeping import by_cost
from orchkit.lab.voting import Ballots, ballots_of, shares

OBSERVED = ("signal", "model", "prompt_id", "confidence", "quality", "price")
#: How many of the cheapest models agreement is looked for with, where no signals are named.
_CHEAPEST = 2


def observed(
    matrix: Matrix,
    catalog: Catalog,
    signals: Sequence[Signal | None],
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return what each signal says of each model's usable answers: one row each.

    Columns signal (its name), model, prompt_id, confidence (NaN where nothing can be told, or what
    the signal asks was not recorded), quality, and price: USD of what the signal asked.

    Parameters
    ----------
    matrix : Matrix
    catalog : Catalog
        Of the recording.
    signals : sequence of callable or None
        None is the best each response carries.
    models : sequence of str, optional
        Recorded names; all by default.
    """
    asked = matrix.models if models is None else list(models)
    queries = matrix.queries(KeywordRules().predict, Params())
    columns = _columns(matrix, catalog, signals)
    parts = [
        _table(matrix, catalog, signal, model, queries, columns)
        for signal in signals
        for model in asked
    ]
    table = pd.concat(parts, ignore_index=True)
    table["prompt_id"] = matrix.prompts.index[table.pop("place").to_numpy(dtype=int)].to_numpy()
    return table[[*OBSERVED]]


def default_signals(matrix: Matrix) -> list[Signal | None]:
    """Return the signals a recording can tell of: what responses carry, and with texts two more.

    Those are their brevity, and whether the two cheapest models agree.
    """
    texts = matrix.cell_rows(matrix.models)[0]["response"]
    if not texts.str.len().gt(0).any():
        return [None]
    try:
        cheap = by_cost(arrays_of(matrix, matrix.models))[:_CHEAPEST]
    except MatrixError:  # no costs
        cheap = matrix.models[:_CHEAPEST]
    return [None, brevity, *([agrees_with(*cheap)] if len(cheap) > 1 else [])]


def signals_of(given: Any, matrix: Matrix) -> list[Signal | None]:
    """Return a list of signals: those given, one or several, or the default ones."""
    if given is None:
        return default_signals(matrix)
    told = [given] if callable(given) else list(given)
    if not told or not all(one is None or callable(one) for one in told):
        raise ParameterError(
            f"signals is {given!r:.60}; give functions (query, response) -> [0, 1], None for the "
            "best a response carries."
        )
    return told


def name_of(signal: Signal | None) -> str:
    """Return what a signal is called in tables.

    Examples
    --------
    >>> name_of(None), name_of(brevity), name_of(agrees_with("gpt-4o"))
    ('auto', 'brevity', 'agrees_with(gpt-4o)')
    """
    return "auto" if signal is None else str(getattr(signal, "__name__", None) or signal)


def _table(
    matrix: Matrix,
    catalog: Catalog,
    signal: Signal | None,
    model: str,
    queries: Sequence[Query],
    columns: Ballots | None,
) -> pd.DataFrame:
    """Return place, confidence, quality and price: in bulk where that is known, else replayed."""
    known = pd.DataFrame(columns=["place", "confidence", "quality", "price"], dtype=float)
    if signal is None:
        known = _recorded(matrix, model)
    elif isinstance(signal, AgreesWith) and columns is not None:
        known = _agreeing(columns, signal, model, catalog)
    rest = np.setdiff1d(np.arange(len(matrix)), known["place"].to_numpy(dtype=int))
    replayed = _replayed(matrix, catalog, Single(model, signal), queries, rest)
    table = pd.concat([part for part in (known, replayed) if len(part)] or [known])
    table = table[~table["confidence"].eq(-1)]  # of answers that are none
    return table.sort_values("place").assign(signal=name_of(signal), model=model)


def _recorded(matrix: Matrix, model: str) -> pd.DataFrame:
    """Return the recorded confidences of whole answers, which is what `auto` says of them."""
    frame, rows = matrix.cell_rows([model])
    place = np.flatnonzero(rows[:, 0] >= 0)
    cells = frame.iloc[rows[place, 0]]
    whole = ~cells["finish_reason"].isin(["length", "max_tokens", "refusal", "content_filter"])
    kept = (whole & np.isfinite(cells["confidence"])).to_numpy()
    told = {name: cells[name].to_numpy()[kept] for name in ("confidence", "quality")}
    return pd.DataFrame({"place": place[kept], **told, "price": 0.0})


def _columns(matrix: Matrix, catalog: Catalog, signals: Sequence[Signal | None]) -> Ballots | None:
    """Return what all answers come down to, where a signal looks for agreement."""
    if not any(isinstance(signal, AgreesWith) for signal in signals):
        return None
    try:
        return ballots_of(matrix, arrays_of(matrix, matrix.models), catalog)
    except MatrixError:  # costs or qualities are missing: the generator needs none
        return None


def _agreeing(table: Ballots, signal: AgreesWith, model: str, catalog: Catalog) -> pd.DataFrame:
    """Return what `AgreesWith` says of a model's answers, by column."""
    arrays = table.arrays
    others = [catalog[name].name for name in signal.models if catalog[name].name != model]
    own = arrays.column(model)
    columns = [own, *map(arrays.column, others)]
    usable, keyed = arrays.usable[:, columns], table.said[:, own] >= 0
    count = usable.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        alike: Floats = (shares(table, columns)[:, 0] * count - 1) / (count - 1)
    asked = keyed & usable[:, 0] & (len(others) > 0)
    told = np.where(asked & (count > 1), alike, math.nan)
    return pd.DataFrame(
        {
            "place": arrays.place,
            "confidence": np.where(usable[:, 0], told, -1),
            "quality": arrays.quality[:, own],
            "price": np.where(asked, arrays.cost[:, columns[1:]].sum(axis=1) / NANO, 0.0),
        }
    )


def _replayed(
    matrix: Matrix, catalog: Catalog, single: Single, queries: Sequence[Query], places: Any
) -> pd.DataFrame:
    rows = [
        _row(place, trace) for place, trace in _traces(matrix, catalog, single, queries, places)
    ]
    return pd.DataFrame(rows, columns=["place", "confidence", "quality", "price"], dtype=float)


def _traces(
    matrix: Matrix, catalog: Catalog, single: Single, queries: Sequence[Query], places: Any
) -> Iterator[tuple[int, Trace]]:
    """Give the trace of each of these prompts whose answer was recorded."""
    wanted = set(places.tolist())
    kept = [(query, single) for query in queries]
    for place, trace in enumerate(matrix.run(kept, catalog) if wanted else []):
        if place in wanted and trace.responses:
            yield place, trace


def _row(place: int, trace: Trace) -> tuple[int, float, float, float]:
    first, sure = trace.responses[0], trace.answer.confidence
    missing = trace.failure is not None and trace.failure.kind is Kind.NotRecorded
    value = math.nan if missing else sure.value
    value = -1 if sure.signal == "failure" else value
    asked = [each.cost for each in trace.responses[1:]]
    price = math.nan if None in asked else sum(cost for cost in asked if cost) / NANO
    return place, value, float(first.extra.get("quality", math.nan)), price
