import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Call, Failure, Kind, Message, Params, Response
from orchkit.core.catalog import Catalog, Model, Rates, Tier
from orchkit.core.plans import Answer, Query, Strategy
from orchkit.core.signals import agrees_with, p_true, self_consistency, verbalised
from orchkit.core.strategies import Cheapest, Ensemble, Fallback, Single
from orchkit.errors import ColumnError, MatrixError, OrchkitWarning, StoreError
from orchkit.lab.matrix import SCHEMA, Matrix
from orchkit.lab.sealed import write_sealed

NAN = math.nan
FOUR = ("mini", "haiku", "sonnet", "opus")
#: As a session knows them: four models, one a tier, one of them recorded under a dated name.
KNOWN = Catalog(
    {
        name: Model(name, "vendor", tier, (Rates(price, 4 * price),), f"for {tier}", 1000)
        for name, tier, price in zip(FOUR, Tier, (0.1, 1, 3, 15), strict=True)
    },
    FOUR,
    {"opus-2024": "opus", "opus-latest": "opus"},
)
CONFIDENCES = st.floats(0, 1) | st.just(NAN)
SAID = st.sampled_from(["1", "2", "Well, perhaps 1", ""])
FOUR_CELLS = st.lists(st.tuples(SAID, CONFIDENCES), min_size=4, max_size=4)
STRATEGIES: tuple[Strategy, ...] = (
    Single("sonnet"),
    Cheapest(),
    Fallback(),
    Fallback(("haiku", "opus"), 0.9),
    Fallback(threshold=0.0),
    Fallback(threshold=1.0),
    Ensemble(),
    Ensemble(4, select="majority"),
    Ensemble(models=("opus", "mini"), select="weighted"),
)


def _long(*rows: tuple[Any, ...], columns: str = "prompt_id model quality cost") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns.split())


def _matrix(*rows: tuple[Any, ...], columns: str = "prompt_id model quality cost") -> Matrix:
    return Matrix(_long(*rows, columns=columns))


def _small() -> Matrix:
    return _matrix(("q1", "mini", 0, 1e-5), ("q1", "opus", 1, 1e-3), ("q2", "mini", 1, 2e-5))


def _query(text: str = "q", tier: Tier = Tier.BASIC) -> Query:
    return Query((Message("user", text),), Params(), tier)


def _replayed(matrix: Matrix, strategy: Strategy, max_cost: int | None = None) -> list[Any]:
    queries = [_query(str(prompt)) for prompt in matrix.prompts["prompt"]]
    rows = [(query, strategy) for query in queries]
    return matrix.run(rows, matrix.catalog(KNOWN), max_cost)


def _by_hand(
    strategy: Strategy, query: Query, catalog: Catalog, answers: dict[str, Response]
) -> tuple[list[tuple[Response, ...]], Answer]:
    """Drive a plan with `next` and `send`, the way its author would in a notebook."""
    rounds: list[tuple[Response, ...]] = []
    plan = strategy.plan(query, catalog)
    calls: tuple[Call, ...] = next(plan)
    while True:
        rounds.append(tuple(answers[call.model] for call in calls))
        try:
            calls = plan.send(rounds[-1])
        except StopIteration as stop:
            return rounds, stop.value


def test_a_matrix_has_prompts_and_models() -> None:
    """Prompts and models stand in the order in which they first appear."""
    matrix = _matrix(("z", "opus", 1, 0), ("a", "mini", 1, 0), ("z", "mini", 0, 0))
    assert matrix.models == ["opus", "mini"]
    assert matrix.prompts.index.tolist() == ["z", "a"]
    assert len(matrix) == 2


def test_quality_and_cost_are_prompts_by_models() -> None:
    """What was not recorded is NaN, and nothing is sorted."""
    matrix = _matrix(("z", "opus", 1, 1e-3), ("a", "mini", 0, 1e-5), ("z", "mini", 1, 2e-5))
    assert matrix.quality.index.tolist() == ["z", "a"]
    assert matrix.quality.columns.tolist() == ["opus", "mini"]
    assert matrix.quality.loc["z"].tolist() == [1, 1]
    assert matrix.quality.loc["a"].tolist() == pytest.approx([NAN, 0], nan_ok=True)
    assert matrix.cost.loc["a"].tolist() == pytest.approx([NAN, 1e-5], nan_ok=True)


