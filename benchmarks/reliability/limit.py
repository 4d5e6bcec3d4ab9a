"""R12: a server that enforces requests and tokens a minute; all of the quota used, nothing beyond.

The minute is five seconds long here, for the server and for our limiter alike. One run has the
wall clock jump an hour forth and back all the time: only the monotonic clock may count.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.reliability.ground import PRICES, add_models, home, prompts
from benchmarks.reliability.promises import Promises
from orchkit.runtime import pacing
from orchkit.testing import Book, Entry, LoopbackServer

CONCURRENCY = 256
MAX_TOKENS = 64


@dataclass(frozen=True)
class Quota:
    """What the server enforces a window: requests or tokens, and for how many windows we ask."""

    name: str
    window: float
    windows: float
    rpm: int | None = None
    tpm: int | None = None
    jumping: bool = False


SHORT = (Quota("requests", 1.5, 3, rpm=60),)
LONG = (
    Quota("requests", 5.0, 5, rpm=400),
    Quota("tokens", 5.0, 5, tpm=10_000),
    Quota("requests and tokens", 5.0, 5, rpm=400, tpm=10_000),
    Quota("requests, wall clock jumping", 5.0, 4, rpm=400, jumping=True),
)


def main(short: bool) -> int:
    """Ask for several windows' worth at once, and judge by the server's book."""
    promises = Promises()
    for quota in SHORT if short else LONG:
        _judge(promises, quota, _book(quota))
    return promises.code


def _book(quota: Quota) -> Book:
    minute, pacing.MINUTE = pacing.MINUTE, quota.window
    enforced = {"rpm": quota.rpm, "tpm": quota.tpm}
    try:
        with (
            LoopbackServer(PRICES, latency=0.2, window=quota.window, **enforced) as server,
            home(),
            _clock(quota.jumping),
        ):
            add_models(server, **enforced)
            prompts(_rows(quota)).orch.route(
                "small", concurrency=CONCURRENCY, max_tokens=MAX_TOKENS, progress=False
            )
            return server.book()
    finally:
        pacing.MINUTE = minute


def _rows(quota: Quota) -> int:
    # An answer of the server has some 25 tokens with its question.
    most = min(quota.rpm or 10**9, (quota.tpm or 10**9) // 25)
    return round(most * quota.windows)


def _judge(promises: Promises, quota: Quota, book: Book) -> None:
    good = [entry for entry in book.entries if entry.outcome == "ok"]
    refused = sum(entry.outcome == "rate-limited" for entry in book.entries)
    share = refused / book.requests
    print(f"{quota.name}: {book.requests:,} requests, {refused} refused")
    promises.tell(share <= 0.01, f"{quota.name}: at most 1 % are refused", f"{share:.2%}")
    tokens = [entry.input_tokens + entry.output_tokens for entry in good]
    pairs = ((quota.rpm, [1] * len(good)), (quota.tpm, tokens))
    shares = [_used(good, each, limit, quota.window) for limit, each in pairs if limit]
    told = " and ".join(f"{share:.1%}" for share in shares)
    promises.tell(max(shares) >= 0.95, f"{quota.name}: at least 95 % of the quota is used", told)


def _used(good: list[Entry], amounts: list[int], limit: int, window: float) -> float:
    """Return the share of the quota used until the last burst began, or the last request came.

    A limiter may ask in bursts or evenly; up to the beginning of a burst both can be compared.
    """
    arrived = [entry.arrived for entry in good]
    bursts = [n for n in range(1, len(good)) if arrived[n] - arrived[n - 1] > window / 4]
    end = bursts[-1] if bursts else len(good) - 1
    return sum(amounts[:end]) / (limit * (arrived[end] - arrived[0]) / window)


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
