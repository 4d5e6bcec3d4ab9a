"""The ground the commands stand on: models of a loopback server, in a home of their own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

import orchkit
from orchkit.testing import LoopbackServer

#: What the server calls the models, and what it bills for them: USD per million tokens.
PRICES = {"small-1": (1.0, 4.0), "large-1": (3.0, 15.0)}
MODELS = {"small": "small-1", "large": "large-1"}
_fresh = count()


def add_models(server: LoopbackServer | str, provider: str = "openai", **known: Any) -> None:
    """Add the server's models under the names `small` and `large`."""
    root = server if isinstance(server, str) else server.anthropic_url
    for name, wire in MODELS.items():
        price_in, price_out = PRICES[wire]
        orchkit.add_model(
            name,
            id=wire,
            provider=provider,
            base_url=root + ("/v1" if provider == "openai" else ""),
            input_price=price_in,
            output_price=price_out,
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
    """Return a frame of prompts that were never asked before, in this process."""
    run = f"{os.getpid()}.{next(_fresh)}"
    return pd.DataFrame({"prompt": [f"Explain the number {n} ({run})" for n in range(rows)]})


def ledger_spent(folder: Path) -> int | None:
    """Return the nano-dollars the ledger of a home holds as spent; None where there is none."""
    if not (folder / "ledger.db").exists():
        return None
    from orchkit.runtime.ledger import Ledger

    return int(Ledger(folder / "ledger.db").spent())
