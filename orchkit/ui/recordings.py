"""ResponseMatrix: a recording with names typed: ``mat.route("fallback", threshold=0.7)``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from itertools import product
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.core.calls import DEFAULT_MAX_TOKENS, Params
from orchkit.core.catalog import NANO, Catalog, model_names
from orchkit.core.drive import opening, prepared
from orchkit.core.plans import Query, Strategy
from orchkit.core.strategies import Ensemble, Fallback, Single, Utility
from orchkit.errors import OrchkitWarning, ParameterError, tell, whole
from orchkit.lab import experiment
from orchkit.lab.arrays import arrays_of
from orchkit.lab.asking import Predict, predictor
from orchkit.lab.coverage import complete, coverage
from orchkit.lab.frames import attach
from orchkit.lab.frontiers import frontier, hop_frame, replayed, swept_frame, swept_utility
from orchkit.lab.goals import Goal
from orchkit.lab.matrix import Matrix
from orchkit.lab.recording import RECORDED_AT
from orchkit.lab.repricing import Prices, pairs
from orchkit.lab.summary import ORACLE, oracle
from orchkit.lab.tuning import TUNED, Tuning
from orchkit.ui import names
from orchkit.ui.comparison import Comparison
from orchkit.ui.learned import judge
from orchkit.ui.markup import notebook, table, text
from orchkit.ui.money import nano, usd
from orchkit.ui.provenance import Provenance
from orchkit.ui.session import SESSION


class ResponseMatrix(Matrix):
    """Recorded responses, one row per prompt × model; replays any strategy without spending.

    Parameters
    ----------
    frame : DataFrame
        Long; columns `prompt_id` and `model`, and `quality` or `response`. See `from_long` for
        columns of other names.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("q1", "gpt-4o-mini", 0, 1e-5, 0.3), ("q1", "gpt-4o", 1, 2e-4, 0.9)]
    >>> long = pd.DataFrame(rows, columns=["prompt_id", "model", "quality", "cost", "confidence"])
    >>> mat = ResponseMatrix(long)
    >>> mat.route("fallback").loc["q1", "model_used"]
    'gpt-4o'
    """

    def route(
        self,
        strategy: str | Strategy = "cheapest",
        *,
        chain: Sequence[str] | None = None,
        threshold: float = 0.6,
        ensemble_size: int = 3,
        max_cost: float | None = None,
        complexity: Any = None,
        confidence: Any = None,
        max_tokens: int | None = None,
        prefix: str = "",
    ) -> pd.DataFrame:
        """Replay one strategy; one row a prompt, the result columns of `orchkit.route`."""
        catalog = self._known()
        chosen = names.strategy(
            strategy,
            catalog,
            chain=chain,
            threshold=threshold,
            ensemble_size=ensemble_size,
            confidence=confidence,
        )
        judged = self._judged([chosen], catalog, complexity, max_tokens)
        rows = prepared([(query, chosen) for query in judged])
        traces = self.replay(rows, catalog, nano(max_cost, "max_cost"))
        return attach(self.prompts, traces, experiment.short_name(chosen), prefix)

    def _recorded_name(self, name: Any) -> Any:
        """Return the name a model was recorded by, of any the catalog has for it."""
        known = self._known()
        found = known[name].name if isinstance(name, str) and name in known else name
        return found if found in self.models else name

    def compare(
        self,
        strategies: Sequence[str | Strategy] = ("cheapest", "fallback", "ensemble"),
        *,
        max_cost: float | None = None,
        complexity: Any = None,
        max_tokens: int | None = None,
    ) -> Comparison:
        """Replay several strategies and measure them against each other."""
        catalog = self._known()
        chosen = [names.strategy(one, catalog) for one in names.several(strategies)]
        self._refuse_confusion(chosen)
        judged = self._judged(chosen, catalog, complexity, max_tokens)
        cap = nano(max_cost, "max_cost")
        results = experiment.compare(
            judged,
            chosen,
            lambda rows: self.replay(prepared(rows), catalog, cap),
            experiment.recorded_quality,
        )
        singles = tuple(experiment.label(one) for one in chosen if isinstance(one, Single))
        results["complete"] = complete(results, self._recorded, catalog)
        results.attrs["simulated"] = self.simulated
        return Comparison(
            results,
            singles=singles,
            simulated=self.simulated,
            alone=self._alone(),
            prompts=self._per_prompt,
            length=self._lengths.tolist(),
            provenance=Provenance(
                chosen,
                SESSION.offline_catalog(),
                {"complexity": complexity, "max_cost": max_cost, "max_tokens": max_tokens},
                replayed=True,
                times=self._frame.get(RECORDED_AT),
            ),
        )

    def _refuse_confusion(self, chosen: Sequence[Strategy]) -> None:
        """Refuse models called as a strategy that is compared, or as the oracle beside them."""
        labels = {experiment.label(one) for one in chosen if not isinstance(one, Single)}
        for name in labels | {ORACLE}:
            if name in self.models:
                raise ParameterError(
                    f"A recorded model is called {name!r}, and so is another row of the "
                    f"comparison. Rename it: ResponseMatrix(mat.frame.replace({{'model': "
                    f"{{{name!r}: {name + '-model'!r}}}}}))."
                )

    def _alone(self) -> pd.DataFrame:
        """Return every recorded model as tidy results: each comparison's baselines.

        As in a replay: of several draws the first, and money in whole nano-dollars.
        """
        frame, rows = self.cell_rows(self.models)
        place, column = np.nonzero(rows >= 0)
        cells = frame.iloc[rows[place, column]]
        told = cells[["quality", "cost", "latency", "confidence"]].reset_index(drop=True)
        told["cost"] = (told["cost"] * NANO).round() / NANO
        names_ = np.array(self.models, dtype=object)[column]
        return told.assign(
            strategy=names_, row=place, rounds=1, signal="recorded", error=None, provider="replay"
        )

    @property
    def _recorded(self) -> pd.DataFrame:
        """Prompts × models, by position: whether anything was recorded."""
        return pd.DataFrame(self.cell_rows(self.models)[1] >= 0, columns=self.models)

    @property
    def _per_prompt(self) -> pd.DataFrame:
        """The first row of each prompt, by its id: what clusters are named by."""
        ids = pd.Index(self._first["prompt_id"], dtype="object")
        return self._first.set_axis(ids)

    @property
    def _lengths(self) -> pd.Series[float]:
        """Characters of each prompt; NaN where its text was not recorded."""
        return self._first["prompt"].astype("string").str.len().astype("float64")

    def sweep(
        self,
        strategy: str | Strategy = "fallback",
        *,
        threshold: ArrayLike | None = None,
        value: ArrayLike | None = None,
        chain: Sequence[str] | None = None,
        confidence: Any = None,
    ) -> pd.DataFrame:
        """Return what a strategy comes to at many thresholds, or values, without spending.

        A fallback is swept by column arithmetic, equal to replaying it row by row: a thousand
        thresholds over 100,000 prompts take milliseconds. So is `orchkit.Utility`, over `value`.
        Any other strategy that has a `threshold` is replayed at each.

        Parameters
        ----------
        strategy : str or Strategy
            ``"fallback"``, or an object with a field `threshold`.
        threshold : array-like of float, optional
            In [0, 1]; 0, 0.01, … 1 by default. A list of such grids, one for each hop of the chain,
            gives a row for each combination: threshold_1, threshold_2, …, quality, cost_per_1k,
            cost, n; the last model's answer is then always taken.
        value : array-like of float, optional
            For `orchkit.Utility`: USD that a right answer is worth, above 0.
        chain, confidence : optional
            Settings of ``"fallback"``.

        Returns
        -------
        DataFrame
            One row a threshold (or value), ascending: threshold, quality in [0, 1] with its 95 %
            interval, cost_per_1k (USD per 1,000 prompts), cost (USD), escalation_rate (not over
            values), calls (mean), n. Prompts with a gap in one of the models are left out of all
            rows;
            ``.attrs["left_out"]`` counts them, ``.attrs["unsure"]`` is the share of answers
            without a confidence, which escalate. Intervals are of each threshold by itself.

        Examples
        --------
        >>> import orchkit
        >>> df = orchkit.load_dataset("everyday").head(50)
        >>> with orchkit.use("simulator"):
        ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o"])
        >>> mat.sweep("fallback", threshold=[0.5, 0.9], chain=["gpt-4o-mini", "gpt-4o"]).shape
        (2, 9)
        """
        catalog = self._known()
        chosen = names.strategy(strategy, catalog, chain=chain, confidence=confidence)
        frame = self._swept(catalog, chosen, threshold, value)
        frame.attrs["simulated"] = self.simulated
        return frame

    def _swept(
        self, catalog: Catalog, chosen: Strategy, threshold: Any, value: ArrayLike | None
    ) -> pd.DataFrame:
        """Return the sweep of a strategy: by columns where that is the same, else replayed."""
        if isinstance(chosen, Utility) and value is not None and threshold is None:
            return swept_utility(self, catalog, chosen, value)
        if isinstance(chosen, Utility) or value is not None:
            raise ParameterError("value is what Utility is swept over: sweep(Utility(…), value=…).")
        limits: Any = np.linspace(0, 1, 101) if threshold is None else threshold
        if isinstance(chosen, Fallback) and _per_hop(limits):
            return hop_frame(self, catalog, chosen, limits)
        if not isinstance(chosen, Fallback) or type(chosen).plan is not Fallback.plan:
            return replayed(self, catalog, chosen, limits)
        return swept_frame(self, catalog, chosen, limits)

    def frontier(
        self, *, models: Sequence[str] | None = None, longest: int = 3, threshold: Any = None
    ) -> pd.DataFrame:
        """Return the ways of routing that no other beats: single models, and chains of them.

        All chains in the order of costs, at each threshold. They are judged on the prompts they
        are chosen on, so the frontier is optimistic: fit on one part (`Fallback.fit`) before
        believing in a point of it.

        Returns
        -------
        DataFrame
            From the cheapest on: strategy (its label), chain, threshold (NaN for one model
            alone), quality, cost_per_1k (USD), and hull, whether mixing its neighbours at random
            does worse.

        Examples
        --------
        >>> import orchkit
        >>> df = orchkit.load_dataset("everyday").head(50)
        >>> with orchkit.use("simulator"):
        ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o"])
        >>> list(mat.frontier().columns[:3])
        ['strategy', 'chain', 'threshold']
        """
        limits = np.linspace(0, 1, 101) if threshold is None else threshold
        names_ = self._names(models)
        found = frontier(arrays_of(self, names_), limits, whole("longest", longest))
        found.attrs["simulated"] = self.simulated
        return found

    def tune(self, kind: type[Any], **asked: Any) -> Any:
        """Return a strategy of that kind tuned on this recording: what `Fallback.fit` calls."""
        base = _tunable(kind)
        budget, max_loss = asked.pop("budget", None), asked.pop("max_loss", None)
        if base is Ensemble and budget is None and max_loss is None:
            budget = math.inf
        tuning = Tuning(
            self,
            self._known(),
            Goal(budget, max_loss, asked.pop("caution", 1.0)),
            self._several(asked.pop("models", None)),
            asked.pop("test", 0.5),
            asked.pop("seed", 0),
            self._labelled(asked.pop("groups", None), "groups"),
            datetime.now(UTC).date().isoformat(),
        )
        _tell_of(tuning.goal, self.cost[[*tuning.models]])
        found = TUNED[base](tuning, **asked)
        known = {each.name: getattr(found, each.name) for each in fields(base)}
        return found if kind is base else kind(**known)

    def _several(self, models: Sequence[str] | None) -> tuple[str, ...]:
        """Return the models to choose between, in an order that is always the same."""
        found = sorted(self._names(models))
        if len(found) < 2:
            raise ParameterError(
                f"There is one model, {found[0]}, and nothing to choose between; give two or more."
            )
        return tuple(found)

    def _names(self, models: Sequence[str] | None) -> list[str]:
        """Return recorded names of the models asked for by any name; all by default."""
        if models is None:
            return self.models
        lone = isinstance(models, str) or not isinstance(models, Iterable)
        return [*self._known().distinct(model_names(models if lone else [*models]))]

    def summary(self) -> pd.DataFrame:
        """Return one row a model, and the oracle: quality with its interval, cost, latency."""
        return self.compare([Single(name) for name in self.models]).summary()

    def oracle(self) -> pd.DataFrame:
        """Return for each prompt the cheapest of the models that answered it best.

        Columns: model, quality, cost (USD).
        """
        quality, cost = self.quality, self.cost
        chosen = oracle(quality, cost)
        at = list(zip(chosen.index, chosen, strict=True))
        return pd.DataFrame(
            {
                "model": chosen,
                "quality": [quality.loc[place] for place in at],
                "cost": [cost.loc[place] for place in at],
            }
        )

    def reprice(
        self,
        prices: Prices | None = None,
        *,
        times: Mapping[str, float] | None = None,
        missing: str = "error",
        tokens: str = "recorded",
    ) -> Self:
        """Return the matrix at other prices; what was answered, and how fast, stays as it is.

        Parameters
        ----------
        prices : mapping, Catalog or DataFrame, optional
            Model -> (input, output) in USD per million tokens; or a frame like `orchkit.models()`;
            None for the prices of today's catalog. A model goes by its recorded name, or by the
            catalog's name for it. What a call costs is worked out as in live runs: whole
            nano-dollars, rounded up.
        times : mapping, optional
            Instead: model -> by what its recorded costs are multiplied, say 0.5; needs no tokens.
        missing : {"error", "keep"}
            What becomes of answers without a price or without tokens: an error that names them, or
            the cost that was recorded.
        tokens : {"recorded", "estimate"}
            With ``"estimate"``, tokens nobody counted are taken for a quarter of the characters of
            prompt and response. They are then part of the matrix; its column `tokens_estimated`
            says where, and so does its text.

        Raises
        ------
        MatrixError
            Prices that are none, or (unless kept) answers without a price or without tokens.

        Examples
        --------
        >>> import pandas as pd
        >>> long = pd.DataFrame({"prompt_id": [1], "model": ["gpt-4o-mini-2024-07-18"],
        ...                      "quality": [1], "input_tokens": [1000], "output_tokens": [100]})
        >>> ResponseMatrix(long).reprice({"gpt-4o-mini": (0.15, 0.6)}).cost.iloc[0, 0].item()
        0.00021
        """
        known = SESSION.offline_catalog()
        if times is not None:
            return super().reprice(prices, times=times)
        if prices is not None and not isinstance(prices, Catalog):
            prices = _by_recorded_name(pairs(prices), self.models, known)
        told = known if prices is None else prices
        return super().reprice(told, missing=missing, tokens=tokens)

    def _repr_html_(self) -> str:
        """Return the text, and one row a model."""
        return notebook(f"<p>{text(repr(self))}</p>", table(readable(coverage(self._frame))))

    def _known(self) -> Catalog:
        """Return the catalog that replays go by: recorded models, at today's tiers and prices."""
        return self.catalog(SESSION.offline_catalog())

    def _predict(self, complexity: Any) -> Predict:
        """Return what judges all prompts in their order; a column's name stands for its cells."""
        found = judge(complexity, self._frame.columns)
        if not isinstance(found, str):
            return predictor(found)
        cells = self.per_prompt(found).tolist()
        return lambda _: cells

    def _judged(
        self,
        strategies: Sequence[Strategy],
        catalog: Catalog,
        complexity: Any,
        max_tokens: int | None,
    ) -> list[Query]:
        """Return the queries, having made sure that each strategy can be replayed here."""
        _refuse_judges(strategies)
        limit = DEFAULT_MAX_TOKENS if max_tokens is None else whole("max_tokens", max_tokens)
        judged = self.queries(self._predict(complexity), Params(max_tokens=limit))
        for query, strategy in product(judged[:1], strategies):
            for call in opening(strategy, query, catalog):
                catalog[call.model]
        return judged


