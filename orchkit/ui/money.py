"""Dollars typed and dollars shown; inside, money is integers of nano-dollars."""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Context, Decimal
from numbers import Real
from typing import Any

from orchkit.core.catalog import NANO
from orchkit.errors import BudgetError

_DOWN = Context(rounding=ROUND_FLOOR)


def nano(dollars: Any, name: str) -> int | None:
    """Return USD as nano-dollars, rounded down; None stays "no cap".

    Raises BudgetError for anything but a finite number of 0 or more.

    Examples
    --------
    >>> nano(0.005, "max_cost"), nano(None, "budget")
    (5000000, None)
    """
    if dollars is None:
        return None
    if not _is_amount(dollars):
        raise BudgetError(
            f"{name} is {dollars!r}; it must be a finite number of USD, 0 or more. "
            "0 allows cached answers only; None sets no cap."
        )
    exact = dollars if isinstance(dollars, Decimal) else Decimal(str(float(dollars)))
    return int(_DOWN.multiply(exact, NANO))


def _is_amount(given: object) -> bool:
    if isinstance(given, bool) or not isinstance(given, Real | Decimal):
        return False
    try:
        return 0 <= float(given) < math.inf
    except (ValueError, OverflowError):  # a signalling NaN; an int beyond every float
        return False


def usd(dollars: float) -> str:
    """Return USD with as many decimals as it takes to see two digits.

    Examples
    --------
    >>> usd(12.3456), usd(0.0123), usd(0.0000242), usd(0), usd(float("nan"))
    ('$12.35', '$0.012', '$0.000024', '$0', 'unknown')
    """
    if math.isnan(dollars):
        return "unknown"
    if not dollars:
        return "$0"
    digits = max(2, 1 - math.floor(math.log10(abs(dollars))))
    return f"${dollars:,.{digits}f}"
