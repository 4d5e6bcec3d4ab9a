from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Params
from orchkit.core.catalog import Catalog
from orchkit.core.confidence import brevity
from orchkit.core.fitted import Fitted
from orchkit.errors import MetricWarning, OrchkitWarning, ParameterError
from orchkit.lab.experiment import compare, recorded_quality
from orchkit.lab.matrix import Matrix
from orchkit.lab.searching import Goal, strongest
from orchkit.lab.stats import mean_interval, noninferior
from orchkit.lab.tuning import TUNED, Tuning, tuned_agreement, tuned_chain, tuned_ensemble

Table = Callable[..., pd.DataFrame]
KINDS = pytest.mark.parametrize("tune", TUNED.values(), ids=[kind.name for kind in TUNED])  # type: ignore[attr-defined]


def tuning(frame: pd.DataFrame, goal: Goal | None = None, **settings: Any) -> Tuning:
    """Return a recording with what is asked of it."""
    matrix = Matrix(frame)
    models = tuple(sorted(matrix.models))
    return Tuning(
        matrix, matrix.catalog(Catalog({}, ())), goal or Goal(max_loss=0.2), models, **settings
    )


def run(tune: Callable[..., Any], asked: Tuning, **settings: Any) -> Any:
    """Return the tuned strategy; an ensemble may say that it is not worth its money."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OrchkitWarning)
        return tune(asked, **settings)


def agreeable(table: Table, n: int = 120, seed: int = 0) -> pd.DataFrame:
    """Return a recording whose right answers are all alike, so that agreeing means something."""
    frame = table(n, seed)
    wrong = np.random.default_rng(seed + 1).integers(2, 90, len(frame)).astype(str)
    said = np.where(frame["quality"] == 1, "1", wrong)
    return frame.assign(response=said)


def replayed(strategy: Any, matrix: Matrix) -> tuple[float, float]:
    """Return mean quality and cost of driving the strategy over a matrix, row by row."""
    found = compare(
        matrix.queries(lambda texts: ["basic"] * len(texts), Params()),
        [strategy],
        lambda jobs: matrix.run(jobs, matrix.catalog(Catalog({}, ()))),
        recorded_quality,
    )
    return float(found["quality"].mean()), float(found["cost"].mean())


@KINDS
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("grouped", [False, True], ids=["prompts", "groups"])
def test_what_it_remembers_is_what_a_replay_gives(
    table: Table, tune: Any, seed: int, grouped: bool
) -> None:
    """On both parts of the same split, the generator comes to the quality and cost it tells."""
    frame = agreeable(table, seed=seed)
    groups = [f"g{n // 3}" for n in range(120)] if grouped else None
    asked = tuning(frame, Goal(max_loss=0.3, caution=0), test=0.4, seed=seed, groups=groups)
    found = run(tune, asked)
    fit, test = Matrix(frame).split(test=0.4, seed=seed, groups=groups)
    told: Fitted = found.fitted
    assert (told.n_fit, told.n_test) == (len(fit), len(test))
    assert (told.quality, told.cost) == pytest.approx(replayed(found, test))
    assert (told.fit_quality, told.fit_cost) == pytest.approx(replayed(found, fit))


@KINDS
@given(seed=st.integers(0, 50))
@settings(max_examples=4)
def test_the_order_of_rows_makes_no_difference(table: Table, tune: Any, seed: int) -> None:
    """A shuffled recording gives the same strategy with the same memory, to the last digit."""
    frame = agreeable(table)
    frame["quality"] = frame["quality"] * 0.7 + 0.1
    goal = Goal(max_loss=0.3, caution=0)
    one = run(tune, tuning(frame, goal))
    other = run(tune, tuning(frame.sample(frac=1, random_state=seed), goal))
    assert (one, one.fitted) == (other, other.fitted)


@KINDS
def test_the_test_s_qualities_change_no_strategy(table: Table, tune: Any) -> None:
    """Turning every right into a wrong on the test part changes what is told, not what is made."""
    frame = agreeable(table)
    asked = tuning(frame, Goal(max_loss=0.3, caution=0))
    _, test = Matrix(frame).split(test=0.5, seed=0)
    held = frame["prompt_id"].isin(test.prompts.index)
    turned = frame.assign(
        quality=frame["quality"].where(~held, 1 - frame["quality"]),
        cost=frame["cost"].where(~held, 7e-6),
    )
    one, other = run(tune, asked), run(tune, tuning(turned, Goal(max_loss=0.3, caution=0)))
    assert one == other
    assert one.fitted.fit_quality == other.fitted.fit_quality
    assert one.fitted.quality != other.fitted.quality


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("budget", [1.2e-5, 3e-5, 8e-5])
def test_a_budget_holds_where_it_was_fitted(table: Table, seed: int, budget: float) -> None:
    """The mean cost on the prompts that were fitted on is within the budget."""
    for tune in (tuned_chain, tuned_ensemble):
        try:
            found = run(tune, tuning(table(100, seed), Goal(budget=budget), seed=seed))
        except ParameterError:
            assert tune is tuned_ensemble
            continue
        assert found.fitted.fit_cost <= budget * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_loss_holds_where_it_was_fitted(table: Table, seed: int) -> None:
    """On the prompts fitted on, no more quality is lost than was allowed."""
    asked = tuning(table(100, seed), Goal(max_loss=0.1), seed=seed)
    found = tuned_chain(asked)
    here = asked.arrays()
    here = here.at(~asked.tested(here))
    top = here.quality[:, here.column(strongest(here))].mean()
    assert found.fitted.fit_quality >= top - 0.1 - 1e-9
    assert found.fitted.reference == strongest(here)


@pytest.mark.parametrize("grouped", [False, True], ids=["prompts", "groups"])
def test_the_verdict_is_that_of_the_statistics(table: Table, grouped: bool) -> None:
    """Interval and verdict are those of `orchkit.stats` on the test part, groups as clusters."""
    groups = [f"g{n // 3}" for n in range(120)] if grouped else None
    asked = tuning(table(120), Goal(budget=5e-5), groups=groups)
    found = tuned_chain(asked, longest=1)
    told, there = found.fitted, asked.arrays()
    assert told is not None
    assert found.chain is not None
    there = there.at(asked.tested(there))
    own, other = there.column(found.chain[0]), there.column(told.reference)
    assert own != other
    labels = asked.labels(there)
    low, high = mean_interval(there.quality[:, own], clusters=labels)
    assert (told.quality_low, told.quality_high) == (low, high)
    verdict = noninferior(
        there.quality[:, own],
        there.quality[:, other],
        0.01,
        cost_a=there.cost[:, own].astype(float),
        cost_b=there.cost[:, other].astype(float),
        clusters=labels,
        name_b=told.reference,
    )
    assert told.verdict == str(verdict)


def test_groups_stay_on_one_side(table: Table) -> None:
    """No group has prompts on both sides of the split."""
    groups = [f"g{n % 17}" for n in range(60)]
    asked = tuning(table(60), groups=groups)
    arrays = asked.arrays()
    sides = pd.Series(asked.tested(arrays)).groupby(asked.labels(arrays)).nunique()
    assert set(sides) == {1}


@pytest.mark.parametrize("signal", [None, brevity, lambda query, response: len(query.text) / 99])
def test_a_signal_that_was_given_is_the_strategy_s(table: Table, signal: Any) -> None:
    """A chain goes by the signal it was tuned with, a lambda as well."""
    asked = tuning(table(80), Goal(budget=4e-5))
    found = tuned_chain(asked, confidence=signal)
    assert found.chain is not None
    if len(found.chain) > 1:
        assert found.confidence in ((None, brevity) if signal is None else (signal,))


def test_of_several_signals_the_best_is_taken(table: Table) -> None:
    """A signal that knows what is right is preferred to one that does not."""
    frame = table(80)
    frame["response"] = frame["prompt_id"] + frame["model"]
    known = dict(zip(frame["response"], frame["quality"], strict=True))

    def oracle(_: Any, response: Any) -> float:
        return known[response.text]

    chosen = tuned_chain(tuning(frame, Goal(max_loss=0.0)), confidence=[brevity, oracle])
    assert chosen.confidence is oracle


@pytest.mark.parametrize("wrong", ["x", 5, [], [None], [brevity, "x"]], ids=str)
def test_what_is_no_signal_is_refused(table: Table, wrong: Any) -> None:
    """Only functions are signals."""
    with pytest.raises(ParameterError, match="give a function"):
        tuned_chain(tuning(table(20)), confidence=wrong)


def test_a_signal_must_be_a_key(table: Table) -> None:
    """A strategy with a signal that cannot be hashed could not be hashed either."""

    class Listing(list):  # type: ignore[type-arg]
        def __call__(self, *_: Any) -> float:
            return 0.5

    with pytest.raises(ParameterError, match="cannot be hashed"):
        tuned_chain(tuning(table(20)), confidence=Listing())


@pytest.mark.parametrize("longest", [0, 4, 2.0, True, "2", None], ids=repr)
def test_a_chain_has_one_to_three_models(table: Table, longest: Any) -> None:
    """Anything else is refused, and shown."""
    with pytest.raises(ParameterError, match=f"longest is {longest!r}"):
        tuned_chain(tuning(table(20)), longest=longest)


def test_a_chain_is_no_longer_than_asked(table: Table) -> None:
    """With a length of one the best single model is found."""
    for longest in (1, 2, 3):
        found = tuned_chain(tuning(table(80), Goal(budget=1e-4)), longest=longest)
        assert found.chain is not None
        assert len(found.chain) <= longest
        assert isinstance(found.threshold, tuple)
        assert len(found.threshold) == len(found.chain) - 1


@pytest.mark.parametrize(
    "asked",
    [
        *({"sizes": wrong} for wrong in ((1,), (9,), (), (2.0,), "2", 0, (True,), (2, 0))),
        *({"selects": wrong} for wrong in (("nope",), (), "nope", (None,), 3, (["majority"],))),
    ],
    ids=str,
)
def test_what_is_no_vote_is_refused(table: Table, asked: dict[str, Any]) -> None:
    """Sizes that cannot vote and ways nobody knows are misuse."""
    with pytest.raises(ParameterError, match=next(iter(asked))):
        run(tuned_ensemble, tuning(table(20), Goal(budget=math.inf)), **asked)


def test_one_size_and_one_way_may_stand_alone(table: Table) -> None:
    """A number and a name are lists of one; sizes beyond the models there are, are passed over."""
    asked = tuning(table(40), Goal(budget=math.inf))
    found = run(tuned_ensemble, asked, sizes=3, selects="majority")
    assert (found.size, found.models, found.select) == (3, found.models, "majority")
    assert run(tuned_ensemble, asked, sizes=(2, 9)).size == 2


def test_an_ensemble_is_held_against_its_best_member(table: Table) -> None:
    """Its reference is the member that was best where it was fitted, and it warns."""
    asked = tuning(table(60), Goal(budget=math.inf))
    with pytest.warns(OrchkitWarning, match="is not shown to beat its best member, c"):
        found = tuned_ensemble(asked)
    assert found.fitted is not None
    assert found.fitted.reference == "c"


def test_an_ensemble_that_is_better_does_not_warn() -> None:
    """Where three weak models err apart, their vote beats each of them, and nothing is said."""
    drawn = np.random.default_rng(0)
    rows = [
        {"prompt_id": n, "model": model, "quality": float(right := drawn.random() < 0.75),
         "response": "1" if right else str(drawn.integers(2, 999)), "cost": 1e-6}
        for n in range(400) for model in "abc"
    ]  # fmt: skip
    found = tuned_ensemble(tuning(pd.DataFrame(rows), Goal(budget=math.inf)))
    assert found.size == 3
    assert found.fitted is not None
    assert found.fitted.verdict.startswith("better than")


def test_two_cannot_agree_and_escalate(table: Table) -> None:
    """Agreeing takes three models, and with fewer it is said so."""
    asked = tuning(table(20, models="ab"))
    with pytest.raises(ParameterError, match="models are a and b"):
        tuned_agreement(asked)


def test_two_prompts_are_one_and_one(table: Table) -> None:
    """One prompt to fit on and one to test on give a strategy, and no claim."""
    with pytest.warns(MetricWarning):
        found = tuned_chain(tuning(table(2)))
    assert found.fitted is not None
    assert (found.fitted.n_fit, found.fitted.n_test) == (1, 1)
    assert found.fitted.verdict.endswith("alone: no other way was shown to pay")


@pytest.mark.parametrize("quality", [0.0, 1.0, 0.4])
def test_where_all_are_equal_the_cheapest_is_taken(table: Table, quality: float) -> None:
    """All wrong, all right or all the same: nothing is worth more money."""
    found = tuned_chain(tuning(table(40).assign(quality=quality)))
    assert found.chain == ("a",)
    assert found.fitted is not None
    assert found.fitted.optimism == pytest.approx(0.0)


def test_free_models_are_chosen_by_quality(table: Table) -> None:
    """Where nothing costs anything the best is taken, and no ratio of costs is told."""
    frame = table(60).assign(cost=0.0)
    with pytest.warns(MetricWarning, match="denominator is 0"):
        found = tuned_chain(tuning(frame, Goal(budget=0.0)))
    assert found.fitted is not None
    assert found.fitted.cost == found.fitted.fit_cost == 0.0
    assert "of its cost" not in found.fitted.verdict


def test_prompts_with_a_gap_are_no_part_of_it(table: Table) -> None:
    """A missing cell, an unknown cost or quality leaves its prompt out of both parts."""
    frame = table(60)
    frame.loc[0, "cost"], frame.loc[4, "quality"] = math.nan, math.nan
    found = tuned_chain(tuning(frame.drop(index=8)))
    assert found.fitted is not None
    assert found.fitted.n_fit + found.fitted.n_test == 57


def test_a_guarantee_is_told_in_words(table: Table) -> None:
    """It names the model it is against, and only a loss can be guaranteed."""
    found = tuned_chain(tuning(table(300), Goal(max_loss=0.2)), guarantee=True)
    assert found.fitted is not None
    told = str(found.fitted.guarantee)
    assert told.startswith("expected loss against c at most 0.2 on prompts like these")
    assert f"; {told}; fitted on fewer than 200 prompts" in str(found.fitted)
    with pytest.raises(ParameterError, match="guarantee=True needs max_loss"):
        tuned_chain(tuning(table(30), Goal(budget=1.0)), guarantee=True)
