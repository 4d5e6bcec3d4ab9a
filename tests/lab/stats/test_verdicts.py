import math

import numpy as np
import pytest

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.stats import noninferior, paired_bootstrap, ratio_interval, tango

RNG = np.random.default_rng(9)
STRONG = (RNG.random(1200) < 0.9).astype(float)
DEAR = RNG.gamma(4, size=1200)


def flipped(share: float, of: np.ndarray = STRONG) -> np.ndarray:
    """Return qualities of which a share, at even distances, is the other way round."""
    return np.where(np.arange(len(of)) % round(1 / share) == 0, 1 - of, of)


def test_the_bound_is_the_fifth_percentile_of_the_paired_bootstrap() -> None:
    """One-sided 5 %, two-sided 95 %, of the same replicates; where answers are graded."""
    weak, strong = 0.9 * np.asarray(flipped(0.05)), 0.9 * np.asarray(STRONG)
    found, paired = noninferior(weak, strong, seed=3), paired_bootstrap(weak, strong, seed=3)
    assert (found.low, found.high) == (paired.low, paired.high)
    assert found.lower == np.quantile(paired.replicates, 0.05, method="inverted_cdf")
    assert found.low < found.lower < found.difference < found.high
    assert found.method == "bootstrap"


def test_the_verdict_is_the_bound_against_the_margin() -> None:
    """True exactly where the bound lies above minus the margin, also as the value of `if`."""
    bound = noninferior(flipped(0.02), STRONG).lower
    within = noninferior(flipped(0.02), STRONG, -bound + 1e-6)
    beyond = noninferior(flipped(0.02), STRONG, -bound)
    assert bool(within) is within.verdict is True
    assert bool(beyond) is beyond.verdict is False


def test_the_sentences_say_what_was_shown() -> None:
    """Within, better, worse, within though worse, and not shown: each in its own words."""
    much = noninferior(flipped(0.1), STRONG, name_a="routed", name_b="gpt-4")
    assert str(much).startswith("routed is worse than gpt-4 by 8")
    assert much.worse
    better = noninferior(STRONG, flipped(0.1), name_a="gpt-4", name_b="routed")
    assert str(better).startswith("gpt-4 is better than routed by 8")
    assert better.better
    assert better
    some = noninferior(flipped(0.02), STRONG, 0.05, name_a="routed")
    assert str(some).startswith("routed is within 5 pt of the reference, though worse by 1")
    both = np.where(np.arange(1200) % 100 == 0, 0.0, 0.6), np.full(1200, 0.6)
    both[0][50::100] = 1.0
    assert str(noninferior(*both)) == "within 1 pt of the reference, n=1,200"


def test_what_is_not_shown_says_how_bad_it_may_be() -> None:
    """The bound is rounded away from the claim, never towards it."""
    a, b = np.array([1, 0, 1, 0] * 50), np.array([0, 1, 1, 0] * 50)
    found = noninferior(a, b)
    most = float(str(found).split("at most ")[1].split(" pt")[0])
    assert not found
    assert -100 * found.lower <= most < -100 * found.lower + 0.1


def test_the_cost_is_a_ratio_with_its_interval() -> None:
    """It is ratio_interval's; cheaper is shown where the whole interval is below 1."""
    found = noninferior(STRONG, STRONG, cost_a=0.4 * DEAR, cost_b=DEAR)
    assert found.cost_ratio == ratio_interval(0.4 * DEAR, DEAR)
    assert found.cheaper
    assert str(found) == "within 1 pt of the reference at 40 % [40, 40] of its cost, n=1,200"
    same = noninferior(STRONG, STRONG, cost_a=DEAR[::-1], cost_b=DEAR)
    assert same
    assert not same.cheaper
    assert "of its cost (not shown to be cheaper)" in str(same)


def test_one_set_of_prompts_serves_quality_and_cost() -> None:
    """A prompt with an unknown cost is judged for quality neither."""
    cost = DEAR.copy()
    cost[:7] = math.nan
    found = noninferior(STRONG, STRONG, cost_a=cost, cost_b=DEAR)
    assert found.cost_ratio is not None
    assert (found.n, found.dropped, found.cost_ratio.n) == (1193, 7, 1193)
    assert str(found).endswith("n=1,193 (7 dropped: unknown)")


def test_a_handful_of_equal_answers_proves_nothing() -> None:
    """Without a difference in sight, some 270 prompts are needed for one point, not thirty."""
    shown = [n for n in range(20, 400, 10) if noninferior([1] * n, [1] * n)]
    assert shown[0] == 270
    assert shown == list(range(270, 400, 10))
    few = noninferior([1] * 30, [1] * 30)
    assert few.method == "score"
    assert str(few) == "not shown to be within 1 pt of the reference: at most 8.3 pt worse, n=30"


