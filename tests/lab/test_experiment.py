import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd
import pytest

from orchkit.core.calls import Failure, Kind, Message, Response
from orchkit.core.catalog import Catalog
from orchkit.core.plans import Answer, Confidence, Plan, Query, Strategy, Trace
from orchkit.core.strategies import Cheapest, Ensemble, Fallback, Single
from orchkit.errors import ColumnError, ParameterError, UnknownNameError
from orchkit.lab.experiment import (
    compare,
    distinct_labels,
    label,
    recorded_quality,
    scoring_of,
    short_name,
)
from orchkit.lab.frames import COLUMNS

ASKED = Query((Message("user", "2+2?"),))
EXTRA = {"row": "int64", "quality": "float64", "rounds": "int64", "escalated": "bool"}


@dataclass(frozen=True)
class Careful:
    """A strategy of one's own, with a setting."""

    limit: int = 3
    name: ClassVar[str] = "careful"

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """Ask nobody."""
        yield ()
        return Answer(None)


class Bare:
    """A strategy of one's own that is no dataclass and has no name."""

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """Ask nobody."""
        yield ()
        return Answer(None)


def sure(query: Query, response: Response) -> float:
    """Return a confidence of one's own."""
    return 1.0


def _trace(text: str | None = "4", **known: Any) -> Trace:
    response = Response("m", text, **known)
    return Trace(((response,),), Answer(response, Confidence(0.5, "logprob")), ASKED)


def _answers(*texts: str | None) -> Any:
    """Return a run that answers its rows with these texts, in order."""

    def run(rows: Sequence[tuple[Query | Failure, Strategy]]) -> list[Trace]:
        assert len(rows) == len(texts)
        return [_trace(text) for text in texts]

    return run


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        (Single("gpt-4o"), "gpt-4o"),
        (Cheapest(), "cheapest"),
        (Cheapest(sure), "cheapest(confidence=sure)"),
        (Fallback(), "fallback"),
        (Fallback(("a", "b"), 0.8), "fallback(a → b, threshold=0.8)"),
        (Fallback(threshold=0.6), "fallback"),
        (Ensemble(2), "ensemble(size=2)"),
        (Ensemble(models=("a", "b")), "ensemble(a + b)"),
        (Ensemble(select="majority"), "ensemble(select=majority)"),
        (Careful(), "careful"),
        (Careful(5), "careful(limit=5)"),
        (Bare(), "bare"),
    ],
)
def test_a_label_tells_what_is_not_default(strategy: Strategy, told: str) -> None:
    """A label is the short name, and the settings somebody changed."""
    assert label(strategy) == told


@pytest.mark.parametrize(
    ("strategy", "told"), [(Single("gpt-4o"), "single"), (Careful(5), "careful"), (Bare(), "bare")]
)
def test_a_short_name_is_the_strategy_s_or_its_class_s(strategy: Strategy, told: str) -> None:
    """Without a name of its own a strategy has its class's."""
    assert short_name(strategy) == told


@pytest.mark.parametrize(
    ("strategies", "told"),
    [
        ([Fallback(), Fallback(threshold=0.6)], "'fallback' stands twice"),
        ([Single("a"), Cheapest(), Single("a")], "'a' stands twice"),
        ([], "there is none"),
    ],
)
def test_strategies_must_be_told_apart(strategies: list[Strategy], told: str) -> None:
    """Two of one label, and none at all, are refused before anything is run."""
    with pytest.raises(ParameterError, match=told):
        distinct_labels(strategies)


def test_compare_is_tidy() -> None:
    """One row per strategy x prompt, strategies in the order given, prompts within."""
    told = compare(
        [ASKED, ASKED],
        [Fallback(), Single("b")],
        _answers("w", "x", "y", "z"),
        lambda row, trace: float(row),
    )
    assert told["strategy"].tolist() == ["fallback", "fallback", "b", "b"]
    assert told["row"].tolist() == [0, 1, 0, 1]
    assert told["response"].tolist() == ["w", "x", "y", "z"]
    assert told["quality"].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert told["rounds"].tolist() == [1] * 4
    assert told["signal"].tolist() == ["logprob"] * 4


