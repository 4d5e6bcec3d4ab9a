"""R1 and R3: rate limits, failures, resets, hangs, nonsense; nothing lost, nothing bought thrice.

Over a chain of three models. One model alone cannot keep both promises: with so many outcomes that
may have been billed, every fiftieth row meets two of them, and is then not bought a third time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

import pandas as pd

import orchkit
from benchmarks.reliability.ground import (
    CHAIN,
    PRICES,
    add_models,
    generated,
    home,
    ledger_spent,
    prompts,
    untyped,
    useless,
)
from benchmarks.reliability.promises import Promises
from orchkit.testing import Book, Faults, LoopbackServer

MIX = {"429": 0.10, "429-seconds": 0.10, "429-date": 0.10, "500": 0.10,
       "reset-before": 0.02, "reset-after": 0.015, "reset-middle": 0.015, "hang": 0.02,
       "truncated": 0.005, "html": 0.005, "error-200": 0.005, "invalid-utf8": 0.005}  # fmt: skip
CONCURRENCY = 64
TIMEOUT = 2.0
#: Seconds for which a request may have been on its way while the order to wait was, too.
GRACE = 0.25  # the server orders to wait a second
SECONDS = 120.0


def main(short: bool) -> int:
    """Route under fire, and judge by the server's book."""
    promises = Promises()
    rows = 60 if short else 2_000
    for vendor in ("openai",) if short else ("openai", "anthropic"):
        with (
            LoopbackServer(PRICES, latency=0.02, faults=Faults(MIX), seed=1) as server,
            home() as place,
        ):
            add_models(server, vendor)
            print(f"{vendor}: {rows:,} rows over the chain {', '.join(CHAIN)}")
            out, seconds = _routed("fallback", rows, chain=CHAIN, threshold=0.0)
            _judge(promises, out, rows, seconds, server.book())
            _money(promises, server.book(), ledger_spent(place))
            if not short:
                _alone(promises, server, vendor, rows // 4)
    return promises.code


def _alone(promises: Promises, server: LoopbackServer, vendor: str, rows: int) -> None:
    server.reset()
    print(f"{vendor}: {rows:,} rows, one model alone")
    out, seconds = _routed("small", rows)
    print(f"  answered {out['response'].notna().mean():.2%} in {seconds:.1f} s")
    _bought(promises, server.book(), rows)


def _routed(strategy: str, rows: int, **settings: object) -> tuple[pd.DataFrame, float]:
    frame, started = prompts(rows), time.monotonic()
    with orchkit.use(timeout=TIMEOUT):
        out = frame.orch.route(
            strategy, concurrency=CONCURRENCY, max_tokens=64, progress=False, **settings
        )
    return out, time.monotonic() - started


def _judge(promises: Promises, out: pd.DataFrame, rows: int, seconds: float, book: Book) -> None:
    print(f"  {book.requests:,} requests in {seconds:.1f} s: {_outcomes(book)}")
    errors = out["error"].dropna()
    print(f"  errors: {dict(Counter(error.split(':')[0] for error in errors)) or 'none'}")
    lost = rows - int((out["response"].notna() | out["error"].notna()).sum())
    promises.tell(lost == 0, "rows lost 0", f"{lost} rows")
    bad = untyped(errors)
    promises.tell(not bad, "untyped errors 0", f"{len(bad)} rows {bad[:1] or ''}")
    share = out["response"].notna().mean()
    promises.tell(share >= 0.999, "answered at least 99.9 %", f"{share:.2%}")
    early, strict = book.early(GRACE), book.retry_after_violations
    told = f"{len(early)} requests; {strict} without the grace of {GRACE} s"
    promises.tell(not early, "Retry-After never disregarded", told)
    promises.tell(seconds <= SECONDS, f"at most {SECONDS:.0f} s", f"{seconds:.1f} s")
    _bought(promises, book, rows)


def _bought(promises: Promises, book: Book, rows: int) -> None:
    """Judge what was bought more than once."""
    paid = generated(book.entries)
    calls = Counter((entry.prompt, entry.model) for entry in paid)
    most = max(calls.values(), default=0)
    promises.tell(most <= 2, "no call generated more than 1 + 1 re-buy", f"{most} generations")
    again, lost = len(paid) - len({entry.prompt for entry in paid}), useless(book.entries)
    told = f"{again} again, {lost} billed without an answer, {rows:,} rows"
    promises.tell(again <= lost, "bought again no more than billed but undelivered", told)


def _money(promises: Promises, book: Book, told: int | None) -> None:
    enough = told is not None and told >= book.billed_nano
    figure = f"{told or 0:,} of {book.billed_nano:,} nano-dollars"
    promises.tell(enough, "the ledger holds no less than was billed", figure)


def _outcomes(book: Book) -> str:
    found: Iterable[tuple[str, int]] = Counter(e.outcome for e in book.entries).most_common()
    return ", ".join(f"{name} {times:,}" for name, times in found)