def test_ids_may_be_of_several_types() -> None:
    """Ids that cannot be sorted among each other are told apart all the same."""
    matrix = _matrix(("a", "mini", 1, 0), (1, "mini", 0, 0))
    assert matrix.quality["mini"].to_dict() == {"a": 1, 1: 0}


def test_a_model_without_any_quality_keeps_its_column() -> None:
    """A model whose qualities are all unknown does not vanish."""
    matrix = _matrix(("a", "mini", NAN, NAN), ("a", "opus", 1, 1e-3))
    assert matrix.quality.columns.tolist() == matrix.cost.columns.tolist() == ["mini", "opus"]
    assert matrix.quality["mini"].isna().all()


def test_confidence_is_prompts_by_models() -> None:
    """Confidence is laid out as quality is."""
    matrix = _matrix(
        ("z", "opus", 1, 0.5), ("a", "mini", 0, NAN), columns="prompt_id model quality confidence"
    )
    assert matrix.confidence.index.tolist() == ["z", "a"]
    assert matrix.confidence["opus"].tolist() == pytest.approx([0.5, NAN], nan_ok=True)


def test_prompts_without_text_need_an_id() -> None:
    """Where text is the identity, a row without text is refused."""
    frame = _long(("a", "mini", 1), (None, "mini", 0), columns="prompt model quality")
    with pytest.raises(MatrixError, match=r"Row 1 has no prompt.*prompt_id="):
        Matrix.from_long(frame)


def test_what_is_no_frame_is_refused() -> None:
    """A list of rows is told what to become."""
    with pytest.raises(MatrixError, match="not of list"):
        Matrix.from_long([("a", "mini", 1)], quality="correct")  # type: ignore[arg-type]


def test_answers_that_stand_twice_are_told_of() -> None:
    """Whole rows that repeat are kept as draws, with a warning; draws of verdicts alone are not."""
    rows = [("q", "mini", "yes", 1), ("q", "mini", "yes", 1), ("q", "opus", "yes", 1)]
    frame = _long(*rows, columns="prompt_id model response quality")
    with pytest.warns(OrchkitWarning, match="1 rows repeat another answer"):
        matrix = Matrix.from_long(frame)
    assert len(matrix.frame) == 3
    assert "3 responses, quality known for 100%, 1 of them further draws" in repr(matrix)
    Matrix.from_long(frame.drop(columns="response"))
    Matrix.from_long(frame.assign(latency=[1, 2, 3]))


def test_the_frame_is_a_copy() -> None:
    """Writing into the frame one was given does not reach the matrix, nor the other way round."""
    long = _long(("q1", "mini", 0, 1e-5))
    matrix = Matrix(long)
    long.loc[0, "quality"] = 1
    given = matrix.frame
    given.loc[0, "quality"] = 1
    assert matrix.frame["quality"].tolist() == [0]


def test_columns_of_other_names_are_named() -> None:
    """from_long reads the columns one names and keeps the others."""
    theirs = _long((7, "Why?", "mini", True, 0.5, "x"), columns="idx question llm correct usd note")
    matrix = Matrix.from_long(
        theirs, prompt_id="idx", prompt="question", model="llm", quality="correct", cost="usd"
    )
    row = matrix.frame.iloc[0]
    assert (row["prompt_id"], row["prompt"], row["model"]) == (7, "Why?", "mini")
    assert (row["quality"], row["cost"], row["note"]) == (1.0, 0.5, "x")
    assert list(theirs.columns) == ["idx", "question", "llm", "correct", "usd", "note"]


def test_a_named_column_stands_before_one_of_our_name() -> None:
    """A column that is named takes the place of one that already bears the name."""
    theirs = _long(("q", "mini", 0.2, 0.9), columns="prompt_id model quality judged")
    assert Matrix.from_long(theirs, quality="judged").frame["quality"].tolist() == [0.9]


def test_columns_can_change_places() -> None:
    """Two names may be swapped."""
    theirs = _long(("a", "b", 1), columns="prompt model quality")
    swapped = Matrix.from_long(theirs, prompt="model", model="prompt")
    assert swapped.frame[["prompt", "model"]].iloc[0].tolist() == ["b", "a"]


def test_without_an_id_the_text_is_the_identity() -> None:
    """Rows of one prompt's text belong together."""
    matrix = Matrix.from_long(
        _long(("b", "mini", 1), ("a", "mini", 0), ("b", "opus", 1), columns="prompt model quality")
    )
    assert len(matrix) == 2
    assert matrix.prompts["prompt"].tolist() == ["b", "a"]
    assert matrix.quality["opus"].notna().tolist() == [True, False]


