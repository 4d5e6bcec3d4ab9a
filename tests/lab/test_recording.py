import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from orchkit.core.calls import Failure, Kind, Message, Params, Response, Usage
from orchkit.core.plans import Answer, Confidence, Query, Trace
from orchkit.errors import MatrixError
from orchkit.lab.matrix import Matrix
from orchkit.lab.recording import as_json, conversation, long_table, prompt_ids

MODELS = ("small", "large")
TALK = (Message("system", "Be brief."), Message("user", "Hi"), Message("user", "Why?"))
ASKED = (Query((Message("user", "2+2?"),)), Query(TALK), Failure(Kind.EmptyPrompt))
PARAMS = Params()


def _basic(texts: list[str]) -> list[str]:
    return ["basic"] * len(texts)


def _trace(query: Query | Failure, response: Response | None = None) -> Trace:
    if isinstance(query, Failure) or response is None:
        failure = query if isinstance(query, Failure) else Failure(Kind.Timeout, "60 s")
        return Trace((), Answer(None, failure=failure))
    return Trace(((response,),), Answer(response, Confidence(0.9, "own")), query)


def _said(model: str) -> Response:
    return Response(model, "4", Usage(8, 1), 1800, 0.5, provider="openai")


def _table(asked: Sequence[Query | Failure] = ASKED, index: Any = None) -> pd.DataFrame:
    """Return the recording in which the large model failed the first prompt."""
    traces = [_trace(query, _said(model)) for model in MODELS for query in asked]
    traces[len(asked)] = _trace(asked[0])
    frame = pd.DataFrame({"reference": [4.0, None, "x"][: len(asked)]}, index)
    return long_table(traces, MODELS, asked, frame, lambda place, _: float(place == 0))


def test_a_recording_has_a_row_for_every_model_and_prompt() -> None:
    """Rows stand in the order they were asked, failed ones among them."""
    table = _table(index=["a", "b", "c"])
    assert table["model"].tolist() == ["small"] * 3 + ["large"] * 3
    assert table["prompt_id"].tolist() == ["a", "b", "c"] * 2
    assert table["error"].fillna("").tolist() == [
        "", "", "EmptyPrompt: the prompt is missing, empty or blank",
        "Timeout: 60 s", "", "EmptyPrompt: the prompt is missing, empty or blank",
    ]  # fmt: skip


def test_a_cell_is_what_was_answered() -> None:
    """Text, tokens, dollars, seconds, quality and the reference as text stand in the first row."""
    cell = _table().iloc[0]
    told = cell[["response", "cost", "input_tokens", "latency", "quality", "reference", "provider"]]
    assert told.tolist() == ["4", 1.8e-6, 8, 0.5, 1.0, "4", "openai"]


def test_a_failed_cell_has_neither_quality_nor_cost() -> None:
    """In the matrix a failed call is a gap, and stays one when it is scored anew."""
    matrix = Matrix(_table(index=["a", "b", "c"]))
    for each in (matrix, matrix.score("exact")):
        assert math.isnan(each.quality.loc["a", "large"])
        assert math.isnan(each.cost.loc["a", "large"])
        assert each.quality.loc["a", "small"] == 1.0
        assert set(each.cells) == {(0, "small"), (1, "small"), (1, "large")}


def test_a_matrix_says_how_many_calls_failed() -> None:
    """Failed calls are no responses."""
    told = repr(Matrix(_table()))
    assert told == (
        "Matrix(3 prompts x 2 models, 3 responses, quality known for 100%, 3 calls failed)"
    )


def test_a_conversation_is_kept_whole() -> None:
    """A longer conversation comes back as it was asked; its last question is the prompt."""
    table = _table()
    assert table["prompt"].tolist()[:2] == ["2+2?", "Why?"]
    first, talk, *_ = Matrix(table).queries(_basic, PARAMS)
    assert first.messages == ASKED[0].messages
    assert talk.messages == TALK


def test_single_prompts_need_no_conversation() -> None:
    """Where every row is one prompt that was answered there is nothing more to keep."""
    traces = [_trace(ASKED[0], _said("small"))]
    frame = pd.DataFrame(index=["a"])
    table = long_table(traces, ["small"], ASKED[:1], frame, lambda *_: 1.0)
    assert not {"messages", "error"} & {*table.columns}


def test_nothing_recorded_is_an_empty_matrix() -> None:
    """A frame without rows gives a matrix without rows."""
    table = long_table([], ["small"], [], pd.DataFrame(), lambda *_: 1.0)
    assert len(Matrix(table)) == 0


def test_it_survives_the_disk(tmp_path: Any) -> None:
    """Saved and loaded, gaps and conversations are the same."""
    matrix = Matrix(_table(index=["a", "b", "c"]))
    matrix.save(tmp_path / "m.parquet")
    loaded = Matrix.load(tmp_path / "m.parquet")
    errors = [frame["error"].astype("string") for frame in (loaded.frame, matrix.frame)]
    pd.testing.assert_series_equal(*errors)
    assert loaded.queries(_basic, PARAMS) == matrix.queries(_basic, PARAMS)
    assert dict(loaded.cells) == dict(matrix.cells)


@pytest.mark.parametrize(
    ("index", "ids"),
    [
        (["a", "b"], ["a", "b"]),
        ([7, 3], [7, 3]),
        ([7, 7], [0, 1]),
        (["a", None], [0, 1]),
        (["a", 1], [0, 1]),
        (pd.MultiIndex.from_tuples([("a", 1), ("a", 2)]), [0, 1]),
    ],
    ids=["names", "numbers", "repeated", "missing", "mixed", "levels"],
)
def test_prompts_are_known_by_their_labels(index: Any, ids: list[Any]) -> None:
    """Plain and distinct labels name the prompts; any others leave them their positions."""
    assert prompt_ids(pd.DataFrame(index=index)) == ids


@pytest.mark.parametrize(
    "text", ["nonsense", "[]", "[" * 100_000, '{"role": "user"}', '[{"role": "god"}]', 7]
)
def test_messages_that_are_none_are_refused(text: Any) -> None:
    """A file cannot put anything else in the place of a conversation."""
    with pytest.raises(MatrixError, match="messages holds"):
        conversation("Why?", text)


def test_json_and_back() -> None:
    """A conversation in JSON is the same conversation."""
    assert conversation("Why?", as_json(TALK)) == TALK
    assert json.loads(as_json(TALK) or "")[0] == {"role": "system", "content": "Be brief."}


def test_a_recording_keeps_when_it_was_answered() -> None:
    """Each answer has its moment, in UTC; a call that failed has none."""
    finished = Trace(((_said("small"),),), Answer(_said("small")), finished=86_400.25)
    traces = [finished, _trace(ASKED[0])]
    table = long_table(traces, MODELS, ASKED[:1], pd.DataFrame({"q": ["x"]}), lambda *_: math.nan)
    assert table["recorded_at"].isna().tolist() == [False, True]
    assert table["recorded_at"][0] == pd.Timestamp("1970-01-02 00:00:00.25", tz="UTC")
