"""A threshold with a guarantee: conformal risk control over pairs that end in the best model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from orchkit.core.confidence import Signal
from orchkit.errors import ParameterError
from orchkit.lab.arrays import Arrays
from orchkit.lab.cascading import cascaded
from orchkit.lab.goals import Candidate, Goal, parts, strongest
from orchkit.lab.stats import conformal_threshold


def guaranteed(
    known: Mapping[Signal | None, Arrays],
    goal: Goal,
    seed: int,
    groups: Sequence[Any] | None = None,
) -> tuple[Candidate, str]:
    """Return the cheapest pair whose expected loss on new prompts is at most the goal's, in words.

    One half of the prompts chooses the pair and its signal, the other half its threshold: a
    threshold is only guaranteed on prompts that had no part in choosing what it is for.
    """
    if goal.max_loss is None:
        raise ParameterError("guarantee=True needs max_loss: the loss it is a guarantee of.")
    if goal.max_loss == 0:
        raise ParameterError("max_loss is 0, which no threshold guarantees; give more, like 0.01.")
    if groups is not None:
        raise ParameterError(
            "guarantee=True counts prompts, which are not exchangeable where groups hold them "
            "together; leave out one of the two."
        )
    first = next(iter(known.values()))
    half = parts(len(first), 2, seed) == 0
    strong = strongest(first.at(half))
    tried = [
        _pair(each.at(half), cheap, strong, signal, goal.max_loss)
        for signal, each in known.items()
        for cheap in first.models
        if cheap != strong
    ]
    found = min(tried, key=_spent, default=_alone(first.at(half), strong))
    told = f"expected loss against {strong} at most {goal.max_loss:g} on prompts like these"
    words = f"{told} (conformal risk control, n={(~half).sum():,})"
    rest = first.at(~half)
    if _spent(found) < _spent(_alone(first.at(half), strong)) and found.setting:
        signal = found.setting[1]
        kept = _pair(known[signal].at(~half), found.models[0], strong, signal, goal.max_loss)
        if kept.setting[0][0] <= 1:
            return kept, words
    return _alone(rest, strong), words


def _spent(candidate: Candidate) -> int:
    return int(candidate.cost.sum())


def _alone(arrays: Arrays, model: str) -> Candidate:
    column = arrays.column(model)
    return Candidate((model,), (), arrays.quality[:, column], arrays.cost[:, column])


def _pair(
    arrays: Arrays, cheap: str, strong: str, signal: Signal | None, alpha: float
) -> Candidate:
    """Return a pair with the threshold that conformal risk control gives its first model."""
    here, there = arrays.column(cheap), arrays.column(strong)
    known = arrays.usable[:, here] & np.isfinite(arrays.rank[:, here])
    score = np.where(known, arrays.rank[:, here], math.nan)
    loss = np.maximum(arrays.quality[:, there] - arrays.quality[:, here], 0)
    passed = cascaded(arrays, (cheap, strong), (math.inf, -math.inf))
    slipped = np.maximum(arrays.quality[:, there] - passed.quality, 0)
    # Lost though the strong one was asked, since its answer cannot be taken: at any threshold.
    score = np.where(slipped > 0, 1.0, score)
    loss = np.maximum(loss, slipped)
    limit = conformal_threshold(score, loss, alpha)
    routed = cascaded(arrays, (cheap, strong), (limit, -math.inf))
    return Candidate((cheap, strong), ((limit,), signal), routed.quality, routed.cost)
