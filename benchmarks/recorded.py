"""Print what strategies would have done on recorded answers: real quality, real cost, no spending.

``python -m benchmarks.recorded FOLDER``: the folder holds ZeroEval's GSM8K answers, 1,319 prompts ×
13 models, as ``zeroeval_gsm8k_matrix.csv.gz`` and ``zeroeval_gsm8k_responses.csv.gz``. First all
prompts, then halves that nothing was tuned on.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

import orchkit

CHEAP, STRONG = ("gemini-1.5-flash", "gpt-4o-mini"), "claude-sonnet-3.5"
#: The strong one, by the name it was recorded under.
REFERENCE = "claude-3-5-sonnet-20241022"
AGREE = orchkit.AgreeThenEscalate(CHEAP, STRONG)
SINGLES = ("gpt-4o-mini", "claude-haiku-3.5", "gpt-4o", STRONG, "claude-opus-3")
STRATEGIES = (
    "cheapest",
    "fallback",
    "ensemble",
    "agree",
    AGREE,
    orchkit.Ensemble(models=("gemini-1.5-flash", "deepseek-v2.5-0908", "gpt-4o-mini")),
    *SINGLES,
)
#: Splits whose held-out halves are looked at.
SEEDS = range(10)


def zeroeval(folder: Path) -> orchkit.ResponseMatrix:
    """Return the recorded answers as a matrix."""
    names = ("zeroeval_gsm8k_matrix.csv.gz", "zeroeval_gsm8k_responses.csv.gz")
    return orchkit.read_zeroeval([folder / name for name in names])


#: What is fitted on one half; a strategy from a matrix.
TUNED: dict[str, Callable[[orchkit.ResponseMatrix], Any]] = {
    "Fallback.fit(max_loss=0.01)": lambda mat: orchkit.Fallback.fit(mat, max_loss=0.01, test=0.2),
    "Fallback.fit(budget=0.0005)": lambda mat: orchkit.Fallback.fit(mat, budget=0.0005, test=0.2),
    "AgreeThenEscalate.fit(max_loss=0.01)": lambda mat: orchkit.AgreeThenEscalate.fit(
        mat, max_loss=0.01, test=0.2
    ),
    "AgreeThenEscalate.fit(budget=0.0005)": lambda mat: orchkit.AgreeThenEscalate.fit(
        mat, budget=0.0005, test=0.2
    ),
    "Ensemble.fit(budget=0.0005)": lambda mat: orchkit.Ensemble.fit(mat, budget=0.0005, test=0.2),
}
GIVEN: dict[str, Any] = {
    "cheapest": "cheapest",
    "fallback, raw 0.6": "fallback",
    "ensemble of 3": "ensemble",
    "agree: flash, 4o-mini → sonnet-3.5": AGREE,
    **{name: name for name in SINGLES},
}


def held_out(matrix: orchkit.ResponseMatrix, seed: int) -> pd.DataFrame:
    """Return what each strategy comes to on the half it was not fitted on, beside the strongest."""
    fit, test = matrix.split(test=0.5, seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", orchkit.OrchkitWarning)  # members that vote no better
        named = GIVEN | {name: tune(fit) for name, tune in TUNED.items()}
    rows = {name: _measured(test, strategy) for name, strategy in named.items()}
    return pd.DataFrame(rows).T.assign(seed=seed)


def _measured(test: orchkit.ResponseMatrix, strategy: Any) -> dict[str, float]:
    found = test.compare([strategy])
    row = found.contrasts(against=REFERENCE)
    beside = found.baselines().iloc[0]
    return {
        "quality": beside["quality"],
        "cost_per_1k": beside["cost_per_1k"],
        "gain": beside["gain"],
        "difference": row["difference"].iloc[0] if len(row) else 0.0,
        "cost_ratio": row["cost_ratio"].iloc[0] if len(row) else 1.0,
        "within": bool(row["within"].iloc[0]) if len(row) else True,
    }


def summarised(halves: pd.DataFrame) -> pd.DataFrame:
    """Return means over the splits, and how often what is claimed held, as it is read."""
    rows = {}
    for name, each in halves.groupby(level=0, sort=False):
        lowest, highest = each["quality"].min(), each["quality"].max()
        rows[name] = {
            "quality (lowest … highest half)": (
                f"{100 * each['quality'].mean():.1f} % ({100 * lowest:.1f} … {100 * highest:.1f})"
            ),
            "USD / 1k": f"{each['cost_per_1k'].mean():.2f}",
            f"against {STRONG}": f"{100 * each['difference'].mean():+.2f} pt",
            "of its cost": f"{100 * each['cost_ratio'].mean():.0f} %",
            "over the zero router": f"{100 * each['gain'].mean():+.2f} pt",
            "above it": f"{int((each['gain'] > 0).sum())} of {len(each)}",
            "within 1 pt shown": f"{int(each['within'].sum())} of {len(each)}",
        }
    return pd.DataFrame(rows).T


def main(folder: Path) -> None:
    """Replay, and print the tables."""
    matrix = zeroeval(folder)
    print(matrix)
    started = time.perf_counter()
    found = matrix.compare(STRATEGIES)
    took = time.perf_counter() - started
    print(found)
    print(f"replayed {len(found.results):,} rows in {took:.2f} s\n")
    beside = found.baselines().loc[found.summary().index.drop("oracle")]
    print("What the same money buys otherwise, in % of prompts right:")
    print((100 * beside.drop(columns=["cost_per_1k", "n"])).round(1).to_string())
    one_split(matrix)
    print(f"\n{halves(matrix)}")


def halves(matrix: orchkit.ResponseMatrix) -> str:
    """Return what strategies come to on the held-out halves of many splits, as it is read."""
    each = pd.concat([held_out(matrix, seed) for seed in SEEDS])
    return (
        f"Held-out halves of {len(SEEDS)} splits, which overlap; .fit looked at the other half "
        f"alone.\nThe pair of `agree` was chosen earlier, on these very answers.\n"
        f"{summarised(each).to_string()}"
    )


def one_split(matrix: orchkit.ResponseMatrix) -> None:
    """Print what tuned strategies remember of one split, and how it is on the half kept back."""
    fit, test = matrix.split(test=0.5, seed=0)
    print("\nFitted on one half (and there, on 80 % of it):")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", orchkit.OrchkitWarning)
        tuned = {name: tune(fit) for name, tune in TUNED.items()}
    for name, strategy in tuned.items():
        print(f"{name}: {strategy}\n    {strategy.fitted}")
    print("\nThe other half, with intervals:")
    print(test.compare(list(dict.fromkeys([*tuned.values(), AGREE, *SINGLES]))))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