def test_few_clusters_of_equal_answers_prove_as_little() -> None:
    """A cluster counts as one prompt where hardly any differ."""
    clusters = np.repeat(np.arange(30), 20)
    found = noninferior(np.ones(600), np.ones(600), clusters=clusters)
    assert found.lower == pytest.approx(noninferior([1] * 30, [1] * 30).lower)
    assert found.n == 600


@pytest.mark.parametrize(("n", "worse", "better"), [(100, 0.01, 0), (300, 0.02, 0.01)])
def test_a_strategy_at_the_margin_is_passed_rarely(n: int, worse: float, better: float) -> None:
    """Truly one point worse, it is called within one point in at most 5 % of samples (and noise).

    The bootstrap alone would pass a third of the first kind: those in which nothing differs.
    """
    rng, passed, certain = np.random.default_rng(4), 0, 0
    for _ in range(400):
        fate = rng.random(n)
        a = np.where(fate < worse, 0.0, np.where(fate < worse + better, 1.0, 0.5))
        b = np.where(fate < worse, 1.0, np.where(fate < worse + better, 0.0, 0.5))
        found = noninferior(a, b, n=400)
        passed += found.verdict
        certain += found.differ == 0
    assert passed / 400 <= 0.085
    assert better or certain / 400 > 0.25


def test_too_few_clusters_show_nothing() -> None:
    """No inference is no verdict, and a warning says why."""
    with pytest.warns(MetricWarning, match="too few clusters"):
        found = noninferior(STRONG, STRONG, clusters=np.arange(1200) % 9)
    assert not found
    assert math.isnan(found.lower)
    assert "too little to judge by" in str(found)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"a": [1.2] * 20}, "holds 1.2"),
        ({"margin": 1}, "0.01 is one point"),
        ({"margin": -0.01}, "0.01 is one point"),
        ({"margin": math.nan}, "0.01 is one point"),
        ({"cost_a": [1] * 20}, "give both, or neither"),
        ({"cost_a": [-1] * 20, "cost_b": [1] * 20}, "0 or more"),
        ({"level": 0.4}, "strictly between 0.5 and 1"),
        ({"cost_a": [1] * 20, "cost_b": [1] * 19}, "cost_b 19"),
    ],
)
def test_what_cannot_be_judged_is_told(changed: dict, told: str) -> None:
    """Values and settings outside their range are refused with what to write instead."""
    with pytest.raises(ParameterError, match=told):
        noninferior(**({"a": [1] * 20, "b": [1] * 20} | changed))


def test_rights_and_wrongs_have_the_score_interval() -> None:
    """Where every answer is right or wrong the ends are Tango's, however many prompts differ."""
    weak = np.asarray(flipped(0.05))
    found = noninferior(weak, STRONG)
    won, lost = int((weak > STRONG).sum()), int((weak < STRONG).sum())
    assert found.method == "score"
    assert (found.low, found.high) == pytest.approx(tango(won, lost, len(weak)))
    assert found.low < found.lower < found.difference < found.high


@pytest.mark.parametrize("grouped", [False, True])
def test_the_normal_bounds_are_nearly_those_of_the_bootstrap(grouped: bool) -> None:
    """With thousands of graded answers both methods agree, on quality and on the cost ratio."""
    draw = np.random.default_rng(3)
    b = draw.uniform(0, 0.9, 4000)
    a, cost_b = b + draw.uniform(-0.1, 0.1, 4000).clip(-b), draw.gamma(2, 1.0, 4000)
    given = {"cost_a": cost_b * draw.uniform(0.2, 0.6, 4000), "cost_b": cost_b}
    given |= {"clusters": np.arange(4000) // 4} if grouped else {}
    slow, quick = (noninferior(a, b, method=each, **given) for each in ("bootstrap", "normal"))
    assert quick.method == "normal"
    assert [quick.low, quick.lower, quick.high] == pytest.approx(
        [slow.low, slow.lower, slow.high], abs=3e-4
    )
    assert quick.cost_ratio.estimate == slow.cost_ratio.estimate
    assert [quick.cost_ratio.low, quick.cost_ratio.high] == pytest.approx(
        [slow.cost_ratio.low, slow.cost_ratio.high], abs=2e-3
    )


def test_rights_and_wrongs_have_the_score_interval_by_either_method() -> None:
    """The method is of graded answers and of costs alone."""
    a, b = [1, 0, 1, 1] * 100, [1, 1, 0, 1] * 100
    slow, quick = (noninferior(a, b, method=each) for each in ("bootstrap", "normal"))
    assert (quick.method, quick.low, quick.lower) == ("score", slow.low, slow.lower)


def test_an_unknown_method_is_told() -> None:
    """Nothing is guessed of a misspelt method."""
    with pytest.raises(ParameterError, match="write 'bootstrap' or 'normal'"):
        noninferior([1, 0], [1, 1], method="gauss")
