"""Result: one answered prompt, in the keys of the quick reference's output format."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import numpy as np
import pandas as pd

from orchkit.ui.markup import facts, notebook, text
from orchkit.ui.money import usd

#: What JSON lets stand in a text, but a terminal obeys (C1) or no encoding takes (surrogates).
_RAW = re.compile("[\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Result:
    """The answer to one prompt. `cost` in USD, `latency` in seconds, `confidence` in [0, 1].

    Examples
    --------
    >>> import orchkit
    >>> with orchkit.use("simulator"):
    ...     result = orchkit.run_orchestration(prompt="What is 2+2?", strategy="cheapest")
    >>> result.model_used, result.provider, result.to_dict()["strategy"]
    ('gpt-4o-mini', 'simulator', 'cheapest')
    """

    response: str | None
    model_used: str | None
    cost: float
    latency: float
    confidence: float
    input_tokens: int
    output_tokens: int
    strategy: str
    fallback_chain: list[str]
    ensemble_models: list[str]
    metadata: dict[str, Any]
    timestamp: datetime = field(repr=False)  # the same answer reads the same in every run
    provider: str | None
    cached: bool
    error: str | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """Return the result of one row of a results frame."""
        plain: dict[str, Any] = {n: None if value is pd.NA else value for n, value in row.items()}
        plain["timestamp"] = plain["timestamp"].to_pydatetime()
        plain |= {name: int(plain[name]) for name in ("input_tokens", "output_tokens")}
        plain |= {name: float(plain[name]) for name in ("cost", "latency", "confidence")}
        return cls(**{**plain, "cached": bool(plain["cached"])})

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON would hold it: unknown is None, time is ISO 8601 text."""
        return {name: _plain(value) for name, value in vars(self).items()}

    def to_json(self, indent: int | None = 2) -> str:
        """Return the result as JSON text; nothing in it can steer a terminal."""
        told = json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)
        return _RAW.sub(lambda found: f"\\u{ord(found[0]):04x}", told)

    def _repr_html_(self) -> str:
        """Return the answer and its figures as text in a table; the text twin is the repr."""
        answer = self.error if self.response is None else self.response
        return notebook(f"<pre>{text(answer)}</pre>", facts(self._figures()))

    def _figures(self) -> list[tuple[str, object]]:
        """Return what stands under an answer: who gave it, for how much and how sure."""
        return [
            ("model", f"{self.model_used} ({self.provider})"),
            ("strategy", self.strategy),
            ("cost", usd(self.cost) + (" (cached)" if self.cached else "")),
            ("latency", f"{self.latency:.2f} s"),
            ("confidence", confidence_of(self)),
            ("tokens", f"{self.input_tokens:,} in, {self.output_tokens:,} out"),
            *([("error", self.error)] if self.error else []),
        ]


def confidence_of(result: Result) -> str:
    """Return how sure an answer is, by which signal, and whether that is a probability.

    Examples
    --------
    >>> import orchkit
    >>> with orchkit.use("simulator"):
    ...     confidence_of(orchkit.run_orchestration("What is 2+2?")).partition(" ")[2]
    '(logprob, uncalibrated)'
    """
    fitted = "calibrated" if result.metadata.get("calibrated") else "uncalibrated"
    return f"{result.confidence:.2f} ({result.metadata.get('signal', 'none')}, {fitted})"


def _plain(value: Any) -> Any:
    """Return a value as JSON would hold it, at any depth; what JSON has no word for, as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)
