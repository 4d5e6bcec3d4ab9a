"""Models, what they cost, and who is asked by default. Money is integers.

Prices are written in USD per million tokens and kept as pico-dollars per token, so that the cost
of a call is an exact integer of nano-dollars, rounded up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cache, cached_property

from orchkit.core.calls import Message, Usage
from orchkit.errors import ChainError, ParameterError, UnknownModelError, did_you_mean

NANO = 1_000_000_000
#: Tokens a vendor may add around one message, and around the whole conversation.
MESSAGE_OVERHEAD = 16


class Tier(StrEnum):
    """What a prompt asks for and what a model can do; ordered from basic to expert.

    Examples
    --------
    >>> Tier("advanced") > Tier.BASIC
    True
    >>> max(Tier.EXPERT, Tier.INTERMEDIATE).value
    'expert'
    """

    BASIC = "basic"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"
    EXPERT = "expert"

    @property
    def rank(self) -> int:
        """Position from 0 (basic) to 3 (expert)."""
        return _RANKS[self]

    def __lt__(self, other: str) -> bool:
        return self.rank < Tier(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Tier(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Tier(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Tier(other).rank


_RANKS: Mapping[str, int] = {tier.value: rank for rank, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens for requests of more than `above` input tokens.

    `cached` and `write` are the rates of input read from and written to a vendor's prompt cache;
    NaN where the vendor has none.
    """

    input: float
    output: float
    cached: float = math.nan
    write: float = math.nan
    above: int = 0

    def cost(self, usage: Usage) -> int | None:
        """Nano-dollars of a call, rounded up; None when a price that is needed is unknown."""
        fresh = max(0, usage.input_tokens - usage.cached_tokens - usage.written_tokens)
        parts = (
            (fresh, self.input),
            (usage.cached_tokens, self._or_input(self.cached)),
            (usage.written_tokens, self._or_input(self.write)),
            (usage.output_tokens, self.output),
        )
        if any(tokens and not math.isfinite(price) for tokens, price in parts):
            return None
        return -(-sum(tokens * pico(price) for tokens, price in parts if tokens) // 1000)

    def _or_input(self, price: float) -> float:
        return self.input if math.isnan(price) else price

    @property
    def dearest_input(self) -> float:
        """The most an input token can cost: a prompt cache may exceed the plain rate."""
        return max(self.input, self._or_input(self.cached), self._or_input(self.write))


@cache
def pico(price: float) -> int:
    """Pico-dollars per token for a price in USD per million tokens, exactly.

    Examples
    --------
    >>> pico(0.15)
    150000
    """
    return int((Decimal(str(price)) * 1_000_000).to_integral_value())


@dataclass(frozen=True, slots=True)
class Model:
    """One model: what it can do, what it costs, how it is reached.

    Parameters
    ----------
    name
        The catalog name, used everywhere in results.
    provider
        ``openai``, ``anthropic``, ``simulator``, or the name of a provider of your own.
    tier
        The hardest prompts it is trusted with.
    rates
        Prices, by the length of the request; empty when unknown.
    id
        The name on the wire; the catalog name when empty.
    base_url
        Where it is served, when not at the provider's own address.
    key_env
        The environment variable that holds the key for `base_url`; without one no key is sent.
    logprobs
        Whether it may be asked for token log-probabilities.
    ends
        The day its vendor retires it, as YYYY-MM-DD.
    rpm, tpm, concurrency
        Requests and tokens a minute, and calls at once, that its vendor allows; None to go by
        what the vendor says.

    Examples
    --------
    >>> model = Model("my-llama", "openai", Tier.BASIC, (Rates(0.1, 0.4),))
    >>> model.input_price, model.priced, model.wire_name
    (0.1, True, 'my-llama')
    """

    name: str
    provider: str
    tier: Tier
    rates: tuple[Rates, ...] = ()
    best_for: str = ""
    context: int | None = None
    ends: str | None = None
    id: str = ""
    base_url: str | None = None
    key_env: str | None = None
    logprobs: bool = False
    as_of: str | None = None
    source: str = ""
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None

    @property
    def wire_name(self) -> str:
        """The name the vendor knows it by."""
        return self.id or self.name

    @property
    def input_price(self) -> float:
        """USD per million input tokens; NaN when unknown."""
        return self.rates[0].input if self.rates else math.nan

    @property
    def output_price(self) -> float:
        """USD per million output tokens; NaN when unknown."""
        return self.rates[0].output if self.rates else math.nan

    @property
    def priced(self) -> bool:
        """Whether a call's cost can be known before and after it."""
        return math.isfinite(self.input_price) and math.isfinite(self.output_price)

    @property
    def blended(self) -> float:
        """USD per million tokens at three input tokens to one of output: the order of a ladder."""
        if not self.rates:
            return math.inf
        price = (3 * self.rates[0].input + self.rates[0].output) / 4
        return price if math.isfinite(price) else math.inf

    def cost(self, usage: Usage) -> int | None:
        """Nano-dollars of a call with this usage, rounded up; None when the price is unknown.

        Examples
        --------
        >>> model = Model("m", "openai", Tier.BASIC, (Rates(0.15, 0.60),))
        >>> model.cost(Usage(input_tokens=8, output_tokens=1))
        1800
        """
        applying = [rates for rates in self.rates if usage.input_tokens > rates.above]
        rates = applying[-1] if applying else (self.rates[0] if self.rates else None)
        return rates.cost(usage) if rates else None

    def bound(self, messages: Iterable[Message], max_tokens: int) -> int | None:
        """Nano-dollars this call can cost at the very most; None when the price is unknown.

        Byte-level tokenisers never make more tokens than there are UTF-8 bytes; the vendor may
        add a few around each message; the answer is bounded by `max_tokens`.
        """
        tokens = input_bound(messages)
        reachable = [rates for rates in self.rates if rates.above < tokens]
        worst = [
            Rates(rates.dearest_input, rates.output).cost(Usage(tokens, max_tokens))
            for rates in reachable
        ]
        known = [cost for cost in worst if cost is not None]
        return max(known) if known and len(known) == len(worst) else None


def input_bound(messages: Iterable[Message]) -> int:
    """Return the most input tokens these messages can become.

    Examples
    --------
    >>> input_bound([Message("user", "héllo")])
    38
    """
    sizes = [len(m.content.encode("utf-8", "surrogatepass")) + MESSAGE_OVERHEAD for m in messages]
    return sum(sizes) + MESSAGE_OVERHEAD


def model_names(given: object) -> tuple[str, ...]:
    """Return a chain as a tuple of distinct names, or say what is wrong with it.

    Examples
    --------
    >>> model_names("gpt-4o-mini, gpt-4o")
    ('gpt-4o-mini', 'gpt-4o')
    """
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
        raise ChainError(f"A chain is a list of model names, not {given!r:.80}.")
    cleaned = tuple(name.strip() for name in names)
    if not cleaned or not all(cleaned):
        raise ChainError(f"The chain {given!r:.80} names no model. Give at least one.")
    if len(set(cleaned)) < len(cleaned):
        raise ChainError(f"The chain {', '.join(cleaned)} names a model twice.")
    return cleaned


@dataclass(frozen=True)
class Catalog:
    """The models that can be asked (`models`) and those that are asked by default (`pool`).

    `aliases` are other spellings; `lookup` may find a model that is not listed; `remedy` says what
    to do about one that nobody knows.

    Examples
    --------
    >>> small = Model("small", "openai", Tier.BASIC, (Rates(0.1, 0.4),))
    >>> large = Model("large", "openai", Tier.EXPERT, (Rates(5, 20),))
    >>> catalog = Catalog({"small": small, "large": large}, ("small", "large"), {"big": "large"})
    >>> catalog.ladder(), catalog["big"].name, "huge" in catalog
    (('small', 'large'), 'large', False)
    """

    models: Mapping[str, Model]
    pool: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    lookup: Callable[[str], Model | None] | None = None
    remedy: str = "Add your own with orchkit.add_model."

    def __getitem__(self, name: str) -> Model:
        """Return the model of that name or alias, or raise UnknownModelError."""
        found = self.models.get(self.aliases.get(name, name))
        found = found or (self.lookup(name) if self.lookup else None)
        if found is None:
            hint = did_you_mean(name, self.models)
            raise UnknownModelError(f"No model {name!r} in the catalog. {hint} {self.remedy}")
        return found

    def __contains__(self, name: str) -> bool:
        try:
            return bool(self[name])
        except UnknownModelError:
            return False

    def distinct(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the catalog names of these models; ChainError when two name the same."""
        return model_names([self[name].name for name in names])

    def able(self, tier: Tier) -> tuple[Model, ...]:
        """Return the pool's models of at least that tier, cheapest first, then the stronger."""
        return self._able[tier]

    def cheapest_able(self, tier: Tier) -> tuple[Model, ...]:
        """Return `able(tier)`, or of the highest tier there is when none is that able."""
        if not self.pool:
            raise UnknownModelError(
                "No model is available. Set OPENAI_API_KEY or ANTHROPIC_API_KEY, add a model with "
                'orchkit.add_model, or use the simulator with orchkit.use("simulator").'
            )
        return self._able[tier] or next(filter(None, reversed(self._able.values())))

    def ladder(self) -> tuple[str, ...]:
        """Return the default chain: for each tier the cheapest model able to do it, by price."""
        return self._ladder

    def committee(self, size: int) -> tuple[str, ...]:
        """Return the default ensemble: the ladder from its foot, then the others by price."""
        ranked = self._ranked
        if not 1 <= size <= len(ranked):
            raise ParameterError(
                f"ensemble_size is {size}; it must be from 1 to the {len(ranked)} models available."
            )
        return ranked[:size]

    # What follows is the same for every row of a run, and is worked out once.

    @cached_property
    def _able(self) -> dict[Tier, tuple[Model, ...]]:
        pool = [self[name] for name in self.pool]
        ranked = sorted(pool, key=lambda model: (model.blended, -model.tier.rank))
        return {tier: tuple(m for m in ranked if m.tier >= tier) for tier in Tier}

    @cached_property
    def _ladder(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.cheapest_able(tier)[0].name for tier in Tier))

    @cached_property
    def _ranked(self) -> tuple[str, ...]:
        others = (model.name for model in self.cheapest_able(Tier.BASIC))
        return tuple(dict.fromkeys((*self._ladder, *others)))