def test_a_column_that_is_not_there_cannot_be_named() -> None:
    """A name that is no column of the frame is refused with its neighbour."""
    with pytest.raises(ColumnError, match="Did you mean 'quality'"):
        Matrix.from_long(_small().frame, quality="qualty")


def test_a_role_that_nobody_plays_cannot_be_given() -> None:
    """A name that is no column of a matrix is refused, listing those that are."""
    with pytest.raises(MatrixError, match="'price' is no column of a matrix"):
        Matrix.from_long(_small().frame, price="cost")


def test_one_column_cannot_play_two_roles() -> None:
    """One column named twice is refused, rather than one of the two being dropped."""
    frame = _long(("q", "mini", "yes"), columns="prompt_id model text")
    with pytest.raises(MatrixError, match="text"):
        Matrix.from_long(frame, response="text", reference="text")


@pytest.mark.parametrize("kept", [["mini"], ["opus", "mini"], []])
def test_a_subset_of_models(kept: list[str]) -> None:
    """A subset of models keeps their rows and the order of the recording."""
    told = _small().subset(models=iter(kept))
    assert set(told.models) == set(kept)
    assert told.frame.index.tolist() == list(range(len(told.frame)))


def test_a_subset_of_prompts() -> None:
    """A subset of prompts goes by their ids, and may be combined with models."""
    assert _small().subset(prompts=["q2"]).frame["model"].tolist() == ["mini"]
    assert len(_small().subset(prompts=["q2"], models=["opus"])) == 0


def test_scoring_replaces_qualities() -> None:
    """A scorer judges responses against references: 0 without an answer, NaN without reference."""
    matrix = _matrix(
        ("a", "mini", "It is 4", "4"),
        ("b", "mini", None, "4"),
        ("c", "mini", "4", None),
        columns="prompt_id model response reference",
    )
    told = matrix.score("numeric").frame["quality"].tolist()
    assert told == pytest.approx([1, 0, NAN], nan_ok=True)
    assert matrix.frame["quality"].isna().all()


@pytest.mark.parametrize(
    "ids",
    [["q1", "q2"], [1, 2], [1.5, 2.5], [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-02")]],
)
def test_a_saved_matrix_comes_back_equal(ids: Sequence[Any], tmp_path: Path) -> None:
    """Every column, dtype and missing value survives; draws and columns of one's own too."""
    frame = pd.DataFrame(
        {
            "prompt_id": [ids[0], ids[0], ids[1]],
            "prompt": ["Why?\x00 é", "Why?\x00 é", "How?"],
            "model": ["mini", "mini", "opus"],
            "response": ["yes", pd.NA, ""],
            "quality": [1.0, NAN, 1 / 3],
            "cost": [1e-9, NAN, 0.1],
            "latency": [NAN, NAN, NAN],
            "reference": [pd.NA, pd.NA, "no"],
            "origin": pd.Categorical(["a", "b", "a"]),
            "day": pd.to_datetime(["2026-01-01", None, "2026-01-03"], utc=True),
        }
    )
    saved = Matrix(frame)
    saved.save(tmp_path / "m.parquet")
    loaded = Matrix.load(str(tmp_path / "m.parquet"))
    pd.testing.assert_frame_equal(loaded.frame, saved.frame, check_exact=True)
    assert repr(dict(loaded.cells)) == repr(dict(saved.cells))


def test_an_empty_matrix_can_be_saved(tmp_path: Path) -> None:
    """No rows are saved and loaded as no rows."""
    empty = _small().subset(prompts=[])
    empty.save(tmp_path / "m.parquet")
    pd.testing.assert_frame_equal(Matrix.load(tmp_path / "m.parquet").frame, empty.frame)


def test_a_missing_prompt_stays_missing(tmp_path: Path) -> None:
    """A row whose prompt's text was not recorded does not come back with one."""
    prompts = pd.Series(["Why?", None], dtype="object")
    saved = Matrix(_small().frame.head(2).assign(prompt=prompts))
    saved.save(tmp_path / "m.parquet")
    assert Matrix.load(tmp_path / "m.parquet").frame["prompt"].isna().tolist() == [False, True]


def test_a_saved_matrix_is_of_the_class_that_loads_it(tmp_path: Path) -> None:
    """A subclass loads, cuts and reprices into itself."""

    class Mine(Matrix):
        pass

    _small().save(tmp_path / "m.parquet")
    loaded = Mine.load(tmp_path / "m.parquet")
    assert (
        type(loaded)
        is type(loaded.subset(models=["mini"]))
        is type(loaded.reprice(times={}))
        is Mine
    )


def _write(path: Path, metadata: dict[bytes, bytes]) -> None:
    table = pa.Table.from_pandas(_small().frame, preserve_index=False)
    pq.write_table(table.replace_schema_metadata(metadata), path)


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({}, "no matrix"),
        ({b"pandas": b"{}"}, "no matrix"),
        ({b"orchkit.matrix": b"1"}, "of schema 1; this orchkit reads schema 2"),
        ({b"orchkit.matrix": b"99"}, "of schema 99"),
        ({b"orchkit.matrix": b"\xff"}, "schema"),
        ({b"orchkit.matrix": SCHEMA}, "changed since it was saved"),
    ],
    ids=["bare", "somebody else's", "former", "far", "garbled", "unsealed"],
)
def test_another_parquet_is_refused(
    metadata: dict[bytes, bytes], told: str, tmp_path: Path
) -> None:
    """A foreign file, and a matrix of a newer schema, are refused with path and reason."""
    _write(tmp_path / "m.parquet", metadata)
    with pytest.raises(StoreError, match=rf"m\.parquet is .*{told}"):
        Matrix.load(tmp_path / "m.parquet")


