"""The simulator: an item-response model that stands in where there is no key, and says so.

A model has an ability, a prompt a difficulty, and the logistic of their difference is the
probability of a right answer (two-parameter logistic model; Lord, 1980). Whether this one is
right, what its tokens' probabilities look like, how long it is and how long it took are drawn
from a generator seeded by the call: the same call gives the same answer on any machine.

What it is not: a measurement. Abilities and difficulties are made up to be plausible for the
tiers they stand for; it gives log-probabilities for every model, which real vendors do not; and
its token counts are drawn, not counted from the text it gives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

from orchkit.core.calls import Call, Response, Usage
from orchkit.core.catalog import Catalog, Model, Tier
from orchkit.core.complexity import KeywordRules

DISCRIMINATION = 1.7
ABILITY: Mapping[Tier, float] = {
    Tier.BASIC: 0.6,
    Tier.INTERMEDIATE: 1.4,
    Tier.ADVANCED: 2.3,
    Tier.EXPERT: 2.9,
}
DIFFICULTY: Mapping[Tier, float] = {
    Tier.BASIC: -1.6,
    Tier.INTERMEDIATE: -0.1,
    Tier.ADVANCED: 1.1,
    Tier.EXPERT: 2.1,
}
#: Prompts of one tier differ by this standard deviation.
SPREAD = 0.7
#: Median answer length in tokens, by the prompt's tier.
LENGTH: Mapping[Tier, int] = {
    Tier.BASIC: 35,
    Tier.INTERMEDIATE: 90,
    Tier.ADVANCED: 180,
    Tier.EXPERT: 320,
}
_WRONG = ("[wrong]", "unknown", "it depends", "both", "cannot say", "any", "impossible")
#: Seconds to the first token, and tokens per second, by the model's tier.
PACE: Mapping[Tier, tuple[float, float]] = {
    Tier.BASIC: (0.12, 900.0),
    Tier.INTERMEDIATE: (0.15, 600.0),
    Tier.ADVANCED: (0.25, 400.0),
    Tier.EXPERT: (0.4, 250.0),
}


@dataclass(frozen=True, slots=True)
class Known:
    """What the simulator may know of a prompt: its reference, how it is scored, how hard it is."""

    reference: str
    scorer: str = "exact"
    tier: Tier | None = None


@dataclass(frozen=True)
class Simulator:
    """Answers every model's calls without asking anybody.

    Parameters
    ----------
    catalog : Catalog
        Gives each model its tier, and so its ability and its pace.
    known : mapping of `Call.question` to Known
        The prompts it can be right or wrong about.
    """

    catalog: Catalog
    known: Mapping[str, Known] = field(default_factory=dict)
    name: ClassVar[str] = "simulator"

    def request(self, call: Call) -> dict[str, Any]:
        """Return everything the answer depends on."""
        known = self.known.get(call.question)
        told = [known.reference, known.scorer, known.tier] if known else None
        model = self.catalog[call.model]
        return {"call": call.key, "known": told, "tier": model.tier}

    async def complete(self, call: Call) -> Response:
        """Return the simulated answer; nobody waits for its latency."""
        return self.answer(call)

    def answer(self, call: Call) -> Response:
        """Return the simulated answer to one call."""
        model = self.catalog[call.model]
        known = self.known.get(call.question)
        tier = (known and known.tier) or _tier(call)
        chance = _logistic(DISCRIMINATION * (ABILITY[model.tier] - _difficulty(call, tier)))
        draw = Random(call.key)  # noqa: S311 - a simulation, not a secret
        right = draw.random() < chance
        length = max(1, round(LENGTH[tier] * math.exp(draw.gauss(0, 0.35))))
        output = min(length, call.params.max_tokens)
        start, speed = PACE[model.tier]
        return Response(
            model=call.model,
            text=_text(call, model, known, right),
            usage=Usage(_input_tokens(call), output),
            latency=round((start + output / speed) * math.exp(draw.gauss(0, 0.15)), 4),
            finish="stop" if length <= call.params.max_tokens else "length",
            logprobs=_logprobs(draw, right=right, chance=chance),
        )


def _tier(call: Call) -> Tier:
    return KeywordRules().predict([call.messages[-1].content])[0]


def _difficulty(call: Call, tier: Tier) -> float:
    """Return the prompt's own difficulty: the same for every model that is asked."""
    return DIFFICULTY[tier] + SPREAD * Random(call.question).gauss(0, 1)  # noqa: S311


def _input_tokens(call: Call) -> int:
    return sum(-(-len(m.content.encode("utf-8", "replace")) // 4) + 4 for m in call.messages)


def _logprobs(draw: Random, *, right: bool, chance: float) -> tuple[float, ...]:
    """Return eight log-probabilities whose mean tells right from wrong often, not always."""
    leaning = 0.55 * (1 if right else -1) + 0.2 * math.log(chance / (1 - chance))
    mean = 0.25 + 0.74 * _logistic(0.5 + leaning + draw.gauss(0, 0.9))
    wobble = [draw.uniform(0.5, 1.5) for _ in range(8)]
    scale = math.log(mean) * len(wobble) / sum(wobble)
    return tuple(round(min(0.0, scale * part), 6) for part in wobble)


def _text(call: Call, model: Model, known: Known | None, right: bool) -> str:
    if known is None:
        asked = " ".join(call.messages[-1].content.split())[:60]
        told = f"{model.name} was not asked; this text stands in for its answer to"
        return f"[simulated: {told}] {asked}"
    if right:
        return known.reference
    # A prompt has few tempting wrong answers, so that models also agree on wrong ones.
    tempting = Random(call.question + known.reference)  # noqa: S311
    return Random(call.key + "wrong").choice(_wrong(known, tempting))  # noqa: S311


def _wrong(known: Known, draw: Random) -> list[str]:
    """Return the wrong answers this prompt tempts to, by the way it is scored."""
    value = _number(known.reference) if known.scorer == "numeric" else None
    if value is not None:
        step = max(1.0, abs(value) / 10)
        return draw.sample([f"{value + shift * step:g}" for shift in (-2, -1, 1, 2, 5)], 2)
    if known.scorer == "choice":
        right = known.reference.upper()
        return draw.sample([*(letter for letter in "ABCDE" if letter not in right), "?", "-"], 2)
    right = known.reference.casefold().strip()
    return draw.sample([text for text in _WRONG if not right or right not in text], 2)


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "").strip("$€£% "))
    except ValueError:
        return None


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))
