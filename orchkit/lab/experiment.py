"""Strategies × prompts -> one tidy frame, each answer with its quality."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import pandas as pd

from orchkit.core.calls import Failure, Kind
from orchkit.core.plans import Query, Strategy, Trace
from orchkit.core.strategies import Single
from orchkit.errors import ParameterError
from orchkit.lab.frames import column, missing, results_frame
from orchkit.lab.scoring import Scorer, exact, scored
from orchkit.lab.scoring import scorer as scorer_of
from orchkit.lab.summary import ORACLE

#: What no strategy can ask, or did not come to ask: such rows judge none of them.
UNASKED = frozenset(
    (
        Kind.EmptyPrompt,
        Kind.PromptType,
        Kind.PromptEncoding,
        Kind.PromptTooLong,
        Kind.Interrupted,
    )
)
#: Runs rows and gives their traces, in order: an executor live, a matrix on replay, one by one.
Run = Callable[[Sequence[tuple[Query | Failure, Strategy]]], Iterable[Trace]]


def label(strategy: Strategy) -> str:
    """Return a name that tells a strategy from its siblings: short, with what is not default.

    Examples
    --------
    >>> from orchkit.core.strategies import Fallback
    >>> label(Fallback()), label(Fallback(("mini", "opus"), 0.8)), label(Single("gpt-4o"))
    ('fallback', 'fallback(mini → opus, threshold=0.8)', 'gpt-4o')
    """
    if isinstance(strategy, Single):
        return strategy.model
    changed = _changed(strategy)
    words = ", ".join(_told(name, value) for name, value in changed.items())
    return f"{short_name(strategy)}({words})" if words else short_name(strategy)


def short_name(strategy: Strategy) -> str:
    """Return the strategy's short name, or its class's in lower case."""
    return str(getattr(strategy, "name", type(strategy).__name__.lower()))


def compare(
    queries: Sequence[Query | Failure],
    strategies: Sequence[Strategy],
    run: Run,
    quality: Callable[[int, Trace], float],
) -> pd.DataFrame:
    """Return one row per strategy × prompt.

    Columns: row, the result columns, quality, rounds, signal, escalated. `row` is the prompt's
    position; `strategy` holds labels. Raises ParameterError for two strategies of one label.
    """
    labels = distinct_labels(strategies)
    jobs = [(query, strategy) for strategy in strategies for query in queries]
    names = [name for name in labels for _ in queries]
    rows = list(range(len(queries))) * len(strategies)
    judged, rounds, signals = list[float](), list[int](), list[str]()
    escalated = list[bool]()

    def noted() -> Iterator[Trace]:
        for row, trace in zip(rows, run(jobs), strict=True):
            judged.append(quality(row, trace))
            rounds.append(len(trace.rounds))
            signals.append(trace.answer.confidence.signal)
            escalated.append(trace.escalated)
            yield trace

    results = results_frame(noted(), names)
    results.insert(0, "row", pd.Series(rows, dtype="int64"))
    results["quality"] = pd.Series(judged, dtype="float64")
    results["rounds"] = pd.Series(rounds, dtype="int64")
    results["signal"] = pd.Series(signals, dtype="string")
    results["escalated"] = pd.Series(escalated, dtype="bool")
    return results


def distinct_labels(strategies: Sequence[Strategy]) -> tuple[str, ...]:
    """Return one label a strategy, or say which two are the same."""
    labels = tuple(label(strategy) for strategy in strategies)
    twice = sorted({name for name in labels if labels.count(name) > 1})
    if ORACLE in labels:
        raise ParameterError(
            f"A strategy is called {ORACLE!r}, as the best possible choice is; rename it."
        )
    if twice or not labels:
        what = f"{twice[0]!r} stands twice" if twice else "there is none"
        raise ParameterError(f"compare needs distinct strategies; {what}.")
    return labels


def scoring_of(
    frame: pd.DataFrame, reference: str, scorer: str | Scorer | None
) -> Callable[[int, Trace], float]:
    """Return the quality of a row's answer against the frame's reference column.

    `scorer` is a name, a function, a column of names, or None: the column ``scorer`` where there
    is one, else ``exact``. A row without a reference, or that could not be asked, has no quality;
    one without an answer has 0. Raises UnknownNameError for a scorer nobody knows, ParameterError
    for one of your own that cannot score a reference against itself.
    """
    known = reference in frame.columns
    references = column(frame, reference).tolist() if known else [None] * len(frame)
    if not known and reference != "reference":
        column(frame, reference)  # asked for by name: a slip, not a frame without answers
    texts = [None if missing(value) else reference_text(value) for value in references]
    named = scorer if scorer is not None else ("scorer" if "scorer" in frame.columns else "exact")
    scorers = _scorers(frame, named, texts)
    _try_out(scorers, texts)

    def quality(row: int, trace: Trace) -> float:
        if trace.failure and trace.failure.kind in UNASKED:
            return math.nan  # by no strategy
        chosen = trace.answer.response
        return scored(chosen.text if chosen else None, texts[row], scorers[row])

    return quality


def reference_text(value: Any) -> str:
    """Return a reference as text; a whole number stays one though a gap made its column floats.

    Examples
    --------
    >>> reference_text(4.0), reference_text("4.0"), reference_text(2.5)
    ('4', '4.0', '2.5')
    """
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _try_out(scorers: Sequence[Scorer], references: Sequence[str | None]) -> None:
    """Find a scorer's bug on the first reference, before anything is bought."""
    for scorer, text in zip(scorers, references, strict=True):
        if text is not None:
            try:
                scored(text, text, scorer)
            except ParameterError:
                raise
            except Exception as error:  # noqa: BLE001 - a scorer of one's own may raise anything
                told = f"scorer {getattr(scorer, '__name__', scorer)!r} failed on {text!r:.60}"
                raise ParameterError(f"{told}: {type(error).__name__}: {error}") from None
            return


