import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.metrics import apgr, cost_apgr, cpt, deferral_curve, pgr

NAN = math.nan
BINARY = st.sampled_from([0.0, 1.0])
GRADES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
TIED = st.integers(0, 3).map(lambda k: k / 4)
LOOSE = st.floats(1e-6, 1)
Rows = list[tuple[float, float, float]]


def split(rows: Rows) -> tuple[list[float], list[float], list[float]]:
    """Return score, weak and strong, of which strong is the better one on the mean."""
    score, weak, strong = (list(column) for column in zip(*rows, strict=True))
    assume(abs(sum(weak) - sum(strong)) > 1e-6)
    return (score, weak, strong) if sum(strong) > sum(weak) else (score, strong, weak)


def rows_of(scores: st.SearchStrategy[float], most: int = 14) -> st.SearchStrategy[Rows]:
    """Return a strategy for prompts: score and two qualities."""
    return st.lists(st.tuples(scores, GRADES, GRADES), min_size=1, max_size=most)


def area_of_one_order(order: tuple[int, ...], gain: list[float]) -> Fraction:
    """Return the trapezoid of one order of sending, in exact fractions."""
    heights, height = [Fraction(0)], Fraction(0)
    for n in order:
        height += Fraction(gain[n])
        heights.append(height)
    strips = pairwise(heights)
    return sum(((a + b) / 2 for a, b in strips), Fraction(0)) / len(order) / height


@given(rows_of(TIED, most=6))
def test_exact_apgr_is_the_mean_over_all_orders_of_ties(rows: Rows) -> None:
    """Enumerating every order that the score allows gives exactly this."""
    score, weak, strong = split(rows)
    gain = [high - low for low, high in zip(weak, strong, strict=True)]
    allowed = [
        order
        for order in permutations(range(len(score)))
        if all(score[a] >= score[b] for a, b in pairwise(order))
    ]
    expected = sum((area_of_one_order(order, gain) for order in allowed), Fraction(0))
    assert apgr(score, weak, strong) == pytest.approx(float(expected / len(allowed)), abs=1e-12)


@given(rows_of(LOOSE), st.floats(-10, 10))
def test_a_score_that_knows_nothing_recovers_half(rows: Rows, constant: float) -> None:
    """A constant score has an APGR of exactly 0.5, and 0.55 by the paper's right ends."""
    _, weak, strong = split(rows)
    score = [constant] * len(weak)
    assert apgr(score, weak, strong) == 0.5
    assert cost_apgr(score, weak, strong, weak_cost=1, strong_cost=2) == 0.5
    assert apgr(score, weak, strong, kind="paper") == pytest.approx(0.55)


@given(rows_of(TIED | LOOSE))
def test_the_opposite_score_recovers_the_rest(rows: Rows) -> None:
    """A score and its negative add up to 1."""
    score, weak, strong = split(rows)
    other = apgr([-each for each in score], weak, strong)
    assert apgr(score, weak, strong) + other == pytest.approx(1)


@given(rows_of(TIED | LOOSE))
def test_only_the_order_of_scores_counts(rows: Rows) -> None:
    """A rising transform of the score changes nothing, except where deciles lie between scores."""
    score, weak, strong = split(rows)
    ranks = np.unique(score, return_inverse=True)[1]
    for kind in ("exact", "paper"):
        assert apgr(ranks, weak, strong, kind=kind) == apgr(score, weak, strong, kind=kind)


def paper(score: list[float], weak: list[float], strong: list[float]) -> float:
    """RouteLLM's section 3.2: the mean of PGR at 10 %, 20 %, …, 100 % of calls to strong."""
    curve = deferral_curve(score, weak, strong)
    at = [np.interp(k / 10, curve["share"], curve["quality"]) for k in range(1, 11)]
    low, high = np.mean(weak), np.mean(strong)
    return float(np.mean([(quality - low) / (high - low) for quality in at]))


