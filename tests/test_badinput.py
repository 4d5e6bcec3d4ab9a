"""The grid of bad input: each line says what is given, and which typed error or row code comes.

Live mode against a server with a book: what is refused has sent nothing, and no frame is changed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import orchkit
from orchkit import (
    BudgetError,
    ChainError,
    ColumnError,
    MatrixError,
    ParameterError,
    PriceMissingError,
    StoreError,
    UnknownModelError,
    UnknownNameError,
)
from orchkit.lab.frames import COLUMNS
from orchkit.runtime import catalogs
from orchkit.testing import LoopbackServer

pytestmark = pytest.mark.badinput

VERBS: dict[str, Callable[..., Any]] = {
    "route": orchkit.route,
    "compare": orchkit.compare,
    "estimate": orchkit.estimate,
    "record": orchkit.record,
}
QUIET = {"progress": False}


@pytest.fixture(scope="module")
def running() -> Iterator[LoopbackServer]:
    """Start one server for the grid; it answers every prompt with itself."""
    models = catalogs.bundled().models.values()
    prices = {m.wire_name: (m.input_price, m.output_price) for m in models if m.priced}
    with LoopbackServer(prices, answers={"echo": True}) as server:
        yield server


@pytest.fixture
def server(running: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> LoopbackServer:
    """Hand out the server with an empty book, and an environment that leads both vendors to it."""
    running.reset()
    for vendor in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{vendor}_API_KEY", "sk-canary-of-the-grid")
        monkeypatch.setenv(f"{vendor}_BASE_URL", getattr(running, f"{vendor.lower()}_url"))
    return running


def _frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"prompt": ["What is 2+2?", "Explain tides"], **columns})


def _taking(**given: Any) -> list[str]:
    """Return the verbs that take these parameters."""
    return [n for n, verb in VERBS.items() if {*given} <= {*inspect.signature(verb).parameters}]


#: What is given -> the error, and what its message names.
NO_AMOUNTS: dict[str, Any] = {
    "NaN": math.nan, "inf": math.inf, "-inf": -math.inf, "negative": -0.01, "true": True,
    "text": "0.01", "Decimal NaN": Decimal("NaN"), "Decimal sNaN": Decimal("sNaN"), "list": [1],
    "complex": 1j, "numpy NaN": np.float64("nan"), "NA": pd.NA, "huge": 10**400,
}  # fmt: skip
NO_COUNTS: dict[str, Any] = {
    "0": 0, "negative": -1, "part": 1.5, "true": True, "text": "3", "NaN": math.nan, "list": [3],
}  # fmt: skip
Refusal = tuple[dict[str, Any], type[Exception], str]
REFUSED: dict[str, Refusal] = {
    **{
        f"{cap} {what}": ({cap: value}, BudgetError, f"{cap} is ")
        for cap in ("max_cost", "budget")
        for what, value in NO_AMOUNTS.items()
    },
    **{
        f"{name} {what}": ({name: value}, ParameterError, f"{name} is ")
        for name in ("max_tokens", "concurrency", "ensemble_size")
        for what, value in NO_COUNTS.items()
    },
    "ensemble_size above": (
        {"strategy": "ensemble", "ensemble_size": 99}, ParameterError, "ensemble_size is 99"),
    "threshold NaN": ({"threshold": math.nan}, ParameterError, "threshold is nan"),
    "threshold above": ({"threshold": 1.1}, ParameterError, "threshold is 1.1"),
    "threshold below": ({"threshold": -0.1}, ParameterError, "threshold is -0.1"),
    "threshold text": ({"threshold": "0.6"}, ParameterError, "threshold is '0.6'"),
    "temperature above": ({"temperature": 2.1}, ParameterError, "temperature is 2.1"),
    "temperature below": ({"temperature": -1}, ParameterError, "temperature is -1"),
    "temperature NaN": ({"temperature": math.nan}, ParameterError, "temperature is nan"),
    "temperature text": ({"temperature": "hot"}, ParameterError, "temperature is 'hot'"),
    "temperature true": ({"temperature": True}, ParameterError, "temperature is True"),
    "seed part": ({"seed": 1.5}, ParameterError, "seed is 1.5"),
    "seed text": ({"seed": "7"}, ParameterError, "seed is '7'"),
    "seed true": ({"seed": True}, ParameterError, "seed is True"),
    "seed huge": ({"seed": 2**63}, ParameterError, "seed is "),
    "chain empty": ({"strategy": "fallback", "chain": []}, ChainError, "names no model"),
    "chain blank": ({"strategy": "fallback", "chain": " "}, ChainError, "names no model"),
    "chain twice": (
        {"strategy": "fallback", "chain": ["gpt-4o", "gpt-4o"]}, ChainError, "twice"),
    "chain alias twice": (
        {"strategy": "fallback", "chain": ["gpt-4o", "gpt-4o-2024-08-06"]}, ChainError, "twice"),
    "chain of numbers": ({"strategy": "fallback", "chain": [1, 2]}, ChainError, "a list of model"),
    "chain number": ({"strategy": "fallback", "chain": 7}, ChainError, "a list of model"),
    "chain unknown": (
        {"strategy": "fallback", "chain": ["gpt-4o", "gpt-4p"]}, UnknownModelError, "'gpt-4p'"),
    "chain for cheapest": ({"chain": ["gpt-4o"]}, ParameterError, "cheapest takes no chain"),
    "strategy unknown": ({"strategy": "fallbak"}, UnknownNameError, "Did you mean 'fallback'"),
    "strategy number": ({"strategy": 7}, ParameterError, "strategy=7"),
    "strategy none": ({"strategy": None}, ParameterError, "strategy=None"),
    "strategies text": ({"strategies": "cheapest"}, ParameterError, r"\['cheapest'\]"),
    "strategies none": ({"strategies": []}, ParameterError, "there is none"),
    "strategies twice": (
        {"strategies": ["cheapest", "cheapest"]}, ParameterError, "'cheapest' stands twice"),
    "strategies unknown": ({"strategies": ["cheapst"]}, UnknownNameError, "'cheapst'"),
    "models unknown": ({"models": ["gpt-4p"]}, UnknownModelError, "'gpt-4p'"),
    "models none": ({"models": []}, ChainError, "names no model"),
    "models twice": ({"models": ["gpt-4o", "gpt-4o"]}, ChainError, "twice"),
    "scorer unknown": (
        {"scorer": "exakt", "reference": "prompt"}, UnknownNameError, "Did you mean 'exact'"),
    "scorer broken": (
        {"scorer": lambda text, right: 1 / 0, "reference": "prompt"}, ParameterError, "ZeroDiv"),
    "scorer outside": (
        {"scorer": lambda text, right: 2.0, "reference": "prompt"}, ParameterError, "gave 2.0"),
    "reference missing": ({"reference": "anwser"}, ColumnError, "'anwser'"),
    "column missing": ({"prompt": "promt"}, ColumnError, "Did you mean 'prompt'"),
    "column list": ({"prompt": ["prompt"]}, ColumnError, "no column"),
    "column none": ({"prompt": None}, ColumnError, "no column None"),
    "system misspelt": ({"system": "promt"}, ColumnError, "looks like a column"),
    "system number": ({"system": 7}, ParameterError, "system is 7"),
    "template without field": ({"template": "Hi"}, ParameterError, "names no column"),
    "template open": ({"template": "Hi {prompt"}, ParameterError, "malformed"),
    "template unknown field": ({"template": "Hi {promt}"}, ColumnError, "'promt'"),
    "template attribute": ({"template": "{prompt.__class__}"}, ColumnError, "__class__"),
    "template number": ({"template": 7}, ParameterError, "malformed"),
    "template format": ({"template": "{prompt:.1f}"}, ParameterError, "does not suit"),
    "complexity number": ({"complexity": 7}, ParameterError, "complexity=7"),
    "complexity column": ({"complexity": "tier"}, ColumnError, "'tier'"),
    "complexity no tiers": ({"complexity": "prompt"}, ParameterError, "a tier is one of"),
    "confidence number": ({"confidence": 0.5}, ParameterError, "confidence is 0.5"),
    "category blank": ({"category": " "}, ParameterError, "category is ' '"),
    "category number": ({"category": 7}, ParameterError, "category is 7"),
}  # fmt: skip
CALLS = [(case, verb) for case, (given, *_) in REFUSED.items() for verb in _taking(**given)]


@pytest.mark.parametrize(("case", "verb"), CALLS, ids=[" - ".join(call) for call in CALLS])
def test_misuse_is_refused_before_anything_is_sent(
    server: LoopbackServer, case: str, verb: str
) -> None:
    """Each line of the grid is its typed error from every verb that takes it, and no request."""
    given, error, told = REFUSED[case]
    frame = _frame()
    before = frame.copy(deep=True)
    with pytest.raises(error, match=told):
        VERBS[verb](frame, **given)
    assert server.book().requests == 0
    pd.testing.assert_frame_equal(frame, before)


ONE = [n for n, (given, *_) in REFUSED.items() if "route" in _taking(**given) and "column" not in n]
ONE = [n for n in ONE if not {"template", "system", "complexity"} & {*REFUSED[n][0]}]


@pytest.mark.parametrize("case", ONE)
def test_one_prompt_is_refused_alike(server: LoopbackServer, case: str) -> None:
    """run_orchestration refuses what route refuses."""
    given, error, told = REFUSED[case]
    with pytest.raises(error, match=told):
        orchkit.run_orchestration("What is 2+2?", **given)
    assert server.book().requests == 0


FRAMES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "none": (lambda: None, TypeError, "not on NoneType"),
    "list": (lambda: ["Why?"], TypeError, "not on list"),
    "dict": (lambda: {"prompt": ["Why?"]}, TypeError, "not on dict"),
    "series": (lambda: _frame()["prompt"], TypeError, "not on Series"),
    "text": (lambda: "Why?", TypeError, "not on str"),
    "no columns": (pd.DataFrame, ColumnError, "no column 'prompt'"),
    "other columns": (lambda: pd.DataFrame({"promt": ["a"]}), ColumnError, "Did you mean 'promt'"),
    "prompt twice": (
        lambda: pd.DataFrame([["a", "b"]], columns=["prompt", "prompt"]), ColumnError,
        "2 columns named 'prompt'"),
    "levels without": (
        lambda: pd.DataFrame([["a"]], columns=pd.MultiIndex.from_tuples([("x", "prompt")])),
        ColumnError, "no column 'prompt'"),
    "levels ambiguous": (
        lambda: pd.DataFrame(
            [["a", "b"]], columns=pd.MultiIndex.from_tuples([("prompt", "x"), ("prompt", "y")])),
        ColumnError, "2 columns named 'prompt'"),
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("case", FRAMES)
def test_what_is_no_frame_of_prompts_is_refused(
    server: LoopbackServer, case: str, verb: str
) -> None:
    """What is no frame, or has no one column of prompts, is a typed error and no request."""
    made, error, told = FRAMES[case]
    with pytest.raises(error, match=told):
        VERBS[verb](made())
    assert server.book().requests == 0


@pytest.mark.parametrize("name", COLUMNS)
def test_no_column_is_overwritten(server: LoopbackServer, name: str) -> None:
    """A result column that is there already is refused; the message names it and prefix=."""
    with pytest.raises(ColumnError, match=rf"'{name}'.*prefix="):
        _frame(**{name: 1}).orch.route()
    assert server.book().requests == 0


@pytest.mark.parametrize("cap", [{"max_cost": 1}, {"budget": 1}, {"max_cost": 0}])
def test_no_cap_over_a_model_without_a_price(server: LoopbackServer, cap: dict[str, Any]) -> None:
    """A model whose price nobody knows never runs under a cap."""
    orchkit.add_model("dear", provider="openai")
    with pytest.raises(PriceMissingError, match="dear has no price"):
        _frame().orch.route("dear", **cap)
    assert server.book().requests == 0


@pytest.mark.parametrize("strategy", ["cheapest", "fallback", "ensemble", "gpt-4o"])
@pytest.mark.parametrize("cap", ["max_cost", "budget"])
def test_a_cap_of_nothing_buys_nothing(server: LoopbackServer, strategy: str, cap: str) -> None:
    """A cap of 0 allows cached answers only: each row says so, and nothing is sent."""
    out = _frame().orch.route(strategy, **{cap: 0}, **QUIET)
    assert out["error"].str.startswith("BudgetExceeded: ").all()
    assert server.book().requests == 0


#: What a cell holds -> the code of its row.
CELLS: dict[str, tuple[Any, str]] = {
    "None": (None, "EmptyPrompt"),
    "NaN": (math.nan, "EmptyPrompt"),
    "NA": (pd.NA, "EmptyPrompt"),
    "NaT": (pd.NaT, "EmptyPrompt"),
    "empty": ("", "EmptyPrompt"),
    "blank": (" \t\r\n", "EmptyPrompt"),
    "wide blank": ("\u3000\u2003", "EmptyPrompt"),
    "no messages": ([], "EmptyPrompt"),
    "blank message": ([{"role": "user", "content": " "}], "EmptyPrompt"),
    "system alone": ([{"role": "system", "content": "Be brief."}], "EmptyPrompt"),
    "int": (7, "PromptType"),
    "float": (1.5, "PromptType"),
    "bool": (True, "PromptType"),
    "bytes": (b"Why?", "PromptType"),
    "dict": ({"role": "user", "content": "Why?"}, "PromptType"),
    "set": ({"Why?"}, "PromptType"),
    "Decimal": (Decimal(1), "PromptType"),
    "Timestamp": (pd.Timestamp("2026-01-01"), "PromptType"),
    "array": (np.array(["Why?"]), "PromptType"),
    "object": (object(), "PromptType"),
    "function": (len, "PromptType"),
    "texts": (["Why?"], "PromptType"),
    "no role": ([{"content": "Why?"}], "PromptType"),
    "other role": ([{"role": "tool", "content": "Why?"}], "PromptType"),
    "listed role": ([{"role": ["user"], "content": "Why?"}], "PromptType"),
    "no content": ([{"role": "user"}], "PromptType"),
    "content none": ([{"role": "user", "content": None}], "PromptType"),
    "content parts": ([{"role": "user", "content": [{"text": "Why?"}]}], "PromptType"),
    "one bad turn": ([{"role": "user", "content": "Why?"}, 7], "PromptType"),
    "high surrogate": ("a\ud800b", "PromptEncoding"),
    "low surrogate": ("\udfff", "PromptEncoding"),
    "pair reversed": ("\udc00\ud800", "PromptEncoding"),
    "surrogate in a turn": ([{"role": "user", "content": "\ud800"}], "PromptEncoding"),
    "too long": ("x" * (2 * 2**20 + 1), "PromptTooLong"),
    "too long in bytes": ("\u00e9" * (2**20 + 1), "PromptTooLong"),
    "too long together": ([{"role": "user", "content": "x" * 2**20}] * 3, "PromptTooLong"),
}


@pytest.mark.parametrize("strategy", ["cheapest", "ensemble"])
@pytest.mark.parametrize("case", CELLS)
def test_a_cell_that_cannot_be_asked_fails_its_row_alone(
    server: LoopbackServer, case: str, strategy: str
) -> None:
    """Each line of the grid is the code of its row, nothing is sent for it, and others run."""
    cell, code = CELLS[case]
    frame = pd.DataFrame({"prompt": pd.Series([cell, "What is 2+2?"], dtype=object)})
    out = frame.orch.route(strategy, **QUIET)
    assert out["error"].iloc[0].startswith(f"{code}: ")
    assert pd.isna(out["error"].iloc[1])
    assert {entry.prompt for entry in server.book().entries} == {"What is 2+2?"}
    assert out["prompt"].iloc[0] is cell


def test_rows_that_cannot_be_asked_reach_no_verb(server: LoopbackServer) -> None:
    """A frame of nothing but bad cells is estimated, compared and recorded without a request."""
    frame = pd.DataFrame({"prompt": pd.Series([cell for cell, _ in CELLS.values()], dtype=object)})
    codes = [code for _, code in CELLS.values()]
    assert frame.orch.estimate("fallback").refused == len(frame)
    told = frame.orch.compare(["cheapest"], **QUIET).results["error"]
    assert [error.partition(":")[0] for error in told] == codes
    assert server.book().requests == 0


@pytest.mark.parametrize("case", CELLS)
def test_one_bad_prompt_is_one_failed_result(server: LoopbackServer, case: str) -> None:
    """run_orchestration of such a prompt gives a result with that code, and no answer."""
    cell, code = CELLS[case]
    result = orchkit.run_orchestration(cell)
    assert result.response is None
    assert (result.error or "").startswith(f"{code}: ")
    assert server.book().requests == 0


ODD = {
    "NUL": "a\0b", "controls": "\x01\x1b[31m\x7f", "bidi": "\u202eabc\u202c",
    "NFC": "caf\u00e9", "NFD": "cafe\u0301", "formula": "=1+1", "emoji": "\U0001f9ea",
    "markup": "<script>alert(1)</script>",
    "template": "{not a field}", "edges": "  spaces  ", "lines": "a\r\nb\u2028c", "BOM": "\ufeffa",
}  # fmt: skip


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_any_other_text_is_sent_as_it_is(server: LoopbackServer, text: str) -> None:
    """Odd text is neither refused nor changed on its way."""
    out = pd.DataFrame({"prompt": [text]}).orch.route("gpt-4o-mini", **QUIET)
    (entry,) = server.book().entries
    assert entry.body["messages"][-1]["content"] == text
    assert out["error"].isna().all()


def test_texts_that_look_alike_are_two_prompts(server: LoopbackServer) -> None:
    """NFC and NFD are bought apart, equal texts once; all rows are filled."""
    frame = pd.DataFrame({"prompt": ["caf\u00e9", "cafe\u0301", "caf\u00e9"]})
    out = frame.orch.route("gpt-4o-mini", **QUIET)
    assert server.book().requests == 2
    assert out["cached"].tolist().count(True) == 1
    assert out["response"].notna().all()


INDEXES: dict[str, pd.Index] = {
    "duplicate": pd.Index([3, 3, 1]),
    "unsorted": pd.Index([9, -1, 4]),
    "named": pd.Index(list("cab"), name="key"),
    "levels": pd.MultiIndex.from_tuples([("b", 1), ("a", 2), ("b", 1)], names=["x", None]),
    "missing": pd.Index([math.nan, 1.0, math.nan]),
    "mixed": pd.Index([1, "a", None], dtype=object),
    "times": pd.DatetimeIndex(["2026-01-02", "2026-01-01", "2026-01-02"], tz="Asia/Tokyo"),
    "categories": pd.CategoricalIndex(["b", "a", "b"]),
    "intervals": pd.interval_range(0, 3),
}


@pytest.mark.parametrize("prompts", [["a", "b", "c"], ["a", "", None]], ids=["good", "bad"])
@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_any_index_comes_back_as_it_was(
    server: LoopbackServer, index: pd.Index, prompts: list[Any]
) -> None:
    """The index is identical, answers stand in their own rows, and the input is as it was."""
    frame = pd.DataFrame({"prompt": pd.Series(prompts, dtype=object).to_numpy()}, index)
    before = frame.copy(deep=True)
    out = frame.orch.route("gpt-4o-mini", **QUIET)
    pd.testing.assert_index_equal(out.index, index, exact=True)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(out[["prompt"]], before)
    assert [p for p in prompts if p] == out["response"].dropna().tolist()


def test_columns_of_several_levels_stay_so(server: LoopbackServer) -> None:
    """A frame with a MultiIndex of columns gets result columns of as many levels."""
    columns = pd.MultiIndex.from_tuples([("prompt", ""), ("more", "x")])
    out = pd.DataFrame([["a", 1]], columns=columns).orch.route("gpt-4o-mini", **QUIET)
    assert out.columns.nlevels == 2
    assert out["response"].tolist() == ["a"]


@pytest.mark.parametrize("verb", ["route", "compare", "record"])
def test_an_empty_frame_gives_an_empty_result(server: LoopbackServer, verb: str) -> None:
    """No rows in, no rows out, with every column in its dtype, and no request."""
    out = VERBS[verb](_frame().head(0), **QUIET)
    frame = {"route": lambda: out, "compare": lambda: out.results, "record": lambda: out.frame}
    assert len(frame[verb]()) == 0
    if verb == "route":
        assert {name: str(out[name].dtype) for name in COLUMNS} == dict(COLUMNS)
    assert server.book().requests == 0


def _long(**changed: Any) -> pd.DataFrame:
    cells = {"prompt_id": ["q", "q"], "model": ["gpt-4o-mini", "gpt-4o"], "quality": [0.0, 1.0]}
    return pd.DataFrame({**cells, "response": ["3", "4"], **changed})


NO_MATRIX: dict[str, tuple[pd.DataFrame, str]] = {
    "no model": (_long().drop(columns="model"), "'model'"),
    "no prompt": (_long().drop(columns="prompt_id"), "'prompt_id'"),
    "nothing measured": (_long().drop(columns=["quality", "response"]), "'quality' or 'response'"),
    "quality above": (_long(quality=[0, 1.5]), "quality holds 1.5"),
    "quality below": (_long(quality=[0, -1.0]), "quality holds -1.0"),
    "quality infinite": (_long(quality=[0, math.inf]), "quality holds inf"),
    "quality in words": (_long(quality=["good", "bad"]), "holds what is no number"),
    "cost below": (_long(cost=[0, -1]), "cost holds -1.0"),
    "cost infinite": (_long(cost=[0, math.inf]), "cost holds inf"),
    "latency below": (_long(latency=[0, -1]), "latency holds -1.0"),
    "confidence above": (_long(confidence=[0, 2]), "confidence holds 2.0"),
    "tokens below": (_long(input_tokens=[0, -5]), "input_tokens holds -5.0"),
    "model missing": (_long(model=["gpt-4o", None]), "names no model"),
    "prompt missing": (_long(prompt_id=["q", None]), "or no prompt"),
}


@pytest.mark.parametrize(("frame", "told"), NO_MATRIX.values(), ids=NO_MATRIX)
def test_what_is_no_recording_is_refused(frame: pd.DataFrame, told: str) -> None:
    """A long table that does not fit is a MatrixError that says why; the frame stays as it is."""
    before = frame.copy(deep=True)
    with pytest.raises(MatrixError, match=told):
        orchkit.ResponseMatrix(frame)
    pd.testing.assert_frame_equal(frame, before)


REPLAYED = [
    n
    for n, (given, *_) in REFUSED.items()
    if {*given} <= {*inspect.signature(orchkit.ResponseMatrix.route).parameters}
    and n not in ("complexity column", "complexity no tiers", "chain alias twice")
]


@pytest.mark.parametrize("case", REPLAYED)
def test_a_replay_refuses_what_a_run_refuses(server: LoopbackServer, case: str) -> None:
    """What is misuse live is the same misuse on a recording."""
    given, error, told = REFUSED[case]
    with pytest.raises(error, match=told):
        orchkit.ResponseMatrix(_long()).route(**given)
    assert server.book().requests == 0


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x80\x04.", b"{}", b"\0" * 100])
def test_a_file_that_is_no_recording_is_refused(tmp_path: Any, content: bytes) -> None:
    """A file that holds anything else is a StoreError."""
    (tmp_path / "m.parquet").write_bytes(content)
    with pytest.raises(StoreError, match="no readable matrix"):
        orchkit.ResponseMatrix.load(tmp_path / "m.parquet")


TEXTS = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(["\ud800", "\0", " "])
ANY = st.one_of(
    TEXTS, st.none(), st.just(math.nan), st.integers(), st.floats(), st.binary(max_size=4),
    st.booleans(), st.lists(TEXTS, max_size=2), st.dictionaries(TEXTS, TEXTS, max_size=2),
    st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "x"]), "content": TEXTS})),
)  # fmt: skip
SERIES = st.one_of(
    st.lists(ANY, max_size=6).map(lambda cells: pd.Series(cells, dtype=object)),
    st.lists(st.none() | TEXTS, max_size=6).map(lambda cells: pd.Series(cells, dtype=object)),
    st.lists(st.integers(-9, 9), max_size=4).map(lambda cells: pd.Series(cells, dtype="Int64")),
    st.lists(st.floats(), max_size=4).map(lambda cells: pd.Series(cells, dtype="float64")),
    st.lists(st.booleans(), max_size=4).map(lambda cells: pd.Series(cells, dtype="bool")),
    st.lists(st.sampled_from("ab"), max_size=4).map(pd.Categorical).map(pd.Series),
    st.lists(st.datetimes(), max_size=4).map(lambda cells: pd.Series(cells, dtype="object")),
)  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(SERIES)
def test_whatever_a_frame_holds_every_row_has_an_answer_or_a_code(
    server: LoopbackServer, cells: pd.Series
) -> None:
    """Any cells of any dtype: rows in, rows out, answered or with a code; the input as it was."""
    frame = pd.DataFrame({"prompt": cells, "other": range(len(cells))})
    before = frame.copy(deep=True)
    server.reset()
    out = frame.orch.route("gpt-4o-mini", cache=False, **QUIET)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_index_equal(out.index, frame.index)
    answered = out["response"].notna()
    assert (answered == out["error"].isna()).all()
    codes = {error.partition(":")[0] for error in out["error"].dropna()}
    assert codes <= {"EmptyPrompt", "PromptType", "PromptEncoding"}
    asked = [repr(cell) for cell in frame.loc[answered, "prompt"]]
    assert server.book().requests == len({*asked})
