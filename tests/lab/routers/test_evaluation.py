from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import MatrixError, MetricWarning, ParameterError, UnknownModelError
from orchkit.lab import metrics
from orchkit.lab.metrics import utility_curve
from orchkit.lab.metrics.budgets import aiq, qnc
from orchkit.lab.routers import GroupMeanRouter, KNNRouter, LengthRouter
from orchkit.lab.routers.buying import PRICES, Buying, readings
from orchkit.lab.routers.crossing import group_folds, text_folds
from orchkit.lab.routers.evaluation import Evaluation, evaluate
from orchkit.lab.routers.lessons import Lesson
from orchkit.lab.routers.recovering import Recovering
from orchkit.lab.stats import bootstrap
from tests.lab.routers.conftest import made


def evaluated(matrix: Any, routers: Any = None, **given: Any) -> Evaluation:
    """Return an evaluation with quick settings."""
    settings = {"folds": 3, "seed": 0, "groups": None, "weak": None, "strong": None, "n": 50}
    routers = {"knn": KNNRouter(k=20), "length": LengthRouter()} if routers is None else routers
    return evaluate(matrix, routers, **(settings | given))


def test_resampled_scores_are_the_metrics() -> None:
    """APGR and CPT of a replicate equal `orchkit.metrics` on the drawn prompts, ties and all."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        n = int(rng.integers(20, 60))
        scores = [rng.integers(0, 5, n).astype(float), rng.random(n), np.zeros(n)]
        weak, strong = rng.integers(0, 2, n) * 1.0, rng.integers(0, 3, n) / 2
        drawn = rng.integers(n, size=n)
        found = Recovering(scores, weak, strong)(drawn)
        if strong[drawn].mean() <= weak[drawn].mean():
            assert np.isnan(found).all()
            continue
        for told, score in zip(found, scores, strict=True):
            given = score[drawn], weak[drawn], strong[drawn]
            expected = metrics.apgr(*given), metrics.cpt(*given, 0.5), metrics.cpt(*given, 0.8)
            assert told.tolist() == pytest.approx(expected, abs=1e-9)


def test_readings_lie_on_the_curve(small: Any) -> None:
    """What is read at a price is a point of `utility_curve`; AIQ is the area below that path.

    Of single models it is that of their hull; a path's costs never fall.
    """
    lesson = Lesson.of(small)
    rng = np.random.default_rng(0)
    hoped = rng.random(lesson.quality.shape)
    told = readings(hoped, lesson.cost, lesson.quality, lesson.cost)
    good, spent = (np.mean(each, axis=1) for each in (told[:PRICES], told[PRICES:]))
    curve = utility_curve(hoped, lesson.cost, lesson.quality, lesson.cost)
    points = {
        (round(q, 9), round(c * 1e6, 6)) for q, c in zip(curve.quality, curve.cost, strict=True)
    }
    assert {_rounded(*each) for each in zip(good, spent, strict=True)} <= points
    q, c = lesson.quality.mean(axis=0), lesson.cost.mean(axis=0)
    zero, found = Buying(2, 1)(*q, *c, *good, *spent)
    low, high = max(c.min(), spent.min()), c[1]
    grid = np.linspace(low, high, 100_001)
    path = np.interp(grid, np.maximum.accumulate(spent), good)
    assert found[0] == pytest.approx(path.mean(), abs=1e-4)
    assert zero[0] == pytest.approx(aiq(c, q, cost_range=(low, high)))
    assert zero[2] == pytest.approx(qnc(c, q, best_cost=c[1], best_quality=q[1], mixed=True))
    assert found[1] == pytest.approx(found[0] - zero[0])
    reached = np.flatnonzero(path >= q[1])
    assert found[2] == pytest.approx(grid[reached[0]] / c[1] if len(reached) else np.inf, abs=1e-4)


def test_points_are_not_picked_where_they_are_measured() -> None:
    """A lucky point that costs as much as a later one is no part of the path; a hull takes it."""
    good = np.array([0.5, 0.9, 0.5, *[0.7] * (PRICES - 3)])
    spent = np.array([1.0, 2.0, 2.0, *[3.0] * (PRICES - 3)])
    zero, found = Buying(2, 1)(0.5, 0.7, 1.0, 3.0, *good, *spent)
    assert zero[0] == pytest.approx(0.6)
    assert found[0] == pytest.approx((0.7 + 0.6) / 2)
    assert found[2] == pytest.approx(1.5 / 3)


def test_noise_gains_nothing() -> None:
    """Of routers that add noise to the models' means few have a gain that excludes 0."""
    seeds, won = 40, 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        good = (rng.random((150, 2)) < (0.5, 0.65)) * 1.0
        spent = np.array([1.0, 3.0]) * rng.lognormal(0, 0.3, (150, 1))
        hoped = np.clip(rng.normal((0.5, 0.65), 0.1, (150, 2)), 0, 1)
        columns = [*good.T, *spent.T, *readings(hoped, spent, good, spent)]
        found = bootstrap(Buying(2, 1), *columns, n=100, seed=seed, of_means=True)
        won += bool(found.low[1, 1] > 0)
    assert won <= seeds // 10


