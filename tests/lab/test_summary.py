import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.lab.stats import mean_interval
from orchkit.lab.summary import ORACLE, SUMMARY, common, oracle, strongest, summary

NAN = math.nan
BINARY = st.sampled_from([0.0, 1.0])
PRICES = st.integers(0, 5).map(float)


def _rows(strategy: str, quality: Sequence[float], cost: float = 1.0, **known: Any) -> pd.DataFrame:
    """Return the tidy results of one strategy, one row a prompt."""
    count = len(quality)
    told = {
        "row": range(count),
        "strategy": strategy,
        "quality": pd.Series(quality, dtype="float64"),
        "cost": cost,
        "latency": 1.0,
        "confidence": 0.5,
        "signal": "logprob",
        "rounds": 1,
        "error": pd.NA,
        "provider": "replay",
    }
    return pd.DataFrame({**told, **known}, index=range(count))


def _results(*strategies: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(strategies, ignore_index=True)


def _wide(small: Sequence[float], large: Sequence[float]) -> pd.DataFrame:
    return pd.DataFrame({"small": small, "large": large}, dtype="float64")


def test_the_summary_has_its_columns() -> None:
    """One row a strategy in the order given, with the promised columns."""
    table = summary(_results(_rows("b", [1, 0]), _rows("a", [1, 1])))
    assert list(table.columns) == list(SUMMARY)
    assert table.index.tolist() == ["b", "a"]
    assert table.index.name == "strategy"


def test_figures_of_one_strategy() -> None:
    """Means, sums and shares are what their names say; a failed row has no latency to count."""
    rows = _rows(
        "a",
        [1, 0, 1, 1],
        cost=pd.Series([0.001, 0.002, 0.003, 0.006]),
        latency=pd.Series([1.0, 2.0, 3.0, 4.0]),
        confidence=pd.Series([0.2, 0.4, 0.6, NAN]),
        rounds=pd.Series([1, 2, 3, 1]),
        error=pd.Series([pd.NA, "Timeout: late", pd.NA, pd.NA], dtype="string"),
    )
    row = summary(rows).loc["a"]
    assert (row["n"], row["errors"]) == (4, 1)
    assert row["quality"] == 0.75
    assert row["cost"] == pytest.approx(0.012)
    assert row["cost_per_1k"] == pytest.approx(3.0)
    assert (row["latency_p50"], row["latency_p95"]) == pytest.approx((3.0, 3.9))
    assert row["confidence"] == pytest.approx(0.4)
    assert row["escalation_rate"] == 0.5


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_quality_has_the_interval_of_its_mean(quality: list[float]) -> None:
    """The interval is that of the statistics module, and holds the mean."""
    row = summary(_rows("a", quality)).loc["a"]
    expected = mean_interval(quality)
    assert (row["quality_low"], row["quality_high"]) == pytest.approx(expected, nan_ok=True)
    assert row["quality"] == pytest.approx(np.mean(quality))


def test_strategies_are_judged_on_the_same_prompts() -> None:
    """A prompt whose quality is unknown for one strategy counts for none."""
    table = summary(
        _results(
            _rows("a", [1, 0, NAN, 1], cost=pd.Series([1.0, 2.0, 100.0, 3.0])),
            _rows("b", [NAN, 1, 1, 1], cost=pd.Series([100.0, 4.0, 5.0, 6.0])),
        )
    )
    assert table["n"].tolist() == [2, 2]
    assert table["quality"].tolist() == [0.5, 1.0]
    assert table["cost"].tolist() == [5.0, 10.0]


@settings(max_examples=50)
@given(st.lists(st.tuples(BINARY | st.just(NAN), BINARY | st.just(NAN)), min_size=1, max_size=8))
def test_common_prompts_are_known_for_all(pairs: list[tuple[float, float]]) -> None:
    """What is kept is known everywhere, or nothing is known and all is kept."""
    first, second = zip(*pairs, strict=True)
    kept = common(_results(_rows("a", first), _rows("b", second)))
    both = [n for n, pair in enumerate(pairs) if not any(map(math.isnan, pair))]
    nothing = all(math.isnan(quality) for pair in pairs for quality in pair)
    expected = list(range(len(pairs))) if nothing else both
    assert kept["row"].tolist() == expected * 2


def test_no_prompt_in_common_is_said_with_zero() -> None:
    """Strategies that share no judged prompt have n = 0 and no figures."""
    table = summary(_results(_rows("a", [1, NAN]), _rows("b", [NAN, 1])), singles=("a", "b"))
    assert table.loc[["a", "b"], "n"].tolist() == [0, 0]
    assert table.loc[["a", "b"], ["quality", "cost_per_1k", "saving"]].isna().all(axis=None)


def test_no_results_give_no_rows() -> None:
    """The summary of nothing has the columns and no rows."""
    table = summary(_rows("a", []), singles=("a",))
    assert list(table.columns) == list(SUMMARY)
    assert len(table) == 0


@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(shuffler: Any) -> None:
    """Shuffled results have the same summary."""
    results = _results(
        _rows("small", [1, 0, NAN, 1], cost=1.0),
        _rows("large", [1, 1, 1, 0], cost=pd.Series([4.0, 5.0, 6.0, 7.0])),
    )
    order = shuffler.sample(range(len(results)), len(results))
    singles = ("small", "large")
    expected = summary(results, singles=singles)
    told = summary(results.iloc[order], singles=singles)
    pd.testing.assert_frame_equal(told.loc[expected.index], expected)


def test_the_summary_leaves_the_results_alone() -> None:
    """Results are only read."""
    results = _results(_rows("a", [1, NAN]), _rows("b", [0, 1]))
    before = results.copy(deep=True)
    summary(results, singles=("a", "b"))
    pd.testing.assert_frame_equal(results, before)


def test_saving_is_measured_against_the_strongest_single() -> None:
    """The best single model is what one would have used; dearer than it is a negative saving."""
    table = summary(
        _results(
            _rows("small", [1, 0], cost=1.0),
            _rows("large", [1, 1], cost=10.0),
            _rows("mixed", [1, 1], cost=4.0),
            _rows("wasteful", [1, 1], cost=15.0),
        ),
        singles=("small", "large"),
    )
    told = table["saving"].to_dict()
    assert told == pytest.approx(
        {"small": 0.9, "large": 0, "mixed": 0.6, "wasteful": -0.5, ORACLE: 0.45}
    )


def test_the_baseline_is_a_single_even_when_a_mixture_is_better() -> None:
    """Only a single model can be the baseline."""
    table = summary(
        _results(_rows("one", [1, 0], cost=2.0), _rows("mixed", [1, 1], cost=1.0)),
        singles=("one",),
    )
    assert table["saving"].to_dict() == {"one": 0.0, "mixed": 0.5}


def test_of_equally_strong_singles_the_cheapest_is_the_baseline() -> None:
    """A tie in quality goes to the lower cost."""
    table = summary(
        _results(_rows("dear", [1, 1], cost=8.0), _rows("fair", [1, 1], cost=2.0)),
        singles=("dear", "fair"),
    )
    assert table["saving"].loc[["dear", "fair"]].tolist() == [-3.0, 0.0]


def test_without_singles_nothing_is_saved() -> None:
    """No baseline, no saving."""
    assert summary(_results(_rows("a", [1]), _rows("b", [1])))["saving"].isna().all()


@pytest.mark.parametrize("cost", [0.0, NAN])
def test_a_baseline_without_a_price_saves_nothing_known(cost: float) -> None:
    """Against a free model, or one of unknown cost, a saving is undefined."""
    table = summary(
        _results(_rows("local", [1, 1], cost=cost), _rows("mixed", [1, 0], cost=1.0)),
        singles=("local",),
    )
    assert table["saving"].isna().all()


def test_without_references_there_are_costs_but_no_quality() -> None:
    """Nothing judged: quality is unknown, all prompts count, and there is no oracle."""
    table = summary(
        _results(
            _rows("small", [NAN, NAN], cost=1.0),
            _rows("large", [NAN, NAN], cost=10.0),
            _rows("mixed", [NAN, NAN], cost=4.0),
        ),
        singles=("small", "large"),
    )
    assert table.index.tolist() == ["small", "large", "mixed"]
    assert table[["quality", "quality_low", "quality_high"]].isna().all(axis=None)
    assert table["n"].tolist() == [2, 2, 2]
    assert table["saving"].to_dict() == pytest.approx({"small": 0.9, "large": 0, "mixed": 0.6})


def test_one_unknown_cost_makes_the_sum_unknown() -> None:
    """A strategy with a row of unknown cost has no cost, rather than part of one."""
    row = summary(_rows("a", [1, 1], cost=pd.Series([1.0, NAN]))).loc["a"]
    assert math.isnan(row["cost"])
    assert math.isnan(row["cost_per_1k"])


def test_columns_of_nothing_give_nan_and_no_warning() -> None:
    """Latencies, confidences and costs that are all unknown are NaN, without a RuntimeWarning."""
    rows = _rows("a", [NAN, NAN], cost=NAN, latency=NAN, confidence=NAN)
    row = summary(_results(rows, rows.assign(strategy="b")), singles=("a", "b")).loc["a"]
    unknown = ["quality", "latency_p50", "latency_p95", "confidence", "cost", "cost_per_1k"]
    assert row[unknown].isna().all()


def test_known_latencies_are_enough() -> None:
    """A latency that is unknown is left out of the quantiles."""
    rows = _rows("a", [1, 1, 1], latency=pd.Series([1.0, NAN, 3.0]))
    assert summary(rows).loc["a", "latency_p50"] == 2.0


def test_signals_and_providers_are_listed() -> None:
    """The two commonest signals and every provider are named."""
    rows = _rows(
        "a",
        [1] * 6,
        signal=["agreement", "agreement", "agreement", "logprob", "logprob", "failure"],
        provider=pd.Series(["openai", "anthropic", pd.NA, "openai", pd.NA, pd.NA], dtype="string"),
    )
    row = summary(rows).loc["a"]
    assert row["signal"] == "agreement, logprob"
    assert row["provider"] == "anthropic, openai"


@pytest.mark.parametrize(
    ("quality", "cost", "best"),
    [
        ([0.5, 0.9], [9.0, 1.0], "b"),
        ([0.9, 0.5], [9.0, 1.0], "a"),
        ([0.9, 0.9], [9.0, 1.0], "b"),
        ([0.9, 0.9], [1.0, NAN], "a"),
        ([NAN, NAN], [9.0, 1.0], "a"),
        ([NAN, NAN], [NAN, 1.0], "b"),
        ([NAN, NAN], [NAN, NAN], None),
        ([], [], None),
    ],
)
def test_the_strongest_single(quality: list[float], cost: list[float], best: str | None) -> None:
    """Highest quality, then lowest cost; without qualities the dearest; of nothing, none."""
    names = list("ab")[: len(quality)]
    table = pd.DataFrame({"quality": quality, "cost_per_1k": cost}, index=names, dtype="float64")
    assert strongest(table) == best


@pytest.mark.parametrize(
    ("small", "large", "costs", "chosen"),
    [
        (1, 1, (1, 9), "small"),
        (1, 1, (9, 1), "large"),
        (0, 1, (1, 9), "large"),
        (0, 0, (1, 9), "small"),
        (0, 0, (9, 1), "large"),
        (0.5, 0.6, (1, 9), "large"),
        (0.6, 0.6, (2, 1), "large"),
        (1, NAN, (9, 1), "small"),
        (1, 1, (NAN, 9), "large"),
        (1, 1, (0, 0), "small"),
    ],
)
def test_the_oracle_picks(
    small: float, large: float, costs: tuple[float, float], chosen: str
) -> None:
    """The cheapest of the best; where nothing is right, the cheapest; never an unpriced one."""
    told = oracle(_wide([small], [large]), _wide([costs[0]], [costs[1]]))
    assert told.tolist() == [chosen]


@pytest.mark.parametrize(
    ("quality", "cost"),
    [((NAN, NAN), (1, 1)), ((1, 1), (NAN, NAN)), ((0, 1), (1, NAN))],
    ids=["nothing judged", "nothing priced", "the best unpriced"],
)
def test_the_oracle_is_silent_where_it_cannot_know(
    quality: tuple[float, float], cost: tuple[float, float]
) -> None:
    """A prompt without qualities, or whose best has no price, has no oracle."""
    told = oracle(_wide([quality[0], 1], [quality[1], 1]), _wide([cost[0], 1], [cost[1], 9]))
    assert told.to_dict() == {1: "small"}


def test_the_oracle_of_nothing_is_nothing() -> None:
    """No prompts, no choices."""
    assert oracle(_wide([], []), _wide([], [])).tolist() == []


@settings(max_examples=50)
@given(st.lists(st.tuples(BINARY, BINARY, BINARY, PRICES, PRICES, PRICES), min_size=1, max_size=8))
def test_the_oracle_is_best_and_then_cheapest(table: list[tuple[float, ...]]) -> None:
    """Nothing is better than the oracle, and nothing as good is cheaper."""
    quality = pd.DataFrame([row[:3] for row in table], columns=list("abc"))
    cost = pd.DataFrame([row[3:] for row in table], columns=list("abc"))
    for row, name in oracle(quality, cost).items():
        best = quality.loc[row] == quality.loc[row].max()
        assert best[name]
        assert cost.loc[row, name] == cost.loc[row][best].min()


def test_the_oracle_stands_in_the_summary() -> None:
    """Two singles or more give the oracle a row: cheapest correct, over the same prompts."""
    table = summary(
        _results(
            _rows("small", [1, 0, 0, NAN], cost=1.0, latency=1.0),
            _rows("large", [1, 1, 0, 1], cost=9.0, latency=5.0),
        ),
        singles=("small", "large"),
    )
    row = table.loc[ORACLE]
    assert table.index.tolist() == ["small", "large", ORACLE]
    assert (row["n"], row["quality"]) == (3, pytest.approx(2 / 3))
    assert row["cost"] == 1 + 9 + 1
    assert row["latency_p50"] == 1.0


def test_one_single_has_no_oracle() -> None:
    """There is nothing to choose from one model."""
    assert ORACLE not in summary(_results(_rows("a", [1]), _rows("b", [1])), singles=("a",)).index


def test_the_oracle_does_without_an_unpriced_model() -> None:
    """A model of unknown cost throughout is never the oracle's choice."""
    table = summary(
        _results(
            _rows("free", [1, 1], cost=NAN),
            _rows("small", [1, 0], cost=1.0),
            _rows("large", [1, 1], cost=9.0),
        ),
        singles=("free", "small", "large"),
    )
    assert table.loc[ORACLE, ["n", "quality", "cost"]].tolist() == [2, 1.0, 10.0]