def test_a_sealed_one_is_read(tmp_path: Path) -> None:
    """The same table under this schema and a seal is read, so it is those that decide."""
    table = pa.Table.from_pandas(_small().frame, preserve_index=False)
    write_sealed(table, tmp_path / "m.parquet", SCHEMA)
    assert len(Matrix.load(tmp_path / "m.parquet")) == 2


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """Wherever one bit of a saved matrix decays, it is refused."""
    path = tmp_path / "m.parquet"
    _small().save(path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 37):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << place % 8
        path.write_bytes(bytes(spoilt))
        with pytest.raises(StoreError, match="no readable matrix"):
            Matrix.load(path)


@pytest.mark.parametrize("content", [b"", b"prompt_id,model,quality\nq1,mini,1\n", b"PAR1" * 9])
def test_what_is_no_parquet_is_refused(content: bytes, tmp_path: Path) -> None:
    """An empty, a text and a damaged file are refused with path and reason."""
    path = tmp_path / "m.parquet"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"m\.parquet is no readable matrix"):
        Matrix.load(path)


def test_a_truncated_matrix_is_refused(tmp_path: Path) -> None:
    """A matrix of which the end is missing is refused."""
    path = tmp_path / "m.parquet"
    _small().save(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StoreError, match="no readable matrix"):
        Matrix.load(path)


def test_a_matrix_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(StoreError, match=r"gone\.parquet"):
        Matrix.load(tmp_path / "gone.parquet")


def test_a_folder_that_is_not_there_cannot_be_saved_to(tmp_path: Path) -> None:
    """A path that cannot be written is named."""
    with pytest.raises(StoreError, match=r"gone/m\.parquet"):
        _small().save(tmp_path / "gone" / "m.parquet")


def test_ids_no_file_can_hold_are_refused(tmp_path: Path) -> None:
    """Ids of several types cannot be saved, and the message says so."""
    mixed = _matrix((1, "mini", 0, 0), ("a", "mini", 0, 0))
    with pytest.raises(StoreError, match=r"m\.parquet"):
        mixed.save(tmp_path / "m.parquet")


def test_queries_are_judged_all_at_once() -> None:
    """One query a prompt, its tier from one prediction over all texts."""
    asked: list[list[str]] = []

    def judge(texts: list[str]) -> list[str]:
        asked.append(texts)
        return ["expert", "basic"]

    queries = _small().queries(judge, Params(max_tokens=5))
    assert asked == [["q1", "q2"]]
    assert queries == [
        Query((Message("user", "q1"),), Params(max_tokens=5), Tier.EXPERT),
        Query((Message("user", "q2"),), Params(max_tokens=5), Tier.BASIC),
    ]