def _refuse_judges(strategies: Sequence[Strategy]) -> None:
    """Refuse what could be replayed only on prompts whose answers agree: that would flatter it."""
    for strategy in strategies:
        if isinstance(strategy, Ensemble) and strategy.judge is not None:
            raise ParameterError(
                f"{experiment.label(strategy)} cannot be replayed: a judge's verdicts are in no "
                "recording. Compare it live (df.orch.compare), or choose by select='majority', "
                "'weighted' or 'confidence'."
            )


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return what a recording holds of each model with units and sensible digits: all text.

    Examples
    --------
    >>> rows = [("q1", "mini", 1.0, 1e-5), ("q2", "mini", 0.0, 3e-5)]
    >>> long = pd.DataFrame(rows, columns=["prompt_id", "model", "quality", "cost"])
    >>> readable(coverage(long)).loc["mini"].tolist()
    ['2', '50.0 %', '0.020', '100 %']
    """
    shown = pd.DataFrame(index=table.index)
    shown["n"] = table["n"].map("{:,}".format)
    shown["quality"] = ["-" if pd.isna(q) else f"{100 * q:.1f} %" for q in table["quality"]]
    shown["USD / 1k prompts"] = [usd(cost).lstrip("$") for cost in table["cost_per_1k"]]
    shown["recorded"] = table["recorded"].map("{:.0%}".format).str.replace("%", " %")
    return shown


def _by_recorded_name(
    given: Mapping[str, Any], models: Sequence[str], known: Catalog
) -> Mapping[str, Any]:
    """Return prices with those of models that were recorded under another of their names."""
    names = {name: known[name].name for name in models if name not in given and name in known}
    return {**given, **{name: given[other] for name, other in names.items() if other in given}}


def _tell_of(goal: Goal, cost: pd.DataFrame) -> None:
    """Warn of a budget that nothing recorded could use up: most likely it is of the whole set."""
    most = float(cost.mean().sum())
    if goal.budget is not None and most < goal.budget < math.inf:
        tell(
            f"budget={goal.budget:g} is more than a prompt costs with all {cost.shape[1]} models "
            f"together ({usd(most)}): it is USD a prompt, on average, and not of the whole set.",
            OrchkitWarning,
        )


def _per_hop(limits: Any) -> bool:
    """Whether thresholds are grids, one for each hop."""
    return isinstance(limits, list | tuple) and all(np.ndim(each) == 1 for each in limits)


def _tunable(kind: Any) -> Any:
    """Return the strategy that is tuned for one of this kind, or say that none is."""
    known = [each for each in TUNED if isinstance(kind, type) and issubclass(kind, each)]
    if not known or kind.plan is not known[0].plan:
        told = getattr(kind, "__name__", repr(kind))
        raise ParameterError(
            f"{told:.60} cannot be tuned; {', '.join(each.__name__ for each in TUNED)} can, and "
            "classes of one's own that keep their plan."
        )
    return known[0]