@pytest.mark.parametrize("count", [0, 1])
def test_compare_has_its_columns_and_dtypes(count: int) -> None:
    """Columns and dtypes are the same with rows and without."""
    told = compare([ASKED] * count, [Cheapest()], _answers(*["4"] * count), lambda *_: math.nan)
    assert list(told.columns) == ["row", *COLUMNS, "quality", "rounds", "signal", "escalated"]
    dtypes = told.drop(columns="signal").dtypes.map(str).to_dict()
    assert dtypes == {**COLUMNS, **EXTRA}


def test_compare_hands_all_rows_over_at_once() -> None:
    """The run gets every strategy's rows in one go, so that a call they share is bought once."""
    asked: list[Any] = []

    def run(rows: Any) -> list[Trace]:
        asked.append(rows)
        return [_trace() for _ in rows]

    first, second = Cheapest(), Single("b")
    failure = Failure(Kind.EmptyPrompt)
    compare([ASKED, failure], [first, second], run, lambda *_: 0.0)
    assert asked == [[(ASKED, first), (failure, first), (ASKED, second), (failure, second)]]


def test_compare_takes_traces_that_are_made_one_by_one() -> None:
    """Each trace is judged and written down before the next one is made."""
    told: list[str] = []

    def run(rows: Sequence[Any]) -> Iterator[Trace]:
        for number in range(len(rows)):
            told.append(f"made {number}")
            yield _trace(str(number))

    def quality(row: int, trace: Trace) -> float:
        told.append(f"judged {row}")
        return float(row)

    found = compare([ASKED, ASKED], [Cheapest()], run, quality)
    assert told == ["made 0", "judged 0", "made 1", "judged 1"]
    assert found["response"].tolist() == ["0", "1"]


def test_too_few_traces_are_no_comparison() -> None:
    """A run that loses a row is a mistake, not a shorter comparison."""
    with pytest.raises(ValueError, match="shorter"):
        compare([ASKED, ASKED], [Cheapest()], lambda _: iter([_trace()]), lambda *_: 0.0)


def test_nothing_runs_when_labels_clash() -> None:
    """Misuse is found before the run."""
    with pytest.raises(ParameterError, match="twice"):
        compare([ASKED], [Cheapest(), Cheapest()], lambda rows: pytest.fail("ran"), lambda *_: 0.0)


def _qualities(frame: pd.DataFrame, *texts: str | None, scorer: Any = None) -> list[float]:
    quality = scoring_of(frame, "reference", scorer)
    return [quality(row, _trace(text)) for row, text in enumerate(texts)]


def test_the_default_scorer_is_exact() -> None:
    """Without a scorer column an answer must be the reference."""
    frame = pd.DataFrame({"reference": ["4", "4"]})
    assert _qualities(frame, "4.", "It is 4") == [1, 0]


def test_a_scorer_column_decides_row_by_row() -> None:
    """Each row has the scorer that its cell names."""
    frame = pd.DataFrame({"reference": ["4", "4"], "scorer": ["numeric", "exact"]})
    assert _qualities(frame, "It is 4", "It is 4") == [1, 0]


@pytest.mark.parametrize("scorer", ["numeric", "how", lambda text, reference: reference in text])
def test_a_scorer_may_be_a_name_a_column_or_a_function(scorer: Any) -> None:
    """What is passed stands before the scorer column."""
    frame = pd.DataFrame({"reference": ["4"], "scorer": ["exact"], "how": ["contains"]})
    assert _qualities(frame, "It is 4", scorer=scorer) == [1]


