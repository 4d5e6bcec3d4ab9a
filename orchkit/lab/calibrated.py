"""Calibrated: a signal whose numbers are probabilities, one calibrator a model."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from orchkit.core.calls import Response
from orchkit.core.confidence import Signal, auto, brevity, logprob, wording
from orchkit.core.plans import Confidence, Query
from orchkit.core.signals import (
    AgreesWith,
    LogprobQuantile,
    SelfConsistency,
    p_true,
    verbalised,
)
from orchkit.errors import ParameterError, StoreError
from orchkit.lab.calibration import SCHEMA, Calibrator
from orchkit.lab.drifting import FEWEST
from orchkit.lab.frames import column
from orchkit.lab.metrics.reading import aligned, shares
from orchkit.lab.observing import name_of
from orchkit.lab.sealed_json import read_json, write_json
from orchkit.lab.stats.columns import share

#: Signals that a file can name.
PLAIN: Mapping[str, Signal] = {
    each.__name__: each for each in (logprob, wording, brevity, verbalised, p_true)
}
SET: Mapping[str, type[Any]] = {
    each.__name__: each for each in (AgreesWith, LogprobQuantile, SelfConsistency)
}
_DRIFT = ("drifted", "p", "expected", "observed", "slope", "n", "told")


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A signal that tells the probability of being right: 0.6 means 60 % of such answers are.

    Pass it as `confidence=` of any strategy, live or on a recording. An answer of a model without
    a calibrator keeps the underlying signal's number, and its confidence says that it is not
    calibrated. Made by `orchkit.calibrate`; prints its provenance.

    Parameters
    ----------
    calibrators : mapping of str to Calibrator
        One a model, by catalog name.
    signal : callable, optional
        The underlying signal; None is the best each response carries.

    Examples
    --------
    >>> import numpy as np
    >>> sure = np.tile([0.9, 0.95, 0.99], 100)
    >>> told = Calibrator().fit(sure, np.tile([0, 1, 1], 100))
    >>> signal = Calibrated({"small": told}, lambda query, response: 0.95)
    >>> signal(Query(()), Response("small", "42")).calibrated
    True
    >>> signal(Query(()), Response("large", "42")).value
    0.95
    """

    calibrators: Mapping[str, Calibrator] = field(default_factory=dict)
    signal: Signal | None = None

    def __call__(self, query: Query, response: Response) -> Any:
        """Return the Confidence of one answer; a plan where the signal asks."""
        verdict = (self.signal or auto)(query, response)
        if isinstance(verdict, Generator):
            return self._after(verdict, response)
        return self._risen(verdict, response)

    def _after(self, plan: Generator[Any, Any, Any], response: Response) -> Any:
        return self._risen((yield from plan), response)

    def _risen(self, verdict: Any, response: Response) -> Confidence:
        raw = verdict
        if not isinstance(raw, Confidence):
            value = float("nan") if verdict is None else float(verdict)
            raw = Confidence(value, name_of(self.signal))
        calibrator = self.calibrators.get(response.model)
        if calibrator is None or calibrator.curve is None or raw.signal == "failure":
            return raw
        (risen,) = calibrator.curve(np.array([raw.value])).tolist()
        return Confidence(risen, raw.signal, calibrated=True, raw=raw.value)

    def drift(
        self, results: pd.DataFrame, correct: ArrayLike | str, *, level: float = 0.05
    ) -> pd.DataFrame:
        """Return model by model whether what a run returned contradicts the calibration.

        Parameters
        ----------
        results : DataFrame
            Of `route` with this signal for `confidence`; rows without a calibrated confidence are
            left out.
        correct : array-like, or str
            Whether each row is right, in [0, 1], NaN where unknown; or the column that says so.
        level : float
            Share of runs with any false alarm to accept, in (0, 1): each of m models with labels
            enough is tested at level / m.

        Returns
        -------
        DataFrame
            One row a model, by name: drifted, p, expected and observed (mean confidence and
            correctness, in [0, 1]), slope, n, and told, a sentence. As in `Calibrator.drift`.

        Raises
        ------
        ColumnError
            `results` has no column model_used or metadata.
        ParameterError
            No row has a confidence of a calibrated model; lengths differ; a value is out of range.

        Warns
        -----
        MetricWarning
            A model has fewer than 30 new labels, and no verdict.

        Notes
        -----
        A model that is asked only where others were unsure sees harder prompts than it was fitted
        on: an alarm about it may tell of that.

        Examples
        --------
        >>> import numpy as np
        >>> import orchkit
        >>> sure = np.tile([0.6, 0.7, 0.8, 0.9], 50)
        >>> right = np.arange(200) % 10 < 8
        >>> signal = Calibrated({"gpt-4o": Calibrator().fit(sure, right)}, lambda q, r: 0.7)
        >>> with orchkit.use("simulator"):
        ...     out = pd.DataFrame({"prompt": map(str, range(99))}).orch.route(
        ...         orchkit.Single("gpt-4o", signal), progress=False)
        >>> signal.drift(out, np.zeros(99))["drifted"].to_dict()
        {'gpt-4o': True}
        """
        told = _labelled(results, correct)
        known = {name for name, each in self.calibrators.items() if each.calibrated}
        told = told[told["model"].isin(known)].dropna()
        if told.empty:
            raise ParameterError(
                "No labelled row has a confidence that was calibrated; route with confidence= this "
                "signal, and give what route returned."
            )
        tested = max(1, int((told["model"].value_counts() >= FEWEST).sum()))
        found = {
            str(name): self.calibrators[str(name)].drift(
                rows["raw"], rows["correct"], level=share("level", level) / tested
            )
            for name, rows in told.groupby("model")
        }
        return pd.DataFrame.from_dict(
            {name: {**asdict(each), "told": str(each)} for name, each in found.items()}, "index"
        )[[*_DRIFT]].rename_axis("model")

    def __str__(self) -> str:
        return f"calibrated {name_of(self.signal)}"

    def __repr__(self) -> str:
        lines = [f"  {model}: {each!r}" for model, each in self.calibrators.items()]
        told = "\n".join([f"Calibrated({name_of(self.signal)})", *lines])
        return "".join(each for each in told if each.isprintable() or each == "\n")

    def save(self, path: str | Path) -> None:
        """Write it as JSON with its schema and a digest.

        A signal of one's own is not written, only its name: give it to `load` again.

        Raises
        ------
        StoreError
            It cannot be written.
        """
        content = {
            "signal": _written(self.signal),
            "calibrators": {name: each.to_dict() for name, each in self.calibrators.items()},
        }
        write_json(path, "calibrated signal", SCHEMA, content)

    @classmethod
    def load(cls, path: str | Path, signal: Signal | None = None) -> Self:
        """Return a saved calibrated signal.

        Parameters
        ----------
        path : str or Path
        signal : callable, optional
            The underlying signal, where it is one of your own.

        Raises
        ------
        StoreError
            The file is none, is newer, or was changed.
        ParameterError
            The signal is one of your own, and was not given; or another was.
        """
        content = read_json(path, "calibrated signal", SCHEMA)
        try:
            told = {
                str(name): Calibrator.from_dict(each)
                for name, each in content["calibrators"].items()
            }
            written = content["signal"]
            found = signal if written and "own" in written else _read(written)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"{path} is no readable calibrated signal: {error}.") from None
        _check_signal(written, signal)
        return cls(told, found)


