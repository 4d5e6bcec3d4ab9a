"""The process that is killed: routes prompts, and may end itself at a named instant.

What dies is always this process by SIGKILL, at the n-th time it passes the instant; the production
code has no hook for it: a function of it is replaced here by one that does the same and then dies.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pandas as pd

import orchkit
from orchkit.errors import RetiredModelWarning
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.ledger import Ledger
from orchkit.runtime.providers.openai import OpenAI
from orchkit.ui import verbs

MODEL = "gpt-4o-mini"
CONCURRENCY = 16


def die() -> None:
    """End at once, as by a power cut: no handler, no exit, no flush."""
    os.kill(os.getpid(), signal.SIGKILL)


def prompts(rows: int) -> list[str]:
    """Return so many prompts, all different."""
    return [f"What is number {n}?" for n in range(rows)]


def after(
    owner: Any, name: str, nth: int, counts: Callable[..., bool] = lambda *_, **__: True
) -> None:
    """Have the process die when `owner.name` has done its work for the n-th time that counts."""
    work, passes = getattr(owner, name), count(1)

    def dying(*args: Any, **options: Any) -> Any:
        done = work(*args, **options)
        if counts(*args, **options) and next(passes) == nth:
            die()
        return done

    async def dying_later(*args: Any, **options: Any) -> Any:
        done = await work(*args, **options)
        if counts(*args, **options) and next(passes) == nth:
            die()
        return done

    setattr(owner, name, dying_later if asyncio.iscoroutinefunction(work) else dying)


def _begins(_: Ledger, begins: Sequence[Any] = (), *__: Any, **___: Any) -> bool:
    return bool(begins)


def _settles(_: Ledger, __: Any = (), ends: Sequence[Any] = (), *___: Any, **____: Any) -> bool:
    return any(end.state == "settled" for end in ends)


def while_away(nth: int, seconds: float) -> None:
    """Have the process die when its n-th request is on the wire and its answer is not."""
    complete, passes = OpenAI.complete, count(1)

    async def dying(self: OpenAI, call: Any) -> Any:
        if next(passes) == nth:
            asyncio.get_running_loop().call_later(seconds, die)
        return await complete(self, call)

    OpenAI.complete = dying  # type: ignore[method-assign]


def told_of_first_request() -> None:
    """Say on stdout that buying has begun."""
    complete, passes = OpenAI.complete, count(1)

    async def telling(self: OpenAI, call: Any) -> Any:
        if next(passes) == 1:
            print("buying", flush=True)
        return await complete(self, call)

    OpenAI.complete = telling  # type: ignore[method-assign]


#: The instants, in the order a call passes them; each takes the number of the passage to die at.
POINTS: dict[str, Callable[[int], None]] = {
    "reserved": lambda nth: after(Ledger, "write", nth, _begins),
    "sent": lambda nth: while_away(nth, 0.015),
    "received": lambda nth: after(OpenAI, "complete", nth),
    "mid-commit": lambda nth: after(ResponseCache, "put_all", nth),
    "committed": lambda nth: after(Ledger, "write", nth, _settles),
    "reporting": lambda nth: after(verbs, "attach", nth),
}


def main(told: str) -> None:
    """Route as told by one line of JSON: url, rows, point, nth."""
    task = json.loads(told)
    warnings.simplefilter("ignore", RetiredModelWarning)
    if task["point"]:
        POINTS[task["point"]](task["nth"])
    told_of_first_request()
    prices = {"input_price": 0.15, "output_price": 0.60}
    orchkit.add_model("bought", id=MODEL, base_url=task["url"], **prices)
    orchkit.use("live")
    frame = pd.DataFrame({"prompt": prompts(task["rows"])})
    out = frame.orch.route("bought", concurrency=CONCURRENCY, progress=False)
    right = (out["response"] == out["prompt"]).sum()
    print(json.dumps({"answered": int(right), "error": out["error"].dropna().tolist()[:3]}))


if __name__ == "__main__":
    main(sys.argv[1])
