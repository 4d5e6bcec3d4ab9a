"""Tuning: a strategy is fitted on one part of a recording, and measured on the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from orchkit.core.calls import Params
from orchkit.core.catalog import NANO, Catalog
from orchkit.core.complexity import KeywordRules
from orchkit.core.confidence import Signal, brevity
from orchkit.core.fitted import Fitted
from orchkit.core.plans import Query, Strategy
from orchkit.core.strategies import AgreeThenEscalate, Ensemble, Fallback
from orchkit.core.strategies.ensemble import SELECT
from orchkit.errors import OrchkitWarning, ParameterError, tell
from orchkit.lab.arrays import Arrays, Flags, arrays_of
from orchkit.lab.cascading import Routed, cascaded
from orchkit.lab.guaranteeing import guaranteed
from orchkit.lab.matrix import Matrix
from orchkit.lab.metrics import hull_value
from orchkit.lab.searching import Candidate, Goal, best, chains, pairs, singles, strongest, votes
from orchkit.lab.splitting import held_out, seeded
from orchkit.lab.stats import mean_interval, noninferior
from orchkit.lab.voting import Ballots, agreeing, ballots_of, escalated, voted

#: The margin of a verdict where no loss was asked for: one point.
MARGIN = 0.01


@dataclass(frozen=True)
class Tuning:
    """A recording, what is asked of it, and which of its prompts are kept for the test.

    Parameters
    ----------
    matrix : Matrix
    catalog : Catalog
        Of the recording.
    goal : Goal
    models : tuple of str
        Recorded names that may be used.
    test : float
        Share of prompts kept for the test.
    seed : int
    groups : list, optional
        A label a prompt; equal ones stay on one side.
    date : str
        Today, for the strategy to remember.
    """

    matrix: Matrix
    catalog: Catalog
    goal: Goal
    models: tuple[str, ...]
    test: float = 0.5
    seed: int = 0
    groups: Sequence[Any] | None = None
    date: str = ""

    def arrays(self, signal: Signal | None = None) -> Arrays:
        """Return the arrays of all prompts, confidences as the signal tells them."""
        reads = signal is not None and signal is not brevity
        return arrays_of(self.matrix, self.models, signal, self._queries() if reads else None)

    def tested(self, arrays: Arrays) -> Flags:
        """Return which prompts are kept for the test."""
        ids = self.matrix.prompts.index[arrays.place].tolist()
        groups = None if self.groups is None else [self.groups[place] for place in arrays.place]
        return held_out(ids, self.test, seeded(self.seed), groups)

    def _queries(self) -> list[Query]:
        return self.matrix.queries(KeywordRules().predict, Params())

    def fitted(
        self,
        on: Callable[[Flags], Routed],
        arrays: Arrays,
        reference: str | None = None,
        guarantee: str | None = None,
    ) -> Fitted:
        """Return what to remember: what the strategy came to on both parts.

        `on` routes the prompts of a mask; the reference is the best single model where it was
        fitted, unless it is named.
        """
        test = self.tested(arrays)
        here, there = on(~test), on(test)
        beside = arrays.at(test)
        reference = reference or strongest(arrays.at(~test))
        column = beside.column(reference)
        low, high = mean_interval(there.quality)
        told = noninferior(
            there.quality,
            beside.quality[:, column],
            MARGIN if self.goal.max_loss is None else self.goal.max_loss,
            cost_a=there.cost.astype(float),
            cost_b=beside.cost[:, column].astype(float),
            name_b=reference,
        )
        mixed = hull_value(
            beside.cost.mean(axis=0), beside.quality.mean(axis=0), float(there.cost.mean())
        )
        return Fitted(
            n_fit=int((~test).sum()),
            n_test=int(test.sum()),
            date=self.date,
            asked=str(self.goal),
            quality=float(there.quality.mean()),
            quality_low=low,
            quality_high=high,
            cost=float(there.cost.mean()) / NANO,
            fit_quality=float(here.quality.mean()),
            fit_cost=float(here.cost.mean()) / NANO,
            zero_router=mixed,
            reference=reference,
            verdict=str(told),
            guarantee=guarantee,
        )


def tuned_chain(
    tuning: Tuning,
    *,
    longest: int = 3,
    confidence: Signal | Sequence[Signal] | None = None,
    guarantee: bool = False,
) -> Fallback:
    """Return the chain, thresholds and signal that do best; see `Fallback.fit`."""
    if longest not in (1, 2, 3):
        raise ParameterError(f"longest is {longest!r}; it must be 1, 2 or 3 models.")
    known = {signal: tuning.arrays(signal) for signal in _signals(tuning.matrix, confidence)}
    first = next(iter(known.values()))
    fit = ~tuning.tested(first)
    words = None
    if guarantee:
        found, words = guaranteed(
            {s: each.at(fit) for s, each in known.items()}, tuning.goal, tuning.seed
        )
    else:
        candidates = [*singles(first.at(fit))]
        for signal, each in known.items():
            candidates += _signed(chains(each.at(fit), tuning.goal, longest, tuning.seed), signal)
        found = best(candidates, tuning.goal, first.at(fit))
    limits, signal = found.setting if found.setting else ((), None)
    arrays = known.get(signal, first)

    def on(mask: Flags) -> Routed:
        return cascaded(arrays.at(mask), found.models, (*limits, -math.inf))

    remembered = tuning.fitted(on, arrays, guarantee=words)
    return Fallback(found.models, tuple(limits), signal, remembered)


def _signed(found: Sequence[Candidate], signal: Signal | None) -> Iterator[Candidate]:
    """Give the chains of two models or more with the signal they go by."""
    for each in found:
        if len(each.models) > 1:
            yield replace(each, setting=(each.setting, signal))


def _signals(matrix: Matrix, given: Any) -> list[Signal | None]:
    """Return the signals to try: those given, or what responses carry and their brevity."""
    if given is None:
        texts = matrix.cell_rows(matrix.models)[0]["response"]
        return [None, brevity] if texts.str.len().gt(0).any() else [None]
    told = [given] if callable(given) else list(given)
    if not told or not all(map(callable, told)):
        raise ParameterError(
            f"confidence is {given!r:.60}; give a function (query, response) -> [0, 1], or several."
        )
    return told


def tuned_ensemble(
    tuning: Tuning, *, sizes: Sequence[int] = (2, 3), selects: Sequence[str] = tuple(SELECT)
) -> Ensemble:
    """Return the members and the way of counting that do best; see `Ensemble.fit`."""
    unknown = [select for select in selects if select not in SELECT]
    if unknown:
        raise ParameterError(
            f"selects holds {unknown[0]!r}; ways of choosing that can be fitted are "
            f"{', '.join(map(repr, SELECT))}: a judge's verdicts are in no recording."
        )
    table, fit = _ballots(tuning)
    here = _part(table, fit)
    found = best(votes(here, sizes, selects), tuning.goal, here.arrays, mixing=True)
    columns = [here.arrays.column(name) for name in found.models]
    member = found.models[int(here.arrays.quality[:, columns].mean(axis=0).argmax())]

    def on(mask: Flags) -> Routed:
        return voted(_part(table, mask), found.models, found.setting)

    remembered = tuning.fitted(on, table.arrays, reference=member)
    _compare_with_member(on(~fit), table.arrays.at(~fit), member)
    return Ensemble(len(found.models), found.models, select=found.setting, fitted=remembered)


def _compare_with_member(routed: Routed, arrays: Arrays, member: str) -> None:
    """Warn where the vote is not shown to be better than its best member alone."""
    told = noninferior(routed.quality, arrays.quality[:, arrays.column(member)], name_b=member)
    if not told.better:
        tell(
            f"The ensemble does not beat its best member, {member}, on {told.n:,} held-out prompts:"
            f" {100 * told.difference:+.1f} pt [{100 * told.low:+.1f}, {100 * told.high:+.1f}].",
            OrchkitWarning,
        )


def tuned_agreement(tuning: Tuning) -> AgreeThenEscalate | Fallback:
    """Return the cheap pair and the strong model that do best; see `AgreeThenEscalate.fit`."""
    table, fit = _ballots(tuning)
    here = _part(table, fit)
    candidates = [each for each in pairs(here) if len(each.models) > 1]
    found = best(candidates, tuning.goal, here.arrays)

    def on(mask: Flags) -> Routed:
        part = _part(table, mask)
        return escalated(part, found.models, found.setting, agreeing(part, found.models))

    return AgreeThenEscalate(found.models, found.setting, fitted=tuning.fitted(on, table.arrays))


def _ballots(tuning: Tuning) -> tuple[Ballots, Flags]:
    arrays = tuning.arrays()
    return ballots_of(tuning.matrix, arrays, tuning.catalog), ~tuning.tested(arrays)


def _part(table: Ballots, mask: Flags) -> Ballots:
    return replace(table, arrays=table.arrays.at(mask), said=np.asfortranarray(table.said[mask]))


#: What tunes each kind of strategy.
TUNED: Mapping[type[Any], Callable[..., Strategy]] = {
    Fallback: tuned_chain,
    Ensemble: tuned_ensemble,
    AgreeThenEscalate: tuned_agreement,
}
