"""Comparison: what `compare` found: tidy results, a summary, a picture."""

from __future__ import annotations

from typing import Any

import pandas as pd

from orchkit.lab.summary import ORACLE, summary
from orchkit.ui import plots
from orchkit.ui.markup import UNTYPESET, block, text
from orchkit.ui.money import usd
from orchkit.ui.terminal import harmless

NOTE = (
    "saving: share of the strongest single model's cost not spent; "
    "confidence: uncalibrated, mean over rows"
)


class Comparison:
    """Strategies measured on the same prompts.

    Attributes
    ----------
    results : DataFrame
        Tidy: one row per strategy × prompt, the result columns with `row` (the prompt's
        position), `quality` in [0, 1] and `rounds`.
    simulated : bool
        Whether any answer came from the simulator.
    """

    def __init__(
        self, results: pd.DataFrame, *, singles: tuple[str, ...] = (), simulated: bool = False
    ) -> None:
        self.results = results
        self.simulated = simulated
        self._singles = singles

    def summary(self) -> pd.DataFrame:
        """Return one row a strategy, indexed by its label.

        Quality (mean in [0, 1], with its 95 % interval), cost_per_1k (USD per 1,000 prompts),
        saving (share of the strongest single model's cost not spent), latency_p50 and _p95
        (seconds), confidence (mean), escalation_rate, errors, cost (USD in all). With two or
        more single models the oracle is added: the cheapest model that was right, per prompt.
        """
        return summary(self.results, singles=self._singles)

    def plot(self, *, ax: Any = None) -> Any:
        """Draw quality against cost; return the Axes."""
        return plots.cost_quality(
            self.summary(), ax=ax, singles=self._singles, simulated=self.simulated
        )

    def table(self) -> pd.DataFrame:
        """Return the summary as text, the way it is read."""
        return readable(self.summary())

    def __repr__(self) -> str:
        return f"{self._title()}\n{self.table().to_string()}\n{NOTE}"

    def _repr_html_(self) -> str:
        table = self.table().to_html(classes=UNTYPESET)
        return block(f"<p>{text(self._title())}</p>", harmless(table), f"<p>{NOTE}</p>")

    def _title(self) -> str:
        prompts = self.results["row"].nunique()
        origins = ", ".join(sorted(set(self.results["provider"].dropna()))) or "none"
        told = f"{prompts:,} prompts; {'SIMULATED ' if self.simulated else ''}answers ({origins})"
        judged = self.results["quality"].notna().any()
        return told + ("" if judged else "; no references, so no quality")


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a summary with units and sensible digits: all text.

    Examples
    --------
    >>> from orchkit.lab.summary import SUMMARY
    >>> row = dict.fromkeys(SUMMARY, 0.5) | {"n": 10, "errors": 0, "signal": "logprob"}
    >>> readable(pd.DataFrame([row], index=["cheapest"]))["quality [95 %]"].item()
    '50.0 % [50.0, 50.0]'
    """
    shown = pd.DataFrame(index=table.index)
    shown["quality [95 %]"] = [_quality(row) for _, row in table.iterrows()]
    shown["USD / 1k prompts"] = [usd(cost).lstrip("$") for cost in table["cost_per_1k"]]
    shown["saving"] = table["saving"].map(_percent)
    shown["p50 / p95 latency"] = [_latency(row) for _, row in table.iterrows()]
    shown["confidence (signal)"] = [
        f"{row['confidence']:.2f} ({row['signal']})" for _, row in table.iterrows()
    ]
    shown["escalated"] = table["escalation_rate"].map(_percent)
    shown["errors"] = table["errors"].map(str)
    shown["n"] = table["n"].map("{:,}".format)
    shown.loc[shown.index == ORACLE, ["confidence (signal)", "escalated"]] = "-"
    return shown


def _quality(row: pd.Series[Any]) -> str:
    if pd.isna(row["quality"]):
        return "-"
    low, high = 100 * row["quality_low"], 100 * row["quality_high"]
    return f"{100 * row['quality']:.1f} % [{low:.1f}, {high:.1f}]"


def _latency(row: pd.Series[Any]) -> str:
    if pd.isna(row["latency_p50"]):
        return "-"
    return f"{row['latency_p50']:.2f} / {row['latency_p95']:.2f} s"


def _percent(share: float) -> str:
    return "-" if pd.isna(share) else f"{100 * share:.0f} %"
