"""Promises: what was measured, what it had to be, and whether it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

#: Where `python -m benchmarks...` is to be run for a process of our own to find everything.
ROOT = Path(__file__).parents[2]
KEY = "sk-loopback-of-the-benchmarks"


class Promises:
    """A list of promises, printed as they are judged."""

    def __init__(self) -> None:
        self.broken = 0

    def tell(self, held: bool, promise: str, figure: object = "") -> None:
        """Print one promise with its figure and whether it held."""
        self.broken += not held
        print(f"{'held  ' if held else 'BROKEN'}  {promise}: {figure}", flush=True)

    @property
    def code(self) -> int:
        """Return the exit code: 0 when every promise held."""
        return int(self.broken > 0)


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line of a process of ours."""
    return [sys.executable, "-m", f"benchmarks.reliability.{module}", *arguments]


def environment(home: Path, **more: str) -> Mapping[str, str]:
    """Return the environment of a process of ours: its own home, no keys but those given."""
    kept = {name: value for name, value in os.environ.items() if not _vendors(name)}
    return {**kept, "ORCHKIT_HOME": str(home), "PYTHONPATH": str(ROOT), **more}


def _vendors(name: str) -> bool:
    return name.startswith(("OPENAI_", "ANTHROPIC_", "ORCHKIT_"))
