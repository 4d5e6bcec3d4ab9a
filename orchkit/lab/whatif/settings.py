"""Settings: what a person can change, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Setting:
    """One way of routing, at one price list.

    Parameters
    ----------
    strategy : str
        ``"fallback"``, ``"cheapest"``, ``"ensemble"``, ``"agree"``; of a comparison, a label.
    models : tuple of str
        Those that may be asked.
    threshold : float
        In [0, 1], of a fallback.
    factors : mapping of str to float
        By what a model's prices are multiplied; 1 where it is not named.
    """

    strategy: str
    models: tuple[str, ...]
    threshold: float = 0.6
    factors: Mapping[str, float] = field(default_factory=dict)

    def factors_of(self, models: tuple[str, ...]) -> tuple[float, ...]:
        """Return the factor of each of these models."""
        return tuple(float(self.factors.get(name, 1.0)) for name in models)
