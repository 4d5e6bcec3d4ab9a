"""Print what learned routers recover on recorded answers, beside published figures.

``python -m benchmarks.routers FOLDER``: the folder holds RouteLLM's GSM8K pair
(``routellm_gsm8k_pair.csv.gz``, 1,319 prompts × 2 models, no costs), ZeroEval's GSM8K answers
(``zeroeval_gsm8k_matrix.csv.gz``, 1,319 × 13) and, where it is there, rows of RouterBench
(``routerbench_sample.csv.gz``, 365 × 11 over 61 tasks). Every router is fitted with its defaults on
four fifths of the prompts and judged on the rest; what it chooses it chooses inside those four
fifths.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import orchkit
from orchkit.lab.metrics import apgr
from orchkit.ui.evaluation import RouterEvaluation, evaluate_routers

SEEDS = range(5)
#: APGR, and CPT50 where it is told, of RouteLLM's own routers on GSM8K, as published (Ong et al.,
#: 2024): taken over, not measured here.
PUBLISHED = {
    "RouteLLM, BERT": (0.531, None),
    "RouteLLM, causal LLM": (0.622, 0.336),
    "RouteLLM, matrix factorisation": (0.565, None),
    "RouteLLM, similarity-weighted": (0.568, None),
}
ENDS = ("", "_low", "_high")


def told(table: pd.DataFrame, name: str) -> str:
    """Return a measure with its interval, both as means over seeds, and its range over seeds."""
    value, low, high = (table[f"{name}{end}"].mean() for end in ENDS)
    least, most = table[name].min(), table[name].max()
    return f"{value:.3f} [{low:.3f}, {high:.3f}] seeds {least:.3f}-{most:.3f}"


def pair(folder: Path) -> None:
    """Print APGR and CPT50 on RouteLLM's pair, over five seeds."""
    matrix = orchkit.read_routellm(folder / "routellm_gsm8k_pair.csv.gz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", orchkit.MetricWarning)  # no costs, so no AIQ
        found = [evaluate_routers(matrix, seed=seed, n=1000) for seed in SEEDS]
    print(f"\nRouteLLM, GSM8K: {len(matrix):,} prompts, {found[0].weak} -> {found[0].strong}")
    print(f"5 folds, {len(found)} seeds; APGR exact, CPT on the exact curve; 95 % bootstrap")
    tables = pd.concat([each.summary() for each in found])
    for name in found[0].summary().index:
        own = tables.loc[[name]]
        print(f"{name:<32} APGR {told(own, 'apgr'):<42} CPT50 {told(own, 'cpt50')}")
    for name, (area, calls) in PUBLISHED.items():
        print(f"{name:<32} APGR {area:.3f}{f'   CPT50 {calls:.3f}' if calls else ''}   (published)")
    for name in ("kNN", "logistic", "blend"):
        print(f"{name}: gain above weak-only score {gain(found, matrix, name)}")


def gain(found: list[RouterEvaluation], matrix: orchkit.ResponseMatrix, name: str) -> str:
    """Return APGR by expected gain minus APGR by how likely the weak model is wrong."""
    weak, strong = (matrix.quality[each].to_numpy() for each in (found[0].weak, found[0].strong))
    scores = []
    for each in found:
        said = each.predictions(name)
        scores += [said[each.strong] - said[each.weak], 1 - said[each.weak]]

    def difference(low: np.ndarray, high: np.ndarray, *columns: np.ndarray) -> float:
        areas = [apgr(column, low, high) for column in columns]
        return float(np.mean(areas[::2]) - np.mean(areas[1::2]))

    return str(orchkit.stats.bootstrap(difference, weak, strong, *scores, n=500))


def many(name: str, matrix: orchkit.ResponseMatrix, groups: str | None = None) -> None:
    """Print an evaluation with costs: AIQ beside the zero router's."""
    started = time.perf_counter()
    print(f"\n{name}")
    with pd.option_context("display.width", 250):
        print(evaluate_routers(matrix, groups=groups))
    print(f"took {time.perf_counter() - started:.0f} s")


def main(folder: Path) -> None:
    """Print all of it."""
    pair(folder)
    tables = [folder / "zeroeval_gsm8k_matrix.csv.gz"]
    many("ZeroEval, GSM8K", orchkit.read_zeroeval(tables))
    sample = folder / "routerbench_sample.csv.gz"
    if sample.exists():
        many("RouterBench, some rows", orchkit.read_routerbench(sample), "eval_name")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