def test_baselines_are_what_they_must_be(small: Any) -> None:
    """Random mixing recovers half, the oracle most; what is learned lies between."""
    found = evaluated(small)
    table = found.table
    assert table.index.tolist() == ["random mix", "longest first", "knn", "length", "oracle"]
    assert table.loc["random mix", ["apgr", "cpt50", "cpt80", "aiq_gain"]].tolist() == [
        0.5, 0.5, 0.8, 0.0,
    ]  # fmt: skip
    assert table["apgr"].idxmax() == table["aiq"].idxmax() == "oracle"
    assert table.loc["knn", "apgr_low"] > 0.5
    assert (table["apgr_low"] <= table["apgr"]).all()
    assert (found.weak, found.strong, found.best) == ("small", "large", "large")
    assert set(found.curves["router"]) == {*table.index} - {"random mix"}


def test_what_is_said_of_a_prompt_was_said_unseen(small: Any) -> None:
    """Turning a prompt's outcome does not change what was said of it."""
    frame = small.frame
    own = frame["prompt_id"] == 0
    frame.loc[own, "quality"] = 1 - frame.loc[own, "quality"]
    one, other = (evaluated(m).crossed[0].hoped for m in (small, type(small)(frame)))
    assert np.array_equal(one[0], other[0])
    assert not np.array_equal(one[1:], other[1:])


def test_left_out_groups_stand_beside(small: Any) -> None:
    """With groups each router has a second row; group means know nothing of groups left out."""
    groups = small.per_prompt("topic").tolist()
    found = evaluated(small, {"means": GroupMeanRouter("topic")}, groups=groups)
    table = found.table
    assert table["validation"].tolist() == ["", "", "i.i.d.", "leave-group-out", ""]
    assert table.loc["means", "apgr_low"] > 0.5
    assert table.loc["means, groups left out", "apgr"] == pytest.approx(0.5)
    assert table.loc["means, groups left out", "unlike"] > table.loc["means", "unlike"]


def test_intervals_draw_equal_prompts_together(small: Any) -> None:
    """Recording every prompt four times over narrows no interval: it tells nothing new."""
    frame = small.frame
    many = [frame.assign(prompt_id=frame["prompt_id"] + 1000 * n) for n in range(4)]
    routers = {"length": LengthRouter()}
    one, four = (
        evaluated(type(small)(each), routers, n=300).table for each in (frame, pd.concat(many))
    )
    for name in ("apgr", "aiq"):
        widths = [t.loc["longest first" if name == "apgr" else "length"] for t in (one, four)]
        width, same = (each[f"{name}_high"] - each[f"{name}_low"] for each in widths)
        assert 0.75 < same / width < 1.35


def test_left_out_groups_are_drawn_whole(small: Any) -> None:
    """With 10 groups or more their rows' intervals are of groups; with fewer, of prompts."""
    frame = small.frame
    frame["kind"] = frame["prompt_id"] % 12
    large, kind = frame["model"] == "large", frame["kind"]
    frame["quality"] = np.where(large, (kind != 0) & (kind != 4), kind >= 7) * 1.0
    mat = type(small)(frame)
    kinds = mat.per_prompt("kind")
    routers = {"knn": KNNRouter(k=20)}
    few, many = (
        evaluated(mat, routers, groups=each.tolist(), n=200).table for each in (kinds % 9, kinds)
    )
    tables = few.loc["knn, groups left out"], many.loc["knn, groups left out"], many.loc["knn"]
    prompts, groups, iid = (each["apgr_high"] - each["apgr_low"] for each in tables)
    assert groups > 1.5 * max(prompts, iid)


def test_folds_keep_together_what_belongs_together() -> None:
    """Equal texts share a fold, and so do groups; all folds are used and of like size."""
    texts = [f"text {number % 20}" for number in range(60)]
    fold = text_folds(texts, 5, seed=3)
    assert np.bincount(fold).tolist() == [12] * 5
    assert all(len({*fold[n::20]}) == 1 for n in range(20))
    groups = [n % 7 for n in range(70)]
    left = group_folds(groups, 3, seed=0)
    assert sorted(np.bincount(left)) == [20, 20, 30]
    assert all(len({*left[n::7]}) == 1 for n in range(7))
    with pytest.raises(MatrixError, match="one group"):
        group_folds(["a", "a"], 3, seed=0)


def test_a_strong_model_that_is_worse_is_told_of(small: Any) -> None:
    """Where strong is no better than weak there is no APGR, and a warning says so with figures."""
    with pytest.warns(MetricWarning, match="strong='small' is worse than weak='large' on the 150"):
        table = evaluated(small, weak="large", strong="small").table
    assert table[["apgr", "apgr_low", "cpt50", "over_length"]].isna().all(axis=None)
    assert (table["n"] == 150).all()
    assert table["aiq"].notna().sum() == 4
    even = small.frame.assign(quality=1.0)
    with pytest.warns(MetricWarning) as told:
        evaluated(type(small)(even))
    assert "is as good as" in str(told[0].message)


