"""Other prices for recorded answers: the same tokens, the catalog's arithmetic, nothing asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from orchkit.core.calls import Usage
from orchkit.core.catalog import NANO, Catalog, Model, Rates, Tier
from orchkit.errors import MatrixError, ParameterError, did_you_mean
from orchkit.lab.frames import column, missing
from orchkit.lab.longtable import answered
from orchkit.lab.recording import conversation

#: What a token is taken for where nobody counted.
CHARACTERS = 4
#: The column that says which rows' tokens are such a guess.
GUESSED = "tokens_estimated"

#: USD per million tokens of input and output for each model, a catalog, or a frame of prices.
Prices = Mapping[str, tuple[float, float]] | Catalog | pd.DataFrame


def repriced(
    table: pd.DataFrame, prices: Prices, absent: str = "error", tokens: str = "recorded"
) -> pd.DataFrame:
    """Return the long table with the costs of other prices; see `Matrix.reprice`."""
    _refuse_unknown_word("missing", absent, ("error", "keep"))
    _refuse_unknown_word("tokens", tokens, ("recorded", "estimate"))
    told = with_guessed_tokens(table) if tokens == "estimate" else table.copy()
    priced = price_list(prices, table["model"].unique())
    costs = _costs(told, priced)
    there = answered(told)
    if absent == "error":
        _refuse_unpriced(told[there & np.isnan(costs)], priced, prices)
    return told.assign(cost=np.where(np.isnan(costs), told["cost"], costs))


def multiplied(table: pd.DataFrame, times: Mapping[str, Any]) -> pd.DataFrame:
    """Return the long table with each model's costs so many times what they were.

    In whole nano-dollars, to the nearest, as what a replay pays is. Raises MatrixError for a model
    that is not there, and for what is no finite number of 0 or more.

    Examples
    --------
    >>> table = pd.DataFrame({"model": ["a", "b"], "cost": [0.2, 0.3]})
    >>> multiplied(table, {"a": 0.5})["cost"].tolist()
    [0.1, 0.3]
    """
    known = table["model"].unique()
    for name, factor in times.items():
        if name not in known:
            raise MatrixError(f"times names {name!r}. {did_you_mean(str(name), map(str, known))}")
        if not _is_factor(factor):
            raise MatrixError(f"times[{name!r}] is {factor!r:.60}; give a number of 0 or more.")
    factors = table["model"].map(lambda name: float(times.get(name, 1))).to_numpy(dtype="float64")
    paid = (table["cost"] * NANO).round()
    return table.assign(cost=(paid * factors).round() / NANO)


def _is_factor(given: Any) -> bool:
    number = isinstance(given, Real) and not isinstance(given, bool)
    return number and 0 <= float(given) < math.inf


def price_list(prices: Prices, names: Iterable[str]) -> dict[str, Model]:
    """Return the models among `names` that have a price.

    Examples
    --------
    >>> price_list({"mini": (0.15, 0.6)}, ["mini", "other"])["mini"].cost(Usage(8, 1))
    1800
    """
    if isinstance(prices, Catalog):
        return {name: prices[name] for name in names if name in prices and prices[name].priced}
    told = pairs(prices)
    found = {name: _model(name, told[name]) for name in names if name in told}
    return {name: model for name, model in found.items() if model.priced}


def pairs(prices: Mapping[str, Any] | pd.DataFrame) -> Mapping[str, Any]:
    """Return model -> (input, output) from a mapping, or a frame like `orchkit.models()`.

    Examples
    --------
    >>> frame = pd.DataFrame({"name": ["mini"], "input_price": [0.15], "output_price": [0.6]})
    >>> pairs(frame)
    {'mini': (0.15, 0.6)}
    """
    if not isinstance(prices, pd.DataFrame):
        if isinstance(prices, Mapping):
            return prices
        raise MatrixError(
            f"prices is {prices!r:.60}; give a mapping like {{'gpt-4o': (2.5, 10)}}, in USD per "
            "million tokens of input and of output, or a frame like orchkit.models()."
        )
    frame = prices.set_index("name") if "name" in prices.columns else prices
    both = zip(column(frame, "input_price"), column(frame, "output_price"), strict=True)
    return dict(zip(map(str, frame.index), both, strict=True))


def _model(name: str, pair: Any) -> Model:
    try:
        read, written = pair
        rates = Rates(_price(read), _price(written))
    except (TypeError, ValueError):
        raise MatrixError(
            f"The price of {name!r} is {pair!r:.60}; it must be a pair of numbers of 0 or more: "
            "USD per million tokens of input and of output, like (2.5, 10)."
        ) from None
    return Model(name, "replay", Tier.INTERMEDIATE, (rates,))


def _price(price: Any) -> float:
    """Return a price as a float; NaN, which is unknown, stays what it is."""
    if missing(price):
        return math.nan
    if isinstance(price, bool) or not isinstance(price, Real):
        raise TypeError(price)
    number = float(price)
    if not 0 <= number < math.inf:
        raise ValueError(price)
    return number


def _costs(table: pd.DataFrame, priced: Mapping[str, Model]) -> np.ndarray[Any, Any]:
    """Return the cost of each answer in USD; NaN where tokens or price are unknown."""
    tokens = table[["input_tokens", "output_tokens"]].to_numpy(dtype="float64")
    known = ~np.isnan(tokens).any(axis=1) & answered(table).to_numpy()
    names = table["model"].tolist()
    costs = np.full(len(table), math.nan)
    for place in np.flatnonzero(known).tolist():
        model = priced.get(names[place])
        cost = model.cost(_usage(*tokens[place])) if model else None
        costs[place] = math.nan if cost is None else cost / NANO
    return costs


def _usage(read: float, written: float) -> Usage:
    return Usage(math.ceil(read), math.ceil(written))


def with_guessed_tokens(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with tokens guessed where they are unknown, and `tokens_estimated` there.

    A token is taken for four characters: of all that was asked, and of the response.
    """
    asked = table.get("messages", pd.Series([None] * len(table), dtype="object"))
    texts = table["prompt"].to_numpy(dtype=object), asked.to_numpy(dtype=object)
    read = [_asked(*each) for each in zip(*texts, strict=True)]
    said = table["response"].to_numpy(dtype=object)
    written = [_tokens(text) if isinstance(text, str) else math.nan for text in said]
    guesses = pd.DataFrame({"input_tokens": read, "output_tokens": written}, dtype="float64")
    guesses = guesses.where(answered(table), math.nan)
    unknown = table[[*guesses]].isna()
    guessed = (unknown & guesses.notna()).any(axis=1)
    before = table[GUESSED].eq(True) if GUESSED in table else False
    filled = table[[*guesses]].where(~unknown, guesses)
    told = {"input_tokens": filled["input_tokens"], "output_tokens": filled["output_tokens"]}
    return table.assign(**told, **{GUESSED: guessed | before})


