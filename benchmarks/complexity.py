"""Print how well prompts are judged: a classifier beside keyword rules and length, and its cost.

``python -m benchmarks.complexity [FOLDER]``: speed, and kappa on the sets that ship; with a folder
that holds ``gsm8k_steps.csv.gz`` and ZeroEval's two files (see `benchmarks.recorded`), on solution
steps of GSM8K and in routing recorded answers, too. All figures are held out; means of five seeds
with 95 % intervals of those seeds (t), which tell of the split and not of other data.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import cohen_kappa_score, f1_score
from sklearn.model_selection import GroupKFold, StratifiedKFold

import orchkit
from benchmarks.recorded import zeroeval
from orchkit.core.catalog import Tier
from orchkit.errors import OrchkitWarning
from orchkit.lab.complexity import ComplexityClassifier
from orchkit.lab.complexity.judging import Ranks, by_keywords, by_length
from orchkit.lab.metrics import hull_value
from orchkit.ui.labelling import outcome_tiers
from orchkit.ui.session import SESSION

SEEDS = range(5)
Judge = Callable[[list[str], Ranks, list[str]], Ranks]
Folds = list[tuple[NDArray[np.int64], NDArray[np.int64]]]


def learned(**settings: object) -> Judge:
    """Judge by a classifier fitted to what is known."""

    def judge(known: list[str], tiers: Ranks, texts: list[str]) -> Ranks:
        return ranks(ComplexityClassifier(**settings).fit(known, tiers).predict(texts))  # type: ignore[arg-type]

    return judge


JUDGES: dict[str, Judge] = {
    "keyword rules": by_keywords,
    "length quantiles": by_length,
    "shallow, tau=None": learned(tau=None, features="shallow"),
    "classifier, tau=None": learned(tau=None),
    "classifier, tau=0.8": learned(),
}


def ranks(tiers: Sequence[Tier]) -> Ranks:
    """Return tiers as numbers."""
    return np.array([tier.rank for tier in tiers], dtype=np.int64)


def measured(truth: Ranks, found: Ranks) -> dict[str, float]:
    """Return kappa with quadratic weights, macro-F1, mean absolute error and accuracy."""
    return {
        "QWK": cohen_kappa_score(truth, found, weights="quadratic"),
        "macro-F1": f1_score(truth, found, average="macro", labels=range(4), zero_division=0),
        "MAE": float(np.abs(truth - found).mean()),
        "accuracy": float((truth == found).mean()),
    }


def interval(values: Sequence[float]) -> str:
    """Return a mean with its interval over the seeds."""
    mean, n = float(np.mean(values)), len(values)
    half = stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)
    return f"{mean:.3f} ± {half:.3f}"


def table(title: str, texts: list[str], tiers: Ranks, folds: Callable[[int], Folds]) -> None:
    """Print one row a judge, over the seeds; each prompt is judged where it was held out."""
    rows = {}
    for name, judge in JUDGES.items():
        told = [measured(tiers, _held_out(texts, tiers, folds(seed), judge)) for seed in SEEDS]
        rows[name] = {key: interval([each[key] for each in told]) for key in told[0]}
    print(f"\n{title}\n{pd.DataFrame(rows).T.to_string()}", flush=True)


def _held_out(texts: list[str], tiers: Ranks, folds: Folds, judge: Judge) -> Ranks:
    found = np.zeros(len(texts), dtype=np.int64)
    for train, test in folds:
        known = [texts[at] for at in train]
        found[test] = judge(known, tiers[train], [texts[at] for at in test])
    return found


def shipped() -> None:
    """Print how the cold-start set is judged, i.i.d. and by domain, and what carries over."""
    frame = orchkit.load_dataset("complexity")
    texts, tiers = frame["prompt"].tolist(), ranks([Tier(t) for t in frame["complexity"]])

    def iid(seed: int) -> Folds:
        return list(StratifiedKFold(5, shuffle=True, random_state=seed).split(texts, tiers))

    def by_domain(seed: int) -> Folds:
        folds = GroupKFold(8, shuffle=True, random_state=seed)
        return list(folds.split(texts, tiers, frame["domain"]))

    table(f"cold-start set, {len(texts)} prompts, five folds", texts, tiers, iid)
    table("the same, two domains of sixteen held out at a time", texts, tiers, by_domain)
    other = orchkit.load_dataset("everyday")
    truth, asked = ranks([Tier(t) for t in other["complexity"]]), other["prompt"].tolist()
    rows = {name: measured(truth, judge(texts, tiers, asked)) for name, judge in JUDGES.items()}
    told = pd.DataFrame(rows).T.round(3).to_string()
    print(f"\ntrained on the cold-start set, judged on the {len(asked)} of `everyday`\n{told}")


def steps(folder: Path) -> pd.DataFrame:
    """Return GSM8K questions with four bands of solution steps: to 2, 3, 4 to 5, from 6 on."""
    frame = pd.read_csv(folder / "gsm8k_steps.csv.gz")
    return frame.assign(band=np.digitize(frame["n_lines"], [3, 4, 6]))


def bands(folder: Path) -> None:
    """Print how bands of solution steps are judged: fitted on some, judged on 1,500 others."""
    frame = steps(folder)
    for size in (100, 500, 2500):

        def split(seed: int, size: int = size) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
            drawn = frame.sample(size + 1500, random_state=seed)
            yield drawn.iloc[:size], drawn.iloc[size:]

        rows = {}
        for name, judge in JUDGES.items():
            told = []
            for train, test in (pair for seed in SEEDS for pair in split(seed)):
                known, asked = train["question"].tolist(), test["question"].tolist()
                found = judge(known, train["band"].to_numpy(), asked)
                told.append(measured(test["band"].to_numpy(), found))
            rows[name] = {key: interval([each[key] for each in told]) for key in told[0]}
        title = f"GSM8K solution steps, {size} labels, 1,500 held out"
        print(f"\n{title}\n{pd.DataFrame(rows).T.to_string()}", flush=True)


def routed(folder: Path) -> None:
    """Print what `cheapest` comes to on recorded answers, by who judges: halves, five seeds."""
    matrix = zeroeval(folder)
    told: dict[str, list[tuple[float, float, float]]] = {}
    for seed in SEEDS:
        train, test = matrix.split(test=0.5, seed=seed)
        labels = outcome_tiers(train)
        kept = outcome_tiers(train, unanswered=None)
        judges = {"cheapest, keyword rules": None, "cheapest, cold-start set": _cold_start()}
        for tau in (None, 0.8, 0.9, 0.95):
            fitted = ComplexityClassifier(tau=tau).fit(labels["prompt"], labels["tier"])
            judges[f"cheapest, outcomes, tau={tau}"] = fitted
        fitted = ComplexityClassifier(tau=0.95).fit(kept["prompt"], kept["tier"])
        judges["cheapest, outcomes without unanswered, tau=0.95"] = fitted
        for name, judge in judges.items():
            told.setdefault(name, []).append(_came_to(train, test, "cheapest", judge))
        for name in matrix.models:
            told.setdefault(name, []).append(_came_to(train, test, name, None))
    rows = {name: _beside(pairs) for name, pairs in told.items()}
    shown = pd.DataFrame(rows).T.to_string()
    print(
        f"\nrouted on recorded GSM8K answers (ZeroEval), {len(matrix)} prompts in halves\n{shown}"
    )
    print("labels of a half:", labels["tier"].value_counts().to_dict())


def _beside(triples: Sequence[tuple[float, float, float]]) -> dict[str, str]:
    quality, cost, mixed = zip(*triples, strict=True)
    return {
        "quality": interval(quality),
        "USD / 1k prompts": interval(cost),
        "quality above a mix of its models at that cost": interval(mixed),
    }


def _came_to(
    train: orchkit.ResponseMatrix,
    test: orchkit.ResponseMatrix,
    strategy: str,
    judge: ComplexityClassifier | None,
) -> tuple[float, float, float]:
    """Return quality, USD for a thousand prompts, and the quality above the zero router's.

    That is the best mix of the models `cheapest` may ask, at the same cost, all as on `test`.
    """
    told = test.compare([strategy], complexity=judge).results
    quality, cost = float(told["quality"].mean()), float(told["cost"].mean())
    pool = list(train.catalog(SESSION.offline_catalog()).pool)
    paid, right = test.cost[pool].mean(), test.quality[pool].mean()
    mixed = hull_value(paid.to_numpy(), right.to_numpy(), cost)
    return quality, 1000 * cost, quality - mixed


def _cold_start() -> ComplexityClassifier:
    frame = orchkit.load_dataset("complexity")
    return ComplexityClassifier().fit(frame["prompt"], frame["complexity"])


def speed(texts: list[str], tiers: Ranks) -> None:
    """Print how long 5,000 prompts take to learn from, and how many are judged in a second."""
    some = (texts * (5000 // len(texts) + 1))[:5000]
    known = (tiers.tolist() * (5000 // len(texts) + 1))[:5000]
    started, used = time.perf_counter(), time.process_time()
    judge = ComplexityClassifier().fit(some, known)
    took, cpu = time.perf_counter() - started, time.process_time() - used
    print(f"training on {len(some):,} prompts: {took:.1f} s ({cpu:.1f} s of processor)")
    many = (texts * (20_000 // len(texts) + 1))[:20_000]
    judge.predict(many[:100])
    best = (0.0, 0.0)
    for _ in range(3):
        started, used = time.perf_counter(), time.process_time()
        judge.predict(many)
        rate = len(many) / (time.perf_counter() - started)
        best = max(best, (rate, len(many) / (time.process_time() - used)))
    words = np.mean([len(text.split()) for text in many])
    print(
        f"judging {len(many):,} prompts of {words:.0f} words: {best[0]:,.0f} a second "
        f"({best[1]:,.0f} a second of processor), best of 3"
    )


def main(folder: Path | None) -> None:
    """Print all of it; speed first, on GSM8K's questions where they are there."""
    warnings.simplefilter("ignore", OrchkitWarning)
    if folder is None:
        frame = orchkit.load_dataset("complexity")
        speed(frame["prompt"].tolist(), ranks([Tier(t) for t in frame["complexity"]]))
    else:
        frame = steps(folder)
        speed(frame["question"].tolist(), frame["band"].to_numpy())
    shipped()
    if folder is not None:
        routed(folder)
        bands(folder)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]) if len(sys.argv) == 2 else None)
