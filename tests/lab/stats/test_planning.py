import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from orchkit.errors import MetricWarning, ParameterError
from orchkit.lab.stats import detectable, mcnemar, sample_size

SHARES = st.floats(0.01, 0.9)


@pytest.mark.parametrize(
    ("delta", "discordance", "n"), [(0.03, 0.17, 1480), (26 / 1319, 54 / 1319, 825)]
)
def test_connor_s_sample_sizes(delta: float, discordance: float, n: int) -> None:
    """10 % against 7 % right alone; and gpt-4o against its mini on GSM8K (40 against 14)."""
    assert sample_size(delta, discordance=discordance) == n


def test_miller_s_worked_numbers() -> None:
    """969 prompts for 3 points; with 198, 13.27 points of one answer each and 7.57 of ten."""
    omega, sigma = 1 / 9, 1 / 6
    assert sample_size(0.03, variance=omega) == 969
    assert detectable(198, variance=omega + 2 * sigma) == pytest.approx(0.1327, abs=5e-5)
    assert detectable(198, variance=omega + 2 * sigma / 10) == pytest.approx(0.0757, abs=5e-5)


@pytest.mark.parametrize(
    ("discordance", "points"),
    [(0.05, (4.4, 2.0, 0.9)), (0.10, (6.3, 2.8, 1.3)), (0.20, (8.9, 4.0, 1.8))],
)
def test_the_table_of_detectable_differences(
    discordance: float, points: tuple[float, float, float]
) -> None:
    """In points, for 200, 1,000 and 5,000 prompts, rights and wrongs, 80 % power.

    The table is of the shorter formula (z + z) √(discordance / n), a tenth of a point above.
    """
    found = [100 * detectable(n, discordance=discordance) for n in (200, 1000, 5000)]
    shorter = [100 * detectable(n, variance=discordance) for n in (200, 1000, 5000)]
    assert shorter == pytest.approx(points, abs=0.05)
    assert found == pytest.approx(points, abs=0.1)


@given(st.floats(0.01, 0.3), st.floats(0.3, 1), st.floats(0.5, 0.99), st.booleans(), st.booleans())
def test_detectable_turns_sample_size_round(
    delta: float, spread: float, power: float, graded: bool, noninferiority: bool
) -> None:
    """What the planned number of prompts can detect is what was planned for."""
    kind = "variance" if graded else "discordance"
    settings = {kind: spread, "power": power, "noninferiority": noninferiority}
    n = sample_size(delta, **settings)
    if n > 50:
        assert detectable(n, **settings) == pytest.approx(delta, rel=0.6 / n)


@given(st.floats(0.01, 0.2), st.floats(0.3, 1))
def test_noninferiority_s_sample_size_is_the_one_sided_formula(d: float, spread: float) -> None:
    """(z of the level + z of the power)² times the discordance, over the margin squared."""
    n = (norm.ppf(0.95) + norm.ppf(0.8)) ** 2 * spread / d**2
    assert abs(sample_size(d, discordance=spread, noninferiority=True) - n) <= 0.5 + 1e-6


def test_the_planned_number_has_the_planned_power() -> None:
    """Of 1,500 samples of the planned size, McNemar's test finds the difference in about 80 %."""
    n, rng = sample_size(0.06, discordance=0.2), np.random.default_rng(8)
    tables = rng.multinomial(n, [0.13, 0.07, 0.8], size=1500)
    power = np.mean([_p(int(b), int(c)) < 0.05 for b, c, _ in tables])
    assert 0.77 <= power <= 0.83


def _p(b: int, c: int) -> float:
    return mcnemar([1] * b + [0] * c, [0] * b + [1] * c).p


def test_too_few_prompts_detect_nothing() -> None:
    """Where even all disagreements on one side would not do, it is undefined."""
    with pytest.warns(MetricWarning, match="too few"):
        assert math.isnan(detectable(20, discordance=0.1))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"delta": 2, "discordance": 0.1}, "Write 0.02 for 2 %"),
        ({"delta": 0.2, "discordance": 0.1}, "above the discordance"),
        ({"delta": 0.02}, "exactly one of"),
        ({"delta": 0.02, "discordance": 0.1, "variance": 0.1}, "exactly one of"),
        ({"delta": 0.02, "discordance": 1.1}, "discordance is 1.1"),
        ({"delta": 0.02, "variance": 0}, "variance is 0"),
        ({"delta": 0.02, "variance": math.inf}, "variance is inf"),
        ({"delta": 0.02, "discordance": 0.1, "power": 80}, "Write 0.8 for 80 %"),
        ({"delta": 0.02, "discordance": 0.1, "level": 1}, "level is 1"),
    ],
)
def test_what_cannot_be_planned_is_told(settings: dict, told: str) -> None:
    """Values outside their range are refused with what to write instead."""
    with pytest.raises(ParameterError, match=told):
        sample_size(**settings)


def test_no_prompts_cannot_be_asked_about() -> None:
    """The number of prompts is a whole number of 1 or more."""
    with pytest.raises(ParameterError, match="n is 0"):
        detectable(0, discordance=0.1)