def test_a_known_model_keeps_its_tier_and_price_under_its_recorded_name() -> None:
    """A dated name takes tier and prices of the model it stands for, and stands in its place."""
    told = _matrix(("q", "opus-2024", 1, 1e-3), ("q", "mini", 1, 1e-5)).catalog(KNOWN)
    assert told.pool == ("mini", "opus-2024")
    model = told["opus-2024"]
    assert (model.name, model.provider, model.tier) == ("opus-2024", "replay", Tier.EXPERT)
    assert (model.rates, model.context) == (KNOWN["opus"].rates, 1000)
    assert told["opus"] is model


def test_of_two_dated_names_the_first_recorded_stands_for_the_model() -> None:
    """Two versions of a model are both there; the first recorded is the default."""
    rows = [("q", name, 1, 1e-3) for name in ("opus-latest", "opus-2024")]
    told = _matrix(*rows).catalog(KNOWN)
    assert told.pool == ("opus-latest",)
    assert told["opus"].name == "opus-latest"
    assert told["opus-2024"].tier is Tier.EXPERT


def test_models_nobody_knows_are_no_defaults_beside_known_ones() -> None:
    """Beside recorded defaults a stranger can be asked by name only."""
    told = _matrix(("q", "stranger", 1, 1e-3), ("q", "mini", 1, 1e-5)).catalog(KNOWN)
    assert told.pool == ("mini",)
    assert told["stranger"].provider == "replay"


@pytest.mark.parametrize(
    ("costs", "tiers"),
    [
        ([5], ["expert"]),
        ([1, 2], ["basic", "expert"]),
        ([4, 3, 2, 1], ["expert", "advanced", "intermediate", "basic"]),
        ([1, 2, 3, 4, 5, 6, 7, 8], [tier for tier in Tier for _ in range(2)]),
        ([1, NAN, 3, 2], ["basic", "expert", "advanced", "intermediate"]),
    ],
    ids=["one", "two", "four", "eight", "one unpriced"],
)
def test_strangers_are_placed_by_what_they_cost(costs: list[float], tiers: list[str]) -> None:
    """With no known model at all, tiers are quartiles of cost, the dearest an expert."""
    rows = [("q", f"m{n}", 1, cost / 1000) for n, cost in enumerate(costs)]
    told = _matrix(*rows).catalog(KNOWN)
    assert [told[f"m{n}"].tier.value for n in range(len(costs))] == tiers
    assert set(told.pool) == set(told.models)


def test_the_price_of_a_stranger_is_what_it_cost() -> None:
    """USD per million tokens are those paid, over all tokens recorded."""
    matrix = _matrix(
        ("a", "x", 1, 2e-6, 3, 1),
        ("b", "x", 1, 2e-6, 3, 1),
        columns="prompt_id model quality cost input_tokens output_tokens",
    )
    model = matrix.catalog(KNOWN)["x"]
    assert (model.input_price, model.output_price) == pytest.approx((0.5, 0.5))


def test_a_stranger_without_costs_has_no_price() -> None:
    """A price nobody recorded is unknown, never free."""
    told = _matrix(("q", "x", 1), columns="prompt_id model quality").catalog(KNOWN)
    assert not told["x"].priced


def test_an_empty_matrix_has_an_empty_catalog() -> None:
    """A recording of nothing knows no model."""
    told = _small().subset(prompts=[]).catalog(KNOWN)
    assert (dict(told.models), told.pool) == ({}, ())


def test_a_row_that_cannot_be_asked_stays_so() -> None:
    """A failed query is replayed as its failure."""
    failure = Failure(Kind.EmptyPrompt)
    (trace,) = _small().run([(failure, Single("mini"))], KNOWN)
    assert (trace.rounds, trace.failure) == ((), failure)


def test_rows_are_replayed_as_their_traces_are_asked_for() -> None:
    """A replay looks at no row before its trace is wanted, and gives the traces of a run."""
    matrix, seen = _small(), list[int]()
    rows = [(_query("q1"), Single("mini")), (_query("q2"), Single("opus"))]

    def given_out() -> Any:
        for number, row in enumerate(rows):
            seen.append(number)
            yield row

    traces = matrix.replay(given_out(), matrix.catalog(KNOWN))
    first = next(traces)
    assert seen == [0]
    assert [first, *traces] == matrix.run(rows, matrix.catalog(KNOWN))


