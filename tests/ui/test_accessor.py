from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.ui.accessor import OrchAccessor

VERBS = [orchkit.route, orchkit.compare, orchkit.estimate, orchkit.record, orchkit.to_csv]
EACH = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)


@EACH
def test_a_method_has_the_functions_signature(df: pd.DataFrame, verb: Callable[..., Any]) -> None:
    """A method of df.orch takes what the function takes after the frame."""
    whole = inspect.signature(verb)
    frame, *rest = whole.parameters.values()
    method = getattr(df.orch, verb.__name__)
    assert frame.name == "df"
    assert inspect.signature(method) == whole.replace(parameters=rest)
    assert inspect.getdoc(method) == inspect.getdoc(verb)


@EACH
def test_all_after_the_data_is_named(verb: Callable[..., Any]) -> None:
    """Only the frame and the strategies, models or path may be given by position."""
    kinds = [parameter.kind for parameter in inspect.signature(verb).parameters.values()]
    assert set(kinds[2:]) <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}


def test_there_is_a_method_for_every_verb() -> None:
    """Each public function that takes a frame first is a method, and nothing else is."""
    functions = (getattr(orchkit, name) for name in orchkit.__all__)
    verbs = {
        function.__name__
        for function in functions
        if inspect.isfunction(function)
        and next(iter(inspect.signature(function).parameters), "") == "df"
    }
    assert verbs == {name for name in vars(OrchAccessor) if not name.startswith("_")}


def test_a_method_does_what_the_function_does(df: pd.DataFrame) -> None:
    """df.orch.route() is orchkit.route(df), but for the moment it was asked."""
    method, function = df.orch.route("fallback"), orchkit.route(df, "fallback")
    kept = function.columns.drop(["timestamp", "cached", "metadata"])
    pd.testing.assert_frame_equal(method[kept], function[kept])


def test_the_accessor_keeps_nothing(df: pd.DataFrame) -> None:
    """It leaves no attribute on the frame and cannot be given a state beside it."""
    before = set(vars(df))
    df.orch.estimate("cheapest")
    assert {name for name in set(vars(df)) - before if "orch" not in name} == set()
    assert vars(df.orch).keys() == {"_frame"}


def test_a_frames_copy_is_asked_itself(df: pd.DataFrame) -> None:
    """The accessor of a slice works on the slice."""
    assert df.orch.estimate("gpt-4o").rows == 4
    assert df.head(1).orch.estimate("gpt-4o").rows == 1
