"""The strategies, one file each; none imports another. This is the table of contents."""

from orchkit.core.strategies.agreeing import AgreeThenEscalate
from orchkit.core.strategies.cheapest import Cheapest
from orchkit.core.strategies.ensemble import Ensemble
from orchkit.core.strategies.fallback import Fallback
from orchkit.core.strategies.single import Single
from orchkit.core.strategies.threshold import Threshold
from orchkit.core.strategies.utility import Utility

__all__ = [
    "AgreeThenEscalate",
    "Cheapest",
    "Ensemble",
    "Fallback",
    "Single",
    "Threshold",
    "Utility",
]
