"""Stores: opened once, again when they were taken away, and never shared with a child."""

from __future__ import annotations

import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.core.calls import Response
from orchkit.runtime.stores import Stores
from orchkit.testing import LoopbackServer

MODEL = "gpt-4o-mini"


def test_a_store_is_opened_once(tmp_path: Path) -> None:
    """The same place gives the same store."""
    stores = Stores()
    assert stores.cache(tmp_path / "c") is stores.cache(tmp_path / "c")
    assert stores.ledger(tmp_path / "l.db") is stores.ledger(tmp_path / "l.db")


def test_a_store_that_was_taken_away_is_made_anew(tmp_path: Path) -> None:
    """Who deletes the folder in the middle of a session loses the answers, not the next ones."""
    stores = Stores()
    first = stores.cache(tmp_path / "c")
    first.put("k", Response("m", "42"))
    shutil.rmtree(tmp_path / "c")
    second = stores.cache(tmp_path / "c")
    assert second.get("k") is None
    second.put("k", Response("m", "43"))
    assert (tmp_path / "c" / "cache.db").exists()


def _in_child(out: Any) -> None:
    frame = pd.DataFrame({"prompt": ["What is 1?", "What is 2?"]})
    routed = orchkit.route(frame, MODEL, progress=False)
    out.put((routed["response"].tolist(), routed["cached"].tolist()))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_works_on_connections_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a fork the child asks, reads and writes; the parent goes on as before."""
    with LoopbackServer({MODEL: (0.15, 0.60)}) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-fork")
        monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
        orchkit.route(pd.DataFrame({"prompt": ["What is 1?"]}), MODEL)
        context = multiprocessing.get_context("fork")
        out = context.SimpleQueue()
        child = context.Process(target=_in_child, args=(out,))
        child.start()
        child.join(30)
        assert child.exitcode == 0
        texts, cached = out.get()
        assert (len(texts), cached) == (2, [True, False])
        again = orchkit.route(pd.DataFrame({"prompt": ["What is 2?", "What is 3?"]}), MODEL)
        assert again["cached"].tolist() == [True, False]
        assert server.book().requests == 3
        assert orchkit.costs.attempts()["state"].tolist() == ["settled"] * 3
