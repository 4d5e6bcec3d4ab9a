"""The strategies, one file each; none imports another. This is the table of contents."""

from orchkit.core.strategies.agreeing import AgreeThenEscalate
from orchkit.core.strategies.cheapest import Cheapest
from orchkit.core.strategies.ensemble import Ensemble
from orchkit.core.strategies.fallback import Fallback
from orchkit.core.strategies.single import Single

__all__ = ["AgreeThenEscalate", "Cheapest", "Ensemble", "Fallback", "Single"]