def test_several_strategies_can_be_run_at_once() -> None:
    """Rows beyond the number of prompts start over with the first prompt."""
    matrix = _small()
    queries = [_query("q1"), _query("q2")]
    rows = [(query, Single("mini")) for _ in range(2) for query in queries]
    costs = [trace.cost for trace in matrix.run(rows, matrix.catalog(KNOWN))]
    assert costs == [10_000, 20_000] * 2


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        (Single("mini"), [None, None]),
        (Single("opus"), [None, Kind.NotRecorded]),
        (Fallback(("mini", "opus"), 0.9), [None, Kind.NotRecorded]),
        (Fallback(("mini", "opus"), 0.0), [None, None]),
        (Ensemble(models=("mini", "opus")), [None, Kind.NotRecorded]),
    ],
    ids=["recorded", "not", "escalating", "content", "together"],
)
def test_a_gap_fails_the_rows_that_ask_for_it_and_no_other(
    strategy: Strategy, told: list[Kind | None]
) -> None:
    """In a partial matrix exactly the rows whose plan meets the gap are not recorded."""
    matrix = _matrix(
        ("q1", "mini", 0, 1e-5, 0.1),
        ("q1", "opus", 1, 1e-3, 0.9),
        ("q2", "mini", 1, 2e-5, 0.1),
        columns="prompt_id model quality cost confidence",
    )
    traces = _replayed(matrix, strategy)
    assert [trace.failure and trace.failure.kind for trace in traces] == told


def test_a_gap_gives_no_answer_and_no_excuse() -> None:
    """What is missing is named, and the rows before the gap are not passed off as the answer."""
    (_, trace) = _replayed(_small(), Fallback(("mini", "opus"), 1.0))
    assert trace.answer.response is None
    assert str(trace.failure) == "NotRecorded: no response of opus to this prompt"
    assert trace.cost == 20_000


@settings(max_examples=60)
@given(st.sampled_from(STRATEGIES), FOUR_CELLS, st.sampled_from(Tier))
def test_a_replay_is_the_strategy_driven_by_hand(
    strategy: Strategy, cells: list[tuple[str, float]], tier: Tier
) -> None:
    """Replaying gives the rounds and the answer one gets with next and send."""
    rows = [("q", name, said, 1e-5, sure) for name, (said, sure) in zip(FOUR, cells, strict=True)]
    matrix = _matrix(*rows, columns="prompt_id model response cost confidence")
    catalog = matrix.catalog(KNOWN)
    answers = {model: drawn[0] for (_, model), drawn in matrix.cells.items()}
    query = _query(tier=tier)
    rounds, answer = _by_hand(strategy, query, catalog, answers)
    (trace,) = matrix.run([(query, strategy)], catalog)
    assert repr((list(trace.rounds), trace.answer)) == repr((rounds, answer))
    assert trace.query is query


@settings(max_examples=60)
@given(st.sampled_from(STRATEGIES), st.lists(st.integers(0, 10**13), min_size=4, max_size=4))
def test_costs_are_sums_of_whole_nano_dollars(strategy: Strategy, nanos: list[int]) -> None:
    """A row costs the exact integer sum of the cells that were asked for."""
    recorded = dict(zip(FOUR, nanos, strict=True))
    matrix = _matrix(*(("q", name, 1, nano / 1e9) for name, nano in recorded.items()))
    (trace,) = _replayed(matrix, strategy)
    assert trace.cost == sum(recorded[response.model] for response in trace.responses)


@settings(max_examples=50)
@given(st.lists(CONFIDENCES, min_size=4, max_size=4), st.floats(0, 1))
def test_the_recorded_confidence_decides(sure: list[float], threshold: float) -> None:
    """Fallback stops at the first model that was sure enough; one of unknown confidence is not."""
    rows = [("q", name, 1, value) for name, value in zip(FOUR, sure, strict=True)]
    matrix = _matrix(*rows, columns="prompt_id model quality confidence")
    (trace,) = _replayed(matrix, Fallback(threshold=threshold))
    stops = (n for n, value in enumerate(sure, 1) if value >= threshold)
    assert len(trace.rounds) == next(stops, 4)
    assert trace.answer.confidence.signal == "recorded"


def test_neither_text_nor_confidence_escalates() -> None:
    """An answer of which nothing is known is not accepted, even at threshold 0."""
    matrix = _matrix(
        ("q", "mini", 1, NAN), ("q", "opus", 1, 0.1), columns="prompt_id model quality confidence"
    )
    (trace,) = _replayed(matrix, Fallback(("mini", "opus"), 0.0))
    assert [response.model for response in trace.responses] == ["mini", "opus"]
    assert trace.answer.response.model == "opus"