def _scorers(
    frame: pd.DataFrame, named: str | Scorer, references: Sequence[str | None]
) -> list[Scorer]:
    """Return one scorer a row; a cell beside which there is no reference does not matter."""
    if not (isinstance(named, str) and named in frame.columns):
        return [scorer_of(named)] * len(frame)
    cells = zip(column(frame, named).tolist(), references, strict=True)
    return [exact if reference is None else scorer_of(cell) for cell, reference in cells]


def recorded_quality(_: int, trace: Trace) -> float:
    """Return the quality recorded beside the chosen response.

    NaN when it was not recorded; 0 when the strategy had an answer to choose and chose none.
    """
    chosen, failure = trace.answer.response, trace.failure
    if chosen is None or failure:
        gap = failure is not None and failure.kind is Kind.NotRecorded
        return math.nan if gap else 0.0
    return float(chosen.extra.get("quality", math.nan))


def _changed(strategy: Strategy) -> Mapping[str, Any]:
    declared: Any = strategy  # a strategy of one's own need not be a dataclass
    return {
        field.name: value
        for field in (fields(declared) if is_dataclass(declared) else ())
        if field.repr
        and not same(value := getattr(strategy, field.name), ())
        and (field.default is MISSING or not same(value, field.default))
    }


def same(one: object, other: object) -> bool:
    """Whether two settings are equal; what will not say, as an array, is equal to nothing.

    Examples
    --------
    >>> import numpy as np
    >>> same((0.5,), (0.5,)), same(np.zeros(2), None), same(np.zeros(2), ())
    (True, False, False)
    """
    try:
        return bool(one == other)
    except ValueError:
        return False


def _told(name: str, value: Any) -> str:
    """Return a setting in words: models that are asked in turn, or together, speak for themselves.

    Examples
    --------
    >>> _told("chain", ("a", "b")), _told("models", ("a", "b")), _told("threshold", (0.5, 0.9))
    ('a → b', 'a + b', 'threshold=(0.5, 0.9)')
    """
    between = {"chain": " → ", "models": " + "}.get(name)
    if between and isinstance(value, tuple | list) and len(value) > 1:
        return between.join(map(_word, value))
    return f"{name}={_word(value)}"


def _word(value: Any) -> str:
    if isinstance(value, tuple | list):
        words = ", ".join(map(_word, value))
        return f"({words})" if len(value) != 1 else words
    if isinstance(value, float):
        return str(float(f"{value:.6g}"))  # a fitted threshold has many digits
    return getattr(value, "__name__", None) or str(value)
