"""``orchkit --test``: does what is installed here decide as it should? Offline, in seconds.

What each check expects is written down here, not asked of the code under check.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import pandas as pd

from orchkit.core.complexity import KeywordRules
from orchkit.core.plans import Query, Strategy
from orchkit.core.strategies import Cheapest, Ensemble, Fallback
from orchkit.errors import BudgetExceeded
from orchkit.lab.frames import shown
from orchkit.ui.result import Result
from orchkit.ui.using import use
from orchkit.ui.verbs import route, run_orchestration

MINI, HAIKU, SONNET, OPUS = CHAIN = (
    "gpt-4o-mini",
    "claude-haiku-3.5",
    "claude-sonnet-3.5",
    "claude-opus-3",
)
TIER_OF: Mapping[str, str] = {
    "What is 2+2?": "basic",
    "Define entropy": "basic",
    "Format this list": "basic",
    "Explain quantum physics": "intermediate",
    "Write code for a stack": "intermediate",
    "Design a system for chat": "advanced",
    "Analyze these logs": "advanced",
    "Research fusion power": "expert",
    "Comprehensive analysis of a merger": "expert",
}
MODEL_OF: Mapping[str, str] = dict(
    zip(("basic", "intermediate", "advanced", "expert"), CHAIN, strict=True)
)
PROMPT = "Explain tides"
LIMIT = 0.005


class _Wrong(Exception):  # noqa: N818 - a verdict, caught here
    """A check found something else than it should."""


@dataclass(frozen=True)
class Verdict:
    """What one check found, in how many seconds."""

    check: str
    passed: bool
    told: str
    seconds: float

    def __str__(self) -> str:
        word = "ok" if self.passed else "FAILED"
        return f"{word:6}  {self.check:10}  {self.told} ({self.seconds:.2f} s)"


def selfcheck() -> list[Verdict]:
    """Return what each check found, on the simulator and in a folder of its own.

    Examples
    --------
    >>> [verdict.check for verdict in selfcheck() if verdict.passed]
    ['complexity', 'routing', 'fallback', 'ensemble', 'budget', 'cache']
    """
    with _apart():
        return [_verdict(name, check) for name, check in CHECKS.items()]


@contextmanager
def _apart() -> Iterator[None]:
    """Keep the user's own models and cache out of it."""
    own = os.environ.pop("ORCHKIT_CATALOG", None)
    try:
        with tempfile.TemporaryDirectory() as folder, use("simulator", cache_dir=folder):
            yield
    finally:
        if own is not None:
            os.environ["ORCHKIT_CATALOG"] = own


def _verdict(name: str, check: Callable[[], str]) -> Verdict:
    began = perf_counter()
    try:
        passed, told = True, check()
    except Exception as error:  # noqa: BLE001 - whatever breaks is a verdict
        kind = "" if isinstance(error, _Wrong) else f"{type(error).__name__}: "
        passed, told = False, shown(f"{kind}{error}")
    return Verdict(name, passed, told, perf_counter() - began)


def _expect(what: str, found: object, right: object) -> None:
    if found != right:
        raise _Wrong(f"{what}: {found!r} instead of {right!r}")


def check_complexity() -> str:
    """Score prompts of every tier."""
    found = KeywordRules().predict(TIER_OF)
    for (prompt, tier), given in zip(TIER_OF.items(), found, strict=True):
        _expect(prompt, given.value, tier)
    return f"{len(TIER_OF)} prompts scored as one of {len(MODEL_OF)} tiers"


def check_routing() -> str:
    """Send each prompt to the cheapest model able to handle it, alone."""
    for prompt, tier in TIER_OF.items():
        _expect(prompt, _asked(_answer(prompt, Cheapest())), [MODEL_OF[tier]])
    return f"{len(TIER_OF)} prompts sent to the cheapest model able to answer"


def check_fallback() -> str:
    """Go up the chain until a model is sure, and no further."""
    for steps, model in enumerate(CHAIN, start=1):
        result = _answer(PROMPT, Fallback(confidence=_sure_of(model)))
        _expect(f"asked until {model} is sure", _asked(result), [*CHAIN[:steps]])
        _expect(f"answered when {model} is sure", result.model_used, model)
        _expect(f"cost of {steps} calls", *_costs(result))
    return f"stops where a model is sure, after 1 to {len(CHAIN)} calls"


def check_ensemble() -> str:
    """Ask several models at once and keep the answer of the one that is sure."""
    for model in CHAIN[:3]:
        result = _answer(PROMPT, Ensemble(3, confidence=_sure_of(model)))
        _expect("asked", sorted(_asked(result)), sorted(CHAIN[:3]))
        _expect(f"chosen when {model} is sure", result.model_used, model)
        _expect("latency", result.latency, max(_calls(result, "latency")))
        _expect("cost of 3 calls", *_costs(result))
    return "3 models asked at once, the surest one kept"


def check_budget() -> str:
    """Keep to a limit for a prompt, to one for a run, and refuse what fits neither."""
    try:
        run_orchestration(PROMPT, max_cost=0, cache=False)
    except BudgetExceeded:
        pass
    else:
        raise _Wrong("answered with nothing to spend, instead of BudgetExceeded")
    sure = Fallback(confidence=_sure_of(OPUS))
    result = _answer(PROMPT, sure, max_cost=LIMIT, cache=False)
    within = result.cost <= LIMIT and OPUS not in _paid(result)
    _expect(f"spent within {LIMIT} USD a prompt", within, True)
    return f"a prompt kept to {LIMIT} USD; {_run_within()}"


def _run_within() -> str:
    """Run more rows than a budget buys; return how many it bought."""
    rows = pd.DataFrame({"prompt": [f"Explain tides, part {part}" for part in range(40)]})
    out = route(rows, SONNET, budget=10 * LIMIT, cache=False, progress=False)
    answered = int(out["error"].isna().sum())
    _expect(f"spent within {10 * LIMIT} USD a run", out["cost"].sum() <= 10 * LIMIT, True)
    _expect("rows answered, but not all", 0 < answered < len(rows), True)
    return f"{answered} of {len(rows)} rows bought for {10 * LIMIT} USD"


def check_cache() -> str:
    """Buy an answer once."""
    first, again = (_answer("What is Python?", MINI) for _ in range(2))
    _expect("cached", [first.cached, again.cached], [False, True])
    _expect("the answer from the cache", again.response, first.response)
    return "asked twice, bought once"


CHECKS: Mapping[str, Callable[[], str]] = {
    "complexity": check_complexity,
    "routing": check_routing,
    "fallback": check_fallback,
    "ensemble": check_ensemble,
    "budget": check_budget,
    "cache": check_cache,
}


def _answer(prompt: str, strategy: str | Strategy, **options: Any) -> Result:
    result = run_orchestration(prompt, strategy, **options)
    if result.error:
        raise _Wrong(f"{prompt}: {result.error}")
    return result


def _sure_of(model: str) -> Callable[[Query, Any], float]:
    """Return a signal that trusts one model."""
    return lambda _, response: 0.9 if response.model == model else 0.1


def _calls(result: Result, figure: str) -> list[Any]:
    return [call[figure] for call in result.metadata["calls"]]


def _asked(result: Result) -> list[str]:
    return _calls(result, "model")


def _paid(result: Result) -> list[str]:
    return [call["model"] for call in result.metadata["calls"] if call["cost"]]


def _costs(result: Result) -> tuple[float, float]:
    """Return what the result says it cost, and what its calls did, to the nano-dollar."""
    return round(result.cost, 9), round(sum(_calls(result, "cost")), 9)
