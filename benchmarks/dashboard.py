"""How long after a move of a slider the dashboard's picture is there: in the kernel, 100,000 × 6.

``python -m benchmarks.dashboard [PROMPTS]``. A move is from the setting of a widget's value to
a new PNG and all tables; thresholds come in an order that visits no value twice.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

import orchkit
from benchmarks.replaying import synthetic


def moved(board: Any, move: Callable[[], None]) -> float:
    """Return the seconds until a move shows; fail where it does not."""
    before, start = board.picture, time.perf_counter()
    move()
    seconds = time.perf_counter() - start
    assert board.picture != before, "the picture did not change"
    return seconds


def told(name: str, times: list[float]) -> None:
    """Print the median and the slowest of some times."""
    print(f"{name:44} median {1e3 * median(times):6.0f} ms, slowest {1e3 * max(times):6.0f} ms")


def thresholds(board: Any, times: int) -> list[float]:
    """Return how long moves of the threshold take."""
    values = np.random.default_rng(0).permutation(np.arange(5, 96))[:times] / 100
    slider = board.controls.threshold
    return [moved(board, lambda v=v: setattr(slider, "value", v)) for v in values.tolist()]


def prices(board: Any, times: int) -> list[float]:
    """Return how long moves of a price take."""
    slider = board.controls.prices[board.source.table.models[2]]
    values = np.linspace(0.3, 3, times).round(3).tolist()
    return [moved(board, lambda v=v: setattr(slider, "value", v)) for v in values]


def main(prompts: int) -> None:
    """Print the figures."""
    matrix = synthetic(prompts)
    start = time.perf_counter()
    board = orchkit.dashboard(matrix)
    print(f"{matrix!r}\nfirst shown after {time.perf_counter() - start:.1f} s")
    told("threshold of a fallback over its models", thresholds(board, 40))
    for box in board.controls.models.values():
        box.value = True
    told("threshold of a fallback over all models", thresholds(board, 40))
    told("price of a model", prices(board, 12))
    for name in ("cheapest", "ensemble", "agree"):
        start = time.perf_counter()
        board.controls.strategy.value = name
        print(f"{name} first shown after {time.perf_counter() - start:.1f} s")
        told(f"price of a model, {name}", prices(board, 6))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