@pytest.mark.parametrize("missing", [None, math.nan, pd.NA])
def test_a_row_without_a_reference_has_no_quality(missing: Any) -> None:
    """A missing reference is unknown quality, not a wrong answer."""
    frame = pd.DataFrame({"reference": pd.Series(["4", missing], dtype="object")})
    assert _qualities(frame, "5", "5") == pytest.approx([0, math.nan], nan_ok=True)


def test_a_frame_without_references_has_no_quality() -> None:
    """No reference column, no quality."""
    assert math.isnan(_qualities(pd.DataFrame({"prompt": ["2+2?"]}), "4")[0])


def test_numbers_may_be_references() -> None:
    """A column of numbers is read as text."""
    assert _qualities(pd.DataFrame({"reference": [4, 5]}), "4", "4") == [1, 0]


def test_rows_go_by_position() -> None:
    """Labels of the frame do not matter."""
    frame = pd.DataFrame({"reference": ["4", "5"]}, index=[1, 0])
    assert _qualities(frame, "4", "5") == [1, 1]


@pytest.mark.parametrize("text", [None, ""])
def test_no_answer_is_wrong(text: str | None) -> None:
    """A row with a reference and no answer scores 0."""
    assert _qualities(pd.DataFrame({"reference": ["4"]}), text) == [0]


def test_no_response_is_wrong() -> None:
    """A strategy that gave up scores 0 where there was something to say."""
    quality = scoring_of(pd.DataFrame({"reference": ["4"]}), "reference", None)
    assert quality(0, Trace((), Answer(None, failure=Failure(Kind.Timeout)))) == 0


def test_a_doubled_reference_column_is_refused() -> None:
    """Two reference columns do not say which is right."""
    frame = pd.DataFrame([["4", "5"]], columns=["reference", "reference"])
    with pytest.raises(ColumnError, match="2 columns named 'reference'"):
        scoring_of(frame, "reference", None)


@pytest.mark.parametrize("scorer", ["exakt", 7])
def test_an_unknown_scorer_is_refused_before_anything_is_answered(scorer: Any) -> None:
    """A scorer nobody knows is found when the run is prepared, not when it has been paid for."""
    with pytest.raises(UnknownNameError, match="No scorer"):
        scoring_of(pd.DataFrame({"reference": ["4"]}), "reference", scorer)


def test_an_unknown_scorer_in_a_cell_is_refused_before_anything_is_answered() -> None:
    """So is one that stands in a single row."""
    frame = pd.DataFrame({"reference": ["4", "4"], "scorer": ["exact", "exakt"]})
    with pytest.raises(UnknownNameError, match="'exakt'"):
        scoring_of(frame, "reference", None)


def test_the_recorded_quality_is_the_chosen_response_s() -> None:
    """What was recorded beside the chosen answer is the row's quality."""
    wrong, right = (Response("m", "x", extra={"quality": quality}) for quality in (0.0, 0.75))
    assert recorded_quality(0, Trace(((wrong, right),), Answer(right))) == 0.75


def test_a_quality_that_was_not_recorded_is_unknown() -> None:
    """Neither a response without quality nor a gap in the recording is a wrong answer."""
    gap = Trace((), Answer(None, failure=Failure(Kind.NotRecorded)))
    assert math.isnan(recorded_quality(0, _trace()))
    assert math.isnan(recorded_quality(0, gap))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(None, failure=Failure(Kind.BudgetExceeded)),
        Answer(Response.failed("m", Kind.BudgetExceeded)),
        Answer(Response.failed("m", Kind.Timeout)),
    ],
    ids=["nobody", "over the limit", "failed"],
)
def test_a_strategy_that_gave_up_scores_nothing(answer: Answer) -> None:
    """No answer is wrong, whether the strategy returns nothing or the call that failed."""
    assert recorded_quality(0, Trace((), answer)) == 0


def test_no_strategy_is_called_as_the_oracle() -> None:
    """Their rows could not be told apart."""
    with pytest.raises(ParameterError, match="'oracle'"):
        distinct_labels([Single("oracle")])
