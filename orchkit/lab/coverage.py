"""What a recording holds of each model."""

from __future__ import annotations

import pandas as pd

from orchkit.lab.longtable import answered


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a model of a long table, in the order of the recording.

    Columns: n (prompts answered), quality (mean in [0, 1] of those it is known for), cost_per_1k
    (USD per 1,000 prompts, likewise), recorded (share of all prompts that were answered). Several
    draws of a prompt count as their mean.

    Examples
    --------
    >>> rows = [("q1", "mini", 1.0, 1e-5), ("q2", "mini", 0.0, 3e-5), ("q1", "opus", 1.0, 1e-3)]
    >>> long = pd.DataFrame(rows, columns=["prompt_id", "model", "quality", "cost"])
    >>> coverage(long).loc["opus"].tolist()
    [1.0, 1.0, 1.0, 0.5]
    """
    models = pd.Index(table["model"].unique(), name="model")
    told = table.loc[answered(table), ["prompt_id", "model", "quality", "cost"]]
    cells = told.groupby(["model", "prompt_id"], sort=False, observed=True).mean()
    each = cells.groupby(level="model", sort=False, observed=True)
    found = pd.DataFrame(
        {"n": each.size(), "quality": each["quality"].mean(), "cost": 1000 * each["cost"].mean()}
    )
    found = found.rename(columns={"cost": "cost_per_1k"}).reindex(models)
    found["n"] = found["n"].fillna(0).astype(int)
    return found.assign(recorded=found["n"] / max(table["prompt_id"].nunique(), 1))
