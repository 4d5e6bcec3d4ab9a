"""Routers in cross-validation: what they gain over what needs no learning, here and elsewhere."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from orchkit.errors import ParameterError, whole
from orchkit.lab.matrix import Matrix
from orchkit.lab.routers import (
    BlendRouter,
    GroupMeanRouter,
    KNNRouter,
    LengthRouter,
    LogisticRouter,
)
from orchkit.lab.routers.evaluation import (
    APART,
    LENGTH,
    MEASURES,
    ORACLE,
    RANDOM,
    Evaluation,
    evaluate,
)
from orchkit.lab.splitting import seeded
from orchkit.ui import plots
from orchkit.ui.markup import listed, notebook, table, text
from orchkit.ui.terminal import harmless

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RESAMPLED = (
    "95 % intervals: paired bootstrap of prompts (equal ones together) of whole ratios; "
    "routers are not refitted in it"
)
_RECOVERED = (
    "APGR: exact area under the deferral curve, by expected gain; CPT: first crossing on the exact "
    "curve"
)
_ZERO = "over random: above the zero router, the best mix of single models"
_NEUTRAL = "QNC: share of that cost at which a router, as prices fall, is first as good"
_APART = (
    "groups left out: fitted on other groups only, as on new tasks; intervals draw groups as a "
    "whole, prompts where there are fewer than 10 groups"
)


class RouterEvaluation:
    """Routers measured on prompts they were not fitted on.

    Attributes
    ----------
    curves : DataFrame
        Deferral curves of the pair, for `orchkit.plots.deferral`: router, share, quality and,
        where costs are known, cost (USD a prompt).
    weak, strong, best : str
        The two models of APGR and CPT; the best single model, which AIQ and QNC refer to.
    simulated : bool
        Whether any answer came from the simulator.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(80)
    >>> with orchkit.use("simulator"):
    ...     mat = df.orch.record(["gpt-4o-mini", "claude-opus-3"])
    >>> found = orchkit.evaluate_routers(mat, [orchkit.LengthRouter()], folds=2, n=100)
    >>> found.weak, found.strong, found.simulated
    ('gpt-4o-mini', 'claude-opus-3', True)
    """

    def __init__(
        self, found: Evaluation, models: Sequence[str], settings: str, *, simulated: bool = False
    ) -> None:
        self.curves = found.curves
        self.weak, self.strong, self.best = found.weak, found.strong, found.best
        self._found, self._models, self._settings = found, list(models), settings
        self.simulated = simulated

    def summary(self) -> pd.DataFrame:
        """Return one row a router and way of holding prompts out, beside the baselines.

        Columns: validation, ``"i.i.d."`` (equal texts together) or ``"leave-group-out"``; of the
        pair apgr, over_length (APGR above that of prompt length alone), cpt50 and cpt80; of all
        models aiq, aiq_gain (AIQ above the zero router's) and qnc; each with ``_low`` and
        ``_high``, its 95 % interval; unlike, the share of prompts unlike all that was fitted on;
        n, prompts of the pair.
        """
        return self._found.table.copy()

    def predictions(self, router: str, *, validation: str = "i.i.d.") -> pd.DataFrame:
        """Return prompts × models: what a router said of each prompt when it had not seen it."""
        for each in self._found.crossed:
            if (each.name, each.validation) == (router, validation):
                ids = pd.Index(self._found.prompts, dtype="object", name="prompt_id")
                return pd.DataFrame(each.hoped, index=ids, columns=pd.Index(self._models))
        known = sorted({(each.name, each.validation) for each in self._found.crossed})
        raise ParameterError(f"No {router!r} with {validation!r} was evaluated; known: {known}.")

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw quality against the share of prompts sent to the strong model; return the Axes."""
        return plots.deferral(self.curves, ax=ax, x="share", by="router", simulated=self.simulated)

    def table(self) -> pd.DataFrame:
        """Return the summary as text, the way it is read."""
        return readable(self._found.table)

    def __repr__(self) -> str:
        told = [self._title(), self.table().to_string(), *self._notes()]
        return harmless("\n".join(told))

    def _repr_html_(self) -> str:
        title = f"<p>{text(self._title())}</p>"
        return notebook(title, table(self.table()), listed(self._notes()))

    def _title(self) -> str:
        size = f"{len(self._found.prompts):,} prompts"
        told = f"{size}; SIMULATED answers" if self.simulated else size
        return f"{told}, {self._settings}; from {self.weak} to {self.strong}"

    def _notes(self) -> list[str]:
        told = [
            _RESAMPLED,
            _RECOVERED,
            f"AIQ: mean quality as prices fall, up to the cost of {self.best}, by width; {_ZERO}",
            _NEUTRAL,
        ]
        if APART in self._found.table["validation"].tolist():
            told.append(_APART)
        return told


def evaluate_routers(
    matrix: Matrix,
    routers: Sequence[Any] | Mapping[str, Any] | None = None,
    *,
    folds: int = 5,
    seed: int = 0,
    groups: Any = None,
    weak: str | None = None,
    strong: str | None = None,
    n: int = 2000,
) -> RouterEvaluation:
    """Cross-validate routers beside random mixing, prompt length and the oracle.

    Parameters
    ----------
    matrix : ResponseMatrix
        With qualities of two models or more; costs, where they are known, give AIQ and QNC.
    routers : sequence or mapping of name to router, optional
        Unfitted, with ``fit(matrix)``, which returns the router, and ``predict(texts)``: a frame
        with a column a model, or one mapping a text, in [0, 1]. They are not changed. By default
        length, kNN, logistic, and a blend of the three; with a column of groups their means, too.
    folds : int
        Parts that each router is fitted on all but one of; 2 or more. Equal texts stay together.
    seed : int
        Of the folds and the bootstrap.
    groups : str or sequence, optional
        A column, or one label a prompt in the order of ``matrix.prompts``: tasks, subjects,
        sources. Routers are then also fitted on some groups and measured on others.
    weak, strong : str, optional
        Two recorded models, for APGR and CPT: by default the cheapest (without costs the worst),
        and the best.
    n : int
        Replicates of the bootstrap. It draws equal texts together; for routers that groups were
        left out for it draws groups as a whole, where there are 10 or more.

    Returns
    -------
    RouterEvaluation
        ``.summary()``, ``.curves``, ``.plot()``, ``.predictions(router)``.

    Raises
    ------
    MatrixError
        Qualities, models, texts or groups are too few to learn from.
    ParameterError
        A setting is out of range, or a model is unknown.

    Notes
    -----
    APGR and CPT: RouteLLM, 2024, arXiv 2406.18665. AIQ: RouterBench, 2024, arXiv 2403.12031; but a
    router's curve is followed as the price of money falls, not its hull, which is picked on the
    prompts that are measured. QNC: UniRoute, 2025, arXiv 2502.08773.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(80)
    >>> with orchkit.use("simulator"):
    ...     mat = df.orch.record(["gpt-4o-mini", "claude-opus-3"])
    >>> found = evaluate_routers(mat, [LengthRouter()], folds=2, n=100)
    >>> found.summary()["apgr"].index.tolist()
    ['random mix', 'longest first', 'LengthRouter()', 'oracle']
    """
    if whole("folds", folds) < 2:
        raise ParameterError("folds is 1; there must be 2 or more to hold one out.")
    labels = None
    if groups is not None and isinstance(matrix, Matrix):
        labels = matrix._labelled(groups, "groups")
    found = evaluate(
        matrix,
        _named(routers, groups),
        folds=folds,
        seed=seeded(seed),
        groups=labels,
        weak=weak,
        strong=strong,
        n=whole("n", n),
    )
    settings = f"{folds}-fold cross-validation (seed {seed})"
    return RouterEvaluation(found, matrix.models, settings, simulated=matrix.simulated)


def _named(given: Any, groups: Any) -> dict[str, Any]:
    """Return routers by name: those given, or the default ones."""
    if isinstance(given, Mapping):
        named = {str(name): router for name, router in given.items()}
    elif given is None:
        three = [LengthRouter(), KNNRouter(), LogisticRouter()]
        named = dict(zip(("length", "kNN", "logistic"), three, strict=True))
        named["blend"] = BlendRouter(three)
        if isinstance(groups, str):
            named["group mean"] = GroupMeanRouter(groups)
    elif isinstance(given, str) or not isinstance(given, Iterable):
        raise ParameterError(
            f"routers is {given!r:.60}; give a list of routers, like [LengthRouter()], or a "
            "mapping of name to router."
        )
    else:
        several = list(given)
        named = {repr(router): router for router in several}
        if len(named) < len(several):
            raise ParameterError("Two routers are the same; give a mapping of name to router.")
    taken = sorted({RANDOM, LENGTH, ORACLE} & {*named})
    if taken or not named:
        what = f"{taken[0]!r} names a baseline" if taken else "routers is empty"
        raise ParameterError(f"{what}; leave routers out for the default ones.")
    return named


#: Columns of the table that is read.
_HEADS: Mapping[str, str] = {
    "apgr": "APGR",
    "over_length": "over longest",
    "cpt50": "CPT50",
    "cpt80": "CPT80",
    "aiq": "AIQ",
    "aiq_gain": "over random",
    "qnc": "QNC",
}


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a summary with sensible digits and intervals, all text; what is unknown is left out.

    Examples
    --------
    >>> row = {"apgr": [0.61], "apgr_low": [0.58], "apgr_high": [0.65]}
    >>> readable(pd.DataFrame(row, index=["logistic"])).loc["logistic", "APGR [95 %]"]
    '.610 [.580, .650]'
    """
    shown = pd.DataFrame(index=table.index)
    for name in MEASURES:
        if name in table and table[name].notna().any():
            rows = zip(*(table[f"{name}{end}"] for end in ("", "_low", "_high")), strict=True)
            shown[f"{_HEADS[name]} [95 %]"] = [_interval(*row) for row in rows]
    if "unlike" in table:
        shown["unlike"] = [
            "" if pd.isna(share) else f"{100 * share:.0f} %" for share in table["unlike"]
        ]
    return shown


def _interval(value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return "-"
    if math.isnan(low) or low == high:
        return _short(value)
    return f"{_short(value)} [{_short(low)}, {_short(high)}]"


def _short(value: float) -> str:
    shown = f"{value:.3f}"
    return "never" if value == float("inf") else re.sub(r"^(-?)0\.", r"\1.", shown)
