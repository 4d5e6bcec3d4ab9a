import pickle
from dataclasses import replace
from typing import Any

import pytest

from orchkit.core.fitted import Fitted, tuned
from orchkit.core.strategies import AgreeThenEscalate, Ensemble, Fallback
from orchkit.errors import ParameterError

FITTED = Fitted(
    n_fit=1200,
    n_test=800,
    date="2026-11-25",
    asked="max_loss=0.01",
    quality=0.8,
    quality_low=0.77,
    quality_high=0.83,
    cost=0.0012,
    fit_quality=0.85,
    fit_cost=0.0011,
    zero_router=0.75,
    reference="gpt-4o",
    verdict="within 1 pt of gpt-4o",
)
WITH = (
    Fallback(("a", "b"), (0.5,), fitted=FITTED),
    Ensemble(2, ("a", "b"), fitted=FITTED),
    AgreeThenEscalate(("a", "b"), "c", fitted=FITTED),
)


def test_optimism_is_what_was_lost_on_the_way_to_others() -> None:
    """It is the quality where it was fitted minus the quality elsewhere."""
    assert FITTED.optimism == pytest.approx(0.05)


def test_it_tells_both_parts_in_words() -> None:
    """Counts, day, percent and dollars of both parts stand in one sentence."""
    assert str(FITTED) == (
        "max_loss=0.01, fitted on 1,200 prompts (2026-11-25); on 800 others: 80.0 % [77.0, 83.0] "
        "at $1.2 per 1,000 prompts (where fitted: 85.0 % at $1.1); within 1 pt of gpt-4o"
    )
    assert str(replace(FITTED, guarantee="at most 1 pt")).endswith("gpt-4o; at most 1 pt")


@pytest.mark.parametrize("strategy", WITH, ids=lambda one: one.name)
def test_a_memory_makes_no_difference(strategy: Any) -> None:
    """A fitted strategy equals, hashes and reads like the same one written by hand."""
    bare = replace(strategy, fitted=None)
    assert (strategy, hash(strategy), repr(strategy)) == (bare, hash(bare), repr(bare))
    assert eval(repr(strategy)) == strategy  # noqa: S307 - our own


@pytest.mark.parametrize("strategy", WITH, ids=lambda one: one.name)
def test_a_memory_survives_a_pickle(strategy: Any) -> None:
    """What is remembered comes back with the strategy."""
    again = pickle.loads(pickle.dumps(strategy))  # noqa: S301 - our own
    assert (again, again.fitted) == (strategy, FITTED)


@pytest.mark.parametrize("kind", [Fallback, Ensemble, AgreeThenEscalate])
@pytest.mark.parametrize("given", [None, "matrix", [1, 2]], ids=repr)
def test_what_is_no_recording_cannot_tune(kind: Any, given: Any) -> None:
    """Anything else than a recording is refused with how to come by one."""
    with pytest.raises(ParameterError, match=f"{kind.__name__}.fit needs a ResponseMatrix"):
        kind.fit(given)


def test_a_recording_is_asked_for_the_kind() -> None:
    """The recording gets the kind, and what is asked, as it is."""

    class Told:
        def tune(self, kind: type[Any], **asked: Any) -> Any:
            return kind, asked

    assert tuned(Fallback, Told(), budget=1.0) == (Fallback, {"budget": 1.0})
