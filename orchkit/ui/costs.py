"""``orchkit.costs``: what was really spent, from the ledger of every paid request.

A request counts from before it is sent. One whose outcome is unknown (a time-out, a broken
connection, a killed process) counts as the most it could have cost: `presumed`. What is told
here is the price list times the usage that vendors reported; the invoice is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from orchkit.errors import ParameterError, did_you_mean
from orchkit.lab.spending import attempts_frame, hits_frame, spending
from orchkit.ui.exporting import to_csv
from orchkit.ui.session import SESSION

__all__ = ["attempts", "export", "report", "stats"]

_WRITERS: Mapping[str, Callable[[pd.DataFrame, Path], object]] = {
    ".csv": lambda frame, path: to_csv(frame, path, index=False),
    ".json": lambda frame, path: frame.to_json(path, orient="records", date_format="iso"),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
}


def attempts(category: str | None = None) -> pd.DataFrame:
    """Return every paid request, oldest first.

    Parameters
    ----------
    category : str, optional
        Only those of runs with this ``category=``; None for all.

    Returns
    -------
    DataFrame
        opened (UTC), category, strategy, model, provider, state (open, settled, released or
        presumed), cost and reserved (USD), input_tokens, output_tokens, run, key.

    Raises
    ------
    StoreError
        A row of the ledger was changed, or it cannot be read.

    Examples
    --------
    >>> import orchkit
    >>> orchkit.costs.attempts()["cost"].sum()
    np.float64(0.0)
    """
    return _of(category, attempts_frame(SESSION.ledger().rows()))


def stats(period: str = "daily", *, category: str | None = None) -> pd.DataFrame:
    """Return what was spent, one row a period.

    Parameters
    ----------
    period : {"daily", "weekly", "monthly", "all"}
        UTC days, weeks from Monday, months; or one row for everything.
    category : str, optional
        Only runs with this ``category=``.

    Returns
    -------
    DataFrame
        calls, cost and presumed (USD), cached_calls, saved (USD), input_tokens, output_tokens,
        cost_without_cache (USD), cache_share in [0, 1].

    Examples
    --------
    >>> import orchkit
    >>> len(orchkit.costs.stats("monthly"))
    0
    """
    return _spending(period, category, ())


def report(category: str | None = "orchestration", period: str = "monthly") -> pd.DataFrame:
    """Return what was spent by strategy and model in each period.

    Parameters and columns are those of `stats`.

    Examples
    --------
    >>> import orchkit
    >>> list(orchkit.costs.report().index.names)
    ['period', 'strategy', 'model']
    """
    return _spending(period, category, ("strategy", "model"))


def export(path: str | Path, *, category: str | None = None) -> Path:
    """Write `attempts` to a .csv, .json or .parquet file, and return where it is.

    Raises
    ------
    ParameterError
        The file's name ends otherwise.

    Examples
    --------
    >>> import orchkit, tempfile
    >>> orchkit.costs.export(tempfile.mkdtemp() + "/costs.csv").name
    'costs.csv'
    """
    path = Path(path)
    if path.suffix not in _WRITERS:
        hint = did_you_mean(path.suffix, _WRITERS)
        raise ParameterError(f"{path.name} ends in {path.suffix!r}. {hint}")
    _WRITERS[path.suffix](attempts(category), path)
    return path


def _spending(period: str, category: str | None, by: tuple[str, ...]) -> pd.DataFrame:
    hits = _of(category, hits_frame(SESSION.ledger().hits()))
    return spending(attempts(category), hits, period, by)


def _of(category: str | None, frame: pd.DataFrame) -> pd.DataFrame:
    if category is None:
        return frame
    return frame[frame["category"] == category].reset_index(drop=True)
