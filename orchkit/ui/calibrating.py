"""Calibrated confidence from a recording: ``Fallback(confidence=orchkit.calibrate(train))``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from orchkit.core.confidence import Signal
from orchkit.errors import MatrixError, ParameterError
from orchkit.lab.calibrated import Calibrated, calibrated, named_too
from orchkit.lab.calibration import METHODS
from orchkit.lab.confidence_report import report, with_calibrated
from orchkit.lab.matrix import Matrix
from orchkit.lab.metrics.reading import one_of
from orchkit.lab.observing import observed, signals_of
from orchkit.lab.selecting import chosen_models
from orchkit.ui.session import SESSION

#: What is passed as `signals`: functions, or None for the best a response carries.
Signals = Sequence[Signal | None] | Callable[..., Any] | None


def calibrate(
    matrix: Matrix,
    signal: Signal | None = None,
    *,
    source: str = "",
    models: Sequence[str] | None = None,
    method: str = "auto",
) -> Calibrated:
    """Return a signal whose numbers are probabilities of being right, fitted to a recording.

    One calibrator a model, of its usable answers of known quality. What it is fitted on must be
    like what it is used on, and not what it is then measured on: split first.

    Parameters
    ----------
    matrix : ResponseMatrix
        With qualities, and what the signal reads: confidences, texts, or the models it asks.
    signal : callable, optional
        The underlying signal; by default the best each response carries.
    source : str
        What the answers are of, for its provenance: a data set's name, say.
    models : sequence of str, optional
        Recorded names; all by default.
    method : {"auto", "platt", "isotonic"}
        As in `Calibrator`.

    Returns
    -------
    Calibrated
        For `confidence=` of any strategy, live and on recordings. Its text tells n, date, source,
        and the errors before and after. It has ``save(path)``, and `Calibrated.load`.

    Raises
    ------
    MatrixError
        No quality is known.
    UnknownModelError, ParameterError
        A model was not recorded; there is no such method; it is no ResponseMatrix.

    Warns
    -----
    OrchkitWarning
        A model has fewer than 50 answers of known quality: its confidences stay as they are.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday")
    >>> with orchkit.use("simulator"):
    ...     train, test = df.orch.record(["gpt-4o-mini", "gpt-4o"]).split()
    >>> sure = calibrate(train, source="everyday")
    >>> out = test.route(orchkit.Fallback(("gpt-4o-mini", "gpt-4o"), 0.6, sure))
    >>> out["metadata"].iloc[0]["calibrated"]
    True
    """
    one_of("method", method, ("auto", *METHODS))
    if signal is not None and not callable(signal):
        raise ParameterError(f"signal is {signal!r:.60}; give a function (query, response).")
    _need_quality(matrix, "calibrate")
    known = SESSION.offline_catalog()
    table = observed(matrix, matrix.catalog(known), [signal], _models(matrix, models))
    today = datetime.now(UTC).date().isoformat()
    fitted = calibrated(table, signal, method=method, source=_told(source, matrix), date=today)
    return named_too(fitted, _other_names(matrix.models, known))


def confidence_report(
    matrix: Matrix,
    signals: Signals = None,
    *,
    models: Sequence[str] | None = None,
    method: str = "auto",
) -> pd.DataFrame:
    """Return how well signals tell right answers from wrong ones, and how calibrated they are.

    Parameters
    ----------
    matrix : ResponseMatrix
        With qualities.
    signals : sequence of callable, optional
        Functions ``(query, response) -> [0, 1]``, None for the best a response carries; by default
        that, and where texts were recorded `brevity` and agreement with the two cheapest models.
    models : sequence of str, optional
        Recorded names; all by default.
    method : {"auto", "platt", "isotonic"}
        As in `Calibrator`.

    Returns
    -------
    DataFrame
        One row a signal and model: n (answers of which all is known), unknown (share of answers it
        tells nothing of), quality (mean), auroc with its 95 % interval, ties (share of answers
        exactly as sure as another), ece_debiased, ece_15 and brier as they are and calibrated, by
        curves of the other four fifths of the answers; method, and price_per_1k: USD of what the
        signal asks per 1,000 answers.

    Raises
    ------
    MatrixError, ParameterError
        No quality is known; it is no ResponseMatrix.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday")
    >>> with orchkit.use("simulator"):
    ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o"])
    >>> told = confidence_report(mat, [None, orchkit.brevity])
    >>> told.index.tolist()[:2]
    [('auto', 'gpt-4o-mini'), ('auto', 'gpt-4o')]
    >>> bool((told["brier_calibrated"] < told["brier"]).all())
    True
    """
    return report(confidence_values(matrix, signals, models=models, method=method), method)


def confidence_values(
    matrix: Matrix,
    signals: Signals = None,
    *,
    models: Sequence[str] | None = None,
    method: str = "auto",
) -> pd.DataFrame:
    """Return what signals say of each recorded answer, raw and calibrated: what a report is of.

    For figures: ``orchkit.plots.reliability(values, confidence="calibrated", by="signal")``.

    Parameters
    ----------
    matrix, signals, models, method
        As in `confidence_report`.

    Returns
    -------
    DataFrame
        One row a signal, model and usable answer: signal, model, prompt_id, confidence, quality,
        price (USD of what the signal asked), calibrated (by a curve fitted without this answer).

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(60)
    >>> with orchkit.use("simulator"):
    ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o"])
    >>> values = confidence_values(mat, [None])
    >>> orchkit.plots.reliability(values, confidence="calibrated", by="model").get_ylabel()
    'quality [share right]'
    """
    one_of("method", method, ("auto", *METHODS))
    _need_quality(matrix, "confidence_report")
    catalog = matrix.catalog(SESSION.offline_catalog())
    told = signals_of(signals, matrix)
    return with_calibrated(observed(matrix, catalog, told, _models(matrix, models)), method)


def _told(source: str, matrix: Matrix) -> str:
    """Return what answers are of; that they are simulated is said whatever they are called."""
    if not matrix.simulated:
        return source
    return f"{source}, SIMULATED answers" if source else "SIMULATED answers"


def _need_quality(matrix: Matrix, verb: str) -> None:
    if not isinstance(matrix, Matrix):
        raise ParameterError(
            f"{verb} takes a ResponseMatrix, not {type(matrix).__name__}; record one with "
            "df.orch.record(models), or make one of recorded answers with ResponseMatrix(df)."
        )
    if not matrix.quality.notna().any(axis=None):
        raise MatrixError("No quality is known; score the responses first: mat.score(scorer).")


def _models(matrix: Matrix, models: Sequence[str] | None) -> list[str] | None:
    return None if models is None else list(chosen_models(models, matrix.models))


def _other_names(recorded: Sequence[str], known: Any) -> list[tuple[str, str]]:
    """Return recorded names with the catalog's for the same model, where it is the only one."""
    other = {name: known[name].name for name in recorded if name in known}
    counts = Counter(other.values())
    return [(name, one) for name, one in other.items() if name != one and counts[one] == 1]
