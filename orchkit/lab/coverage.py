"""What a recording holds of each model."""

from __future__ import annotations

from typing import Any

import pandas as pd
from numpy.typing import NDArray

from orchkit.core.catalog import Catalog
from orchkit.lab.longtable import answered
from orchkit.lab.summary import GAP


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a model of a long table, in the order of the recording.

    Columns: n (prompts answered), quality (mean in [0, 1] of those it is known for), cost_per_1k
    (USD per 1,000 prompts, likewise), recorded (share of all prompts that were answered). Of
    several draws the first counts, as in a replay.

    Examples
    --------
    >>> rows = [("q1", "mini", 1.0, 1e-5), ("q2", "mini", 0.0, 3e-5), ("q1", "opus", 1.0, 1e-3)]
    >>> long = pd.DataFrame(rows, columns=["prompt_id", "model", "quality", "cost"])
    >>> coverage(long).loc["opus"].tolist()
    [1.0, 1.0, 1.0, 0.5]
    """
    models = pd.Index(table["model"].unique(), name="model")
    told = table.loc[answered(table), ["prompt_id", "model", "quality", "cost"]]
    cells = told.drop_duplicates(["model", "prompt_id"])
    each = cells.groupby("model", sort=False, observed=True)
    found = pd.DataFrame(
        {"n": each.size(), "quality": each["quality"].mean(), "cost": 1000 * each["cost"].mean()}
    )
    found = found.rename(columns={"cost": "cost_per_1k"}).reindex(models)
    found["n"] = found["n"].fillna(0).astype(int)
    return found.assign(recorded=found["n"] / max(table["prompt_id"].nunique(), 1))


def complete(results: pd.DataFrame, recorded: pd.DataFrame, catalog: Catalog) -> pd.Series[bool]:
    """Return which rows of a replay had every model recorded that the strategy could have asked.

    A row that came to no missing model by chance is easier than most, and judges nobody.

    Parameters
    ----------
    results : DataFrame
        Tidy: row, fallback_chain (the models planned), error.
    recorded : DataFrame of bool, prompts × models
    catalog : Catalog
        Of the recording: planned names to recorded ones.

    Examples
    --------
    >>> from orchkit.core.catalog import Tier, Model
    >>> known = Catalog({name: Model(name, "replay", Tier.BASIC) for name in "ab"}, ("a", "b"))
    >>> rows = {"row": [0, 1], "fallback_chain": [["a", "b"]] * 2, "error": None}
    >>> recorded = pd.DataFrame({"a": [True, True], "b": [True, False]})
    >>> complete(pd.DataFrame(rows), recorded, known).tolist()
    [True, False]
    """
    plans = [tuple(planned) for planned in results["fallback_chain"]]
    whole = {plan: _whole(plan, recorded, catalog) for plan in set(plans)}
    told = [bool(whole[plan][row]) for plan, row in zip(plans, results["row"], strict=True)]
    gaps = results["error"].astype("string").str.startswith(GAP).fillna(value=False)
    return pd.Series(told, results.index, dtype=bool) & ~gaps.astype(bool)


def _whole(plan: tuple[str, ...], recorded: pd.DataFrame, catalog: Catalog) -> NDArray[Any]:
    """Return for which prompts all models of a plan are recorded."""
    names = [catalog[name].name for name in plan if name in catalog]
    known = [name for name in names if name in recorded]
    every = recorded[known].all(axis=1).to_numpy()
    return every & (len(known) == len(plan))
