import copy
import io
import math
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import orchkit
from orchkit.core.calls import Failure, Kind, Message, Response, Usage
from orchkit.core.catalog import Tier
from orchkit.core.plans import Answer, Confidence, Query, Trace
from orchkit.errors import ColumnError
from orchkit.lab import frames
from orchkit.lab.frames import (
    COLUMNS,
    attach,
    column,
    metadata,
    record,
    refuse_taken,
    results_frame,
)

CONTRACT = {
    "response": "string",
    "model_used": "string",
    "cost": "float64",
    "latency": "float64",
    "confidence": "float64",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "strategy": "string",
    "fallback_chain": "object",
    "ensemble_models": "object",
    "metadata": "object",
    "timestamp": "datetime64[us, UTC]",
    "provider": "string",
    "cached": "bool",
    "error": "string",
}
SURE = Confidence(0.7, "logprob")
INDEXES = {
    "range": pd.RangeIndex(3),
    "duplicated": pd.Index(["a", "b", "a"]),
    "unsorted": pd.Index([3, 1, 2]),
    "named": pd.Index(["x", "y", "z"], name="question"),
    "several levels": pd.MultiIndex.from_tuples(
        [("a", 1), ("a", 1), ("b", 0)], names=["letter", None]
    ),
    "dates": pd.date_range("2026-01-01", periods=3, freq="D", tz="Europe/Berlin", name="day"),
    "dates descending": pd.DatetimeIndex(["2026-03-01", "2026-02-01", "2026-03-01"]),
    "periods": pd.period_range("2026-01", periods=3, freq="M"),
    "categories": pd.CategoricalIndex(["low", "high", "low"], categories=["low", "high"]),
    "intervals": pd.interval_range(0, 3),
    "missing labels": pd.Index([1.5, math.nan, math.nan]),
    "mixed": pd.Index([1, "a", None], dtype=object),
}


def _response(model: str = "gpt-4o-mini", text: str | None = "Four.", **known: Any) -> Response:
    told = {"usage": Usage(8, 2), "cost": 1800, "latency": 0.5, "provider": "simulator", **known}
    return Response(model, text, **told)


def _trace(text: str | None = "Four.", **known: Any) -> Trace:
    response = _response(text=text, **known)
    query = Query((Message("user", "2+2?"),), tier=Tier.ADVANCED)
    answer = Answer(response, SURE, planned=("gpt-4o-mini", "gpt-4o"))
    return Trace(((response,),), answer, query, finished=0.25)


def _failed(kind: Kind = Kind.EmptyPrompt) -> Trace:
    return Trace((), Answer(None, failure=Failure(kind)), finished=0.0)


def _numbered(count: int) -> list[Trace]:
    return [_trace(f"answer {n}") for n in range(count)]


def _row(trace: Trace) -> "pd.Series[Any]":
    return results_frame([trace], "cheapest").iloc[0]


@pytest.mark.parametrize(
    "traces",
    [[], [_trace()], [_failed()], [_trace(), _failed()], [_trace(cost=None, latency=math.nan)]],
    ids=["none", "answered", "failed", "both", "nothing known"],
)
def test_result_columns_are_those_of_the_contract(traces: list[Trace]) -> None:
    """Names, order and dtypes are the contract's, whatever the rows hold."""
    frame = results_frame(traces, "cheapest")
    assert frame.dtypes.map(str).to_dict() == CONTRACT
    assert list(frame.columns) == list(CONTRACT) == list(COLUMNS)


def test_unknown_times_hold_whatever_memory_held_before() -> None:
    """A time nobody knows is missing, and no leftover of freed memory is taken for one."""
    leftovers = [np.full(40, 1e308) for _ in range(6)]
    del leftovers
    times = frames._column([0.25, *[math.nan] * 39], CONTRACT["timestamp"])
    assert times[0] == datetime(1970, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)
    assert times[1:].isna().all()


