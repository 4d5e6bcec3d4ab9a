"""The summary of a comparison as it is read: text, with units and sensible digits."""

from __future__ import annotations

from typing import Any

import pandas as pd

from orchkit.lab.summary import ORACLE
from orchkit.ui.money import usd
from orchkit.ui.plots.lettering import short


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
        "-" if pd.isna(row["confidence"]) else f"{row['confidence']:.2f} ({row['signal']})"
        for _, row in table.iterrows()
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


def narrow(table: pd.DataFrame, width: int = 46) -> pd.DataFrame:
    """Return a table whose rows' names are short, unless two were then alike.

    Examples
    --------
    >>> narrow(pd.DataFrame(index=["fallback(gpt-4o-mini → gpt-4o)"]), 20).index.tolist()
    ['fallback(g…→ gpt-4o)']
    """
    names = [short(name, width) for name in table.index]
    alike = len({*names}) < table.index.nunique()
    return table if alike else table.set_axis(pd.Index(names, name=table.index.name))