def test_without_costs_there_is_no_aiq(small: Any) -> None:
    """APGR needs no costs; AIQ and QNC are NaN and say why."""
    bare = type(small)(small.frame.drop(columns="cost"))
    with pytest.warns(MetricWarning, match="no prompt has the costs"):
        table = evaluated(bare).table
    assert table["aiq"].isna().all()
    assert table.loc["oracle", "apgr"] > 0.5
    assert "cost" not in evaluated_curves(bare)


def evaluated_curves(matrix: Any) -> Any:
    """Return the curves of an evaluation, whatever it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetricWarning)
        return evaluated(matrix).curves


def test_a_router_of_ones_own_is_fitted_on_the_rest(small: Any) -> None:
    """Anything with fit and predict is cross-validated, on copies and recordings of its own."""
    seen: list[int] = []

    class Own:
        def fit(self, matrix: Any) -> Own:
            seen.append(len(matrix))
            return self

        def predict(self, texts: list[str]) -> Any:
            return [{"large": 0.9, "small": len(text) / 1000} for text in texts]

    found = evaluated(small, {"own": Own()})
    assert seen == [100, 100, 100]
    assert found.crossed[0].hoped[:, 1].tolist() == [0.9] * 150
    with pytest.raises(ParameterError, match="is no router"):
        evaluated(small, {"none": object()})


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        (lambda texts: pd.DataFrame({"small": [0.5], "large": [0.5]}), ParameterError, "1 rows"),
        (lambda texts: [{"small": -5.0, "large": 0.5}] * len(texts), ParameterError, "-5 of 'sm"),
        (lambda texts: [{"small": 0.5, "large": 1.01}] * len(texts), ParameterError, "1.01 of 'la"),
        (lambda texts: [{"small": 0.5, "large": np.nan}] * len(texts), ParameterError, "says nan"),
        (lambda texts: [{"small": 0.5, "large": "?"}] * len(texts), ParameterError, "no number"),
        (lambda texts: [{"small": 0.5}] * len(texts), UnknownModelError, "nothing of 'large'"),
        (None, ParameterError, "gave None; let it end with `return self`"),
    ],
)
def test_a_router_of_ones_own_is_checked(small: Any, said: Any, error: Any, told: str) -> None:
    """What it says must be one row a text, of all models, in [0, 1]; and `fit` gives the router."""

    class Own:
        def fit(self, matrix: Any) -> Any:
            return self if said else None

        def predict(self, texts: list[str]) -> Any:
            return said(texts)

    with pytest.raises(error, match=told):
        evaluated(small, {"own": Own()})


def test_two_models_are_needed(small: Any) -> None:
    """One model, an unknown one, or the same twice is refused."""
    with pytest.raises(MatrixError, match="Only small was recorded"):
        evaluated(small.subset(models=["small"]))
    with pytest.raises(ParameterError, match="No model 'huge'"):
        evaluated(small, weak="huge")
    with pytest.raises(ParameterError, match="are both large"):
        evaluated(made(30), weak="large")


def test_what_no_fold_teaches_is_left_out(small: Any) -> None:
    """A model that the rest of the folds knows nothing of is told of, and its prompts left out."""
    large = small.frame[small.frame["model"] == "large"]
    rare = large[large["prompt_id"].isin([0, 3])].assign(model="rare")
    frame = pd.concat([small.frame, rare], ignore_index=True)
    own = frame["prompt_id"].isin([0, 3])
    frame["prompt"] = frame["prompt"].where(~own, "the same")
    with pytest.warns(MetricWarning) as told:
        found = evaluated(type(small)(frame), weak="small", strong="large")
    assert "rare: no quality is known outside of some fold" in str(told[0].message)
    assert "the 50 prompts inside" in str(told[0].message)
    assert np.isnan(found.crossed[0].hoped[[0, 3], 2]).all()
    assert np.isfinite(found.crossed[0].hoped[:, :2]).all()
    assert found.table.loc["knn", "n"] == 150
    assert found.table.loc["knn", "apgr_low"] > 0.5
    with pytest.warns(MetricWarning) as told:
        table = evaluated(type(small)(frame), weak="small", strong="rare").table
    assert any("no prompt of both models is left" in str(each.message) for each in told)
    assert (table["n"] == 0).all()
    assert table["aiq"].isna().all()


def test_a_pair_is_recorded_on_the_same_prompts(small: Any) -> None:
    """Two models without a prompt in common are refused by name."""
    frame = small.frame
    apart = (frame["model"] == "small") == (frame["prompt_id"] % 2 == 0)
    with pytest.raises(MatrixError, match="small and large were never recorded on the same"):
        evaluated(type(small)(frame[apart]))


def _rounded(quality: float, cost: float) -> tuple[float, float]:
    return round(quality, 9), round(cost * 1e6, 6)