def test_an_empty_frame_gives_an_empty_result() -> None:
    """No rows in, no rows out, with every column, dtype and the very index."""
    frame = pd.DataFrame({"prompt": pd.Series([], dtype="string")})
    frame.index = pd.Index([], dtype="int64", name="id")
    out = attach(frame, [], "cheapest")
    assert out.dtypes.map(str).to_dict() == {"prompt": "string", **CONTRACT}
    pd.testing.assert_index_equal(out.index, frame.index, exact=True)


def test_routing_an_empty_frame_gives_an_empty_result() -> None:
    """The whole way from an empty frame leads to an empty frame of the contract's columns."""
    out = orchkit.route(pd.DataFrame({"prompt": []}), "fallback")
    assert out.drop(columns="prompt").dtypes.map(str).to_dict() == CONTRACT
    assert len(out) == 0


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())
def test_the_index_comes_back_identical(index: pd.Index) -> None:
    """Whatever the index is, it comes back as it was, and rows are joined by position."""
    frame = pd.DataFrame({"prompt": ["p", "q", "r"]}, index=index)
    out = attach(frame, _numbered(3), "cheapest")
    pd.testing.assert_index_equal(out.index, index, exact=True, check_names=True)
    assert getattr(out.index, "freq", None) == getattr(index, "freq", None)
    assert out["prompt"].tolist() == ["p", "q", "r"]
    assert out["response"].tolist() == ["answer 0", "answer 1", "answer 2"]


@settings(max_examples=50)
@given(st.lists(st.integers(0, 3) | st.text(max_size=1), max_size=6))
def test_labels_never_decide_which_answer_a_row_gets(labels: list[Any]) -> None:
    """Row i gets answer i, however often its label stands elsewhere."""
    frame = pd.DataFrame({"n": range(len(labels))}, index=pd.Index(labels, dtype=object))
    out = attach(frame, _numbered(len(labels)), "cheapest")
    assert out["response"].tolist() == [f"answer {n}" for n in out["n"]]
    assert out.index.tolist() == labels


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())
def test_routing_leaves_the_frame_as_it_was(index: pd.Index) -> None:
    """A run changes neither cells, nor dtypes, nor labels of what it was given."""
    frame = pd.DataFrame({"prompt": ["What is 2+2?", None, "Explain tides"]}, index=index)
    before = frame.copy(deep=True)
    out = orchkit.route(frame, "cheapest", progress=False)
    pd.testing.assert_frame_equal(frame, before, check_exact=True, check_freq=True)
    pd.testing.assert_index_equal(out.index, index, exact=True)


def test_the_result_is_a_copy() -> None:
    """Writing into the result does not reach the frame."""
    frame = pd.DataFrame({"prompt": ["p", "q"], "n": [1, 2]})
    out = attach(frame, _numbered(2), "cheapest")
    out.iloc[0, out.columns.get_loc("n")] = 99
    assert frame["n"].tolist() == [1, 2]


def test_columns_of_several_levels_are_padded() -> None:
    """Under MultiIndex columns the results stand at the top, with empty labels below."""
    columns = pd.MultiIndex.from_tuples([("prompt", "", ""), ("extra", "a", "b")])
    frame = pd.DataFrame([["What is 2+2?", 1]], columns=columns)
    out = orchkit.route(frame, "cheapest", progress=False)
    assert out.columns.tolist() == [*columns, *((name, "", "") for name in CONTRACT)]
    assert out["response", "", ""].notna().all()
    assert out["extra", "a", "b"].tolist() == [1]


def test_a_column_below_the_top_is_named_by_its_tuple() -> None:
    """A prompt may be found by its full label, or by its top label where only one stands there."""
    columns = pd.MultiIndex.from_tuples([("en", "prompt"), ("de", "prompt"), ("de", "note")])
    frame = pd.DataFrame([["a", "b", "c"]], columns=columns)
    assert column(frame, ("de", "prompt")).tolist() == ["b"]
    assert column(frame, "en").tolist() == ["a"]


