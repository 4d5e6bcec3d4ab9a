"""Whether a judge is worth having: its errors on labels held out, beside what costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from orchkit.core.complexity import KeywordRules

Ranks = NDArray[np.int64]
#: Labels that are looked at, at most, and from how many on; parts they are held out in.
MOST, LEAST, PARTS = 600, 50, 3


def held_out_errors(
    texts: Sequence[str], ranks: Ranks, judged: Callable[[list[str], Ranks, list[str]], Ranks]
) -> dict[str, float] | None:
    """Return by how many tiers each way of judging errs on labels held out, a prompt on average.

    Beside ``judged(known texts, their ranks, asked texts)``: the keyword rules, one tier for all,
    and length alone. None where there are too few labels to tell.

    Examples
    --------
    >>> texts, ranks = ["a " * n for n in range(60)], np.array([0] * 30 + [3] * 30)
    >>> errors = held_out_errors(texts, ranks, by_length)
    >>> errors["classifier"] == errors["length"] < errors["one tier"]
    True
    """
    if len(texts) < LEAST:
        return None
    drawn = np.random.default_rng(0).permutation(len(texts))[:MOST]
    ways = {"classifier": judged, "keyword rules": by_keywords, "one tier": by_one}
    off: dict[str, list[Ranks]] = {name: [] for name in (*ways, "length")}
    for part in range(PARTS):
        test, train = drawn[part::PARTS], np.delete(drawn, np.s_[part::PARTS])
        known, asked = [texts[int(at)] for at in train], [texts[int(at)] for at in test]
        for name, way in {**ways, "length": by_length}.items():
            off[name].append(np.abs(way(known, ranks[train], asked) - ranks[test]))
    return {name: float(np.concatenate(each).mean()) for name, each in off.items()}


def by_keywords(_: Sequence[str], __: Ranks, texts: Sequence[str]) -> Ranks:
    """Judge by the keyword rules, which learn nothing."""
    return np.array([tier.rank for tier in KeywordRules().predict(texts)], dtype=np.int64)


def by_one(_: Sequence[str], ranks: Ranks, texts: Sequence[str]) -> Ranks:
    """Judge all alike: by the median of what is known."""
    return np.full(len(texts), int(np.median(ranks)), dtype=np.int64)


def by_length(known: Sequence[str], ranks: Ranks, texts: Sequence[str]) -> Ranks:
    """Judge by length alone: as many of each tier as are known, the longest the hardest.

    Examples
    --------
    >>> by_length(["a", "aaaa"], np.array([3, 0]), ["aa", "aaaaaaaa"]).tolist()
    [3, 3]
    """
    sizes, order = np.sort([len(text) for text in known]), np.sort(ranks)
    place = np.searchsorted(sizes, [len(text) for text in texts]).clip(0, len(order) - 1)
    told: Ranks = order[place]
    return told


def no_better(errors: Mapping[str, float]) -> str | None:
    """Return a sentence on what needs no labels and does as well; None where nothing does.

    Examples
    --------
    >>> no_better({"classifier": 0.5, "keyword rules": 0.7, "one tier": 0.9, "length": 0.4})
    >>> print(no_better({"classifier": 0.5, "keyword rules": 0.4, "one tier": 0.9, "length": 0.6}))
    On labels held out it errs by 0.50 tiers a prompt, keyword rules by 0.40.
    """
    ours = errors["classifier"]
    best = min(("keyword rules", "one tier"), key=lambda name: errors[name])
    if ours < errors[best]:
        return None
    return f"On labels held out it errs by {ours:.2f} tiers a prompt, {best} by {errors[best]:.2f}."
