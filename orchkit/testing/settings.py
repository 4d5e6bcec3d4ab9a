"""What the server process is told at its start, in one line of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from .faults import Faults

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The parameters of `orchkit.testing.LoopbackServer`, checked and spelt out.

    Attributes
    ----------
    prices : mapping of str to tuple of int
        Model to pico-dollars per input and output token.
    latency, window : float
        Seconds.
    seed : int
        Of the random mix.
    answers : mapping of str to str or bool
        Prompt to answer.
    rpm, tpm : mapping of str to int
        Limits of the models that have one.
    max_concurrency : float
        Limit of the whole server; infinite if it has none.
    faults : Faults
        What goes wrong.
    """

    prices: Mapping[str, tuple[int, int]]
    latency: float
    window: float
    seed: int
    answers: Mapping[str, str | bool]
    rpm: Mapping[str, int]
    tpm: Mapping[str, int]
    max_concurrency: float
    faults: Faults

    def __post_init__(self) -> None:
        """Refuse times that cannot be."""
        if not 0 <= self.latency < math.inf:
            raise ValueError(f"latency is a number of seconds from 0, not {self.latency!r}")
        if not 0 < self.window < math.inf:
            raise ValueError(f"window is a number of seconds above 0, not {self.window!r}")

    def to_json(self) -> str:
        """Write one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read what `to_json` wrote."""
        given = json.loads(line)
        prices = {model: (price[0], price[1]) for model, price in given.pop("prices").items()}
        return cls(prices=prices, faults=Faults(**given.pop("faults")), **given)
