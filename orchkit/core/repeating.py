"""A call that one plan makes twice is made once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from orchkit.core.calls import Call, Response

#: What was asked in a row so far, and what came back.
Asked = dict[Call, Response]
#: A plan that asks for more than this of what it was told has no end.
_ROUNDS = 1_000


def once(
    plan: Generator[tuple[Call, ...], tuple[Response, ...], Any], asked: Asked
) -> Generator[tuple[Call, ...], tuple[Response, ...], Any]:
    """Run a plan, answering calls that succeeded before with what came back then.

    `asked` is read and added to. So a row's cost has each answer once, as it is bought.

    Examples
    --------
    >>> def twice(call):
    ...     first = yield (call,)
    ...     second = yield (call,)
    ...     return first is second, first == second
    >>> plan = once(twice(Call("m", ())), {})
    >>> calls = next(plan)
    >>> try:
    ...     plan.send((Response("m", "42"),))
    ... except StopIteration as end:
    ...     end.value
    (False, True)
    """
    said: Any = None  # which starts it
    for _ in range(_ROUNDS):
        try:
            calls = plan.send(said)
        except StopIteration as stop:
            return stop.value
        fresh = tuple(dict.fromkeys(call for call in calls if call not in asked))
        came = dict(zip(fresh, (yield fresh), strict=True)) if fresh or not calls else {}
        said = tuple(came[call] if call in came else asked[call] for call in calls)
        asked.update({call: response for call, response in came.items() if response.ok})
    raise RuntimeError(f"a signal asked for more than {_ROUNDS:,} rounds")


def heard(calls: Sequence[Call], responses: Sequence[Response], signal: object) -> Asked:
    """Return what was asked and answered so far; nothing where no signal could ask it again.

    Examples
    --------
    >>> list(heard([Call("m", ())], [Response("m", "42")], signal=None))
    []
    """
    if signal is None:
        return {}
    told = zip(calls, responses, strict=True)
    return {call: response for call, response in told if response.ok}
