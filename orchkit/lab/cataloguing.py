"""The catalog of a recording: its models by their recorded names, as far as they are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from orchkit.core.catalog import Catalog, Model, Rates, Tier

_REMEDY = "A recording answers for the models in it only: record this one too, or leave it out."


def catalog_of(frame: pd.DataFrame, known: Catalog) -> Catalog:
    """Return the catalog of a long table's models, with the tier and price `known` has for them.

    The defaults are those of `known` that were recorded; with none of them, every
    recorded model, placed in tiers by what it cost.
    """
    return arranged(models_of(frame, known), known)


def models_of(frame: pd.DataFrame, known: Catalog) -> dict[str, Model]:
    """Return the models of a long table; what `known` does not know costs what was paid for it."""
    rows = {str(name): rows for name, rows in frame.groupby("model", sort=False)}
    return {name: _model(name, own, known) for name, own in rows.items()}


def arranged(models: dict[str, Model], known: Catalog) -> Catalog:
    """Return the catalog of these models: its defaults, and tiers where nobody has placed them."""
    short = {known.aliases.get(name, name): name for name in reversed(models)}
    pool = tuple(short[name] for name in known.pool if name in short)
    if not pool:
        models = _placed(models)
        pool = tuple(models)
    aliases = {name: recorded for name, recorded in short.items() if name not in models}
    return Catalog(models, pool, aliases, remedy=_REMEDY)


def _model(name: str, rows: pd.DataFrame, known: Catalog) -> Model:
    if name in known:
        found = known[name]
        return Model(name, "replay", found.tier, found.rates, found.best_for, found.context)
    tokens = rows["input_tokens"].sum() + rows["output_tokens"].sum()
    paid = rows["cost"].sum(min_count=1)
    each = paid / tokens * 1e6 if tokens else paid / len(rows) * 1e3
    rates = (Rates(each, each),) if math.isfinite(each) else ()
    return Model(name, "replay", Tier.INTERMEDIATE, rates)


def _placed(models: Mapping[str, Model]) -> dict[str, Model]:
    """Give models nobody knows a tier by their price: quartiles of the ones recorded."""
    ranked = sorted(models.values(), key=lambda model: model.blended)
    tiers = list(Tier)
    place = {m.name: tiers[4 * rank // len(ranked)] for rank, m in enumerate(ranked)}
    place.update({m.name: Tier.EXPERT for m in ranked[-1:]})
    return {name: replace(model, tier=place[name]) for name, model in models.items()}
