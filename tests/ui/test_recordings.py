import math
import re
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import orchkit
from orchkit.core.calls import Call, Response
from orchkit.core.catalog import Tier
from orchkit.core.strategies import Ensemble, Fallback, Single
from orchkit.errors import (
    BudgetError,
    MisuseError,
    ParameterError,
    UnknownModelError,
    UnknownNameError,
)
from orchkit.lab.frames import COLUMNS
from orchkit.lab.summary import ORACLE, SUMMARY
from orchkit.runtime.providers.simulator import Simulator
from orchkit.ui.comparison import TOLD
from orchkit.ui.recordings import ResponseMatrix

NAMES = ("gpt-4o-mini", "gpt-4o", "claude-opus-3")
PROMPTS = ("What is 2+2?", "Explain tides", "Research tides")
#: Quality, cost in USD, confidence: for each prompt the three models' cells.
CELLS = [
    [(1, 1e-5, 0.9), (1, 2e-4, 0.9), (1, 2e-3, 0.9)],
    [(0, 1e-5, 0.3), (1, 2e-4, 0.8), (1, 2e-3, 0.9)],
    [(0, 1e-5, 0.3), (0, 2e-4, 0.4), (1, 2e-3, 0.5)],
]


def _long(names: tuple[str, ...] = NAMES) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (f"q{row}", prompt, name, *cell)
            for row, (prompt, cells) in enumerate(zip(PROMPTS, CELLS, strict=True))
            for name, cell in zip(names, cells, strict=True)
        ],
        columns=["prompt_id", "prompt", "model", "quality", "cost", "confidence"],
    )


@pytest.fixture
def matrix() -> ResponseMatrix:
    """Give three prompts by three models: the dearer, the better."""
    return ResponseMatrix(_long())


@pytest.fixture
def partial() -> ResponseMatrix:
    """Give the same without gpt-4o's answer to the second prompt."""
    return ResponseMatrix(_long().drop(index=4))


def test_a_replay_gives_the_result_columns(matrix: ResponseMatrix) -> None:
    """Route gives prompts by their ids with the result columns of a live run."""
    out = matrix.route("fallback")
    assert out.columns.tolist() == ["prompt", "reference", *COLUMNS]
    assert out[list(COLUMNS)].dtypes.map(str).to_dict() == dict(COLUMNS)
    assert out.index.tolist() == ["q0", "q1", "q2"]
    assert out.index.name == "prompt_id"
    assert set(out["provider"]) == {"replay"}
    assert not out["cached"].any()


@pytest.mark.parametrize("verb", ["route", "compare"])
def test_a_judge_cannot_be_replayed(matrix: ResponseMatrix, verb: str) -> None:
    """No recording holds verdicts: only prompts on which answers agree would be left."""
    judged = Ensemble(models=NAMES[:2], select="judge", judge="claude-opus-3")
    with pytest.raises(ParameterError, match=r"^ensemble\(.*verdicts are in no recording"):
        getattr(matrix, verb)(judged if verb == "route" else ["cheapest", judged])


def test_fallback_climbs_by_the_recorded_confidences(matrix: ResponseMatrix) -> None:
    """Each row stops where the recording was sure enough, and pays for the way there."""
    out = matrix.route("fallback")
    assert out["model_used"].tolist() == list(NAMES)
    assert out["cost"].tolist() == [1e-5, 2.1e-4, 2.21e-3]
    assert out["confidence"].tolist() == [0.9, 0.8, 0.5]


@pytest.mark.parametrize(
    ("settings", "used"),
    [
        ({"threshold": 0.2}, ["gpt-4o-mini"] * 3),
        ({"threshold": 0.4}, ["gpt-4o-mini", "gpt-4o", "gpt-4o"]),
        (
            {"chain": ["gpt-4o-mini", "claude-opus-3"]},
            ["gpt-4o-mini", "claude-opus-3", "claude-opus-3"],
        ),
    ],
)
def test_settings_reach_the_named_strategy(
    matrix: ResponseMatrix, settings: dict[str, Any], used: list[str]
) -> None:
    """Chain and threshold are those of the named strategy."""
    assert matrix.route("fallback", **settings)["model_used"].tolist() == used


