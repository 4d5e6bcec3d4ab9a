"""What a notebook shows of objects that cannot show themselves: core decides, the lab measures.

The classes get their `_repr_html_` here, when orchkit is imported. Their text twins are their own:
the repr, or what they print.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import pandas as pd

from orchkit.core.fitted import FEW, Fitted
from orchkit.core.strategies import (
    AgreeThenEscalate,
    Cheapest,
    Ensemble,
    Fallback,
    Single,
    Threshold,
    Utility,
)
from orchkit.lab.calibrated import Calibrated
from orchkit.lab.calibration import Calibrator, name_of
from orchkit.lab.complexity import ComplexityClassifier
from orchkit.lab.drifting import Drift
from orchkit.lab.routers import Router
from orchkit.ui.markup import facts, listed, notebook, table, text
from orchkit.ui.money import usd
from orchkit.ui.rebuilding import code

Facts = list[tuple[str, object]]


def strategy(shown: Any) -> str:
    """Return the code that makes a strategy again, and what it remembers of its tuning."""
    line = f"<p><code>{text(code(shown))}</code></p>"
    tuned = getattr(shown, "fitted", None)
    return notebook(line, *([] if tuned is None else _fitted(tuned)))


def fitted(shown: Fitted) -> str:
    """Return what a tuning was asked, where it looked, what it came to elsewhere, and doubts."""
    return notebook(*_fitted(shown))


def drift(shown: Drift) -> str:
    """Return the verdict, and the numbers behind it."""
    numbers = [(each.name, getattr(shown, each.name)) for each in fields(shown)]
    told: Facts = [(name, f"{n:.3g}" if isinstance(n, float) else n) for name, n in numbers]
    return notebook(f"<p><strong>{text(shown)}</strong></p>", facts(told))


def calibrator(shown: Calibrator) -> str:
    """Return what a calibrator was fitted on, and its errors before and after."""
    return notebook(_calibrators({"this calibrator": shown}))


def calibrated(shown: Calibrated) -> str:
    """Return the calibrators of a signal, one row a model."""
    return notebook(f"<p>{text(shown)}</p>", _calibrators(shown.calibrators))


def learner(shown: Any) -> str:
    """Return a router or a classifier: its settings, and what it has learnt from."""
    return notebook(f"<p><code>{text(repr(shown))}</code></p>", facts(_learnt(shown)))


def _fitted(shown: Fitted) -> Iterator[str]:
    low, high = _percent(shown.quality_low), _percent(shown.quality_high)
    yield facts(
        [
            ("asked", shown.asked),
            ("fitted", f"on {shown.n_fit:,} prompts, {shown.date}"),
            ("measured", f"on {shown.n_test:,} other prompts"),
            ("quality there", f"{_percent(shown.quality)} [{low}, {high}]"),
            ("cost there", f"{usd(1000 * shown.cost)} per 1,000 prompts"),
            ("where it was fitted", _too_good(shown)),
            ("zero router", f"{_percent(shown.zero_router)} for the same cost"),
            ("verdict", shown.verdict),
            ("guarantee", shown.guarantee or "none"),
        ],
        "How it was tuned",
    )
    yield listed(_doubts(shown))


def _too_good(shown: Fitted) -> str:
    return f"{_percent(shown.fit_quality)}, {usd(1000 * shown.fit_cost)} per 1,000: too good"


def _doubts(shown: Fitted) -> Iterator[str]:
    if shown.simulated:
        yield "SIMULATED answers: this says nothing about the models it names."
    if shown.n_fit < FEW:
        yield f"Fitted on fewer than {FEW} prompts, it may not hold."


def _calibrators(several: Mapping[str, Calibrator]) -> str:
    rows = {name: _calibration(each) for name, each in several.items()}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=_CALIBRATION)
    return table(frame.rename_axis("model"), "Calibration, cross-fitted: before, after")


_CALIBRATION = ["curve", "n", "date", "source", "debiased ECE", "Brier", "AUROC"]


def _calibration(shown: Calibrator) -> list[str]:
    kind = "none, too few labels" if shown.n else "not fitted"
    if shown.curve is not None:
        kind = name_of(shown.curve)
    errors = [
        f"{getattr(shown.before, name):.3f}, {getattr(shown.after, name):.3f}"
        for name in ("ece", "brier", "auroc")
    ]
    known = errors if shown.calibrated else ["-"] * 3
    return [kind, f"{shown.n:,}", shown.date or "unknown", shown.source or "unknown", *known]


def _learnt(shown: Any) -> Facts:
    told: Facts = [(name, value) for name, value in shown.get_params().items()]
    if hasattr(shown, "models_"):
        models = ", ".join(map(str, shown.models_))
        return [*told, ("fitted", f"on {shown.n_:,} prompts"), ("models", models)]
    if hasattr(shown, "n_labels_"):
        held = shown.held_out_errors_
        errors = ", ".join(f"{name} {error:.3g}" for name, error in held.items()) if held else "-"
        return [*told, ("fitted", f"on {shown.n_labels_:,} labels"), ("held-out errors", errors)]
    return [*told, ("fitted", "no: call fit")]


def _percent(share: float) -> str:
    return "unknown" if pd.isna(share) else f"{100 * share:.1f} %"


#: Who is shown how; a class that inherits from one of these is shown alike.
SHOWN: Mapping[type[Any], Callable[[Any], str]] = {
    **dict.fromkeys(
        (AgreeThenEscalate, Cheapest, Ensemble, Fallback, Single, Threshold, Utility), strategy
    ),
    Fitted: fitted,
    Drift: drift,
    Calibrator: calibrator,
    Calibrated: calibrated,
    Router: learner,
    ComplexityClassifier: learner,
}


def dress() -> None:
    """Give each class its display: IPython looks for one on the class."""
    for kind, show in SHOWN.items():
        kind._repr_html_ = show
