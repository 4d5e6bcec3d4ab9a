from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from orchkit.core.confidence import brevity
from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.arrays import Arrays, arrays_of
from orchkit.lab.cascading import cascaded
from orchkit.lab.guaranteeing import guaranteed
from orchkit.lab.matrix import Matrix
from orchkit.lab.searching import Goal, parts

Table = Callable[..., pd.DataFrame]


def population(drawn: np.random.Generator, n: int, cut: float = 0.0) -> Arrays:
    """Return prompts of a cheap model that knows a little of when it is right, and a strong one.

    Of the strong one's answers a share `cut` is right, but whole enough for nobody to take.
    """
    sure = drawn.random(n)
    cheap = drawn.random(n) < 0.4 + 0.6 * sure
    strong = drawn.random(n) < 0.9
    whole = drawn.random(n) >= cut
    return Arrays(
        ("cheap", "strong"),
        np.arange(n),
        quality=np.column_stack([cheap & whole, strong | ~whole]).astype(float),
        cost=np.tile([1, 20], (n, 1)),
        rank=np.column_stack([sure, np.where(whole, 0.5, 0.0)]),
        usable=np.column_stack([np.full(n, fill_value=True), whole]),
    )


@pytest.mark.parametrize(("alpha", "cut"), [(0.05, 0.0), (0.1, 0.0), (0.1, 0.08)])
def test_the_promise_is_kept_on_average(alpha: float, cut: float) -> None:
    """Over many recordings the expected loss on new prompts is at most what was promised.

    Also where the strong model's answer cannot be taken; and not by promising nothing.
    """
    drawn = np.random.default_rng(7)
    new = population(drawn, 4000, cut)
    lost, spent = [], []
    for seed in range(200):
        found, _ = guaranteed({None: population(drawn, 120, cut)}, Goal(max_loss=alpha), seed)
        limits = (*(found.setting[0] if found.setting else ()), -math.inf)
        routed = cascaded(new, found.models, limits)
        lost.append(np.maximum(new.quality[:, 1] - routed.quality, 0).mean())
        spent.append(routed.cost.mean() / 20)
    error = np.std(lost) / math.sqrt(len(lost))
    assert np.mean(lost) <= alpha + 3 * error
    assert np.mean(spent) < 1


def test_the_threshold_is_chosen_on_prompts_that_chose_nothing_else(table: Table) -> None:
    """Pair and signal come from one half; turning the other half's qualities changes neither."""
    arrays = arrays_of(Matrix(table(200)), ("a", "b", "c"))
    half = parts(len(arrays), 2, seed=5) == 0
    first, _ = guaranteed({None: arrays}, Goal(max_loss=0.2), 5)
    cheap, strong = map(arrays.column, first.models)
    turned = arrays.quality.copy()
    turned[~half, cheap] = turned[~half, strong]
    other = Arrays(arrays.models, arrays.place, turned, arrays.cost, arrays.rank, arrays.usable)
    second, _ = guaranteed({None: other}, Goal(max_loss=0.2), 5)
    assert first.models == second.models
    assert second.setting[0][0] == 0.0  # where nothing is lost, everything is accepted
    assert first.setting[0][0] > 0.0


def test_groups_are_refused(table: Table) -> None:
    """Prompts held together by groups are not exchangeable, and the promise counts prompts."""
    arrays = arrays_of(Matrix(table(80)), ("a", "b", "c"))
    with pytest.raises(ParameterError, match="not exchangeable where groups"):
        guaranteed({None: arrays}, Goal(max_loss=0.2), 0, [0, 1] * 40)


def test_with_too_few_prompts_the_strong_one_stands_alone(table: Table) -> None:
    """Where no threshold keeps the promise the best model is taken, and it is said why."""
    arrays = arrays_of(Matrix(table(60)), ("a", "b", "c"))
    with pytest.warns(MetricWarning, match="No threshold keeps a loss of 0.01"):
        found, words = guaranteed({None: arrays}, Goal(max_loss=0.01), 0)
    assert (found.models, found.setting) == (("c",), ())
    assert words.startswith("expected loss against c at most 0.01 on prompts like these (conformal")


def test_the_signal_that_spends_least_is_taken() -> None:
    """Of two signals the one that tells right from wrong gives the cheaper pair."""
    drawn = np.random.default_rng(0)
    told = population(drawn, 400)
    right = np.column_stack([told.quality[:, 0], told.rank[:, 1]])
    knowing = Arrays(told.models, told.place, told.quality, told.cost, right, told.usable)
    found, _ = guaranteed({None: told, brevity: knowing}, Goal(max_loss=0.05), 0)
    assert found.setting[1] is brevity


def test_only_a_loss_can_be_guaranteed(table: Table) -> None:
    """A budget, and no loss at all, are refused."""
    arrays = arrays_of(Matrix(table(20)), ("a", "b"))
    for goal in (Goal(budget=1.0), Goal(max_loss=0.0)):
        with pytest.raises(ParameterError, match="max_loss"):
            guaranteed({None: arrays}, goal, 0)
