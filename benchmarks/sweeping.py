"""Print what a sweep over thresholds, or over prices of money, takes beside a plain loop.

``python -m benchmarks.sweeping [PROMPTS]``: a made-up matrix of PROMPTS (100,000) × 6 models,
seeded. The plain loop goes over prompts and thresholds in Python as one would write it first; it is
timed at a part of the thresholds, and its sums are compared with the sweep's, nano-dollar for
nano-dollar.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from orchkit.lab.arrays import Arrays
from orchkit.lab.metrics.utilities import chosen, utility_curve
from orchkit.lab.sweeping import Binned, Sweep, binned, by_cost, subchains, swept

MODELS = ("tiny", "small", "medium", "large", "huge", "vast")
CHAIN = ("tiny", "medium", "vast")
THRESHOLDS = np.linspace(0, 1, 1001)
#: Thresholds the plain loop is timed at.
SOME = np.linspace(0, 1000, 21).astype(int)


def made_up(prompts: int, seed: int = 0) -> Arrays:
    """Return arrays in which dearer models are right more often, and know it somewhat."""
    rng = np.random.default_rng(seed)
    shape = prompts, len(MODELS)
    able = np.linspace(0.4, 0.95, len(MODELS))
    quality = (rng.random(shape) < able).astype(float)
    rank = np.clip(0.45 + 0.25 * quality + rng.normal(0, 0.2, shape), 0, 1)
    cost = (rng.integers(50, 150, shape) * 4 ** np.arange(len(MODELS)) * 100).astype(np.int64)
    cells = (np.asfortranarray(cell) for cell in (quality, cost, rank, np.ones(shape, bool)))
    quality, cost, rank, usable = cells
    return Arrays(MODELS, np.arange(prompts), quality, cost, rank, usable)


def plain_loop(arrays: Arrays, thresholds: np.ndarray[Any, Any]) -> list[tuple[float, int]]:
    """Return quality and nano-dollars at each threshold, prompt by prompt."""
    columns = [arrays.column(name) for name in CHAIN]
    cells = [
        (arrays.rank[:, c].tolist(), arrays.quality[:, c].tolist(), arrays.cost[:, c].tolist())
        for c in columns
    ]
    sums = []
    for threshold in thresholds.tolist():
        quality, cost = 0.0, 0
        for prompt in range(len(arrays)):
            best = kept = -1.0
            for rank, right, paid in cells:
                cost += paid[prompt]
                if rank[prompt] >= best:
                    best, kept = rank[prompt], right[prompt]
                if rank[prompt] >= threshold:
                    kept = right[prompt]
                    break
            quality += kept
        sums.append((quality, cost))
    return sums


def timed(name: str, work: Callable[[], Any], times: int = 7) -> tuple[float, Any]:
    """Print and return the median of several runs, in seconds, and what the last one gave."""
    took, found = [], None
    for _ in range(times):
        started = time.perf_counter()
        found = work()
        took.append(time.perf_counter() - started)
    median = sorted(took)[len(took) // 2]
    print(f"{name:<58} {1000 * median:10.1f} ms   (best {1000 * min(took):.1f} ms of {times})")
    return median, found


def main(prompts: int) -> None:
    """Time the sweep of a chain of three, all sub-chains, and the plain loop."""
    arrays = made_up(prompts)
    print(f"{prompts:,} prompts × {len(MODELS)} models, {len(THRESHOLDS):,} thresholds")
    three = arrays_of_chain(arrays)
    timed("bin all six models, once", lambda: binned(arrays, THRESHOLDS))
    cold, _ = timed("three hops from cold arrays", lambda: swept(binned(three, THRESHOLDS), CHAIN))
    table = binned(arrays, THRESHOLDS)
    warm, sweep = timed("three hops once binned", lambda: swept(table, CHAIN))
    timed("all 57 sub-chains of six once binned", lambda: all_chains(table), 3)
    loop, sums = timed(
        f"plain loop at {len(SOME)} of the thresholds",
        lambda: plain_loop(arrays, THRESHOLDS[SOME]),
        1,
    )
    whole = loop * len(THRESHOLDS) / len(SOME)
    print(f"plain loop at all of them (scaled up): {whole:.1f} s")
    print(f"ratio once binned {whole / warm:,.0f}, from cold arrays {whole / cold:,.0f}")
    agreed = [(sweep.quality[at], sweep.cost[at]) for at in SOME] == sums
    print(f"sums are the same at all {len(SOME)} thresholds: {agreed}")
    if not agreed:
        raise SystemExit("the sweep and the loop differ")
    prices(arrays)


def prices(arrays: Arrays, seed: int = 1) -> None:
    """Time a learned router's whole curve: a choice for each prompt at every price of money."""
    rng = np.random.default_rng(seed)
    hoped = np.clip(arrays.quality * 0.3 + 0.6 * rng.random(arrays.quality.shape), 0, 1)
    priced = arrays.cost * rng.uniform(0.8, 1.2, arrays.cost.shape)
    given = hoped, priced, arrays.quality, arrays.cost
    _, curve = timed("utility_curve at every price of money", lambda: utility_curve(*given))
    print(f"it has {len(curve):,} rows")
    rows, edges = np.arange(len(arrays)), curve["gain_per_cost"].to_numpy()
    for at in np.linspace(1, len(curve) - 2, 7).astype(int).tolist():
        best = chosen(hoped, priced, (edges[at] + edges[at + 1]) / 2)
        sums = arrays.quality[rows, best].sum(), arrays.cost[rows, best].sum()
        row = curve.iloc[at][["quality", "cost"]] * len(arrays)
        if not np.allclose(row, sums, rtol=1e-12):
            raise SystemExit("the curve and the choice at its price differ")
    print("sums are the same as those of choosing at 7 of the prices")


def arrays_of_chain(arrays: Arrays) -> Arrays:
    """Return the arrays of the chain's models alone."""
    columns = [arrays.column(name) for name in CHAIN]
    cells = (arrays.quality, arrays.cost, arrays.rank, arrays.usable)
    quality, cost, rank, usable = (np.asfortranarray(cell[:, columns]) for cell in cells)
    return Arrays(CHAIN, arrays.place, quality, cost, rank, usable)


def all_chains(table: Binned) -> list[Sweep]:
    """Return the sweep of every chain in the order of costs."""
    return [swept(table, chain) for chain in subchains(by_cost(table.arrays))]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
