"""Tuning: a strategy is fitted on one part of a recording, and measured on the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
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
from orchkit.errors import OrchkitWarning, ParameterError, tell, whole
from orchkit.lab.arrays import Arrays, Flags, arrays_of
from orchkit.lab.cascading import Routed
from orchkit.lab.goals import Candidate, Goal, beats_mixing, best, strongest
from orchkit.lab.guaranteeing import guaranteed
from orchkit.lab.matrix import Matrix
from orchkit.lab.metrics import hull_value
from orchkit.lab.polling import pairs, votes
from orchkit.lab.searching import Search, routed_by, searched
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
        """Return the arrays of all prompts, by id, confidences as the signal tells them.

        By id, so that what is fitted does not depend on the order of rows.
        """
        reads = signal is not None and signal is not brevity
        found = arrays_of(self.matrix, self.models, signal, self._queries() if reads else None)
        ids = self.matrix.prompts.index[found.place].tolist()
        order = sorted(range(len(ids)), key=lambda at: (isinstance(ids[at], str), str(ids[at])))
        return found.at(np.array(order))

    def tested(self, arrays: Arrays) -> Flags:
        """Return which prompts are kept for the test."""
        ids = self.matrix.prompts.index[arrays.place].tolist()
        return held_out(ids, self.test, seeded(self.seed), self.labels(arrays))

    def labels(self, arrays: Arrays) -> list[Any] | None:
        """Return the groups of these prompts, if there are any."""
        return None if self.groups is None else [self.groups[place] for place in arrays.place]

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
        groups = self.labels(beside)
        low, high = mean_interval(there.quality, clusters=groups)
        told = noninferior(
            there.quality,
            beside.quality[:, column],
            MARGIN if self.goal.max_loss is None else self.goal.max_loss,
            cost_a=there.cost.astype(float),
            cost_b=beside.cost[:, column].astype(float),
            clusters=groups,
            name_b=reference,
        )
        mixed = hull_value(
            beside.cost.mean(axis=0), beside.quality.mean(axis=0), float(there.cost.mean())
        )
        alone = bool((there.chosen == column).all() and (here.chosen == column).all())
        same = alone and (there.cost == beside.cost[:, column]).all()
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
            verdict=f"{reference} alone: no other way was shown to pay" if same else str(told),
            guarantee=guarantee,
            simulated=self.matrix.simulated,
        )


def tuned_chain(
    tuning: Tuning,
    *,
    longest: int = 3,
    confidence: Signal | Sequence[Signal] | None = None,
    guarantee: bool = False,
) -> Fallback:
    """Return the chain, thresholds and signal that do best; see `Fallback.fit`."""
    if whole("longest", longest) > 3:
        raise ParameterError(f"longest is {longest!r}; it must be 1, 2 or 3 models.")
    known = {signal: tuning.arrays(signal) for signal in _signals(tuning.matrix, confidence)}
    first = next(iter(known.values()))
    fit = ~tuning.tested(first)
    parts = {signal: arrays.at(fit) for signal, arrays in known.items()}
    groups, words = tuning.labels(first.at(fit)), None
    if guarantee:
        found, words = guaranteed(parts, tuning.goal, tuning.seed, groups)
    else:
        found = searched(parts, Search(tuning.goal, longest, tuning.seed, groups))
    limits, signal = found.setting or ((), None)
    remembered = tuning.fitted(lambda mask: routed_by(known, found, mask), first, guarantee=words)
    return Fallback(found.models, tuple(limits), signal, remembered)


def _signals(matrix: Matrix, given: Any) -> list[Signal | None]:
    """Return the signals to try: those given, or what responses carry and their brevity."""
    if given is None:
        texts = matrix.cell_rows(matrix.models)[0]["response"]
        return [None, brevity] if texts.str.len().gt(0).any() else [None]
    told = _listed(given)
    if not told or not all(map(callable, told)):
        raise ParameterError(
            f"confidence is {given!r:.60}; give a function (query, response) -> [0, 1], or several."
        )
    changing = [each for each in told if not isinstance(each, Hashable)]
    if changing:
        raise ParameterError(
            f"confidence {changing[0]!r:.60} cannot be hashed; write a function, or a frozen "
            "dataclass."
        )
    return told


def _listed(given: Any) -> list[Any]:
    """Return several as a list, one alone as a list of one."""
    lone = callable(given) or isinstance(given, str) or not isinstance(given, Iterable)
    return [given] if lone else list(given)


def tuned_ensemble(
    tuning: Tuning, *, sizes: Sequence[int] = (2, 3), selects: Sequence[str] = tuple(SELECT)
) -> Ensemble:
    """Return the members and the way of counting that do best; see `Ensemble.fit`."""
    tried = _sizes(sizes, len(tuning.models)), _selects(selects)
    table, fit = _ballots(tuning)
    here = _part(table, fit)
    found = best(votes(here, *tried), tuning.goal, here.arrays, mixing=True)
    columns = [here.arrays.column(name) for name in found.models]
    member = found.models[int(here.arrays.quality[:, columns].mean(axis=0).argmax())]

    def on(mask: Flags) -> Routed:
        return voted(_part(table, mask), found.models, found.setting)

    remembered = tuning.fitted(on, table.arrays, reference=member)
    _compare_with_member(on(~fit), table.arrays.at(~fit), member, tuning)
    return Ensemble(len(found.models), found.models, select=found.setting, fitted=remembered)


def _sizes(given: Any, most: int) -> list[int]:
    """Return how many members to try, or say that so many cannot vote."""
    sizes = [whole("sizes", each) for each in _listed(given)]
    if min(sizes, default=0) < 2 or min(sizes) > most:
        raise ParameterError(
            f"sizes is {given!r:.60}; give numbers of members, from 2 to the {most} models here."
        )
    return sizes


def _selects(given: Any) -> list[str]:
    """Return the ways of counting to try, or say which there are."""
    selects = _listed(given)
    if not selects or not all(isinstance(each, str) and each in SELECT for each in selects):
        known = ", ".join(map(repr, SELECT))
        raise ParameterError(
            f"selects is {given!r:.60}; give some of {known}: no recording holds what a judge says."
        )
    return selects


def _compare_with_member(routed: Routed, arrays: Arrays, member: str, tuning: Tuning) -> None:
    """Warn where the vote is not shown to be better than its best member alone."""
    alone, groups = arrays.quality[:, arrays.column(member)], tuning.labels(arrays)
    told = noninferior(routed.quality, alone, clusters=groups, name_b=member)
    if not told.better:
        tell(
            f"The ensemble is not shown to beat its best member, {member}, on {told.n:,} held-out "
            f"prompts: {100 * told.difference:+.1f} pt "
            f"[{100 * told.low:+.1f}, {100 * told.high:+.1f}].",
            OrchkitWarning,
        )


def tuned_agreement(tuning: Tuning) -> AgreeThenEscalate:
    """Return the cheap pair and the strong model that do best; see `AgreeThenEscalate.fit`."""
    if len(tuning.models) < 3:
        told = " and ".join(tuning.models)
        raise ParameterError(f"models are {told}; two that agree and one to ask else make three.")
    table, fit = _ballots(tuning)
    here = _part(table, fit)
    found = best(pairs(here), tuning.goal, here.arrays)

    def on(mask: Flags) -> Routed:
        part = _part(table, mask)
        return escalated(part, found.models, found.setting, agreeing(part, found.models))

    remembered = tuning.fitted(on, table.arrays)
    routed, test = on(~fit), table.arrays.at(~fit)
    if not beats_mixing(Candidate((), None, routed.quality, routed.cost), test, 1.0):
        tell(
            f"{', '.join(found.models)} → {found.setting} is not shown to beat a mix of single "
            f"models on {len(test):,} held-out prompts: {100 * remembered.quality:.1f} % against "
            f"{100 * remembered.zero_router:.1f} % at the same cost.",
            OrchkitWarning,
        )
    return AgreeThenEscalate(found.models, found.setting, fitted=remembered)


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