def test_a_label_over_several_columns_is_ambiguous() -> None:
    """A top label with several columns below it does not say which is meant."""
    columns = pd.MultiIndex.from_tuples([("de", "prompt"), ("de", "note")])
    with pytest.raises(ColumnError, match="2 columns named 'de'"):
        column(pd.DataFrame([["b", "c"]], columns=columns), "de")


def test_a_doubled_column_is_refused() -> None:
    """Two columns of the prompt's name are refused, saying how many there are."""
    frame = pd.DataFrame([["a", "b"]], columns=["prompt", "prompt"])
    with pytest.raises(ColumnError, match="2 columns named 'prompt'"):
        orchkit.route(frame)


def test_other_columns_may_stand_twice() -> None:
    """Columns that are not asked for may share a label, and both come back."""
    frame = pd.DataFrame([["a", 1, 2]], columns=["prompt", "n", "n"])
    out = attach(frame, _numbered(1), "cheapest")
    assert out.columns.tolist() == ["prompt", "n", "n", *CONTRACT]
    assert out["n"].to_numpy().tolist() == [[1, 2]]


def test_a_missing_column_is_named_with_its_neighbour() -> None:
    """A column that is not there is named, with the nearest that is."""
    with pytest.raises(ColumnError, match=r"no column 'promt'. Did you mean 'prompt'\?"):
        column(pd.DataFrame({"prompt": ["a"], 7: [1]}), "promt")


@pytest.mark.parametrize("name", CONTRACT)
def test_a_taken_result_column_is_refused(name: str) -> None:
    """Each result column that exists is refused, naming it and the way out."""
    frame = pd.DataFrame({"prompt": ["a"], name: [1]})
    with pytest.raises(ColumnError, match=rf"'{name}'.*prefix="):
        orchkit.route(frame)


def test_nothing_is_overwritten_when_results_are_attached() -> None:
    """Whoever attaches results to a frame is refused, as is who routes it."""
    with pytest.raises(ColumnError, match="'error'"):
        attach(pd.DataFrame({"error": ["a"]}), _numbered(1), "cheapest")


def test_a_taken_result_column_is_refused_under_several_levels() -> None:
    """A top label of a result's name is taken, whatever stands below it."""
    columns = pd.MultiIndex.from_tuples([("prompt", ""), ("cost", "USD")])
    with pytest.raises(ColumnError, match=r"'cost'.*prefix="):
        refuse_taken(pd.DataFrame([["a", 1]], columns=columns), "")


def test_a_prefix_makes_room() -> None:
    """A prefix stands before every result column, and is itself checked."""
    frame = pd.DataFrame({"prompt": ["a"], "cost": [9.0]})
    out = orchkit.route(frame, prefix="orch_", progress=False)
    assert out.columns.tolist() == ["prompt", "cost", *(f"orch_{name}" for name in CONTRACT)]
    assert out["cost"].tolist() == [9.0]
    with pytest.raises(ColumnError, match="'orch_response'"):
        orchkit.route(out, prefix="orch_")


def test_an_answered_row() -> None:
    """An answered row says who said what, at what cost, how sure, and when."""
    row = _row(_trace())
    assert row["response"] == "Four."
    assert row["model_used"] == "gpt-4o-mini"
    assert (row["cost"], row["latency"], row["confidence"]) == (1.8e-6, 0.5, 0.7)
    assert (row["input_tokens"], row["output_tokens"]) == (8, 2)
    assert (row["strategy"], row["provider"]) == ("cheapest", "simulator")
    assert row["fallback_chain"] == ["gpt-4o-mini", "gpt-4o"]
    assert row["ensemble_models"] == []
    assert row["timestamp"] == datetime(1970, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)
    assert not row["cached"]
    assert row["error"] is pd.NA