@given(rows_of(TIED | LOOSE))
def test_the_paper_s_apgr_is_its_published_definition(rows: Rows) -> None:
    """Ten right end points of the curve."""
    score, weak, strong = split(rows)
    assert apgr(score, weak, strong, kind="paper") == pytest.approx(
        paper(score, weak, strong), abs=1e-9
    )


def routellm(score: list[float], weak: list[float], strong: list[float]) -> float | None:
    """Return what RouteLLM's evaluation computes, threshold by threshold; None where it stops."""
    table = pd.DataFrame({"score": score, "weak": weak, "strong": strong})
    try:
        _, thresholds = pd.qcut(table["score"], 10, retbins=True)
    except ValueError:
        return None
    points = []
    for number, threshold in enumerate(thresholds):
        last = number == len(thresholds) - 1
        sent = table["score"] > threshold if last else table["score"] >= threshold
        points.append((100 * sent.mean(), 100 * table["strong"].where(sent, table["weak"]).mean()))
    percent, accuracy = np.array(sorted(points)).T
    low, high = 100 * table["weak"].mean(), 100 * table["strong"].mean()
    flat = [np.trapezoid(np.full(len(percent), each), percent / 100) for each in (low, high)]
    return float((np.trapezoid(accuracy, percent / 100) - flat[0]) / (flat[1] - flat[0]))


@given(st.lists(st.tuples(TIED | LOOSE, GRADES, GRADES), min_size=1, max_size=40))
def test_routellm_s_apgr_is_what_its_code_computes(rows: Rows) -> None:
    """Ties, repeated thresholds and few prompts included: where its code stops, this is NaN."""
    score, weak, strong = split(rows)
    expected = routellm(score, weak, strong)
    if expected is None:
        with pytest.warns(MetricWarning, match="apgr is NaN: RouteLLM's code stops"):
            assert math.isnan(apgr(score, weak, strong, kind="routellm-code"))
    else:
        ours = apgr(score, weak, strong, kind="routellm-code")
        assert ours == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("size", [11, 20, 21, 101, 250])
def test_routellm_s_apgr_on_distinct_scores(size: int) -> None:
    """Without ties its code never stops, and the two agree to 1e-12."""
    rng = np.random.default_rng(size)
    score, weak = rng.random(size).tolist(), (rng.random(size) < 0.4).astype(float).tolist()
    strong = np.maximum(weak, rng.random(size) < 0.6).tolist()
    ours = apgr(score, weak, strong, kind="routellm-code")
    assert ours == pytest.approx(routellm(score, weak, strong), abs=1e-12)


def test_routellm_s_deciles_need_finite_scores() -> None:
    """A prompt without a score has no decile: NaN, and told."""
    score = [*np.linspace(0, 1, 20).tolist(), NAN]
    with (
        pytest.warns(MetricWarning, match="1 of 21 prompts have no score and go to strong first"),
        pytest.warns(MetricWarning, match="not finite"),
    ):
        assert math.isnan(apgr(score, [0] * 21, [1] * 21, kind="routellm-code"))


def test_an_oracle_recovers_more_than_all() -> None:
    """Sending only what strong alone gets right beats always asking strong."""
    weak, strong = [1, 1, 0, 0, 0, 1], [0, 1, 1, 1, 0, 1]
    gain = np.subtract(strong, weak)
    assert apgr(gain, weak, strong) > 1
    assert cpt(gain, weak, strong, 1.0) == pytest.approx(1 / 6)
    assert cpt(gain, weak, strong, 2.0) == pytest.approx(2 / 6)


def crossing(score: list[float], weak: list[float], strong: list[float], level: float) -> float:
    """Return the first point of a fine walk along the curve at which the level is reached."""
    curve = deferral_curve(score, weak, strong)
    walk = np.union1d(np.linspace(0, 1, 20_001), curve["share"])
    quality = np.interp(walk, curve["share"], curve["quality"])
    low, high = np.mean(weak), np.mean(strong)
    reached = np.flatnonzero(quality >= low + level * (high - low) - 1e-9)
    return float(walk[reached[0]]) if len(reached) else NAN


