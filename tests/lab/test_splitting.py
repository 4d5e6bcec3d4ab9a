from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchkit.errors import ColumnError, MatrixError, ParameterError
from orchkit.lab.matrix import Matrix
from orchkit.lab.splitting import held_out

SHARES = st.floats(0.01, 0.99)
SEEDS = st.integers(0, 2**70)


def _matrix(size: int, models: tuple[str, ...] = ("a", "b"), **columns: Any) -> Matrix:
    parts = [
        pd.DataFrame({"prompt_id": range(size), "model": model, "quality": 1.0, **columns})
        for model in models
    ]
    return Matrix(pd.concat(parts))


@settings(max_examples=15)
@given(st.integers(2, 60), SHARES, SEEDS)
def test_a_split_parts_the_prompts(size: int, test: float, seed: int) -> None:
    """Every prompt is on one side, with all its rows, and the share is met to a prompt."""
    whole = _matrix(size)
    train, held = whole.split(test, seed)
    sides = [set(side.prompts.index) for side in (train, held)]
    assert sides[0] | sides[1] == set(range(size))
    assert not sides[0] & sides[1]
    assert len(train.frame) + len(held.frame) == len(whole.frame)
    assert len(held) == min(max(round(test * size), 1), size - 1)


@settings(max_examples=10)
@given(st.integers(2, 30), SHARES, SEEDS, st.randoms(use_true_random=False))
def test_a_split_goes_by_ids_alone(size: int, test: float, seed: int, chance: Any) -> None:
    """Neither the order of rows, nor which models were recorded, moves a prompt."""
    whole = _matrix(size)
    order = list(range(len(whole.frame)))
    chance.shuffle(order)
    shuffled = Matrix(whole.frame.iloc[order])
    sides = [set(m.split(test, seed)[1].prompts.index) for m in (whole, shuffled)]
    assert sides[0] == sides[1] == set(_matrix(size, ("c",)).split(test, seed)[1].prompts.index)


def test_seeds_draw_differently_and_fairly() -> None:
    """Over many seeds each prompt is held out about as often as its share."""
    counts = Counter(
        place for seed in range(400) for place in np.flatnonzero(held_out(range(20), 0.25, seed))
    )
    assert len(counts) == 20
    assert all(60 < times < 140 for times in counts.values())


def test_the_order_of_the_recording_stays() -> None:
    """Both sides keep the rows in the order they had."""
    for side in _matrix(20).split(0.4, 3):
        assert side.prompts.index.is_monotonic_increasing
        assert side.models == ["a", "b"]


GROUPED = st.lists(st.integers(0, 5), min_size=2, max_size=14).filter(lambda g: len(set(g)) > 1)


@given(GROUPED, SHARES, SEEDS)
def test_groups_stay_whole_and_come_as_near_as_they_can(
    groups: list[int], test: float, seed: int
) -> None:
    """No group is divided, and no other choice of groups comes nearer to the share."""
    sides = held_out(range(len(groups)), test, seed, groups=groups)
    assert not {g for g, side in zip(groups, sides, strict=True) if side} & {
        g for g, side in zip(groups, sides, strict=True) if not side
    }
    sizes = list(Counter(groups).values())
    sums = {sum(c) for n in range(1, len(sizes)) for c in combinations(sizes, n)}
    wanted = min(max(round(test * len(groups)), 1), len(groups) - 1)
    assert abs(sides.sum() - wanted) == min(abs(total - wanted) for total in sums)


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=40), SHARES, SEEDS)
def test_every_stratum_gives_its_share(strata: list[str], test: float, seed: int) -> None:
    """Of each stratum its share is held out, to a prompt; of all of them exactly the whole."""
    sides = held_out(range(len(strata)), test, seed, strata=strata)
    wanted = min(max(round(test * len(strata)), 1), len(strata) - 1)
    assert sides.sum() == wanted
    for stratum, size in Counter(strata).items():
        held = sum(s for s, name in zip(sides, strata, strict=True) if name == stratum)
        assert abs(held - wanted / len(strata) * size) <= 1


