"""Routers measured on prompts they were not fitted on, beside what needs no learning."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import MatrixError, MetricWarning, ParameterError, did_you_mean, tell
from orchkit.lab.matrix import Matrix
from orchkit.lab.metrics import deferral_curve
from orchkit.lab.routers import buying, recovering
from orchkit.lab.routers.crossing import Crossed, crossed, group_folds, text_folds
from orchkit.lab.routers.lessons import Floats, Ints, Lesson, alike, lacking
from orchkit.lab.stats import bootstrap
from orchkit.lab.stats.resampling import FEWEST_CLUSTERS

RANDOM, LENGTH, ORACLE = "random mix", "longest first", "oracle"
IID, APART = "i.i.d.", "leave-group-out"
#: What is told of each router, each with the ends of its 95 % interval.
MEASURES = ("apgr", "over_length", "cpt50", "cpt80", "aiq", "aiq_gain", "qnc")
#: Columns of the table, in order.
COLUMNS = (
    "validation",
    *(f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")),
    "unlike",
    "n",
)


@dataclass(frozen=True)
class Evaluation:
    """What routers came to.

    Parameters
    ----------
    table : DataFrame
        One row a router and validation, in `COLUMNS`.
    curves : DataFrame
        router, share, quality and, where costs are known, cost.
    crossed : tuple of Crossed
        What each router said, out of fold.
    weak, strong : str
        The two models of APGR and CPT.
    best : str
        The best single model: AIQ goes up to its cost, and QNC is a share of it.
    prompts : list
        The ids of the prompts.
    """

    table: pd.DataFrame
    curves: pd.DataFrame
    crossed: tuple[Crossed, ...]
    weak: str
    strong: str
    best: str
    prompts: list[Any]


def evaluate(
    matrix: Matrix,
    routers: Mapping[str, Any],
    *,
    folds: int,
    seed: int,
    groups: Sequence[Any] | None,
    weak: str | None,
    strong: str | None,
    n: int,
) -> Evaluation:
    """Return what routers come to in cross-validation; see `orchkit.evaluate_routers`."""
    lesson = Lesson.of(matrix)
    if len(lesson.models) < 2:
        raise MatrixError(f"Only {lesson.models[0]} was recorded; a router needs two models.")
    if groups is not None:
        ids = matrix.prompts.index
        place = ids.get_indexer(pd.Index(lesson.prompts.table["prompt_id"], dtype="object"))
        groups = [groups[at] for at in place.tolist()]
    pair = _pair(lesson, weak, strong)
    held = {IID: text_folds(lesson.prompts.texts, folds, seed)}
    if groups is not None:
        held[APART] = group_folds(groups, folds, seed)
    found = tuple(
        crossed(matrix, lesson, name, router, validation, fold)
        for validation, fold in held.items()
        for name, router in routers.items()
    )
    _tell_unlearned(lesson, found)
    best = _best(lesson)
    drawn = _Drawn(_repeated(lesson.prompts.texts), n, seed)
    measured = _measured(lesson, found, pair, best, drawn)
    if groups is not None and len(set(groups)) >= FEWEST_CLUSTERS:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "(AIQ|APGR) and", MetricWarning)  # told already
            whole = _measured(lesson, found, pair, best, replace(drawn, clusters=alike(groups)))
        apart = [_key(each.name, each.validation) for each in found if each.validation == APART]
        measured.loc[apart] = whole.loc[apart]
    table = _table(found).join(measured)
    return Evaluation(
        table.reindex(columns=[*COLUMNS]),
        _curves(lesson, found, pair),
        found,
        weak=lesson.models[pair[0]],
        strong=lesson.models[pair[1]],
        best=lesson.models[best],
        prompts=lesson.prompts.table["prompt_id"].tolist(),
    )


@dataclass(frozen=True)
class _Drawn:
    """How prompts are drawn: which together (equal numbers; None: none are), and how often."""

    clusters: Ints | None
    n: int
    seed: int

    def among(self, kept: Any) -> _Drawn:
        """Return the same for some of the prompts: a mask."""
        return self if self.clusters is None else replace(self, clusters=self.clusters[kept])


def _repeated(texts: Sequence[str]) -> Ints | None:
    """Return the same number for equal texts; None where there are none."""
    codes = alike(texts)
    return codes if codes.max() + 1 < len(codes) else None


def _measured(
    lesson: Lesson, found: Sequence[Crossed], pair: tuple[int, int], best: int, drawn: _Drawn
) -> pd.DataFrame:
    """Return every measure of every router and baseline."""
    return _recovered(lesson, found, pair, drawn).join(_bought(lesson, found, best, drawn))


def _tell_unlearned(lesson: Lesson, found: Sequence[Crossed]) -> None:
    """Warn of prompts that are left out, a model having no quality in the rest of the folds."""
    unknown = np.any([np.isnan(each.hoped) for each in found], axis=0)
    if unknown.any():
        names = [lesson.models[column] for column in np.flatnonzero(unknown.any(axis=0))]
        told = (
            f"{', '.join(names)}: no quality is known outside of some fold, so nothing is said of "
            f"the {int(unknown.any(axis=1).sum()):,} prompts inside; they are left out where it "
            "counts. Record more, or leave it out (mat.subset)."
        )
        tell(told, MetricWarning)


def _key(name: str, validation: str) -> str:
    return name if validation == IID else f"{name}, groups left out"


def _table(found: Sequence[Crossed]) -> pd.DataFrame:
    rows = {_key(each.name, each.validation): each for each in found}
    told = {
        key: {"validation": each.validation, "unlike": each.unlike} for key, each in rows.items()
    }
    plain = {"validation": "", "unlike": np.nan}
    told = {RANDOM: plain, LENGTH: plain, **told, ORACLE: plain}
    return pd.DataFrame.from_dict(told, orient="index").rename_axis(index="router")


def _pair(lesson: Lesson, weak: str | None, strong: str | None) -> tuple[int, int]:
    """Return the columns of the weak and the strong model: the cheapest and the best."""
    quality = np.nanmean(lesson.quality, axis=0)
    above = _column(lesson, strong) if strong else _best(lesson)
    others = [column for column in range(len(quality)) if column != above]
    order = _paid(lesson) if np.isfinite(lesson.cost).any(axis=0).all() else quality
    below = _column(lesson, weak) if weak else min(others, key=lambda column: order[column])
    if below == above:
        raise ParameterError(f"weak and strong are both {lesson.models[below]}; name two models.")
    if not np.isfinite(lesson.quality[:, [below, above]]).all(axis=1).any():
        raise MatrixError(
            f"{lesson.models[below]} and {lesson.models[above]} were never recorded on the same "
            "prompts; record them together, or name others (weak=, strong=)."
        )
    return below, above


def _column(lesson: Lesson, name: str) -> int:
    if name not in lesson.models:
        raise ParameterError(f"No model {name!r}. {did_you_mean(str(name), lesson.models)}")
    return lesson.models.index(name)


def _paid(lesson: Lesson) -> Floats:
    return np.asarray(np.nanmean(lesson.cost, axis=0), dtype=float)


def _best(lesson: Lesson) -> int:
    """Return the column of the model of the highest quality; of equals, the cheapest."""
    quality = np.nanmean(lesson.quality, axis=0)
    known = np.isfinite(lesson.cost).any(axis=0).all()
    paid = _paid(lesson) if known else np.zeros_like(quality)
    return int(np.lexsort((paid, -quality))[0])


def _scores(lesson: Lesson, found: Sequence[Crossed], pair: tuple[int, int]) -> dict[str, Floats]:
    """Return what each router, and the baselines, send prompts to the strong model by."""
    weak, strong = pair
    long = np.array([len(text) for text in lesson.prompts.texts], dtype=float)
    above = {_key(each.name, each.validation): each.hoped - each.usual for each in found}
    learned = {name: each[:, strong] - each[:, weak] for name, each in above.items()}
    oracle = lesson.quality[:, strong] - lesson.quality[:, weak]
    return {RANDOM: np.zeros(len(lesson)), LENGTH: long, **learned, ORACLE: oracle}


def _recovered(
    lesson: Lesson, found: Sequence[Crossed], pair: tuple[int, int], how: _Drawn
) -> pd.DataFrame:
    """Return APGR and CPT of each score, all of them resampled together."""
    every = _scores(lesson, found, pair)
    both = np.isfinite([*every.values()]).all(axis=0)
    if not both.any():
        tell("APGR and CPT are NaN: no prompt of both models is left.", MetricWarning)
        return pd.DataFrame({"n": 0}, index=pd.Index([*every], name="router"))
    scores = {name: each[both] for name, each in every.items()}
    weak, strong = (lesson.quality[both, column] for column in pair)
    if strong.mean() - weak.mean() <= 1e-12:
        names = [lesson.models[column] for column in pair[::-1]]
        tell(f"APGR and CPT are NaN: {_no_gap(names, strong, weak)}.", MetricWarning)
        return pd.DataFrame({"n": int(both.sum())}, index=pd.Index([*every], name="router"))
    measured = recovering.Recovering(list(scores.values()), weak, strong)

    def told(drawn: Any) -> Floats:
        measures = measured(drawn)
        over = measures[:, :1] - measures[1, 0]
        return np.hstack([measures, over])

    names = [*recovering.TOLD, "over_length"]
    frame = _intervals(told, [np.arange(int(both.sum()))], [*scores], names, how.among(both))
    return frame.assign(n=int(both.sum()))


def _no_gap(names: Sequence[str], strong: Floats, weak: Floats) -> str:
    """Return why there is no gap to recover, in words."""
    than = "worse than" if strong.mean() < weak.mean() else "as good as"
    return (
        f"strong={names[0]!r} is {than} weak={names[1]!r} on the {len(weak):,} prompts of both "
        f"({strong.mean():.3g} and {weak.mean():.3g}), so there is no gap to recover; name another "
        "pair"
    )


def _bought(lesson: Lesson, found: Sequence[Crossed], best: int, how: _Drawn) -> pd.DataFrame:
    """Return AIQ and QNC of each router, all of them resampled together; none without costs."""
    cells = [lesson.quality, lesson.cost, *(each.hoped for each in found)]
    whole = np.isfinite(np.hstack(cells)).all(axis=1)
    if not whole.any():
        what = lacking(lesson.quality, lesson.cost)
        tell(f"AIQ and QNC are NaN: no prompt has the {what} of all models.", MetricWarning)
        return pd.DataFrame(index=pd.Index([], name="router"))
    good, spent = lesson.quality[whole], lesson.cost[whole]
    tables = {_key(each.name, each.validation): (each.hoped, each.priced) for each in found}
    curves = {name: (hoped[whole], priced[whole]) for name, (hoped, priced) in tables.items()}
    curves[ORACLE] = good, spent
    columns = [*good.T, *spent.T]
    for hoped, priced in curves.values():
        columns += buying.readings(hoped, priced, good, spent)
    names = [RANDOM, *curves]
    told = buying.Buying(len(lesson.models), best)
    return _intervals(told, columns, names, list(buying.TOLD), how.among(whole), of_means=True)


def _intervals(
    statistic: Any, columns: Sequence[Any], rows: Sequence[str], names: Sequence[str],
    drawn: _Drawn, **how: Any,
) -> pd.DataFrame:  # fmt: skip
    """Return a table rows × names with intervals, of a statistic that gives such a table."""
    found = bootstrap(statistic, *columns, **vars(drawn), **how)
    parts = {"": found.estimate, "_low": found.low, "_high": found.high}
    cells = {
        f"{name}{end}": np.asarray(table)[:, column]
        for column, name in enumerate(names)
        for end, table in parts.items()
    }
    return pd.DataFrame(cells, index=pd.Index(rows, name="router"))


def _curves(lesson: Lesson, found: Sequence[Crossed], pair: tuple[int, int]) -> pd.DataFrame:
    """Return the deferral curve of each score, below each other."""
    weak, strong = pair
    cost = lesson.cost[:, [weak, strong]]
    priced = np.isfinite(cost).all(axis=1).any()
    paid = {"weak_cost": cost[:, 0], "strong_cost": cost[:, 1]} if priced else {}
    told = [
        deferral_curve(score, lesson.quality[:, weak], lesson.quality[:, strong], **paid).assign(
            router=name
        )
        for name, score in _scores(lesson, found, pair).items()
        if name != RANDOM
    ]
    return pd.concat(told, ignore_index=True)