@given(rows_of(TIED | LOOSE), st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0, 1.3]))
@pytest.mark.filterwarnings("ignore:cpt is NaN. no share:orchkit.MetricWarning")
def test_cpt_is_the_first_crossing(rows: Rows, level: float) -> None:
    """Walking along the curve finds the same share, also where quality falls in between."""
    score, weak, strong = split(rows)
    expected = crossing(score, weak, strong, level)
    assert cpt(score, weak, strong, level) == pytest.approx(expected, abs=1e-4, nan_ok=True)


def test_cpt_does_not_take_the_curve_for_rising() -> None:
    """Where quality falls below a level again, the first crossing counts."""
    score, weak, strong = [4, 3, 2, 1], [0, 1, 0, 0], [1, 0, 1, 0]
    assert cpt(score, weak, strong, 0.5) == pytest.approx(0.125)
    assert cpt(score, weak, strong, 1.0) == pytest.approx(0.25)


def test_a_level_that_is_never_reached_is_nan() -> None:
    """The reason is told."""
    with pytest.warns(MetricWarning, match=r"no share of strong calls recovers 1\.5 of the gap"):
        assert math.isnan(cpt([2, 1], [0, 0], [1, 1], 1.5))


@pytest.mark.parametrize("level", [-0.1, NAN, math.inf, [0.5], None])
def test_a_level_is_a_share(level: object) -> None:
    """Anything else is refused."""
    with pytest.raises(ParameterError, match="level"):
        cpt([2, 1], [0, 0], [1, 1], level)  # type: ignore[arg-type]


@given(rows_of(TIED | LOOSE), st.floats(0.1, 5))
def test_at_one_price_cost_apgr_is_apgr(rows: Rows, extra: float) -> None:
    """Where every prompt costs the same, shares of cost are shares of calls."""
    score, weak, strong = split(rows)
    by_cost = cost_apgr(score, weak, strong, weak_cost=1, strong_cost=1 + extra)
    assert by_cost == pytest.approx(apgr(score, weak, strong))


def test_cost_apgr_is_an_area_over_relative_cost() -> None:
    """By hand: the gain arrives with the cheap prompt, which is a quarter of the extra cost."""
    prices = {"weak_cost": [1, 1], "strong_cost": [2, 4]}
    assert cost_apgr([2, 1], [0, 0], [1, 0], **prices) == pytest.approx(0.125 + 0.75)


def test_cost_apgr_needs_a_dearer_strong_model() -> None:
    """Equal or lower cost: NaN, and told."""
    for strong_cost in (1, 0.5):
        with pytest.warns(MetricWarning, match="strong is not dearer than weak"):
            value = cost_apgr([2, 1], [0, 0], [1, 1], weak_cost=1, strong_cost=strong_cost)
        assert math.isnan(value)


Metric = Callable[[list[float], list[float]], float]
METRICS: dict[str, Metric] = {
    "pgr": lambda weak, strong: pgr([0.5] * len(weak), weak, strong),
    "apgr": lambda weak, strong: apgr(range(len(weak)), weak, strong),
    "apgr-code": lambda weak, strong: apgr(range(len(weak)), weak, strong, kind="routellm-code"),
    "apgr-paper": lambda weak, strong: apgr(range(len(weak)), weak, strong, kind="paper"),
    "cpt": lambda weak, strong: cpt(range(len(weak)), weak, strong, 0.5),
    "cost_apgr": lambda weak, strong: cost_apgr(
        range(len(weak)), weak, strong, weak_cost=1, strong_cost=2
    ),
}


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize(
    ("weak", "strong", "why"),
    [
        ([1, 1, 0], [0, 1, 0], "strong is worse than weak"),
        ([1, 0, 0], [0, 0, 1], "weak and strong are equally good"),
        ([0.1, 0.2, 0.3], [0.3, 0.2, 0.1], "weak and strong are equally good"),
        ([1, 1, 1], [1, 1, 1], "weak and strong are equally good"),
        ([], [], "there is no row"),
    ],
)
def test_without_a_gap_there_is_nothing_to_recover(
    metric: Metric, weak: list[float], strong: list[float], why: str
) -> None:
    """NaN and the reason, never the ratio of two negatives nor of nothing."""
    with pytest.warns(MetricWarning, match=f"is NaN: {why}"):
        assert math.isnan(metric(weak, strong))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.filterwarnings("ignore:apgr is NaN. RouteLLM:orchkit.MetricWarning")
