"""ResponseMatrix: a recording with names typed: ``mat.route("fallback", threshold=0.7)``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import pandas as pd

from orchkit.core.calls import DEFAULT_MAX_TOKENS, Params
from orchkit.core.catalog import Catalog
from orchkit.core.drive import opening
from orchkit.core.plans import Query, Strategy
from orchkit.core.strategies import Single
from orchkit.errors import whole
from orchkit.lab import experiment
from orchkit.lab.asking import predictor
from orchkit.lab.frames import attach
from orchkit.lab.matrix import Matrix
from orchkit.lab.summary import oracle
from orchkit.ui import names
from orchkit.ui.comparison import Comparison
from orchkit.ui.markup import block, text
from orchkit.ui.money import nano
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
        rows = ((query, chosen) for query in judged)
        traces = self.replay(rows, catalog, nano(max_cost, "max_cost"))
        return attach(self.prompts, traces, experiment.short_name(chosen), prefix)

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
        judged = self._judged(chosen, catalog, complexity, max_tokens)
        cap = nano(max_cost, "max_cost")
        results = experiment.compare(
            judged,
            chosen,
            lambda rows: self.replay(rows, catalog, cap),
            experiment.recorded_quality,
        )
        singles = tuple(experiment.label(one) for one in chosen if isinstance(one, Single))
        return Comparison(results, singles=singles, simulated=self.simulated)

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

    def _repr_html_(self) -> str:
        return block(f"<p>{text(repr(self))}</p>")

    def _known(self) -> Catalog:
        return self.catalog(SESSION.offline_catalog())

    def _judged(
        self,
        strategies: Sequence[Strategy],
        catalog: Catalog,
        complexity: Any,
        max_tokens: int | None,
    ) -> list[Query]:
        """Return the queries, having made sure that each strategy can be replayed here."""
        limit = DEFAULT_MAX_TOKENS if max_tokens is None else whole("max_tokens", max_tokens)
        judged = self.queries(predictor(complexity), Params(max_tokens=limit))
        for query, strategy in product(judged[:1], strategies):
            for call in opening(strategy, query, catalog):
                catalog[call.model]
        return judged