def test_the_size_of_an_ensemble_is_its_number_of_votes(matrix: ResponseMatrix) -> None:
    """ensemble_size decides how many are asked."""
    out = matrix.route("ensemble", ensemble_size=2)
    assert [len(models) for models in out["ensemble_models"]] == [2, 2, 2]


def test_a_confidence_of_one_s_own_decides(matrix: ResponseMatrix) -> None:
    """A signal that is passed stands before the recorded one."""
    out = matrix.route("fallback", confidence=lambda query, response: 1.0)
    assert set(out["model_used"]) == {"gpt-4o-mini"}


def test_cheapest_goes_by_complexity(matrix: ResponseMatrix) -> None:
    """The keyword rules judge the recorded prompts."""
    assert matrix.route("cheapest")["model_used"].tolist() == list(NAMES)


@pytest.mark.parametrize(
    "answers",
    [
        ["expert", "basic", "basic"],
        [3, 0, 0],
        np.array([3, 0, 0]),
        np.array(["expert", "basic", "basic"]),
    ],
    ids=["names", "ranks", "array of ranks", "array of names"],
)
def test_a_classifier_decides_instead(matrix: ResponseMatrix, answers: Any) -> None:
    """An object with predict is used, in names or in ranks, as on a frame."""

    class Told:
        def predict(self, texts: list[str]) -> Any:
            assert texts == list(PROMPTS)
            return answers

    used = matrix.route("cheapest", complexity=Told())["model_used"].tolist()
    assert used == ["claude-opus-3", "gpt-4o-mini", "gpt-4o-mini"]


def test_a_column_of_the_recording_decides_too(matrix: ResponseMatrix) -> None:
    """A name stands for one tier a prompt, as it does on a frame."""
    levels = dict(zip(matrix.prompts.index, ["expert", "basic", "basic"], strict=True))
    frame = matrix.frame.assign(level=matrix.frame["prompt_id"].map(levels))
    told = ResponseMatrix(frame)
    used = told.route("cheapest", complexity="level")["model_used"].tolist()
    assert used == ["claude-opus-3", "gpt-4o-mini", "gpt-4o-mini"]
    assert len(told.compare(["cheapest"], complexity="level").results) == 3


@pytest.mark.parametrize("bad", [7, "nonsense", object()])
def test_complexity_must_be_able_to_predict(matrix: ResponseMatrix, bad: Any) -> None:
    """What cannot judge is misuse."""
    with pytest.raises(MisuseError):
        matrix.route("cheapest", complexity=bad)


def test_a_prefix_names_the_results_otherwise(matrix: ResponseMatrix) -> None:
    """A prefix stands before every result column."""
    assert matrix.route(prefix="a_").columns[2:].tolist() == [f"a_{name}" for name in COLUMNS]


@pytest.mark.parametrize("limit", [0, -1, 1.5])
def test_max_tokens_must_be_positive(matrix: ResponseMatrix, limit: Any) -> None:
    """A limit no live run would take is refused on replay too."""
    with pytest.raises(ParameterError, match="max_tokens"):
        matrix.route("cheapest", max_tokens=limit)


@pytest.mark.parametrize("cap", [-1, math.nan, math.inf, True, "1"])
def test_a_cost_limit_must_be_an_amount(matrix: ResponseMatrix, cap: Any) -> None:
    """What is no amount of dollars is refused, by route and by compare."""
    with pytest.raises(BudgetError, match="max_cost"):
        matrix.route("cheapest", max_cost=cap)
    with pytest.raises(BudgetError, match="max_cost"):
        matrix.compare(["cheapest"], max_cost=cap)


def test_a_cost_limit_is_decided_on_what_a_call_could_cost(matrix: ResponseMatrix) -> None:
    """A model is skipped whose worst case does not fit, though the recording was far cheaper."""
    out = matrix.route(Fallback(("claude-opus-3", "gpt-4o-mini"), 0.0), max_cost=0.01)
    assert set(out["model_used"]) == {"gpt-4o-mini"}
    shorter = matrix.route(
        Fallback(("claude-opus-3", "gpt-4o-mini"), 0.0), max_cost=0.01, max_tokens=50
    )
    assert set(shorter["model_used"]) == {"claude-opus-3"}


