"""How prompts went down a chain: at each hop how many were asked, answered and escalated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import ParameterError
from orchkit.lab.pictures.columns import RESULTS, chosen, labels, numbers, records, words
from orchkit.lab.stats import mean_interval

#: What became of a prompt at a hop: each that was asked there is counted in one.
OUTCOMES = ("accepted", "earlier", "failed", "escalated")
FLOW = ("strategy", "hop", "model", "asked", *OUTCOMES, "quality", "quality_low", "quality_high")


def chain_flow(frame: pd.DataFrame, *, strategy: str | None = None) -> pd.DataFrame:
    """Return one row a hop of the chain of one strategy.

    Models that were asked together are one hop. Columns: strategy, hop (from 1), model, asked
    (prompts), and what became of those: `accepted` stopped here with an answer of this hop,
    `earlier` stopped here with the answer of a hop before it, `failed` stopped here without an
    answer, `escalated` were asked on. `quality` in [0, 1] is the mean of those accepted, with its
    95 % interval; NaN where it is unknown.

    Parameters
    ----------
    frame : DataFrame
        Results: strategy, model_used, fallback_chain, metadata; quality where it is known.
    strategy : str, optional
        Which one, where the frame holds several that escalate.

    Raises
    ------
    ColumnError
        A column is missing.
    ParameterError
        No strategy of the frame has a chain of two models, or several have and none is named.

    Examples
    --------
    >>> row = {"strategy": "fallback", "model_used": "b", "fallback_chain": ["a", "b"]}
    >>> row["metadata"] = {"calls": [{"model": "a"}, {"model": "b"}]}
    >>> chain_flow(pd.DataFrame([row]))[["model", "asked", "accepted", "escalated"]].values.tolist()
    [['a', 1, 0, 1], ['b', 1, 1, 0]]
    """
    names = ("strategy", "model_used", "fallback_chain", "metadata")
    optional = [name for name in ("quality", "ensemble_models") if name in frame]
    rows = chosen(frame, *names, *optional)
    rows["strategy"], rows["calls"] = words(rows["strategy"]), records(rows["metadata"])
    name = _named(rows, strategy)
    own = rows[rows["strategy"] == name]
    hops = _hops(list(max(own["fallback_chain"], key=_length)), own["calls"])
    hop_of = {model: hop for hop, models in enumerate(hops) for model in models}
    pairs = zip(own["calls"], own["model_used"], strict=True)
    ends = pd.DataFrame([_end(hop_of, calls, used) for calls, used in pairs])
    quality = numbers(own["quality"], low=0, high=1) if "quality" in own else None
    ends["quality"] = quality.to_numpy() if quality is not None else float("nan")
    table = [_hop(ends, hop, " + ".join(map(str, models))) for hop, models in enumerate(hops)]
    return pd.DataFrame(table).assign(strategy=name)[list(FLOW)]


def _named(rows: pd.DataFrame, strategy: str | None) -> str:
    """Return the strategy asked for, or the only one that escalates."""
    chained = rows["fallback_chain"].map(_length) > 1
    voting = rows["ensemble_models"].map(_length) > 0 if "ensemble_models" in rows else ~chained
    able = labels(rows.loc[chained & ~voting, "strategy"])
    if strategy is None and len(able) == 1:
        return str(able[0])
    if strategy in able:
        return str(strategy)
    if not able:
        raise ParameterError(f"No strategy of this frame has a chain of two models. {RESULTS}")
    known = ", ".join(map(repr, able))
    given = "several strategies" if strategy is None else f"no chain of {strategy!r}, but those"
    raise ParameterError(f"The frame holds {given}: {known}. Pass strategy= one of them.")


def _length(models: Any) -> int:
    return len(models) if isinstance(models, list | tuple | np.ndarray) else 0


def _hops(chain: list[Any], calls: pd.Series[Any]) -> list[list[Any]]:
    """Return the models of each hop: those asked in one round stand together."""
    rounds = {call["model"]: call.get("round") for row in calls for call in row}
    hops = list[list[Any]]()
    for model in chain:
        together = hops and rounds.get(model) is not None
        if together and rounds[model] == rounds.get(hops[-1][-1]):
            hops[-1].append(model)
        else:
            hops.append([model])
    return hops


def _end(hop_of: dict[Any, int], calls: list[dict[str, Any]], used: Any) -> dict[str, Any]:
    """Return how far a prompt came, in hops, and whose answer it kept."""
    asked = [hop_of[call["model"]] for call in calls if call["model"] in hop_of]
    kept = hop_of.get(used, -1) if isinstance(used, str) else -1
    return {"last": max(asked, default=-1), "kept": kept}


def _hop(ends: pd.DataFrame, hop: int, model: str) -> dict[str, Any]:
    stopped, kept = ends["last"] == hop, ends["kept"]
    accepted = stopped & (kept == hop)
    known = ends.loc[accepted, "quality"].dropna()
    low, high = mean_interval(known) if len(known) else (float("nan"), float("nan"))
    return {
        "hop": hop + 1,
        "model": model,
        "asked": int((ends["last"] >= hop).sum()),
        "accepted": int(accepted.sum()),
        "earlier": int((stopped & (kept >= 0) & (kept < hop)).sum()),
        "failed": int((stopped & (kept < 0)).sum()),
        "escalated": int((ends["last"] > hop).sum()),
        "quality": known.mean() if len(known) else float("nan"),
        "quality_low": low,
        "quality_high": high,
    }
