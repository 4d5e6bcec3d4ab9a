"""Choosing: whose answer each strategy keeps, and who is asked, prompt by prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from orchkit.core.catalog import Tier
from orchkit.lab.arrays import Arrays, Flags, Ints
from orchkit.lab.cascading import stops
from orchkit.lab.voting import Ballots, agreeing, escalated, voted, weighed
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
    """Return the column of the cheapest able model for each tier, by the catalog's prices."""
    catalog = table.among([table.models[at] for at in columns], setting)
    return np.array([table.models.index(catalog.cheapest_able(tier)[0].name) for tier in Tier])


def _ensemble(table: Recorded, arrays: Arrays, columns: Ints, setting: Setting) -> Chosen:
    ballots = _ballots(table, arrays, setting)
    chosen = voted(ballots, [arrays.models[at] for at in columns], "confidence").chosen
    return chosen, np.broadcast_to(_among(arrays, columns), arrays.cost.shape)


def _agree(table: Recorded, arrays: Arrays, columns: Ints, setting: Setting) -> Chosen:
    ballots = _ballots(table, arrays, setting)
    *cheap, then = (arrays.models[at] for at in columns)
    agreed = agreeing(ballots, cheap)
    asked = np.broadcast_to(_among(arrays, columns), arrays.cost.shape).copy()
    asked[agreed, columns[-1]] = False
    return escalated(ballots, cheap, then, agreed).chosen, asked


def _among(arrays: Arrays, columns: Ints) -> Flags:
    return np.isin(np.arange(len(arrays.models)), columns)


def _ballots(table: Recorded, arrays: Arrays, setting: Setting) -> Ballots:
    """Return the ballots; as in a replay, ties go by the catalog's prices and tiers."""
    return replace(weighed(table.ballots, table.among(table.models, setting)), arrays=arrays)


WAYS = {"fallback": _fallback, "cheapest": _cheapest, "ensemble": _ensemble, "agree": _agree}