@pytest.mark.parametrize("strategy", ["cheapest", "fallback", "ensemble", "gpt-4o"])
def test_what_no_limit_lets_through_is_an_error_and_wrong(
    matrix: ResponseMatrix, strategy: str
) -> None:
    """A row nobody may answer says so, costs nothing, and counts as wrong for any strategy."""
    told = matrix.compare([strategy], max_cost=1e-9).results
    assert all(error.startswith("BudgetExceeded: ") for error in told["error"])
    assert told["cost"].tolist() == [0.0] * 3
    assert told["quality"].tolist() == [0.0] * 3


def test_a_gap_fails_only_the_rows_that_ask_for_it(partial: ResponseMatrix) -> None:
    """In a partial matrix rows that need the gap are not recorded, and of unknown quality."""
    told = partial.compare(["gpt-4o-mini", "gpt-4o", "fallback"]).results
    errors = told.set_index(["strategy", "row"])["error"]
    assert errors[errors.notna()].to_dict() == {
        ("gpt-4o", 1): "NotRecorded: no response of gpt-4o to this prompt",
        ("fallback", 1): "NotRecorded: no response of gpt-4o to this prompt",
    }
    unknown = told["quality"].isna()
    assert unknown.equals(told["error"].notna())


def test_a_gap_leaves_the_comparison_fair(partial: ResponseMatrix) -> None:
    """Strategies are compared on the prompts that were recorded for all of them."""
    table = partial.compare(["gpt-4o-mini", "gpt-4o", "fallback"]).summary()
    assert set(table["n"]) == {2}
    assert table.loc["gpt-4o", "cost"] == pytest.approx(4e-4)


def test_a_gap_is_not_free_where_nothing_is_judged(partial: ResponseMatrix) -> None:
    """Without qualities too, a model is not cheaper for what was not recorded."""
    unjudged = ResponseMatrix(partial.frame.assign(quality=math.nan))
    assert unjudged.compare(["gpt-4o"]).summary().loc["gpt-4o", "cost_per_1k"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    "strategy",
    [
        Single("gpt-4"),
        Single("nonsense"),
        Fallback(("gpt-4o-mini", "gpt-4")),
        Ensemble(models=("gpt-4o-mini", "gpt-4")),
    ],
    ids=["single", "nonsense", "fallback", "ensemble"],
)
def test_a_model_that_was_never_recorded_is_misuse(matrix: ResponseMatrix, strategy: Any) -> None:
    """A strategy that names a model the recording does not have is refused, not scored as wrong."""
    with pytest.raises(UnknownModelError, match=r"No model .* record this one too"):
        matrix.route(strategy)
    with pytest.raises(UnknownModelError, match="No model"):
        matrix.compare([strategy])


@pytest.mark.parametrize("name", ["gpt-4", "fallbak"])
def test_a_name_nobody_knows_is_misuse(matrix: ResponseMatrix, name: str) -> None:
    """A name that is neither a strategy nor a recorded model is refused."""
    with pytest.raises(UnknownNameError, match=f"No strategy or model '{name}'"):
        matrix.route(name)


def test_an_ensemble_larger_than_the_recording_is_misuse(matrix: ResponseMatrix) -> None:
    """More votes than models are refused, not made an error of every row."""
    with pytest.raises(ParameterError, match="ensemble_size is 4"):
        matrix.route("ensemble", ensemble_size=4)


def test_dated_names_stand_for_the_catalog_s() -> None:
    """A recording under dated names is asked by either name, and reports the recorded one."""
    dated = ("gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06", "claude-3-opus-20240229")
    matrix = ResponseMatrix(_long(dated))
    assert matrix.route("gpt-4o")["model_used"].tolist() == ["gpt-4o-2024-08-06"] * 3
    assert matrix.route("fallback")["model_used"].tolist() == list(dated)
    assert matrix.route("cheapest")["model_used"].tolist() == list(dated)


def test_strangers_take_the_tiers_of_their_costs() -> None:
    """A recording of models nobody knows can be replayed by every strategy."""
    matrix = ResponseMatrix(_long(("house-a", "house-b", "house-c")))
    assert matrix.route("cheapest")["model_used"].tolist() == ["house-a", "house-b", "house-c"]
    assert matrix.route("fallback", threshold=1)["model_used"].tolist()[2] == "house-c"


