import math
from typing import Any

import numpy as np
import pytest

from orchkit.errors import MetricWarning
from orchkit.lab.calibration import Calibrator
from orchkit.lab.drifting import information_of


def answers(n: int, rng: Any, shift: float = 0.0, stretch: float = 1.0) -> tuple[Any, Any]:
    """Return raw confidences, and outcomes whose log-odds are shifted and stretched."""
    raw = rng.beta(3, 1.5, n)
    odds = 0.2 + 0.6 * np.log(raw / (1 - raw))
    chance = 1 / (1 + np.exp(-(shift + stretch * odds)))
    return raw, (rng.random(n) < chance).astype(float)


def alarms(fit: int, new: int, runs: int, method: str = "platt", **drift: float) -> float:
    """Return the share of runs in which the alarm goes off."""
    rng = np.random.default_rng(11)
    found = []
    for _ in range(runs):
        calibrator = Calibrator(method).fit(*answers(fit, rng))
        found.append(calibrator.drift(*answers(new, rng, **drift)).drifted)
    return float(np.mean(found))


@pytest.mark.parametrize(("fit", "new"), [(150, 300), (600, 100)])
def test_false_alarms_are_as_rare_as_asked(fit: int, new: int) -> None:
    """On labels of the same kind the alarm goes off in about 5 % of cases, however few were fitted.

    The interval is that of 200 runs of a share of 0.05, at 99.9 %.
    """
    assert 0.005 <= alarms(fit, new, 200) <= 0.11


@pytest.mark.parametrize("drift", [{"shift": -1.0}, {"shift": 1.2}, {"stretch": 0.0}])
def test_a_drift_is_seen(drift: Any) -> None:
    """Answers that are right less often, more often, or regardless of confidence set it off."""
    assert alarms(500, 400, 20, **drift) >= 0.9


def test_steps_drift_as_lines_do() -> None:
    """A calibrator of steps has the alarm, too, and no more false ones, however many come."""
    assert alarms(1500, 400, 20, "isotonic", shift=-1.0) >= 0.9
    assert 0.005 <= alarms(1500, 400, 200, "isotonic") <= 0.11
    assert 0.005 <= alarms(300, 1500, 200, "isotonic") <= 0.11


def test_the_verdict_is_told_in_words() -> None:
    """It says what was promised, what was found, by which test, and what to do."""
    rng = np.random.default_rng(0)
    calibrator = Calibrator().fit(*answers(500, rng))
    told = calibrator.drift(*answers(400, rng, shift=-1.5))
    assert told
    assert told.expected > told.observed
    assert str(told).startswith("DRIFTED, too sure: ")
    assert "score test of calibration in the large and slope: chi-squared" in str(told)
    assert "n = 400" in str(told)
    same = calibrator.drift(*answers(400, rng))
    assert not same
    assert str(same).startswith("no sign of drift: ")
    assert 0 < told.p < 0.001 < same.p <= 1


def test_the_direction_of_a_drift_is_told() -> None:
    """Right more often, or as often but regardless of confidence, reads otherwise."""
    rng = np.random.default_rng(1)
    calibrator = Calibrator().fit(*answers(2000, rng))
    assert "not sure enough" in str(calibrator.drift(*answers(500, rng, shift=1.5)))
    raw, _ = answers(2000, rng)
    regardless = rng.random(2000) < calibrator.predict(raw).mean()
    told = calibrator.drift(raw, regardless)
    assert told.slope == pytest.approx(0, abs=0.2)
    assert "too far apart" in str(told) or "too sure" in str(told)


def test_equal_confidences_are_tested_for_their_level() -> None:
    """Where all are equally sure the slope cannot be told, and the test has one degree."""
    with pytest.warns(UserWarning, match="equal"):
        calibrator = Calibrator().fit(np.full(400, 0.9), np.arange(400) % 4 > 0)
    same = calibrator.drift(np.full(400, 0.9), np.arange(400) % 4 > 0)
    worse = calibrator.drift(np.full(400, 0.9), np.arange(400) % 2)
    assert same.freedom == worse.freedom == 1
    assert same.p > 0.9
    assert worse.p < 1e-6
    # A normal test of two shares of 400, by hand: variance 2 p (1 - p) / 400 at p = 3/4.
    z = 0.25 / math.sqrt(2 * 0.1875 / 400)
    assert worse.p == pytest.approx(math.erfc(z / math.sqrt(2)), rel=0.2)


def test_few_labels_tell_nothing() -> None:
    """With 29 new labels there is no verdict, and it says so."""
    rng = np.random.default_rng(0)
    calibrator = Calibrator().fit(*answers(100, rng))
    with pytest.warns(MetricWarning, match="29 new labels"):
        told = calibrator.drift(*answers(29, rng))
    assert not told
    assert math.isnan(told.p)
    assert str(told) == "too little to judge by: 29 new labels, 30 are needed"


def test_information_adds_up() -> None:
    """What answers tell is the sum of what each does."""
    promised = np.array([0.2, 0.5, 0.9])
    parts = sum(information_of(promised[[n]]) for n in range(3))
    assert information_of(promised) == pytest.approx(parts)
