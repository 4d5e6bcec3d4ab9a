"""R2: what the server bills never exceeds the cap, at any concurrency, with outcomes unknown.

The worst case of one call is 1/120 of the cap, and demand three times the cap: what is left when
nothing fits any more is less than one worst case, so 99 % of the cap can be used.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from benchmarks.reliability.ground import CHAIN, PRICES, add_models, home, ledger_spent, prompts
from benchmarks.reliability.promises import Promises
from orchkit.core.calls import Message
from orchkit.core.catalog import NANO, Model, Rates, Tier
from orchkit.testing import LoopbackServer

CONCURRENCIES = (1, 4, 16, 64, 256)
#: Of these, all but 500 may have been billed without an answer.
MIX = {"500": 0.02, "reset-after": 0.03, "reset-middle": 0.02, "truncated": 0.03, "html": 0.02,
       "usage-missing": 0.02}  # fmt: skip
MAX_TOKENS = 16
ROWS = 500
CALLS = 120
ROWS_CAPPED, CALLS_A_ROW = 40, 3  # the chain costs more: without the limit rows exceed it


@dataclass(frozen=True)
class Run:
    """One run under a cap, in nano-dollars: the server's truth and the ledger's word."""

    concurrency: int
    cap: int
    truth: int
    ledger: int | None


def main(short: bool) -> int:
    """Run each concurrency with each seed, and judge by the server's book."""
    promises, runs, rows = Promises(), list[Run](), list[float]()
    seeds, sizes = (range(1), (4, 64)) if short else (range(20), CONCURRENCIES)
    for seed in seeds:
        with LoopbackServer(PRICES, latency=0.005, faults=MIX, seed=seed) as server:
            add_models(server)
            for size in sizes:
                runs.append(_run(server, size, short))
                print(f"  seed {seed:2}: {_line(runs[-1])}", flush=True)
            rows.append(_dearest_row(server, sizes[seed % len(sizes)]))
    _judge(promises, runs, rows, 1 - 1 / (CALLS // 4) if short else 0.99)
    return promises.code


def _run(server: LoopbackServer, concurrency: int, short: bool) -> Run:
    """Ask for three times what the cap allows."""
    calls = CALLS // 4 if short else CALLS
    cap = calls * worst()
    server.reset()
    frame = prompts(ROWS * calls // CALLS)
    with home() as place:
        frame.orch.route(
            "small",
            concurrency=concurrency,
            max_tokens=MAX_TOKENS,
            budget=cap / NANO,
            progress=False,
        )
        return Run(concurrency, cap, server.book().billed_nano, ledger_spent(place))


def _dearest_row(server: LoopbackServer, concurrency: int) -> float:
    """Return the share of `max_cost` that the dearest row of a fallback was billed."""
    cap = CALLS_A_ROW * worst()
    server.reset()
    with home():
        prompts(ROWS_CAPPED).orch.route(
            "fallback",
            chain=CHAIN,
            threshold=1.0,
            concurrency=concurrency,
            max_tokens=MAX_TOKENS,
            max_cost=cap / NANO,
            progress=False,
        )
    billed: Counter[str] = Counter()
    for entry in server.book().entries:
        billed[entry.prompt] += entry.billed_nano
    return max(billed.values()) / cap


def worst() -> int:
    """Return the nano-dollars one call to `small` can cost at most."""
    model = Model("small", "openai", Tier.BASIC, (Rates(*PRICES["small-1"]),))
    bound = model.bound([Message("user", prompts(1)["prompt"][0])], MAX_TOKENS)
    assert bound is not None
    return bound


def _judge(promises: Promises, runs: list[Run], rows: list[float], least: float) -> None:
    kept = sum(run.truth <= run.cap for run in runs)
    most = max(run.truth / run.cap for run in runs)
    told = f"{kept} of {len(runs)} runs, at most {most:.2%} of the cap"
    promises.tell(kept == len(runs), "the server never billed more than the cap", told)
    held = sum(run.ledger is not None and run.ledger >= run.truth for run in runs)
    promises.tell(held == len(runs), "the ledger holds no less", f"{held} of {len(runs)} runs")
    most = max((run.ledger or 0) / run.cap for run in runs)
    promises.tell(most <= 1, "nor does the ledger hold more than the cap", f"at most {most:.2%}")
    used = min((run.ledger or 0) / run.cap for run in runs)
    told = f"at least {used:.2%}, by the ledger"
    promises.tell(used >= least, f"at least {least:.1%} of the cap can be used", told)
    promises.tell(max(rows) <= 1, "no row was billed more than max_cost", f"{max(rows):.2%} of it")


def _line(run: Run) -> str:
    shares = [run.truth / run.cap, (run.ledger or 0) / run.cap]
    return f"{run.concurrency:3} at once, billed {shares[0]:7.2%}, ledger {shares[1]:7.2%} of cap"
