from __future__ import annotations

import pandas as pd
import pytest

from orchkit.ui.concluding import concluded

ROW = {
    "reference": "big", "difference": 0.0, "low": -0.03, "high": 0.03, "cost_ratio": 0.2,
    "cost_ratio_low": 0.1, "cost_ratio_high": 0.3, "within": False, "n": 500,
}  # fmt: skip


def contrasts(**rows: dict) -> pd.DataFrame:
    """Return contrasts of these strategies."""
    return pd.DataFrame([ROW | changed for changed in rows.values()], index=list(rows))


def test_the_cheapest_that_is_as_good_is_named() -> None:
    """Of several, by the ratio of costs; what is not shown to be cheaper does not count."""
    found = contrasts(
        a={"within": True}, b={"within": True, "cost_ratio": 0.1},
        c={"within": True, "cost_ratio": 0.01, "cost_ratio_high": 1.1},
    )  # fmt: skip
    assert concluded(found, 0.01) == [
        "for the least money: b, the cheapest that is shown to be within 1 pt of big"
    ]


def test_where_none_is_the_best_that_may_be_is_named_with_the_prompts_it_takes() -> None:
    """One strategy alone: a bound three points away one-sided is nine times as near as it must."""
    (said,) = concluded(contrasts(a={}, b={"difference": -0.2, "low": -0.3, "high": -0.1}), 0.01)
    assert said.startswith("nothing cheaper is shown to be within 1 pt of big; a may be, but 500")
    assert said.endswith("about 4,500 would show it")


@pytest.mark.parametrize(
    "changed",
    [
        {"high": -0.001},
        {"cost_ratio_high": 1.2},
        {"difference": -0.009, "low": -0.016, "high": 0.001},
    ],
    ids=["worse", "not cheaper", "enough prompts"],
)
def test_nothing_is_promised_of_what_more_prompts_would_not_show(changed: dict) -> None:
    """Neither of what is worse, nor dear, nor had enough prompts to show it."""
    assert concluded(contrasts(a=changed), 0.01) == [
        "nothing cheaper is shown to be within 1 pt of big"
    ]


def test_without_costs_nothing_is_concluded() -> None:
    """Money is what it is about."""
    assert concluded(contrasts(a={"cost_ratio": float("nan")}), 0.01) == []
