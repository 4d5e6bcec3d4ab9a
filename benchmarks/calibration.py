"""Print how well signals tell right answers from wrong ones, and what calibration does to them.

``python -m benchmarks.calibration FOLDER``: the folder holds ZeroEval's GSM8K answers, as
`benchmarks.recorded` says. Half of the prompts are fitted on, the other half measured, five times.
Errors are means over models; intervals are of prompts drawn anew (bootstrap), and the mean of five
halves. What the simulator answers is marked so: it tells of the tool, not of any model.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import orchkit
from benchmarks.recorded import zeroeval
from orchkit.core.signals import agrees_with
from orchkit.lab.metrics import auroc, brier, ece
from orchkit.lab.observing import name_of
from orchkit.lab.stats import bootstrap
from orchkit.ui.calibrating import calibrate, confidence_values

SEEDS = range(5)
DRAWS = 400
ERRORS = {
    "ECE, debiased": lambda p, y: ece(p, y, kind="debiased"),
    "ECE, 15 bins": ece,
    "Brier": brier,
}


def wide(values: pd.DataFrame, column: str) -> np.ndarray[Any, Any]:
    """Return prompts × models of one column of what a signal said."""
    return values.pivot_table(
        index="prompt_id", columns="model", values=column, dropna=False, sort=False
    ).to_numpy(dtype=float)


def mean_of(metric: Any) -> Any:
    """Return the mean of a metric over models, of prompts × models tables."""

    def mean(sure: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> float:
        known = np.isfinite(sure) & np.isfinite(right)
        each = [
            metric(sure[known[:, m], m], right[known[:, m], m])
            for m in range(sure.shape[1])
            if known[:, m].any()
        ]
        return float(np.nanmean(each))

    return mean


def areas(matrix: orchkit.ResponseMatrix, cheap: list[str]) -> None:
    """Print the AUROC of each signal, the mean over the models it can be told of."""
    print("\nAUROC of raw signals, mean over models [95 %, prompts drawn anew]")
    ones = [agrees_with(name) for name in cheap]
    for signal in (orchkit.brevity, *ones, agrees_with(*cheap[:3]), agrees_with(*cheap)):
        values = confidence_values(matrix, [signal])
        told = values.groupby("model", observed=True)["confidence"].count()
        values = values[values["model"].isin(told[told > 0].index)]
        found = bootstrap(
            mean_of(auroc), wide(values, "confidence"), wide(values, "quality"), n=DRAWS
        )
        silent = values["confidence"].isna().mean()
        print(
            f"  {name_of(signal):<88} {found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]"
            f"  {values['model'].nunique():>2} models, silent {silent:.1%}, "
            f"${1000 * values['price'].mean():.3f} per 1,000"
        )


def held_out(matrix: orchkit.ResponseMatrix, signal: Any) -> Iterator[pd.DataFrame]:
    """Give what a signal says of the second half, raw and by curves of the first, five times."""
    for seed in SEEDS:
        train, test = matrix.split(seed=seed)
        fitted = calibrate(train, signal, source="the first half")
        values = confidence_values(test, [signal])
        for model, rows in values.groupby("model", sort=False, observed=True):
            curve = fitted.calibrators.get(str(model))
            held = rows["confidence"] if curve is None else curve.predict(rows["confidence"])
            values.loc[rows.index, "calibrated"] = held
        yield values


def errors(matrix: orchkit.ResponseMatrix, signals: list[Any]) -> None:
    """Print the errors of each signal before and after, on the halves nobody fitted on."""
    for signal in signals:
        halves = list(held_out(matrix, signal))
        print(f"\n{name_of(signal)}: {len(halves)} × {len(halves[0]):,} held-out answers")
        for name, metric in ERRORS.items():
            shown = [_interval(halves, metric, at) for at in ("confidence", "calibrated")]
            gain = [_gain(values, metric) for values in halves]
            low, high = (np.mean([ends[side] for ends in gain]) for side in (0, 1))
            print(f"  {name:<14} {shown[0]} -> {shown[1]}   change [{low:+.4f}, {high:+.4f}]")


def _interval(halves: list[pd.DataFrame], metric: Any, column: str) -> str:
    each = [mean_of(metric)(wide(v, column), wide(v, "quality")) for v in halves]
    return f"{np.mean(each):.4f} (five halves {min(each):.4f} to {max(each):.4f})"


def _gain(values: pd.DataFrame, metric: Any) -> tuple[float, float]:
    """Return the 95 % interval of the change that calibration makes."""
    mean = mean_of(metric)

    def change(raw: Any, held: Any, right: Any) -> float:
        return mean(held, right) - mean(raw, right)

    columns = (wide(values, name) for name in ("confidence", "calibrated", "quality"))
    found = bootstrap(change, *columns, n=DRAWS // 4)
    return found.low, found.high


def thresholds(matrix: orchkit.ResponseMatrix, cheap: str, other: str, strong: str) -> None:
    """Print what accepting at 0.6 comes to, raw and calibrated, where agreement is the signal."""
    print(f"\nFallback({cheap} -> {strong}, 0.6), mean of five held-out halves")
    rows: dict[str, list[tuple[float, ...]]] = {}
    for seed in SEEDS:
        train, test = matrix.split(seed=seed)
        signal = agrees_with(other)
        ways = {
            "raw: what responses carry": None,
            f"raw {signal}": signal,
            f"calibrated {signal}": calibrate(train, signal, models=[cheap, strong]),
            "calibrated brevity": calibrate(train, orchkit.brevity, models=[cheap, strong]),
        }
        for name, confidence in ways.items():
            strategy = orchkit.Fallback((cheap, strong), 0.6, confidence)
            told = test.compare([strategy]).results
            kept = told[told["model_used"] == cheap]
            escalated = float((told["model_used"] != cheap).mean())
            accepted = float(kept["quality"].mean())
            quality, cost = told["quality"].mean(), 1000 * told["cost"].mean()
            rows.setdefault(name, []).append((quality, cost, escalated, accepted))
    for name, each in rows.items():
        quality, cost, escalated, accepted = np.mean(each, axis=0)
        print(
            f"  {name:<40} {quality:.1%} at ${cost:.2f} per 1,000; {escalated:.1%} by the strong "
            f"one; of those accepted {accepted:.1%} right"
        )


def main(folder: Path) -> None:
    """Measure the recorded answers, then the simulator's."""
    matrix = zeroeval(folder)
    print(matrix)
    cheap = matrix.cost.mean().sort_values().index[:4].tolist()
    areas(matrix, cheap)
    errors(matrix, [orchkit.brevity, agrees_with(cheap[0]), agrees_with(*cheap[:3])])
    thresholds(matrix, "gpt-4o-mini-2024-07-18", cheap[0], "claude-3-5-sonnet-20241022")
    with orchkit.use("simulator"):
        simulated = orchkit.record(orchkit.load_dataset("everyday"), progress=False)
    print(f"\nSIMULATED: {simulated}")
    errors(simulated, [None])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
