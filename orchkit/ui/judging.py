"""A model grades answers: ``orchkit.judge(results, "gpt-4o")``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from orchkit.core.calls import Failure, Params, Response
from orchkit.core.judging import TOP, Judge, read
from orchkit.core.plans import Query
from orchkit.core.strategies import Single
from orchkit.errors import ColumnError, OrchkitWarning, ParameterError, tell
from orchkit.lab.experiment import reference_text
from orchkit.lab.frames import column, missing
from orchkit.lab.prompting import drafted
from orchkit.ui.verbs import route

#: Quality, USD, and why there is no quality.
Grade = tuple[float, float, str | None]
#: Answers that are there already are quoted whole.
_WHOLE = Params(max_tokens=2**40)


def judge(
    df: pd.DataFrame,
    model: str | Judge,
    *,
    rubric: str | None = None,
    prompt: str = "prompt",
    response: str = "response",
    reference: str = "reference",
    into: str = "quality",
    max_cost: float | None = None,
    budget: float | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    concurrency: int | None = None,
    cache: bool = True,
    progress: bool | None = None,
    category: str = "judging",
    tags: str | Iterable[str] = (),
) -> pd.DataFrame:
    """Have a model grade answers, for questions no scorer can score.

    The judge sees the prompt, the answer and, where there is one, the reference, all quoted; it
    gives 0 to 10, and 10 becomes a quality of 1. Its calls are ordinary ones: within budgets,
    cached, and in the ledger.

    Parameters
    ----------
    df : DataFrame
        One answer a row: what `route` returned, or the frame of a matrix. Of a comparison:
        ``cmp.results.join(df.reset_index(drop=True)[["prompt", "reference"]], on="row")``.
    model : str or Judge
        Who judges; better none of those that answered.
    rubric : str, optional
        What makes an answer good, in words, instead of correct and complete.
    prompt, response, reference : str
        Columns. Without a column `reference` answers are judged by themselves.
    into : str
        The column of grades, and the beginning of the other two.

    temperature, max_tokens : optional
        Of verdicts: 0 and the judge's own (64) by default.

    The other parameters are those of `route`.

    Returns
    -------
    DataFrame
        A copy of `df` with three columns: quality in [0, 1], 0 without an answer, and NaN where
        there is no question or no verdict; quality_cost, the judge's USD; quality_error, why there
        is no verdict.

    Raises
    ------
    MisuseError
        The call cannot be carried out as written; nothing has been sent.

    Warns
    -----
    OrchkitWarning
        Some verdicts could not be had. The simulator gives none: it cannot read.

    Notes
    -----
    A judge's grades are a model's opinion: compare some of them with your own before relying on
    them (`Calibrator`, `orchkit.metrics`).

    Examples
    --------
    >>> import orchkit, warnings
    >>> out = pd.DataFrame({"prompt": ["What is 2+2?", "Why?"], "response": ["4", None]})
    >>> with orchkit.use("simulator"), warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     graded = judge(out, "gpt-4o")
    >>> graded["quality"].tolist()  # the simulator cannot judge; no answer is worth nothing
    [nan, 0.0]
    """
    judge_ = _judge(model, rubric)
    _refuse_taken(df, into)
    asked = _asked(df, judge_, prompt, response, reference)
    table = pd.DataFrame({"prompt": pd.Series(list(asked.values()), dtype=object)})
    out = route(
        table,
        Single(judge_.model),
        max_cost=max_cost,
        budget=budget,
        temperature=0.0 if temperature is None else temperature,
        max_tokens=judge_.max_tokens if max_tokens is None else max_tokens,
        concurrency=concurrency,
        cache=cache,
        progress=progress,
        category=category,
        tags=tags,
    )
    told = _unasked(df, prompt)
    for place, (_, row) in zip(asked, out.iterrows(), strict=True):
        told[place] = _graded(row, judge_.model)
    return _joined(df, told, into)


def _judge(model: str | Judge, rubric: str | None) -> Judge:
    if isinstance(model, Judge):
        if rubric is not None:
            raise ParameterError("The rubric is part of the Judge; give it there: Judge(model, …).")
        return model
    return Judge(model, rubric)


def _refuse_taken(df: pd.DataFrame, into: str) -> None:
    taken = [name for name in _names(into) if name in df.columns]
    if taken:
        raise ColumnError(
            f"The frame already has the column {taken[0]!r}. Pass into= to name the grades "
            'otherwise, for instance into="judged".'
        )


def _names(into: str) -> tuple[str, str, str]:
    return into, f"{into}_cost", f"{into}_error"


def _questions(df: pd.DataFrame, prompt: str) -> list[Any]:
    return [drafted(cell, None) for cell in column(df, prompt).tolist()]


def _asked(
    df: pd.DataFrame, judge_: Judge, prompt: str, response: str, reference: str
) -> dict[int, list[dict[str, str]]]:
    """Return what the judge is told of each row that has a question and an answer."""
    asked = {}
    rows = zip(
        _questions(df, prompt), column(df, response).tolist(), _right(df, reference), strict=True
    )
    for place, (question, answer, right) in enumerate(rows):
        said = isinstance(answer, str) and not answer.isspace() and answer
        if said and not isinstance(question, Failure):
            told = judge_.grading(Query(question, _WHOLE), answer, right)
            asked[place] = [{"role": each.role, "content": each.content} for each in told]
    return asked


def _unasked(df: pd.DataFrame, prompt: str) -> list[Grade]:
    """Return what rows come to without a judge: no answer is worth nothing, no question unknown."""
    lost = [isinstance(each, Failure) for each in _questions(df, prompt)]
    return [(math.nan if each else 0.0, 0.0, None) for each in lost]


def _right(df: pd.DataFrame, reference: str) -> Sequence[str | None]:
    if reference == "reference" and reference not in df.columns:
        return [None] * len(df)
    return [None if missing(c) else reference_text(c) for c in column(df, reference).tolist()]


def _graded(row: pd.Series[Any], model: str) -> Grade:
    """Return the quality a verdict gives, what it cost, and why there is none."""
    if not pd.isna(row["error"]):
        return math.nan, float(row["cost"]), str(row["error"])
    grade = read(Response(model, row["response"]), "grade", 0, TOP)
    if isinstance(grade, Failure):
        return math.nan, float(row["cost"]), str(grade)
    return grade / TOP, float(row["cost"]), None


def _joined(df: pd.DataFrame, told: Sequence[Grade], into: str) -> pd.DataFrame:
    quality, cost, error = (list(each) for each in zip(*told, strict=True)) if told else ([],) * 3
    failed = [each for each in error if each is not None]
    if failed:
        tell(
            f"{len(failed):,} of {len(told):,} have no verdict; first: {failed[0]}", OrchkitWarning
        )
    graded = df.copy()
    for name, values, dtype in zip(
        _names(into), (quality, cost, error), ("float64", "float64", "string"), strict=True
    ):
        graded[name] = pd.array(values, dtype=dtype)  # type: ignore[call-overload]
    return graded
