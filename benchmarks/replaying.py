"""Print how fast and in how much memory strategies are replayed, beside the same plans by hand.

``python -m benchmarks.replaying [FOLDER] [--short]``: a made-up matrix of 100,000 prompts × 6
models, and with a FOLDER the recorded answers of `benchmarks.recorded`, each cell of it as well.

By hand is the least it could take: `next` and `send` in a bare loop over responses that are made
already, without a frame, a trace or a word of metadata. Every line is a process of its own, so
that the peak of its memory is known; "matrix" is the peak before anything was replayed. Seconds
are judged by those of CPU: they are what the clock says on a quiet machine, and hold on others.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import orchkit
from benchmarks.recorded import zeroeval
from benchmarks.reliability.promises import Promises
from orchkit.core.calls import Params, Response
from orchkit.core.complexity import KeywordRules
from orchkit.core.plans import Query, Strategy
from orchkit.ui.session import SESSION

MODELS = (
    "gpt-4o-mini",
    "claude-haiku-3.5",
    "gpt-4o",
    "claude-sonnet-3.5",
    "gpt-4",
    "claude-opus-3",
)
OPENINGS = ("What is", "Explain", "Design a system for", "Research", "Tell me of")
THREE = ("cheapest", "fallback", "ensemble")
#: What is replayed: strategies, whose rows are one frame; "models" is each model of the matrix.
NINE, MOST = "three and models", "models"
ROWS, SECONDS, CELL_SECONDS = 100_000, 5.0, 1.0
#: Prompts that are replayed by hand.
BY_HAND = 10_000


def synthetic(rows: int, seed: int = 0) -> orchkit.ResponseMatrix:
    """Return a made-up matrix of so many prompts × 6 models, with everything recorded."""
    random, cells = np.random.default_rng(seed), rows * len(MODELS)
    openings = random.choice(OPENINGS, rows)
    prompts = [f"{opening} topic {n}?" for n, opening in enumerate(openings)]
    long = {
        "prompt_id": np.repeat(np.arange(rows), len(MODELS)),
        "prompt": np.repeat(np.array(prompts, dtype=object), len(MODELS)),
        "model": MODELS * rows,
        "response": [f"The answer is {n}." for n in random.integers(0, 10, cells)],
        "quality": random.integers(0, 2, cells),
        "cost": random.gamma(2, 1e-4, cells).round(9),
        "input_tokens": random.integers(10, 200, cells),
        "output_tokens": random.integers(1, 400, cells),
        "latency": random.gamma(2, 0.4, cells),
        "confidence": random.random(cells).round(4),
    }
    return orchkit.ResponseMatrix(pd.DataFrame(long))


def strategies(what: str, matrix: orchkit.ResponseMatrix) -> list[Strategy]:
    """Return the strategies that are replayed under this name."""
    three = dict(
        zip(THREE, (orchkit.Cheapest(), orchkit.Fallback(), orchkit.Ensemble()), strict=True)
    )
    if what in three:
        return [three[what]]
    singles = [orchkit.Single(model) for model in matrix.models]
    return singles if what == MOST else [*three.values(), *singles]


def by_hand(matrix: orchkit.ResponseMatrix, several: Sequence[Strategy]) -> float:
    """Return the rows a second of CPU of plans that are driven in a bare loop."""
    catalog, cells = matrix.catalog(SESSION.offline_catalog()), matrix.cells
    queries = matrix.queries(KeywordRules().predict, Params())[:BY_HAND]
    rows = [
        (query, {model: cells.get((n, model), [None])[0] for model in matrix.models})
        for n, query in enumerate(queries)
    ]
    started = time.process_time()
    for strategy in several:
        for query, answers in rows:
            _driven(strategy, query, catalog, answers)
    return len(rows) * len(several) / (time.process_time() - started)


def _driven(
    strategy: Strategy, query: Query, catalog: Any, answers: Mapping[str, Response | None]
) -> None:
    plan = strategy.plan(query, catalog)
    calls = next(plan)
    with suppress(StopIteration):
        while True:
            calls = plan.send(tuple([answers[call.model] for call in calls]))  # type: ignore[misc]


def one(what: str, matrix: orchkit.ResponseMatrix) -> dict[str, float]:
    """Replay in this process; return rows, seconds, MB, and rows a second by hand."""
    several, before = strategies(what, matrix), _peak()
    started, used = time.perf_counter(), time.process_time()
    found = matrix.compare(several).results if len(several) > 1 else matrix.route(several[0])
    told = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - used,
        "rows": len(found),
        "before": before,
        "peak": _peak(),
    }
    del found
    return {**told, "hand": by_hand(matrix, several)}


def _peak() -> float:
    """Return the most memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(what: str, source: str) -> dict[str, float]:
    """Replay in a process of its own, and print the line."""
    command = [sys.executable, "-m", "benchmarks.replaying", source, "--one", what]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    told: dict[str, float] = json.loads(ran.stdout)
    speed = told["rows"] / told["cpu"]
    print(
        f"{what:18}{told['rows']:>10,.0f}{told['seconds']:>8.2f}{told['cpu']:>8.2f}{speed:>10,.0f}"
        f"{told['hand']:>10,.0f}{speed / told['hand']:>7.2f}{told['before']:>9,.0f}"
        f"{told['peak']:>9,.0f}",
        flush=True,
    )
    return told


HEAD = (
    f"{'strategy':18}{'rows':>10}{'s':>8}{'CPU s':>8}{'rows/s':>10}{'by hand':>10}{'ratio':>7}"
    f"{'matrix':>9}{'peak':>9}   (MB)"
)


def main(folder: str | None, rows: int) -> int:
    """Print the tables and the verdicts; 0 when every promise held."""
    promises = Promises()
    print(f"load average {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores before")
    print(f"made up: {rows:,} prompts x {len(MODELS)} models\n{HEAD}")
    told = {what: measured(what, str(rows)) for what in (*THREE, NINE)}
    slowest = max(told[what]["cpu"] for what in THREE)
    limit = SECONDS * rows / ROWS
    promises.tell(slowest < limit, f"{rows:,} prompts in {limit:g} s of CPU", f"{slowest:.2f} s")
    if folder:
        print(f"recorded: {folder}\n{HEAD}")
        told = {what: measured(what, folder) for what in (*THREE, MOST)}
        seconds = max(each["cpu"] for each in told.values())
        said = (
            f"all cells ({told[MOST]['rows']:,.0f}) and each strategy in {CELL_SECONDS:g} s of CPU"
        )
        promises.tell(seconds < CELL_SECONDS, said, f"{seconds:.2f} s")
    print(f"load average {os.getloadavg()[0]:.2f} after")
    return promises.code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="benchmarks.replaying", description=__doc__)
    parser.add_argument("folder", nargs="?", help="recorded answers; in a process, or rows")
    parser.add_argument("--short", action="store_true", help="a tenth of the prompts")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        known = given.folder
        asked = synthetic(int(known)) if known.isdigit() else zeroeval(Path(known))
        print(json.dumps(one(given.one, asked)))
    else:
        sys.exit(main(given.folder, ROWS // 10 if given.short else ROWS))
