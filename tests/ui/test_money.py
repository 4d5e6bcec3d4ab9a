from __future__ import annotations

import math
from contextlib import suppress
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.errors import BudgetError
from orchkit.ui.money import nano, usd

AMOUNTS = st.one_of(
    st.floats(), st.integers(-10, 10**400), st.decimals(), st.booleans(), st.text(), st.binary()
)


@given(AMOUNTS)
def test_an_amount_is_taken_or_refused_in_our_terms(given_: Any) -> None:
    """Whatever is given as dollars becomes a count of nano-dollars or a BudgetError."""
    with suppress(BudgetError):
        taken = nano(given_, "budget")
        assert isinstance(taken, int)
        assert taken >= 0


@given(st.decimals(0, 10**6, allow_nan=False, allow_infinity=False, places=12))
def test_a_cap_is_never_rounded_up(dollars: Decimal) -> None:
    """The cap in nano-dollars is the largest whole number not above the dollars given."""
    taken = nano(dollars, "budget")
    assert taken is not None
    assert taken <= dollars * 10**9 < taken + 1


@given(st.integers(0, 10**15))
def test_dollars_written_with_nine_decimals_are_exact(amount: int) -> None:
    """A float that was written in whole nano-dollars comes back as those nano-dollars."""
    assert nano(amount / 10**9, "budget") == amount


@pytest.mark.parametrize(
    "dollars",
    [math.nan, math.inf, -math.inf, -1, -1e-12, True, "1", Decimal("NaN"), Decimal("sNaN")],
    ids=repr,
)
def test_what_is_no_amount_is_refused(dollars: Any) -> None:
    """What is not a finite number of 0 or more is refused, with the value and the remedy."""
    with pytest.raises(BudgetError, match=r"max_cost is .* finite number of USD, 0 or more"):
        nano(dollars, "max_cost")


@pytest.mark.parametrize("dollars", [np.float64(0.5), np.float32(0.5), np.int64(2)], ids=repr)
def test_a_number_out_of_a_frame_is_a_number(dollars: Any) -> None:
    """The numbers numpy and pandas hand out are amounts like Python's own."""
    assert nano(dollars, "budget") == int(float(dollars) * 10**9)


def test_none_is_no_cap() -> None:
    """None stays None: there is no cap."""
    assert nano(None, "budget") is None


@given(st.floats(1e-12, 1e12))
def test_shown_dollars_keep_two_digits(dollars: float) -> None:
    """Dollars as shown differ from what they are by less than one part in ten."""
    shown = float(usd(dollars).removeprefix("$").replace(",", ""))
    assert shown == pytest.approx(dollars, rel=0.051)


def test_an_unknown_price_is_not_shown_as_free() -> None:
    """NaN is shown as a word, and zero as zero."""
    assert (usd(math.nan), usd(0.0)) == ("unknown", "$0")