def test_a_comparison_is_tidy(matrix: ResponseMatrix) -> None:
    """One row per strategy x prompt, with the recorded quality of the chosen answer."""
    told = matrix.compare(["cheapest", Single("gpt-4o")]).results
    assert list(zip(told["strategy"], told["row"], strict=True)) == [
        *product(["cheapest", "gpt-4o"], range(3))
    ]
    assert told["quality"].tolist() == [1, 1, 1, 1, 1, 0]


def test_a_comparison_agrees_with_route(matrix: ResponseMatrix) -> None:
    """A comparison replays exactly what route does."""
    results = matrix.compare(["fallback"]).results[list(COLUMNS)]
    routed = matrix.route("fallback")[list(COLUMNS)].reset_index(drop=True)
    pd.testing.assert_frame_equal(results, routed)


def test_savings_are_against_a_single_model(matrix: ResponseMatrix) -> None:
    """A strategy's cost is held against the best model recorded, whether or not it is named."""
    strongest = matrix.cost[NAMES[-1]].sum()
    for named in (["fallback", "gpt-4o"], ["fallback"], ["fallback", NAMES[-1]]):
        table = matrix.compare(named).summary()
        assert table.loc["fallback", "saving"] == pytest.approx(1 - 2.43e-3 / strongest)
        assert table.index.tolist() == [*named, ORACLE]


def test_the_summary_has_every_model_and_the_oracle(matrix: ResponseMatrix) -> None:
    """One row a recorded model, and what the best choice per prompt would have had."""
    table = matrix.summary()
    assert list(table.columns) == [*SUMMARY, *TOLD]
    assert table.index.tolist() == [*NAMES, ORACLE]
    assert table["quality"].tolist() == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert table.loc[ORACLE, "cost"] == pytest.approx(1e-5 + 2e-4 + 2e-3)


def test_the_oracle_names_its_choices(matrix: ResponseMatrix) -> None:
    """Per prompt the cheapest of the best, with its quality and cost."""
    told = matrix.oracle()
    assert told["model"].tolist() == list(NAMES)
    assert told["quality"].tolist() == [1, 1, 1]
    assert told["cost"].tolist() == [1e-5, 2e-4, 2e-3]
    assert told.index.tolist() == ["q0", "q1", "q2"]


def test_the_oracle_needs_costs(matrix: ResponseMatrix) -> None:
    """Without costs there is no cheapest, and so no oracle."""
    assert len(ResponseMatrix(matrix.frame.drop(columns="cost")).oracle()) == 0


@pytest.mark.parametrize("empty", ["no prompts", "no rows"])
def test_an_empty_matrix_gives_empty_results(matrix: ResponseMatrix, empty: str) -> None:
    """A recording of nothing routes to nothing, with every column."""
    bare = pd.DataFrame({"prompt_id": [], "model": [], "quality": []})
    nothing = matrix.subset(prompts=[]) if empty == "no prompts" else ResponseMatrix(bare)
    out = nothing.route("fallback")
    assert out[list(COLUMNS)].dtypes.map(str).to_dict() == dict(COLUMNS)
    assert len(out) == 0
    assert list(nothing.compare(["cheapest"]).summary().columns) == [*SUMMARY, *TOLD]


def test_replaying_leaves_the_matrix_as_it_was(matrix: ResponseMatrix) -> None:
    """Neither a replay, nor a comparison, nor the oracle changes the recording."""
    before = matrix.frame
    matrix.route("ensemble")
    matrix.compare(["cheapest", "fallback"])
    matrix.oracle()
    pd.testing.assert_frame_equal(matrix.frame, before)


def test_saved_and_loaded_it_replays_the_same(matrix: ResponseMatrix, tmp_path: Path) -> None:
    """A saved matrix replays as the one it was."""
    matrix.save(tmp_path / "m.parquet")
    loaded = orchkit.ResponseMatrix.load(tmp_path / "m.parquet")
    assert type(loaded) is ResponseMatrix
    pd.testing.assert_frame_equal(loaded.route("fallback"), matrix.route("fallback"))


@pytest.mark.parametrize(
    ("origin", "told"), [("simulator", True), ("openai", False), (None, False)]
)
def test_a_recording_of_the_simulator_says_so(
    matrix: ResponseMatrix, origin: str | None, told: bool
) -> None:
    """Answers that were simulated once are still simulated on replay."""
    columns = {} if origin is None else {"provider": origin}
    replayed = ResponseMatrix(matrix.frame.assign(**columns)).compare(["cheapest"])
    assert replayed.simulated is told


