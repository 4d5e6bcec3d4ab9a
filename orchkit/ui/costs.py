"""``orchkit.costs``: what was really spent, from the ledger of every paid request.

A request counts from before it is sent. One whose outcome is unknown (a time-out, a broken
connection, a killed process) counts as the most it could have cost: `presumed`. What is told
here is the price list times the usage that vendors reported; the invoice is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from orchkit.errors import ParameterError, did_you_mean
from orchkit.lab.spending import BY, attempts_frame, hits_frame, labelled, spending
from orchkit.ui import labels
from orchkit.ui.exporting import to_csv
from orchkit.ui.session import SESSION

__all__ = ["attempts", "export", "report", "stats"]

#: A format's name -> what writes a frame in it, to a path or an open file of bytes.
WRITERS: Mapping[str, Callable[[pd.DataFrame, Any], object]] = {
    "csv": lambda frame, to: to_csv(frame, to, index=False),
    "json": lambda frame, to: frame.to_json(to, orient="records", date_format="iso"),
    "parquet": lambda frame, to: frame.to_parquet(to, index=False),
}


def attempts(category: str | None = None, *, tag: str | None = None) -> pd.DataFrame:
    """Return every paid request, oldest first.

    Parameters
    ----------
    category, tag : str, optional
        Only those of runs with this ``category=``, with this among their ``tags=``; None for all.

    Returns
    -------
    DataFrame
        opened (UTC), category, tags (joined by commas), strategy, model, provider, state (open,
        settled, released or presumed), cost and reserved (USD), input_tokens, output_tokens, run,
        key.

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
    return _labelled(attempts_frame(SESSION.ledger().rows()), category, tag)


def stats(
    period: str = "daily", *, category: str | None = None, tag: str | None = None
) -> pd.DataFrame:
    """Return what was spent, one row a period.

    Parameters
    ----------
    period : {"daily", "weekly", "monthly", "all"}
        UTC days, weeks from Monday, months; or one row for everything.
    category, tag : str, optional
        Only runs with this ``category=``, with this among their ``tags=``.

    Returns
    -------
    DataFrame
        calls, cost and presumed (USD), cached_calls, saved (USD), input_tokens, output_tokens,
        cost_without_cache (USD), cache_share in [0, 1].

    Raises
    ------
    ParameterError
        There is no such period.

    Examples
    --------
    >>> import orchkit
    >>> len(orchkit.costs.stats("monthly"))
    0
    """
    return _spending(period, category, tag, ())


def report(
    category: str | None = "orchestration",
    period: str = "monthly",
    *,
    by: str | Sequence[str] = ("strategy", "model"),
    tag: str | None = None,
) -> pd.DataFrame:
    """Return what was spent by strategy and model in each period.

    Parameters
    ----------
    category, period, tag
        Those of `stats`; None is every category.
    by : str or sequence of str
        What to tell apart: "strategy", "model", "day" (UTC), "category", in this order.

    Returns
    -------
    DataFrame
        The columns of `stats`, indexed by the period and what was told apart.

    Raises
    ------
    ParameterError
        There is no such period, or nothing like that to tell apart.

    Examples
    --------
    >>> import orchkit
    >>> list(orchkit.costs.report().index.names)
    ['period', 'strategy', 'model']
    """
    return _spending(period, category, tag, _columns(by))


def export(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - as the quick reference names it
    category: str | None = None,
    tag: str | None = None,
) -> Path:
    """Write `attempts` to a file, and return where it is.

    Parameters
    ----------
    path : str or Path
        The file.
    format : {"csv", "json", "parquet"}, optional
        By default what the file's name ends in.
    category, tag : str, optional
        Only requests of runs with this ``category=``, with this among their ``tags=``.

    Raises
    ------
    ParameterError
        There is no such format; the file's name ends in none, or in another one.

    Examples
    --------
    >>> import orchkit, tempfile
    >>> orchkit.costs.export(tempfile.mkdtemp() + "/costs.csv").name
    'costs.csv'
    """
    path = Path(path)
    WRITERS[format_of(path, format)](attempts(category, tag=tag), path)
    return path


def format_of(path: Path, given: str | None) -> str:
    """Return the format a file is to have; ParameterError when its name tells of another."""
    ending = path.suffix.removeprefix(".")
    if given is not None and given not in WRITERS:
        raise ParameterError(f"format is {given!r}. {did_you_mean(str(given), WRITERS)}")
    if given is None and ending not in WRITERS:
        known = [f".{name}" for name in WRITERS]
        raise ParameterError(
            f"{path.name} ends in {path.suffix!r}. {did_you_mean(path.suffix, known)}"
        )
    if given is not None and ending in WRITERS and ending != given:
        raise ParameterError(f"{path.name} is to be {given}; let its name end in .{given}.")
    return given or ending


def _columns(by: str | Sequence[str]) -> tuple[str, ...]:
    """Return what to tell apart, each once."""
    columns = tuple(dict.fromkeys((by,) if isinstance(by, str) else by))
    for name in columns:
        if name not in BY:
            raise ParameterError(f"by is {name!r}. {did_you_mean(str(name), BY)}")
    return columns


def _spending(
    period: str, category: str | None, tag: str | None, by: tuple[str, ...]
) -> pd.DataFrame:
    hits = _labelled(hits_frame(SESSION.ledger().hits()), category, tag)
    return spending(attempts(category, tag=tag), hits, period, by)


def _labelled(frame: pd.DataFrame, category: str | None, tag: str | None) -> pd.DataFrame:
    return labelled(frame, category, None if tag is None else labels.tag(tag))