def test_a_limit_lets_the_next_model_answer() -> None:
    """Under a limit a model whose worst case does not fit is skipped, however cheap it was."""
    rows = [("q", name, 1, 0.0, 0.5) for name in ("opus", "mini")]
    matrix = _matrix(*rows, columns="prompt_id model quality cost confidence")
    bounds = [
        KNOWN[name].bound((Message("user", "q"),), Params().max_tokens) for name in ("mini", "opus")
    ]
    (trace,) = _replayed(matrix, Fallback(("opus", "mini"), 0.0), bounds[1] - 1)
    assert trace.answer.response.model == "mini"
    (trace,) = _replayed(matrix, Fallback(("opus", "mini"), 0.0), bounds[1])
    assert trace.answer.response.model == "opus"
    (trace,) = _replayed(matrix, Fallback(("opus", "mini"), 0.0), bounds[0] - 1)
    assert trace.failure.kind is Kind.BudgetExceeded


def test_several_draws_are_kept_apart() -> None:
    """A cell recorded twice is two samples, of which the first is replayed and counted."""
    matrix = _matrix(("q", "mini", 1, 1e-5), ("q", "mini", 0, 3e-5))
    assert len(matrix) == 1
    assert [response.cost for response in matrix.cells[0, "mini"]] == [10_000, 30_000]
    assert matrix.quality.loc["q", "mini"] == 1
    (trace,) = _replayed(matrix, Single("mini"))
    assert trace.cost == 10_000


def test_a_second_draw_is_answered_by_the_second_sample() -> None:
    """A strategy that asks again gets the next sample, until there is none."""

    class Twice:
        name = "twice"

        def __init__(self, draws: int) -> None:
            self.draws = draws

        def plan(self, query: Query, catalog: Catalog) -> Any:
            responses = yield tuple(query.call("mini", draw=n) for n in range(self.draws))
            return Answer(responses[-1])

    matrix = _matrix(("q", "mini", 1, 1e-5), ("q", "mini", 0, 3e-5))
    (second,) = _replayed(matrix, Twice(2))
    assert (second.answer.response.cost, second.cost) == (30_000, 40_000)
    (third,) = _replayed(matrix, Twice(3))
    assert third.failure.kind is Kind.NotRecorded


def test_a_matrix_says_how_large_it_is() -> None:
    """Its repr counts prompts, models and responses, and says how much is judged."""
    assert repr(_small()) == "Matrix(2 prompts x 2 models, 3 responses, quality known for 100%)"
    assert "quality known for 0%" in repr(_small().subset(prompts=[]))


@pytest.mark.parametrize(
    "strategy",
    [
        Single("mini", confidence=verbalised),
        Single("mini", confidence=p_true),
        Ensemble(models=("mini", "opus"), select="judge", judge="opus"),
    ],
    ids=repr,
)
def test_an_answer_to_the_prompt_answers_nothing_else(strategy: Strategy) -> None:
    """Asked about an answer, or to judge answers, a recording of the prompt alone has no reply."""
    rows = [("q", model, text) for model, text in (("mini", "1"), ("opus", "0.5"))]
    matrix = _matrix(*rows, columns="prompt_id model response")
    (trace,) = _replayed(matrix, strategy)
    assert trace.failure is not None
    assert trace.failure.kind is Kind.NotRecorded
    assert "not the prompt" in str(trace.failure)


def test_who_is_asked_the_prompt_is_replayed() -> None:
    """Other models and further draws that were recorded stand in for signals that ask them."""
    rows = [("q", "mini", "1"), ("q", "mini", "1"), ("q", "mini", "2"), ("q", "opus", "1")]
    matrix = _matrix(*rows, columns="prompt_id model response")
    signals = (agrees_with("opus"), self_consistency(2), self_consistency(3))
    agreed, drawn, short = (
        _replayed(matrix, Single("mini", confidence=each))[0] for each in signals
    )
    assert agreed.answer.confidence.value == 1.0
    assert drawn.answer.confidence.value == 0.5
    assert short.failure.kind is Kind.NotRecorded


def test_scoring_without_references_says_what_is_missing() -> None:
    """Nothing is scored against nothing."""
    long = pd.DataFrame({"prompt_id": [1], "model": ["a"], "response": ["4"]})
    with pytest.raises(MatrixError, match="No prompt has a reference"):
        Matrix(long).score("exact")
