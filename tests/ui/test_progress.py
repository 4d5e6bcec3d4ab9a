from __future__ import annotations

import io
import os
import re
import sys
import threading
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.runtime.budget import Purse
from orchkit.runtime.spent import Spent
from orchkit.runtime.waits import Wait
from orchkit.testing import Faults, LoopbackServer
from orchkit.ui.progress import progress
from orchkit.ui.session import SESSION


@pytest.fixture(autouse=True)
def script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process no notebook, whatever pytest's plugins have imported."""
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Make stderr one that somebody watches."""
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True)
    return capsys


def spent(rows: int, nano: int = 0, **counts: Any) -> Spent:
    """Return what a run may have done so far."""
    purse = Purse()
    purse.spent = nano
    return Spent(rows=rows, purse=purse, **counts)


def test_nobody_watches_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stderr is no terminal nothing is shown unless it is wanted."""
    with progress(100, None, "routing") as tell:
        assert tell is None
    assert capsys.readouterr() == ("", "")


def test_somebody_watches_a_line(terminal: Any) -> None:
    """On a terminal the line shows by itself, with what is being done; what it was stays."""
    with progress(100, None, "routing") as tell:
        assert tell is not None
        tell(spent(40))
        assert "routing: |" in (shown := terminal.readouterr().err)
        assert "40/100 rows" in shown
    assert terminal.readouterr().err.rpartition("\r")[2].startswith("routing: 100 rows, ")