def test_prompts_left_out_are_told(metric: Metric) -> None:
    """A missing quality takes its prompt from every mean, and is counted."""
    weak, strong = [0, 0, 1, NAN, 0], [1, 1, NAN, 1, 0]
    with pytest.warns(MetricWarning, match="leaves out 2 of 5"):
        metric(weak, strong)


def test_a_prompt_without_a_score_goes_to_strong_first_and_is_told() -> None:
    """A missing score is worth as much as the highest."""
    with pytest.warns(MetricWarning, match="1 of 3 prompts have no score and go to strong first"):
        unknown = apgr([NAN, 2, 1], [0, 0, 0], [1, 0, 0])
    assert unknown == apgr([9, 2, 1], [0, 0, 0], [1, 0, 0])


@given(rows_of(TIED))
def test_pgr_of_a_routed_half_is_the_curve_s(rows: Rows) -> None:
    """At every point of the curve, PGR of its quality is linear in it."""
    score, weak, strong = split(rows)
    curve = deferral_curve(score, weak, strong)
    low, high = np.mean(weak), np.mean(strong)
    values = [pgr(float(quality), weak, strong) for quality in curve["quality"]]
    assert values == pytest.approx(list((curve["quality"] - low) / (high - low)), abs=1e-9)
    assert (values[0], values[-1]) == pytest.approx((0, 1), abs=1e-9)


def test_pgr_takes_means_or_prompts() -> None:
    """A mean stands for its prompts; what is missing in one is left out of all."""
    assert pgr(0.75, 0.5, 1) == 0.5
    assert pgr([1, 1, 0, 1], 0.5, 1.0) == 0.5
    with pytest.warns(MetricWarning, match="pgr leaves out 1 of 4"):
        assert pgr([1, 0, 1, NAN], [0, 0, 0, 1], [1, 1, 0, 1]) == pytest.approx(1)


def test_lengths_must_agree() -> None:
    """Prompts of one router cannot be compared with other prompts."""
    with pytest.raises(ParameterError, match="quality has 2 values and weak has 3"):
        pgr([1, 0], [0, 0, 0], 1.0)


def test_the_kind_has_a_name() -> None:
    """An unknown one is refused with what there is."""
    with pytest.raises(ParameterError, match="Did you mean 'exact'"):
        apgr([1], [0], [1], kind="exakt")


@pytest.mark.data
def test_prompt_length_on_the_recorded_routellm_pair(recorded: Path) -> None:
    """On 1,319 records of Mixtral and GPT-4, many lengths tied, variants are what they say."""
    pair = pd.read_csv(recorded / "routellm_gsm8k_pair.csv.gz")
    length, weak, strong = pair["question"].str.len(), pair["mixtral_8x7b"], pair["gpt4_1106"]
    given = length.tolist(), weak.tolist(), strong.tolist()
    assert apgr(length, weak, strong) == pytest.approx(0.601, abs=5e-4)
    code = apgr(length, weak, strong, kind="routellm-code")
    assert code == pytest.approx(routellm(*given), abs=1e-12)
    assert apgr(length, weak, strong, kind="paper") == pytest.approx(paper(*given), abs=1e-12)
    assert cpt(length, weak, strong, 0.5) == pytest.approx(crossing(*given, 0.5), abs=1e-4)
