"""``python -m benchmarks.reliability NAME [--short]``; ``all`` runs everything, each by itself."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from importlib import import_module

NAMES = {
    "faults": "R1, R3: rate limits, failures, resets, hangs and nonsense over 2,000 rows",
    "budget": "R2: the cap at any concurrency, with faults",
    "kill": "R4: kill -9 at any instant, then again",
    "procs": "R5: several processes, one cache",
    "failn": "R6: the Nth write fails, for every N",
    "rot": "R11: flipped bits in every file",
    "limit": "R12: requests and tokens a minute",
    "interrupt": "R13: an interrupt at any moment",
    "secrets": "S1: keys in no output",
    "perms": "S6: files for their owner alone",
}
#: What promises times, and may be late once on a shared machine; the others get no second try.
TIMED = {"faults", "limit", "interrupt"}


def main() -> int:
    """Run what was named; 0 when every promise held."""
    parser = argparse.ArgumentParser(prog="benchmarks.reliability", description=_listing())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("name", choices=[*NAMES, "all"])
    parser.add_argument("--short", action="store_true", help="the form that CI runs")
    given = parser.parse_args()
    if given.name == "all":
        return _everything(given.short)
    return int(import_module(f"benchmarks.reliability.{given.name}").main(given.short))


def _everything(short: bool) -> int:
    """Run each in a process of its own, and print which held."""
    held = {}
    for name in NAMES:
        print(f"== {name}", flush=True)
        started = time.monotonic()
        good = _holds(name, short) or (name in TIMED and _holds(name, short))
        held[name] = (good, time.monotonic() - started)
    print(f"\n{'command':10} {'verdict':8} {'seconds':>7}  promises")
    for name, (good, seconds) in held.items():
        print(f"{name:10} {'held' if good else 'BROKEN':8} {seconds:7.1f}  {NAMES[name]}")
    return int(not all(good for good, _ in held.values()))


def _holds(name: str, short: bool) -> bool:
    return subprocess.run(_command(name, short), check=False).returncode == 0  # noqa: S603 - ours


def _command(name: str, short: bool) -> list[str]:
    shortly = ["--short"] if short else []
    return [sys.executable, "-m", "benchmarks.reliability", name, *shortly]


def _listing() -> str:
    return "\n".join(f"  {name:10} {what}" for name, what in NAMES.items())


if __name__ == "__main__":
    sys.exit(main())