def test_what_is_recorded_replays_as_it_ran() -> None:
    """Recording on the simulator and replaying gives the run's own answers and costs."""
    frame = orchkit.load_dataset().head(12)
    with orchkit.use("simulator"):
        live = orchkit.route(frame, "fallback", progress=False)
        matrix = orchkit.record(frame, progress=False)
    replayed = matrix.route("fallback")
    same = ["response", "model_used", "cost", "latency", "confidence", "input_tokens"]
    pd.testing.assert_frame_equal(
        replayed[same].reset_index(drop=True), live[same].reset_index(drop=True)
    )


def test_an_answer_with_a_lone_surrogate_can_be_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer no file can hold is recorded with U+FFFD, not lost after it was paid for."""

    async def complete(self: Simulator, call: Call) -> Response:
        return Response(call.model, "a\ud800")

    monkeypatch.setattr(Simulator, "complete", complete)
    matrix = orchkit.record(pd.DataFrame({"prompt": ["2+2?"]}), ["gpt-4o"], progress=False)
    assert matrix.frame["response"].tolist() == ["a\ufffd"]


@pytest.fixture(scope="module")
def gsm8k(recorded: Path) -> pd.DataFrame:
    """Give the recorded answers of thirteen models to GSM8K."""
    cells = pd.read_csv(recorded / "zeroeval_gsm8k_matrix.csv.gz")
    said = pd.read_csv(recorded / "zeroeval_gsm8k_responses.csv.gz")
    both = cells.merge(said, on=["idx", "model"], validate="1:1")
    return both.assign(cost=both["cost_nano_usd"] / 1e9)


@pytest.fixture(scope="module")
def zeroeval(gsm8k: pd.DataFrame) -> ResponseMatrix:
    """Give them as a matrix."""
    return ResponseMatrix.from_long(
        gsm8k,
        prompt_id="idx",
        prompt="question",
        quality="correct",
        input_tokens="tokens_in",
        output_tokens="tokens_out",
    )


@pytest.fixture(scope="module")
def singles(zeroeval: ResponseMatrix) -> pd.DataFrame:
    """Give all cells, replayed one model at a time."""
    return zeroeval.compare([Single(name) for name in zeroeval.models]).results


@pytest.fixture(scope="module")
def mixtures(zeroeval: ResponseMatrix) -> pd.DataFrame:
    """Give the same prompts, replayed by strategies of several models."""
    ensembles = [Ensemble(select=select) for select in ("confidence", "majority", "weighted")]
    climbing = Fallback(threshold=0.66)
    return zeroeval.compare(["cheapest", "fallback", climbing, *ensembles]).results


@pytest.mark.data
def test_every_recorded_cell_replays_exactly(gsm8k: pd.DataFrame, singles: pd.DataFrame) -> None:
    """All 17,147 cells come back with their quality and their cost to the nano-dollar."""
    ids = gsm8k["idx"].drop_duplicates().tolist()
    replayed = singles.assign(idx=[ids[row] for row in singles["row"]])
    both = gsm8k.merge(
        replayed, left_on=["idx", "model"], right_on=["idx", "strategy"], validate="1:1"
    )
    assert len(both) == len(gsm8k) == len(replayed) == 17_147
    assert (both["quality"] == both["correct"]).all()
    assert ((both["cost_y"] * 1e9).round() == both["cost_nano_usd"]).all()
    assert (both["cost_y"] == both["cost_x"]).all()
    assert (both["input_tokens"] == both["tokens_in"]).all()
    assert both["error"].isna().all()


@pytest.mark.data
@pytest.mark.parametrize(
    ("model", "quality"),
    [
        ("gpt-4o-mini-2024-07-18", 0.942),
        ("gpt-4o-2024-08-06", 0.961),
        ("claude-3-5-sonnet-20241022", 0.966),
        ("claude-3-opus-20240229", 0.953),
    ],
)
def test_single_models_have_their_published_quality(
    singles: pd.DataFrame, model: str, quality: float
) -> None:
    """The accuracies measured before are those replayed."""
    told = singles.loc[singles["strategy"] == model, "quality"]
    assert told.mean() == pytest.approx(quality, abs=0.001)


@pytest.mark.data
def test_the_oracle_is_the_best_of_every_row(zeroeval: ResponseMatrix) -> None:
    """On recorded data too, nothing beats the oracle, and nothing as good is cheaper."""
    told = zeroeval.oracle()
    best = zeroeval.quality.max(axis=1)
    right = zeroeval.cost.where(zeroeval.quality.eq(best, axis=0))
    pd.testing.assert_series_equal(told["quality"], best, check_names=False)
    pd.testing.assert_series_equal(told["cost"], right.min(axis=1), check_names=False)


@pytest.mark.data
def test_a_strategy_has_the_quality_it_chose_and_the_cost_it_caused(
    zeroeval: ResponseMatrix, mixtures: pd.DataFrame
) -> None:
    """Each row has the quality of the cell it chose, and the sum of the cells it asked for."""
    quality = zeroeval.quality.to_numpy()
    nano = (zeroeval.cost * 1e9).round().astype("int64").to_numpy()
    column = {name: n for n, name in enumerate(zeroeval.models)}
    rows = list(zip(mixtures["row"], mixtures["model_used"], mixtures["metadata"], strict=True))
    chosen = [quality[row, column[name]] for row, name, _ in rows]
    asked = [
        sum(nano[row, column[call["model"]]] for call in metadata["calls"])
        for row, _, metadata in rows
    ]
    assert mixtures["quality"].tolist() == chosen
    assert (mixtures["cost"] * 1e9).round().tolist() == asked


@pytest.mark.data
def test_cheapest_asks_the_cheapest_that_is_able(mixtures: pd.DataFrame) -> None:
    """Every row goes to the lowest price among the models of its tier or above."""
    told = mixtures[mixtures["strategy"] == "cheapest"]
    used = {
        Tier(tier): set(rows["model_used"])
        for tier, rows in told.groupby(told["metadata"].map(lambda note: note["complexity"]))
    }
    ladder = dict(
        zip(
            Tier,
            (
                "gpt-4o-mini-2024-07-18",
                "claude-3-5-haiku-20241022",
                "claude-3-5-sonnet-20241022",
                "claude-3-opus-20240229",
            ),
            strict=True,
        )
    )
    assert used == {tier: {ladder[tier]} for tier in used}
    assert len(used) >= 3


@pytest.mark.data
@pytest.mark.parametrize("select", ["", "(select=majority)", "(select=weighted)"])
def test_an_ensemble_is_hardly_worse_than_its_best_member(
    mixtures: pd.DataFrame, singles: pd.DataFrame, select: str
) -> None:
    """Three models that vote come within a point of the best of them, and above their mean."""
    told = mixtures[mixtures["strategy"] == f"ensemble{select}"]
    members = set(told["fallback_chain"].explode())
    alone = singles.groupby("strategy")["quality"].mean()[list(members)]
    assert len(members) == 3
    assert told["quality"].mean() >= alone.max() - 0.01
    assert told["quality"].mean() > alone.mean()


@pytest.mark.data
def test_a_higher_threshold_never_costs_less(zeroeval: ResponseMatrix) -> None:
    """Row for row, a fallback that is harder to please asks at least as much."""
    some = zeroeval.subset(prompts=zeroeval.prompts.index[:300])
    costs = [
        some.route("fallback", threshold=threshold)["cost"]
        for threshold in (0.0, 0.5, 0.6, 0.66, 1.0)
    ]
    assert all((low <= high).all() for low, high in pairwise(costs))
    assert costs[0].sum() < costs[-1].sum()


@pytest.mark.parametrize("name", ["quality", "cost", "prompts", "frame"])
def test_what_is_handed_out_may_be_changed(matrix: ResponseMatrix, name: str) -> None:
    """Whoever changes a frame of the matrix changes a copy."""
    before = getattr(matrix, name).copy(deep=True)
    handed = getattr(matrix, name)
    handed["more"] = 1
    handed.loc[handed.index[0], handed.columns[-2]] = None
    pd.testing.assert_frame_equal(getattr(matrix, name), before)


def test_a_notebook_shows_a_matrix_as_text_and_table() -> None:
    """Its HTML is its text and a row a model, escaped, whatever a recording is made of."""
    matrix = ResponseMatrix(_long(("<b>$x$</b>", *NAMES[1:])).assign(prompt="<script>"))
    shown = matrix._repr_html_()
    assert shown.startswith(
        '<div class="tex2jax_ignore mathjax_ignore"><p>ResponseMatrix(3 prompts x 3 models, '
        "9 responses, quality known for 100%)</p>"
    )
    assert ">&lt;b&gt;$x$&lt;/b&gt;</th>" in shown
    assert "<b>" not in shown
    assert "<script>" not in shown
    cells = re.findall("<td[^>]*>([^<]*)</td>", shown)
    assert cells[:4] == ["3", "33.3\N{NO-BREAK SPACE}%", "0.010", "100\N{NO-BREAK SPACE}%"]
    assert len(cells) == 12


def test_a_notebook_shows_what_is_missing(partial: ResponseMatrix) -> None:
    """A model that was not asked everything says how much, and unknown costs are unknown."""
    shown = ResponseMatrix(partial.frame.drop(columns="cost"))._repr_html_()
    assert ">67\N{NO-BREAK SPACE}%</td>" in shown
    assert ">unknown</td>" in shown


def test_todays_prices_are_the_catalogs() -> None:
    """Without prices the catalog's hold, also for a model recorded under a dated name."""
    long = _long(("gpt-4o-mini-2024-07-18", "gpt-4o", "claude-opus-3"))
    matrix = ResponseMatrix(long.assign(input_tokens=1000, output_tokens=100))
    told = matrix.reprice()
    assert type(told) is ResponseMatrix
    assert told.cost.iloc[0].tolist() == pytest.approx([0.00021, 0.0035, 0.0225])
    models = orchkit.models()
    pd.testing.assert_frame_equal(matrix.reprice(models).frame, told.frame)
    mine = matrix.reprice({"gpt-4o-mini": (1, 1), "gpt-4o": (1, 1), "claude-opus-3": (1, 1)})
    assert mine.cost.iloc[0].tolist() == pytest.approx([0.0011] * 3)