def test_a_row_without_an_answer() -> None:
    """A row that could not be asked holds its code and message, and nothing made up."""
    row = _row(_failed())
    assert row["error"] == "EmptyPrompt: the prompt is missing, empty or blank"
    assert all(row[name] is pd.NA for name in ("response", "model_used", "provider"))
    assert math.isnan(row["confidence"])
    assert (row["cost"], row["input_tokens"]) == (0.0, 0)
    assert not row["cached"]


def test_a_call_that_failed_is_the_row_s_error() -> None:
    """A strategy that ends on a failed call shows its model, its error and no text."""
    response = Response.failed("gpt-4o", Kind.Timeout, "no answer in 120 s")
    row = _row(Trace(((response,),), Answer(response, Confidence(0.0, "failure"))))
    assert row["error"] == "Timeout: no answer in 120 s"
    assert row["model_used"] == "gpt-4o"
    assert row["response"] is pd.NA


@pytest.mark.parametrize("text", [None, ""])
def test_no_text_is_missing(text: str | None) -> None:
    """An answer without text is missing, not an empty string."""
    assert _row(_trace(text))["response"] is pd.NA


def test_rounds_add_up() -> None:
    """Cost and tokens add over all calls; latency over rounds, each as slow as its slowest."""
    rounds = (
        (_response(cost=1, latency=0.1), _response(cost=2, latency=0.4)),
        (_response(cost=4, latency=1.0),),
    )
    row = _row(Trace(rounds, Answer(rounds[1][0], SURE)))
    assert row["cost"] == 7e-9
    assert row["latency"] == pytest.approx(1.4)
    assert (row["input_tokens"], row["output_tokens"]) == (24, 6)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=8))
def test_costs_are_exact_to_the_nano_dollar(costs: list[int]) -> None:
    """The dollars of a row give back the integer sum of its calls' nano-dollars."""
    responses = tuple(_response(cost=cost) for cost in costs)
    told = record(Trace((responses,), Answer(responses[0], SURE)), "ensemble")
    assert round(told["cost"] * 1e9) == sum(costs)


def test_one_unknown_price_makes_the_cost_unknown() -> None:
    """A row of which one call has no price has no cost, rather than part of one."""
    rounds = ((_response(cost=5), _response(cost=None)),)
    assert math.isnan(_row(Trace(rounds, Answer(rounds[0][0], SURE)))["cost"])


def test_one_unknown_latency_makes_the_latency_unknown() -> None:
    """A round with a call of unknown latency has no latency."""
    rounds = ((_response(latency=math.nan), _response(latency=9.0)),)
    assert math.isnan(_row(Trace(rounds, Answer(rounds[0][0], SURE)))["latency"])


@pytest.mark.parametrize(
    ("cached", "told"),
    [((True, True), True), ((True, False), False), ((False, False), False)],
)
def test_a_row_is_cached_when_every_call_was(cached: tuple[bool, ...], told: bool) -> None:
    """One bought call is enough for a row not to count as cached."""
    responses = tuple(_response(cached=each) for each in cached)
    assert bool(_row(Trace((responses,), Answer(responses[0], SURE)))["cached"]) is told


def test_metadata_tells_how_the_answer_came_about() -> None:
    """Metadata holds complexity, signal, rounds and every call with its round."""
    told = _row(_trace(finish="length", extra={"quality": 1.0}))["metadata"]
    assert told["complexity"] == "advanced"
    assert (told["signal"], told["calibrated"], told["rounds"]) == ("logprob", False, 1)
    assert told["truncated"]
    (call,) = told["calls"]
    assert (call["round"], call["model"], call["cost"]) == (0, "gpt-4o-mini", 1.8e-6)
    assert (call["error"], call["quality"]) == (None, 1.0)


def test_notes_of_a_strategy_reach_the_metadata() -> None:
    """What a strategy notes stands beside the rest."""
    response = _response()
    answer = Answer(response, SURE, voters=("a", "b"), notes={"ensemble_size": 2})
    row = _row(Trace(((response,),), answer))
    assert row["metadata"]["ensemble_size"] == 2
    assert row["ensemble_models"] == ["a", "b"]