def test_tqdm_can_be_switched_off(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With TQDM_DISABLE no line shows by itself: what a notebook stores has no half-drawn bar."""
    monkeypatch.setenv("TQDM_DISABLE", "1")
    with progress(100, None, "routing") as tell:
        assert tell is None
    assert terminal.readouterr().err == ""


def test_a_short_run_shows_no_line(terminal: Any) -> None:
    """A run of few rows is over before anybody could read."""
    with progress(3, None, "routing") as tell:
        assert tell is None


def test_a_line_that_is_not_wanted_is_not_shown(terminal: Any) -> None:
    """progress=False holds on a terminal too."""
    with progress(100, False, "routing") as tell:
        assert tell is None
    assert terminal.readouterr().err == ""


def test_a_line_counts_rows_and_dollars(terminal: Any) -> None:
    """The line tells rows, dollars, and how many were cached and failed."""
    with progress(4, True, "routing") as tell:
        assert tell is not None
        tell(spent(1))
        tell(spent(4, 12_300_000, cached=2, failed=1))
        out, err = terminal.readouterr()
    assert out == ""
    assert "4/4 rows, $0.012 spent, 1 failed, 00:00, 2 cached" in err
    assert (
        "routing: 4 rows, 2 cached, 1 failed, $0.012 spent in 00:00\n" in terminal.readouterr().err
    )


def test_what_did_not_happen_is_not_told(terminal: Any) -> None:
    """Without cached or failed rows the line does not speak of them."""
    with progress(1, True, "routing") as tell:
        assert tell is not None
        tell(spent(1))
    err = terminal.readouterr().err
    assert "$0 spent" in err
    assert not re.search("cached|failed|waits|/min", err)


@pytest.mark.parametrize("columns", [20, 60, 80, 300])
def test_a_line_fits_its_terminal(
    terminal: Any, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """It never wraps, and is never longer than a hundred characters."""
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns, 24)))
    monkeypatch.setattr(sys.stderr, "fileno", lambda: 2, raising=False)
    waits = (Wait("claude-opus-4-20250514", 30, 38.0),)
    with progress(2_000, None, "comparing") as tell:
        assert tell is not None
        tell(spent(1_234, 10**11, cached=1_000, failed=200, waits=waits))
        shown = terminal.readouterr().err
    assert all(len(line) < min(101, columns) for line in shown.split("\r"))
    assert "comparing" in shown


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), RuntimeError("gone")])
def test_a_line_that_breaks_breaks_nothing_else(terminal: Any, error: Exception) -> None:
    """When stderr or a front end is gone under the line, the run goes on and ends in silence."""
    with progress(100, None, "routing") as tell:
        assert tell is not None
        sys.stderr, kept = _Closed(error), sys.stderr
        try:
            tell.__self__._bar.fp = sys.stderr  # type: ignore[attr-defined]
            tell(spent(1))
            tell(spent(2))
        finally:
            sys.stderr = kept


class _Closed(io.StringIO):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error

    def isatty(self) -> bool:
        return True


def test_where_there_is_no_stderr_there_is_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program without a console, or with a closed one, runs in silence."""
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress(100, None, "routing") as tell:
            assert tell is None


def test_a_log_is_not_flooded(capsys: pytest.CaptureFixture[str]) -> None:
    """Where lines stay, as in a file, there are few of them."""
    with progress(1_000, True, "routing") as tell:
        assert tell is not None
        for rows in range(1_000):
            tell(spent(rows))
    assert len(re.split("[\r\n]+", capsys.readouterr().err.strip())) <= 5


def test_no_thread_is_left(terminal: Any) -> None:
    """The line has no thread of its own, neither meanwhile nor afterwards."""
    before = threading.active_count()
    with progress(100, None, "routing") as tell:
        assert tell is not None
        tell(spent(1))
        assert threading.active_count() == before


def test_a_run_reports_every_row(df: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    """What stays of a run has its rows, and its money: simulated is never called spent."""
    cost = df.orch.route("gpt-4", progress=True)["cost"].sum()
    err = capsys.readouterr().err
    assert f"routing: 4 rows, ${cost:.3f} simulated in 00:00\n" in err
    assert "spent" not in err


def test_failed_rows_are_summed_up_once(
    df: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who watches is told how many failed and why; who does not is told nothing."""
    df.loc[1, "prompt"] = ""
    df.orch.route("gpt-4", progress=True)
    assert capsys.readouterr().err.count("1 of 4 rows failed: EmptyPrompt 1;") == 1
    df.orch.route("gpt-4", progress=False)
    assert "failed" not in capsys.readouterr().err


def test_failed_calls_of_a_recording_are_told_once(
    df: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    """It warns of them anyway, so no summary stands beside that."""
    df.loc[1, "prompt"] = ""
    with pytest.warns(orchkit.OrchkitWarning, match="1 of 4 calls failed"):
        df.orch.record(["gpt-4o"], progress=True)
    assert "EmptyPrompt 1" not in capsys.readouterr().err


def test_while_a_vendor_says_later_the_line_says_who_waits(terminal: Any) -> None:
    """A run whose every call was told to wait does not look dead: it counts the seconds down."""
    held = Faults(retry_after=3.0)
    with LoopbackServer({"waiter": (1000, 1000)}, faults=held) as server:
        server.script(["429-seconds"] * 8)
        orchkit.add_model(
            "waiter", base_url=server.openai_url, tier="basic", input_price=1000, output_price=1000
        )
        frame = pd.DataFrame({"prompt": [f"Why {n}?" for n in range(8)]})
        frame.orch.route("waiter", cache=False, max_tokens=10)
        assert server.book().requests > 8
    err = terminal.readouterr().err
    seconds = [int(each) for each in re.findall(r"waiter waits (\d+) s \(rate limit\)", err)]
    assert seconds == sorted(seconds, reverse=True)
    assert {3, 2, 1} >= {*seconds} >= {2, 1}
    assert re.search(r"routing: 8 rows, \$\d.* spent in 00:0\d, 00:0[23] of it waiting\n", err)


CELL = """
import orchkit, pandas as pd
df = pd.DataFrame({{"prompt": [f"What is {{n}}+{{n}}?" for n in range(40)]}})
with orchkit.use("simulator"):
    {call}
"""
#: It has said before that answers are simulated.
SILENT = "from orchkit.ui.session import SESSION; SESSION._told = ''"
STOPPED = """
import _thread, asyncio
from orchkit.runtime.providers.simulator import Simulator
complete, calls = Simulator.complete, []
async def stopped(self, call):
    calls.append(call)
    if len(calls) == 6:
        _thread.interrupt_main()
    if len(calls) >= 6:
        await asyncio.sleep(30)
    return await complete(self, call)
Simulator.complete = stopped
"""


def cell(*sources: str, fails: bool = False) -> tuple[list[Any], list[Any]]:
    """Return the last cell's outputs, and all that was displayed meanwhile, as text."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    shown: list[str] = []

    class Client(nbclient.NotebookClient):  # type: ignore[name-defined, misc]
        def process_message(self, msg: Any, *given: Any) -> Any:
            if msg["msg_type"].endswith("display_data"):
                shown.append(msg["content"]["data"]["text/plain"])
            return super().process_message(msg, *given)

    book = nbformat.v4.new_notebook(cells=cells)
    Client(book, kernel_name="python3", timeout=60, allow_errors=fails).execute()
    return list(cells[-1].outputs), shown


def test_a_notebook_has_one_output_that_ends_as_it_began() -> None:
    """Without a front end, too, a run leaves one output, the same in every execution."""
    (output,), shown = cell("import orchkit; orchkit.use('simulator')", _quiet("route()"))
    assert output["data"]["text/plain"] == "routing: 40 rows, simulated"
    assert shown[0] == shown[-1] == "routing: 40 rows, simulated"
    assert "<progress" not in output["data"]["text/html"]


def test_a_notebook_that_is_told_to_be_silent_is() -> None:
    """progress=False leaves no output at all."""
    outputs, shown = cell(_quiet("route(progress=False)"))
    assert (outputs, shown) == ([], [])


def test_an_interrupted_cell_says_how_to_resume() -> None:
    """The line ends as it began, and stderr tells what was done and what to run again."""
    call = "df.orch.route(concurrency=1)"
    outputs, _ = cell(SILENT, STOPPED, CELL.format(call=call), fails=True)
    assert [output["output_type"] for output in outputs] == ["display_data", "stream", "error"]
    assert outputs[0]["data"]["text/plain"] == "routing: 40 rows, simulated"
    told = outputs[1]["text"]
    assert "orchkit: routing was interrupted after 5 of 40 rows, nothing spent" in told
    assert "orchkit.last_run()" in told
    assert "Run the cell again to resume" in told
    assert outputs[2]["ename"] == "KeyboardInterrupt"


def _quiet(call: str) -> str:
    return f"{SILENT}\n{CELL.format(call='_ = df.orch.' + call)}"


@pytest.mark.parametrize("stream", [None, "closed"])
@pytest.mark.parametrize("wanted", [None, True])
def test_without_a_stderr_a_run_is_a_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, stream: str | None, wanted: bool | None
) -> None:
    """Closed, or none at all as under pythonw: nothing is said, and rows are answered."""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed if stream else None)
    monkeypatch.setattr(SESSION, "_told", None)
    frame = pd.DataFrame({"prompt": [f"Why {n}?" for n in range(8)]})
    with orchkit.use("simulator", cache_dir=tmp_path):
        found = frame.orch.route(progress=wanted)
    assert found["error"].isna().all()