def test_a_recording_resumes_where_it_stopped(df: pd.DataFrame, sent: list[Call]) -> None:
    """What was answered before is not asked again, and the estimate says how much is left."""
    models = ["gpt-4o-mini", "gpt-4o"]
    df.head(3).orch.record(models[:1], progress=False)
    left = df.orch.estimate(models)
    assert (left.cached, left.calls, len(sent)) == (3, 5, 3)
    recorded = df.orch.record(models, progress=False)
    assert len(sent) == 8
    assert recorded.quality.notna().all(axis=None)


def test_a_subset_goes_by_the_catalogs_names_too() -> None:
    """A model that was recorded under its dated name is found by its plain one, and by no other."""
    rows = {"prompt_id": [1, 1], "model": ["gpt-4o-2024-08-06", "mini"], "quality": [1, 0]}
    mat = ResponseMatrix(pd.DataFrame(rows))
    assert mat.subset(models="gpt-4o").models == ["gpt-4o-2024-08-06"]
    assert mat.subset(models=["gpt-4o-2024-08-06", "mini"]).models == ["gpt-4o-2024-08-06", "mini"]
    with pytest.raises(UnknownModelError, match="No answers of 'gpt-4' were recorded"):
        mat.subset(models=["gpt-4"])


def test_a_prompt_without_a_text_is_compared() -> None:
    """Its length is unknown; nothing else is."""
    long = _long()
    long["prompt"] = long["prompt"].where(long["prompt_id"] != "q1", None)
    found = ResponseMatrix(long).compare(["fallback", NAMES[0]])
    assert found.summary().loc["fallback", "n"] == len(PROMPTS)
    assert found.baselines()["n"].eq(len(PROMPTS)).all()


@pytest.mark.parametrize("name", ["oracle", "fallback"])
def test_a_model_called_as_another_row_is_refused(name: str) -> None:
    """Two rows of one name could not be told apart; as the error says, another name helps."""
    matrix = ResponseMatrix(_long((name, *NAMES[1:])))
    with pytest.raises(ParameterError, match=f"'{name}': '{name}-model'"):
        matrix.compare(["fallback"])
    renamed = ResponseMatrix(matrix.frame.replace({"model": {name: f"{name}-model"}}))
    assert renamed.summary().index.tolist() == [f"{name}-model", *NAMES[1:], ORACLE]