def _asked(prompt: Any, messages: Any) -> float:
    if not isinstance(messages, str):
        return float(_tokens(prompt)) if isinstance(prompt, str) else math.nan
    return float(sum(_tokens(said.content) for said in conversation(prompt, messages)))


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS)


def _refuse_unknown_word(name: str, given: Any, words: tuple[str, ...]) -> None:
    if given not in words:
        raise ParameterError(
            f"{name} is {given!r:.60}; it must be {' or '.join(map(repr, words))}."
        )


def _refuse_unpriced(rows: pd.DataFrame, priced: Mapping[str, Model], prices: Prices) -> None:
    """Say which models have no price, and which answers have no tokens."""
    if rows.empty:
        return
    without = [name for name in rows["model"].unique() if name not in priced]
    if without:
        known = prices.models if isinstance(prices, Catalog) else pairs(prices)
        raise MatrixError(
            f"No price is known for {', '.join(map(repr, without[:5]))}"
            f"{', …' if len(without) > 5 else ''}. Give one, as "
            f"{{{without[0]!r}: (input, output)}} in USD per million tokens, or pass "
            "missing='keep' to leave the recorded cost. "
            f"{did_you_mean(without[0], map(str, known))}"
        )
    counts = rows["model"].value_counts()
    raise MatrixError(
        f"The tokens of {len(rows):,} answers are unknown, {counts.iloc[0]:,} of them by "
        f"{counts.index[0]}. Pass tokens='estimate' for a quarter of their characters where the "
        "texts are recorded (the column tokens_estimated will say so), or missing='keep' to leave "
        "their recorded cost."
    )
