"""R12: a server that enforces requests and tokens a minute; all of the quota used, nothing beyond.

Real minutes, each quota in a process of its own. One has its wall clock jump an hour forth and
back all the time: only the monotonic clock may count. ``limit NUMBER`` is one of the processes.
In the short form a minute has ten seconds, for the server and for our limiter alike.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.reliability.ground import PRICES, add_models, home, prompts
from benchmarks.reliability.promises import Promises, command
from orchkit.runtime import pacing
from orchkit.testing import Book, Entry, LoopbackServer

CONCURRENCY = 256
MAX_TOKENS = 64


@dataclass(frozen=True)
class Quota:
    """What the server enforces a minute, requests or tokens, and how many minutes we ask for."""

    name: str
    rpm: int | None = None
    tpm: int | None = None
    minutes: float = 2.3
    minute: float = pacing.MINUTE
    jumping: bool = False


SHORT = Quota("requests", rpm=100, minutes=2, minute=10.0)
LONG = (
    Quota("requests", rpm=500),
    Quota("tokens", tpm=12_500),
    Quota("requests and tokens", rpm=500, tpm=12_500),
    Quota("requests, wall clock jumping", rpm=500, jumping=True),
)


def main(short: bool) -> int:
    """Ask for several minutes' worth at once, and judge by the server's book."""
    if short:
        return _judge(SHORT, _book(SHORT))
    numbers = range(len(LONG))
    running = [subprocess.Popen(command("limit", str(n))) for n in numbers]  # noqa: S603 - this file
    codes = [process.wait() for process in running]
    return int(any(codes))


def _book(quota: Quota) -> Book:
    minute, pacing.MINUTE = pacing.MINUTE, quota.minute
    enforced = {"rpm": quota.rpm, "tpm": quota.tpm}
    settings: dict[str, Any] = {"max_tokens": MAX_TOKENS, "progress": False}
    try:
        with (
            LoopbackServer(PRICES, latency=0.2, window=quota.minute, **enforced) as server,
            home(),
            _clock(quota.jumping),
        ):
            add_models(server, **enforced)
            if quota is SHORT:  # so short a minute leaves no time to open the connections in
                prompts(CONCURRENCY // 4).orch.route("large", **settings)
                server.reset()
            prompts(_rows(quota)).orch.route("small", concurrency=CONCURRENCY, **settings)
            return server.book()
    finally:
        pacing.MINUTE = minute


def _rows(quota: Quota) -> int:
    # An answer of the server has some 25 tokens with its question.
    most = min(quota.rpm or 10**9, (quota.tpm or 10**9) // 25)
    return round(most * quota.minutes)


def _judge(quota: Quota, book: Book) -> int:
    promises = Promises()
    good = [entry for entry in book.entries if entry.outcome == "ok"]
    refused = sum(entry.outcome == "rate-limited" for entry in book.entries)
    share = refused / book.requests
    print(f"{quota.name}: {book.requests:,} requests, {refused} refused")
    promises.tell(share <= 0.01, f"{quota.name}: at most 1 % are refused", f"{share:.2%}")
    tokens = [entry.input_tokens + entry.output_tokens for entry in good]
    pairs = ((quota.rpm, [1] * len(good)), (quota.tpm, tokens))
    shares = [_used(good, each, limit, quota.minute) for limit, each in pairs if limit]
    told = " and ".join(f"{share:.1%}" for share in shares)
    promises.tell(max(shares) >= 0.95, f"{quota.name}: at least 95 % of the quota is used", told)
    return promises.code


def _used(good: list[Entry], amounts: list[int], limit: int, minute: float) -> float:
    """Return the share of the quota used until the last burst began, or the last request came.

    A limiter may ask in bursts or evenly; up to the beginning of a burst both can be compared.
    """
    arrived = [entry.arrived for entry in good]
    bursts = [n for n in range(1, len(good)) if arrived[n] - arrived[n - 1] > minute / 4]
    end = bursts[-1] if bursts else len(good) - 1
    return sum(amounts[:end]) / (limit * (arrived[end] - arrived[0]) / minute)


@contextmanager
def _clock(jumping: bool) -> Iterator[None]:
    """Have the wall clock jump an hour forth and back, ten times a second."""
    if not jumping:
        yield
        return
    real = time.time
    time.time = lambda: real() + (3600 if int(real() * 10) % 2 else -3600)
    try:
        yield
    finally:
        time.time = real


if __name__ == "__main__":
    sys.exit(_judge(LONG[int(sys.argv[1])], _book(LONG[int(sys.argv[1])])))