@given(GROUPED, SHARES, SEEDS)
def test_groups_lie_in_strata(groups: list[int], test: float, seed: int) -> None:
    """With both, groups stay whole and each stratum is split by itself."""
    strata = ["even" if group % 2 == 0 else "odd" for group in groups]
    try:
        sides = held_out(range(len(groups)), test, seed, groups=groups, strata=strata)
    except MatrixError as error:
        assert "No split of" in str(error)  # noqa: PT017
        assume(False)
    mixed = {(g, bool(side)) for g, side in zip(groups, sides, strict=True)}
    assert len(mixed) == len(set(groups))


def test_groups_and_strata_may_be_columns_or_labels() -> None:
    """A column's name, labels in order, and a Series by prompt id say the same."""
    tasks = list("aabbccdd")
    whole = _matrix(8, task=tasks)
    by_id = pd.Series(tasks, index=range(8)).sample(frac=1, random_state=0)
    told = [whole.split(0.5, 1, groups=g)[1].prompts.index.tolist() for g in ("task", tasks, by_id)]
    assert told[0] == told[1] == told[2]
    strata = [whole.split(0.5, 1, stratify=g)[1].per_prompt("task") for g in ("task", tasks)]
    assert strata[0].tolist() == strata[1].tolist() == list("abcd")


def test_equal_texts_can_be_kept_together() -> None:
    """Grouped by prompt, two prompts of one text are on one side."""
    whole = _matrix(6, prompt=["x", "y", "x", "z", "y", "w"])
    for seed in range(10):
        train, held = whole.split(0.5, seed, groups="prompt")
        assert not set(train.prompts["prompt"]) & set(held.prompts["prompt"])


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "nothing": ({"test": 0}, ParameterError, "between 0 and 1"),
    "all": ({"test": 1}, ParameterError, "between 0 and 1"),
    "more": ({"test": 1.5}, ParameterError, "between 0 and 1"),
    "not a number": ({"test": float("nan")}, ParameterError, "between 0 and 1"),
    "a word": ({"test": "half"}, ParameterError, "between 0 and 1"),
    "yes": ({"test": True}, ParameterError, "between 0 and 1"),
    "seed below": ({"seed": -1}, ParameterError, "seed is -1"),
    "seed in part": ({"seed": 0.5}, ParameterError, "seed is 0.5"),
    "one group": ({"groups": ["x"] * 4}, MatrixError, "of one group, 'x'"),
    "too few": ({"groups": ["x"] * 3}, MatrixError, "3 values for 4 prompts"),
    "a hole": ({"groups": ["x", "y", None, "x"]}, MatrixError, "of prompt 2 is None"),
    "lists": ({"stratify": [["x"]] * 4}, MatrixError, "stratify of prompt 0"),
    "other ids": ({"groups": pd.Series(list("abcd"), index=list("wxyz"))}, MatrixError, "index"),
    "no column": ({"groups": "tsak"}, ColumnError, "Did you mean 'task'"),
    "changing": ({"groups": "draw"}, MatrixError, "'draw' has 2 values for the prompt 0"),
    "across": (
        {"groups": list("xxyy"), "stratify": list("abaa")}, MatrixError, "lies in several strata"
    ),
    "each alone": (
        {"groups": list("xxyy"), "stratify": list("aabb"), "test": 0.01},
        MatrixError,
        "No split of 4 prompts",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "error", "told"), BAD.values(), ids=BAD)
def test_an_impossible_split_is_refused(
    given: dict[str, Any], error: type[Exception], told: str
) -> None:
    """A share, seed, group or stratum that cannot be is refused, saying why."""
    whole = _matrix(4, task=list("abab"))
    whole = Matrix(whole.frame.assign(draw=range(8)))
    with pytest.raises(error, match=told):
        whole.split(**given)


@pytest.mark.parametrize("size", [0, 1])
def test_fewer_than_two_prompts_cannot_be_split(size: int) -> None:
    """Both sides must have a prompt."""
    with pytest.raises(MatrixError, match=f"{size} prompts cannot be split"):
        _matrix(4).subset(prompts=list(range(size))).split()


def test_many_groups_of_many_sizes_are_split_at_once() -> None:
    """Thousands of groups with a giant among them are split exactly, and not slowly."""
    sizes = [9000, *range(1, 120), *[1] * 3000]
    groups = np.repeat(np.arange(len(sizes)), sizes)
    sides = held_out(range(len(groups)), 0.8, 1, groups=groups.tolist())
    assert sides.sum() == round(0.8 * len(groups))
