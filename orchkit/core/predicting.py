"""What a router is asked: of many texts at once, and told in plain numbers.

A router is any object with ``predict(texts)``: texts × models, how likely each model's answer is
right, as a frame or as one mapping a text. One that knows costs has ``predict_cost(texts)`` too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchkit.errors import ParameterError, UnknownModelError, did_you_mean

#: A number for each model.
Told = Mapping[str, float]


def told(router: Any, texts: Sequence[str], method: str = "predict") -> list[Told]:
    """Return what a router says of each text, for each model.

    Raises ParameterError where it has no such method, or does not give one row a text.

    Examples
    --------
    >>> class Fixed:
    ...     def predict(self, texts):
    ...         return [{"small": 0.5, "large": 0.9} for _ in texts]
    >>> told(Fixed(), ["Why?"])
    [{'small': 0.5, 'large': 0.9}]
    """
    asked = getattr(router, method, None)
    if not callable(asked):
        raise ParameterError(
            f"router={router!r:.60} has no {method}(texts). Pass a fitted router, like "
            "orchkit.LogisticRouter().fit(matrix)."
        )
    given = asked(list(texts))
    each = given.to_dict("records") if hasattr(given, "to_dict") else given
    rows = list(each) if isinstance(each, Iterable) else []
    if len(rows) != len(texts) or not all(isinstance(row, Mapping) for row in rows):
        raise ParameterError(
            f"{method} of {router!r:.60} gave {len(rows)} rows for {len(texts)} texts; it must "
            "give one each, a frame with a column for each model."
        )
    return rows


def among(names: Sequence[str] | None, told_of: Sequence[str]) -> tuple[str, ...]:
    """Return the models to choose among: those named, or all that a router tells of.

    Examples
    --------
    >>> among(None, ["small", "large"]), among(["large"], ["small", "large"])
    (('small', 'large'), ('large',))
    """
    for name in names or ():
        if name not in told_of:
            hint = did_you_mean(str(name), told_of)
            raise UnknownModelError(f"The router tells nothing of {name!r}. {hint}")
    return tuple(told_of if names is None else names)
