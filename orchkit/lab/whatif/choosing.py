"""Choosing: whose answer each strategy keeps, and who is asked, prompt by prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from orchkit.core.catalog import Model, Tier
from orchkit.lab.arrays import Arrays, Flags, Floats, Ints
from orchkit.lab.cascading import stops
from orchkit.lab.voting import Ballots, agreeing, escalated, voted
from orchkit.lab.whatif.settings import Setting

if TYPE_CHECKING:
    from orchkit.lab.whatif.recorded import Recorded

#: The column of the answer kept; and prompts × models, who was asked.
Chosen = tuple[Ints, Flags]


def _fallback(_: Recorded, arrays: Arrays, columns: Ints, setting: Setting) -> Chosen:
    chosen, reached = stops(arrays, columns, [setting.threshold] * len(columns))
    asked = np.zeros(arrays.cost.shape, dtype=bool)
    asked[:, columns] = reached
    return chosen, asked


def _cheapest(table: Recorded, arrays: Arrays, columns: Ints, setting: Setting) -> Chosen:
    able = _able(table, columns, setting)
    chosen = able[table.tiers]
    return chosen, chosen[:, None] == np.arange(len(arrays.models))


def _able(table: Recorded, columns: Ints, setting: Setting) -> Ints:
    """Return the column of the cheapest able model for each tier, at the setting's prices."""
    catalog = table.among([table.models[at] for at in columns])
    factors = dict(zip(table.models, setting.factors_of(table.models), strict=True))
    models = {name: _times(model, factors[name]) for name, model in catalog.models.items()}
    priced = replace(catalog, models=models)
    return np.array([table.models.index(priced.cheapest_able(tier)[0].name) for tier in Tier])


def _times(model: Model, factor: float) -> Model:
    """Return a model at so many times its prices."""
    rates = [replace(each, input=each.input * factor, output=each.output * factor)
             for each in model.rates]  # fmt: skip
    return replace(model, rates=tuple(rates))


def _ensemble(table: Recorded, arrays: Arrays, columns: Ints, setting: Setting) -> Chosen:
    ballots = _at_prices(table, arrays, setting)
    chosen = voted(ballots, [arrays.models[at] for at in columns], "confidence").chosen
    return chosen, np.broadcast_to(_among(arrays, columns), arrays.cost.shape)


def _agree(table: Recorded, arrays: Arrays, columns: Ints, setting: Setting) -> Chosen:
    ballots = _at_prices(table, arrays, setting)
    *cheap, then = (arrays.models[at] for at in columns)
    agreed = agreeing(ballots, cheap)
    asked = np.broadcast_to(_among(arrays, columns), arrays.cost.shape).copy()
    asked[agreed, columns[-1]] = False
    return escalated(ballots, cheap, then, agreed).chosen, asked


def _among(arrays: Arrays, columns: Ints) -> Flags:
    return np.isin(np.arange(len(arrays.models)), columns)


def _at_prices(table: Recorded, arrays: Arrays, setting: Setting) -> Ballots:
    """Return the ballots, with ties decided by the setting's prices."""
    found = table.ballots
    factors: Floats = np.array(setting.factors_of(table.models))
    return replace(found, arrays=arrays, price=found.price * factors)


WAYS = {"fallback": _fallback, "cheapest": _cheapest, "ensemble": _ensemble, "agree": _agree}