def test_lists_are_each_row_s_own() -> None:
    """Two rows of the same trace share no list: changing one leaves the other."""
    trace = _trace()
    frame = results_frame([trace, trace], "cheapest")
    frame["fallback_chain"].iloc[0].append("x")
    assert frame["fallback_chain"].iloc[1] == ["gpt-4o-mini", "gpt-4o"]


@pytest.mark.parametrize("text", ["a\ud800b", "\udfff", "NUL \x00 inside", "😀"])
def test_answers_can_be_written_by_every_writer(text: str) -> None:
    """Lone surrogates become U+FFFD, so that csv, parquet and json can be written."""
    shown = text.replace("\ud800", "\ufffd").replace("\udfff", "\ufffd")
    answers = results_frame([_trace(text)], "cheapest")[["response"]]
    assert answers["response"].tolist() == [shown]
    assert pd.read_json(io.StringIO(answers.to_json()))["response"].tolist() == [shown]
    kept = io.BytesIO()
    answers.to_parquet(kept)
    assert pd.read_parquet(kept)["response"].tolist() == [shown]
    assert shown.encode() in answers.to_csv().encode()


def test_a_result_can_be_written_as_parquet() -> None:
    """A whole result, with its lists and dicts, survives parquet."""
    frame = pd.DataFrame({"prompt": ["What is 2+2?", "", "Explain tides"]})
    out = orchkit.route(frame, "ensemble", progress=False)
    kept = io.BytesIO()
    out.to_parquet(kept)
    back = pd.read_parquet(kept)
    assert back["response"].equals(out["response"])
    assert [list(chain) for chain in back["fallback_chain"]] == out["fallback_chain"].tolist()


def test_labels_may_differ_by_row() -> None:
    """One strategy name a row is as good as one for all, and none too few."""
    assert results_frame(_numbered(2), ["a", "b"])["strategy"].tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="shorter"):
        results_frame(_numbered(2), ["a"])


class _Watched(Response):
    """A response of which one can see that nobody holds it any longer."""

    __slots__ = ("__weakref__",)


@pytest.mark.parametrize("strategy", ["cheapest", ["cheapest"] * 10])
def test_no_trace_is_kept(strategy: str | list[str]) -> None:
    """Of traces made one by one, only the last one is still there when the next is asked for."""
    made: list[weakref.ref[Response]] = []

    def traces() -> Iterator[Trace]:
        for _ in range(10):
            assert [each() is None for each in made[:-1]] == [True] * len(made[:-1])
            response = _Watched("m", "4")
            made.append(weakref.ref(response))
            yield Trace(((response,),), Answer(response, SURE))
            del response

    assert len(results_frame(traces(), strategy)) == 10


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("rows", [0, 1, 6, 7])
def test_columns_are_the_same_however_many_rows_are_gathered_at_once(
    monkeypatch: pytest.MonkeyPatch, size: int, rows: int
) -> None:
    """Results put together of parts are those of one piece, in values, dtypes and index."""
    traces = [_trace(f"answer {n}", cost=None if n % 2 else n) for n in range(rows - 1)]
    traces += [_failed()] * (rows > 0)
    whole = results_frame(traces, "cheapest")
    monkeypatch.setattr(frames, "_PART", size)
    pd.testing.assert_frame_equal(results_frame(iter(traces), "cheapest"), whole, check_exact=True)


def test_metadata_is_each_row_s_own() -> None:
    """Metadata are plain dicts, and changing one, or its calls, leaves those of other rows."""
    trace = _trace(extra={"quality": 1.0})
    one, other = results_frame([trace, trace], "cheapest")["metadata"]
    before = copy.deepcopy(other)
    one["mine"] = one["calls"][0]["mine"] = True
    del one["signal"], one["calls"][0]["model"]
    assert {type(told) for told in (other, *other["calls"])} == {dict}
    assert other == before
    assert list(metadata(trace)) == list(before)
    assert list(metadata(trace)["calls"][0]) == list(before["calls"][0])