def calibrated(
    table: pd.DataFrame,
    signal: Signal | None,
    *,
    method: str = "auto",
    source: str = "",
    date: str = "",
) -> Calibrated:
    """Return the signal calibrated on what it was observed to say, a calibrator a model.

    Parameters
    ----------
    table : DataFrame
        Of one signal, as `observed` gives it.
    """
    fitted = {
        str(model): Calibrator(method).fit(
            rows["confidence"],
            rows["quality"],
            source=f"{source or 'a recording'}, {model}",
            date=date,
        )
        for model, rows in table.dropna(subset=["confidence", "quality"]).groupby(
            "model", sort=False, observed=True
        )
    }
    return Calibrated(fitted, signal)


def named_too(signal: Calibrated, names: Sequence[tuple[str, str]]) -> Calibrated:
    """Return the signal with calibrators under further names of their models."""
    more = {other: signal.calibrators[name] for name, other in names if name in signal.calibrators}
    return Calibrated({**more, **signal.calibrators}, signal.signal)


def _labelled(results: pd.DataFrame, correct: ArrayLike | str) -> pd.DataFrame:
    """Return model, raw confidence (NaN where it was not calibrated) and correctness of rows."""
    right = shares("correct", column(results, correct) if isinstance(correct, str) else correct)
    metadata = column(results, "metadata").tolist()
    raw = [each.get("raw_confidence") if isinstance(each, dict) else None for each in metadata]
    aligned(results=np.zeros(len(raw)), correct=right)
    models = column(results, "model_used").astype("object").to_numpy()
    return pd.DataFrame({"model": models, "raw": np.array(raw, dtype=float), "correct": right})


def _written(signal: Signal | None) -> dict[str, Any] | None:
    """Return what a file says of a signal: None for the default, a name, a name with settings."""
    if signal is None:
        return None
    name = type(signal).__name__
    if name in SET and type(signal) is SET[name]:
        declared: Any = signal
        return {"name": name, "settings": asdict(declared)}
    plain = getattr(signal, "__name__", "")
    if PLAIN.get(plain) is signal:
        return {"name": plain}
    return {"own": name_of(signal)}


def _read(written: Mapping[str, Any] | None) -> Signal | None:
    if written is None:
        return None
    if "settings" not in written:
        return PLAIN[written["name"]]
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in written["settings"].items()}
    made: Signal = SET[written["name"]](**settings)
    return made


def _check_signal(written: Mapping[str, Any] | None, given: Signal | None) -> None:
    own = (written or {}).get("own")
    if own is not None and given is None:
        raise ParameterError(f"It calibrates a signal of your own, {own}; give it: signal={own}.")
    if own is None and given is not None and _read(written) != given:
        told = f"{name_of(_read(written))}, not {name_of(given)}"
        raise ParameterError(f"It calibrates {told}; leave signal out.")
