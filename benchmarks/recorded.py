"""Print what strategies would have done on recorded answers: real quality, real cost, no spending.

``python -m benchmarks.recorded FOLDER``: the folder holds ZeroEval's GSM8K answers, 1,319 prompts ×
13 models, as ``zeroeval_gsm8k_matrix.csv.gz`` and ``zeroeval_gsm8k_responses.csv.gz``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pandas as pd

import orchkit

STRATEGIES = (
    "cheapest",
    "fallback",
    "ensemble",
    orchkit.Ensemble(3, select="majority"),
    orchkit.Fallback(("gpt-4o-mini", "claude-sonnet-3.5"), threshold=0.7),
    *("gpt-4o-mini", "claude-haiku-3.5", "gpt-4o", "claude-sonnet-3.5", "claude-opus-3"),
)


def zeroeval(folder: Path) -> orchkit.ResponseMatrix:
    """Return the recorded answers as a matrix."""
    scored = pd.read_csv(folder / "zeroeval_gsm8k_matrix.csv.gz")
    said = pd.read_csv(folder / "zeroeval_gsm8k_responses.csv.gz")
    long = scored.merge(said, on=["idx", "model"]).assign(cost=lambda f: f["cost_nano_usd"] / 1e9)
    return orchkit.ResponseMatrix.from_long(
        long,
        prompt_id="idx",
        prompt="question",
        quality="correct",
        input_tokens="tokens_in",
        output_tokens="tokens_out",
    )


def main(folder: Path) -> None:
    """Replay, and print the table."""
    matrix = zeroeval(folder)
    print(matrix)
    started = time.perf_counter()
    found = matrix.compare(STRATEGIES)
    print(found)
    print(f"replayed {len(found.results):,} rows in {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
