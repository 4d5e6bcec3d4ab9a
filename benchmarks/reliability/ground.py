"""The ground the commands stand on: models of a loopback server, in a home of their own."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

import orchkit
from orchkit.core.calls import Kind
from orchkit.testing import FAULTS, Entry, LoopbackServer

#: What the server calls the models, and what it bills for them: USD per million tokens.
PRICES = {"small-1": (1.0, 4.0), "middle-1": (2.0, 8.0), "large-1": (3.0, 15.0)}
CHAIN = ("small", "middle", "large")
#: Kinds that stand for an exception nobody foresaw.
BUGS = (Kind.ProviderError, Kind.StrategyError)
_fresh = count()


def add_models(server: LoopbackServer | str, vendor: str = "openai", **known: Any) -> None:
    """Add the server's models, as `CHAIN` names them."""
    root = server if isinstance(server, str) else server.anthropic_url
    for name, (wire, price) in zip(CHAIN, PRICES.items(), strict=True):
        orchkit.add_model(
            name,
            id=wire,
            provider=vendor,
            base_url=root + ("/v1" if vendor == "openai" else ""),
            input_price=price[0],
            output_price=price[1],
            **known,
        )


@contextmanager
def home() -> Iterator[Path]:
    """Give orchkit an empty home for a while."""
    before = os.environ.get("ORCHKIT_HOME")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["ORCHKIT_HOME"] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ["ORCHKIT_HOME"]
            if before is not None:
                os.environ["ORCHKIT_HOME"] = before


def prompts(rows: int) -> pd.DataFrame:
    """Return a frame of prompts of one length that were never asked before."""
    run = f"{os.getpid():08}.{next(_fresh):06}"
    return pd.DataFrame({"prompt": [f"Explain the number {n:06} ({run})" for n in range(rows)]})


def ledger_spent(folder: Path) -> int | None:
    """Return the nano-dollars that the ledger of a home holds as spent; None where there is none.

    It is read past the library: a second ledger object would be one more party to the run.
    """
    path = folder / "ledger.db"
    if not path.exists():
        return None
    asked = "SELECT sum(CASE state WHEN 'open' THEN reserved ELSE cost END) FROM attempts"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as base:
        return int(base.execute(asked).fetchone()[0] or 0)


def untyped(errors: Iterable[str]) -> list[str]:
    """Return the errors that are not ``Kind: message``, or that stand for a bug."""
    bad = {kind.name for kind in BUGS}
    told = [(error, re.match(r"(\w+): .", error)) for error in errors]
    known = Kind.__members__.keys() - bad
    return [error for error, found in told if found is None or found[1] not in known]


def generated(entries: Iterable[Entry]) -> list[Entry]:
    """Return the requests for which the server generated, and billed, an answer."""
    return [entry for entry in entries if FAULTS[entry.outcome].billed]


def useless(entries: Iterable[Entry]) -> int:
    """Count the generations that were billed, but did not reach the client as a good answer."""
    return sum(not (e.delivered and e.outcome == "ok") for e in generated(entries))
