"""A strategy as the line of code that makes it again."""

from __future__ import annotations

import math
import re
from dataclasses import MISSING, Field, fields, is_dataclass
from numbers import Integral, Real
from types import FunctionType
from typing import Any

from orchkit.core.signals import AgreesWith, SelfConsistency
from orchkit.lab.experiment import same

#: Where an object lies is no part of what it is.
_PLACE = re.compile(r" (?:at|object at) 0x[0-9a-fA-F]+")


def code(thing: Any) -> str:
    """Return the expression that makes a strategy again: what is not default, exactly.

    What no code can say, say a router that was fitted or a function of one's own, stands between
    ``<`` and ``>``.

    Examples
    --------
    >>> from orchkit.core.strategies import Fallback
    >>> code(Fallback(("gpt-4o-mini", "gpt-4o"), (0.7,)))
    "orchkit.Fallback(chain=('gpt-4o-mini', 'gpt-4o'), threshold=(0.7,))"
    >>> code(Fallback(confidence=lambda query, response: 0.5))
    'orchkit.Fallback(confidence=<function <lambda>>)'
    """
    if thing is None or isinstance(thing, str | bool):
        return repr(thing)
    if isinstance(thing, Real):  # numpy's, too
        return _number(thing)
    if isinstance(thing, list | tuple):
        return _several(thing)
    if isinstance(thing, FunctionType) and _ours(thing) and thing.__name__.isidentifier():
        return f"orchkit.{thing.__name__}"
    if isinstance(thing, AgreesWith):
        return f"orchkit.agrees_with({', '.join(map(repr, thing.models))})"
    if isinstance(thing, SelfConsistency):
        return f"orchkit.self_consistency({thing.draws}, {thing.temperature})"
    if is_dataclass(thing) and not isinstance(thing, type) and not _learnt(thing):
        return _made(thing)
    line = _PLACE.sub("", repr(thing)).partition("\n")[0]
    return line if line.startswith("<") else f"<{line}>"


def _number(thing: Real) -> str:
    if isinstance(thing, Integral):
        return repr(int(thing))
    plain = float(thing)
    return repr(plain) if math.isfinite(plain) else f"float('{plain}')"


def rebuilds(line: str) -> bool:
    """Whether all of a line of `code` is code."""
    return "<" not in re.sub(r"'[^']*'", "", line)


def _ours(kind: Any) -> bool:
    """Whether a class or function is a public one of the core's."""
    return bool(kind.__module__.startswith("orchkit.core."))


def _learnt(thing: object) -> bool:
    """Whether an object is of the lab's, which holds what it was fitted to."""
    return type(thing).__module__.startswith("orchkit.lab.")


def _made(thing: Any) -> str:
    kind = type(thing)
    room = "orchkit." if _ours(kind) else ""
    told = [each.name for each in fields(thing) if _changed(thing, each)]
    given = ", ".join(f"{name}={code(getattr(thing, name))}" for name in told)
    return f"{room}{kind.__name__}({given})"


def _changed(thing: Any, each: Field[Any]) -> bool:
    if not (each.init and each.repr):
        return False
    value = getattr(thing, each.name)
    default = each.default if each.default_factory is MISSING else each.default_factory()
    return default is MISSING or not same(value, default)


def _several(each: Any) -> str:
    told = ", ".join(map(code, each))
    if isinstance(each, list):
        return f"[{told}]"
    return f"({told},)" if len(each) == 1 else f"({told})"
