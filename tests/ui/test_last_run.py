"""``orchkit.last_run``: what was finished when an interrupt came is not lost."""

from __future__ import annotations

import _thread
import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.core.calls import Call, Response
from orchkit.errors import MisuseError
from orchkit.runtime.providers.simulator import Simulator
from orchkit.ui.session import SESSION

FRAME = pd.DataFrame(
    {"prompt": [f"What is {n}?" for n in range(20)], "reference": "4"}, index=range(100, 120)
)


@pytest.fixture(autouse=True)
def simulated() -> Iterator[None]:
    """Answer from the simulator."""
    with orchkit.use("simulator"):
        yield


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], Any]:
    """Give a function that has a verb interrupted at its sixth call, and returns the last run."""
    complete, calls = Simulator.complete, list[Call]()

    async def stopped(self: Simulator, call: Call) -> Response:
        calls.append(call)
        if len(calls) == 6:
            _thread.interrupt_main()
        if len(calls) >= 6:
            await asyncio.sleep(30)
        return await complete(self, call)

    def run(verb: Callable[[], Any]) -> Any:
        monkeypatch.setattr(Simulator, "complete", stopped)
        with pytest.raises(KeyboardInterrupt):
            verb()
        return orchkit.last_run()

    return run


def test_an_interrupted_route_keeps_what_was_finished(
    interrupted: Callable[[Callable[[], Any]], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows that were answered are there, the others say why not, all under the frame's index."""
    out = interrupted(lambda: FRAME.orch.route(concurrency=1, progress=False))
    assert out.index.tolist() == FRAME.index.tolist()
    assert out["response"].notna().tolist() == [True] * 5 + [False] * 15
    assert out["error"].iloc[5:].str.startswith("Interrupted").all()
    assert "orchkit.last_run()" in capsys.readouterr().err


def test_an_interrupted_compare_judges_nobody_by_what_was_not_asked(
    interrupted: Callable[[Callable[[], Any]], Any],
) -> None:
    """What was not asked any more counts neither right nor wrong."""
    found = interrupted(
        lambda: FRAME.orch.compare(["gpt-4o", "gpt-4o-mini"], concurrency=1, progress=False)
    )
    assert found.results["quality"].notna().sum() == 5
    assert len(found.results) == 40


def test_an_interrupted_recording_is_a_partial_matrix(
    interrupted: Callable[[Callable[[], Any]], Any],
) -> None:
    """What was recorded can be replayed; the rest is not recorded."""
    with pytest.warns(orchkit.OrchkitWarning, match="calls failed"):
        matrix = interrupted(lambda: FRAME.orch.record(["gpt-4o"], concurrency=1, progress=False))
    assert matrix.frame["response"].notna().sum() == 5
    assert matrix.route("gpt-4o")["error"].str.startswith("NotRecorded").sum() == 15


def test_a_finished_run_is_the_last_run() -> None:
    """It gives the same frame, and not the very frame that somebody may have changed."""
    out = FRAME.orch.route(progress=False)
    assert orchkit.last_run().equals(out)
    out["response"] = "changed"
    assert not orchkit.last_run().equals(out)


def test_before_any_run_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so."""
    monkeypatch.setattr(SESSION, "last", None)
    with pytest.raises(MisuseError, match="Nothing has been run"):
        orchkit.last_run()
