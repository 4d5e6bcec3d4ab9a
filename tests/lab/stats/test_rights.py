import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest, norm

from orchkit.errors import ParameterError
from orchkit.lab.stats import mcnemar, tango, wilson

TABLES = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 100)).map(
    lambda cells: (cells[0], cells[1], sum(cells))
)


def answers(b: int, c: int, rest: int = 0) -> tuple[list[int], list[int]]:
    """Return rights and wrongs that disagree in so many prompts."""
    return [1] * b + [0] * c + [1] * rest, [0] * b + [1] * c + [1] * rest


@given(st.integers(0, 60), st.integers(0, 60))
def test_exact_is_the_binomial_test(b: int, c: int) -> None:
    """Its p-value is scipy's two-sided test of a fair coin."""
    found = mcnemar(*answers(b, c, rest=5), kind="exact")
    assert (found.b, found.c, found.n) == (b, c, b + c + 5)
    assert found.p == pytest.approx(binomtest(b, b + c).pvalue if b + c else 1)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mid_p_counts_half_of_what_was_seen(b: int, c: int) -> None:
    """It is the exact p-value less the probability of the table itself, and at most 1."""
    seen = math.comb(b + c, b) / 2 ** (b + c)
    assert mcnemar(*answers(b, c)).p == pytest.approx(
        1 if b == c else mcnemar(*answers(b, c), kind="exact").p - seen, abs=1e-9
    )


def test_mcnemar_of_gsm8k_sized_data() -> None:
    """40 against 14 of 1,319 prompts is hardly chance; in words it says where they disagree."""
    found = mcnemar(*answers(40, 14, rest=1265))
    assert found.p == pytest.approx(2 * norm.sf((40 - 14) / math.sqrt(54)), abs=3e-4)
    assert str(found).startswith("only the first right: 40, only the second: 14, p = 0.000")


@pytest.mark.parametrize("values", [[0.5, 1], [2, 0], [-1, 0]])
def test_graded_qualities_are_sent_to_the_bootstrap(values: list[float]) -> None:
    """What is neither right nor wrong is refused with the function that can do it."""
    with pytest.raises(ParameterError, match="Use paired_bootstrap"):
        mcnemar([1, 1], values)
    with pytest.raises(ParameterError, match='"mid-p" or "exact"'):
        mcnemar([1, 1], [0, 1], kind="chi2")


def test_tango_gives_the_published_interval() -> None:
    """Airway reactivity in Fagerland, Lydersen and Laake (2014): 1 against 7 of 21."""
    assert tango(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)


@given(TABLES)
def test_tango_s_bounds_are_where_the_score_test_turns(table: tuple[int, int, int]) -> None:
    """There the difference is 1.96 standard errors away, the rest of the likelihood maximised."""
    b, c, n = table
    for bound in tango(b, c, n):
        if abs(bound) > 1 - 1e-9:
            continue

        def unlikely(p01: float, at: float = bound) -> float:
            cells = zip((b, c, n - b - c), (p01 + at, p01, 1 - 2 * p01 - at), strict=True)
            return -sum(k * math.log(max(p, 1e-300)) for k, p in cells if k)

        best = minimize_scalar(
            unlikely,
            bounds=(max(0, -bound), (1 - bound) / 2),
            method="bounded",
            options={"xatol": 1e-12},
        ).x
        error = math.sqrt((2 * best + bound - bound**2) / n)
        assert abs((b - c) / n - bound) / error == pytest.approx(1.959964, rel=2e-3)


@given(TABLES)
def test_tango_holds_the_difference_and_mirrors(table: tuple[int, int, int]) -> None:
    """The difference lies inside, within [-1, 1], and exchanging the two mirrors the interval."""
    b, c, n = table
    low, high = tango(b, c, n)
    assert -1 <= low <= (b - c) / n <= high <= 1
    assert tango(c, b, n) == pytest.approx((-high, -low), abs=1e-12)


def test_without_disagreement_tango_is_no_certainty() -> None:
    """No difference seen still allows for one, as Wilson's interval of no failures does."""
    low, high = tango(0, 0, 100)
    assert -low == high == pytest.approx(wilson(0, 100)[1])
    assert all(math.isnan(bound) for bound in tango(0, 0, 0))
    with pytest.raises(ParameterError, match="more than there are"):
        tango(3, 3, 5)
