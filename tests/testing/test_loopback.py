import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import orchkit.testing
from orchkit.testing import LoopbackServer

PRICES = {"gpt-4o-mini": (0.15, 0.60)}


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """Copy the package below an otherwise empty library and return where that is."""
    shutil.copytree(Path(orchkit.testing.__file__).parent, tmp_path / "orchkit" / "testing")
    (tmp_path / "orchkit" / "__init__.py").touch()
    return tmp_path


def _python(first: Path, *arguments: str, given: str = "") -> str:
    ran = subprocess.run(  # noqa: S603 - it runs what this file wrote
        [sys.executable, "-P", *arguments],
        input=given,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(first), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout


def _lives(pid: int) -> bool:
    # An orphan that ended may stay a zombie where nothing reaps, as in a container.
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def _ends(pid: int, seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while _lives(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not _lives(pid)


def test_all_is_complete_and_sorted() -> None:
    """Every public name is exported, constants first and then by name."""
    names = orchkit.testing.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(orchkit.testing, name) for name in names)


def test_importing_is_light(alone: Path) -> None:
    """The import loads no web server and no client in the user's process."""
    loaded = set(_python(alone, "-c", "import orchkit.testing, sys; print(*sys.modules)").split())
    assert "orchkit.testing.loopback" in loaded
    assert not loaded & {"aiohttp", "openai", "anthropic", "orchkit.testing.server"}


def test_the_judge_needs_nothing_that_it_judges(alone: Path) -> None:
    """The server starts where the rest of the library is missing or broken."""
    (alone / "orchkit" / "__init__.py").write_text("raise SystemExit('the judge ran me')")
    settings = LoopbackServer(PRICES)._settings.to_json()
    start = str(alone / "orchkit" / "testing" / "__main__.py")
    assert json.loads(_python(alone, start, given=settings))["port"] > 0


def test_the_urls_are_what_the_clients_want(server: LoopbackServer) -> None:
    """OpenAI's base ends with the version and Anthropic's does not, both on the loopback."""
    assert server.anthropic_url.startswith("http://127.0.0.1:")
    assert server.openai_url == f"{server.anthropic_url}/v1"


def test_a_script_is_played_once_and_in_order(server: LoopbackServer, post: Any) -> None:
    """The next requests get what the script says and those after it an answer."""
    server.script(["500", "ok", "403"])
    assert [post(server).status for _ in range(4)] == [500, 200, 403, 200]


def test_a_new_script_replaces_the_old_one(server: LoopbackServer, post: Any) -> None:
    """What is left of an earlier script is forgotten."""
    server.script(["500"] * 3)
    server.script(["503"])
    assert [post(server).status for _ in range(2)] == [503, 200]


def test_refused_requests_use_up_no_script(server: LoopbackServer, post: Any) -> None:
    """A malformed request leaves the script for the next one."""
    server.script(["500"])
    assert [post(server, body={}).status, post(server).status] == [400, 500]


def test_a_misspelt_script_is_refused(server: LoopbackServer) -> None:
    """An unknown name is a ValueError and leaves the server as it was."""
    with pytest.raises(ValueError, match="hang"):
        server.script(["hangs"])


def test_reset_begins_again(mixed: LoopbackServer, post: Any) -> None:
    """After a reset the book is empty, the script gone and the mix the same as at first."""
    first = [post(mixed).status for _ in range(12)]
    mixed.script(["403"])
    mixed.reset()
    assert mixed.book().requests == 0
    assert [post(mixed).status for _ in range(12)] == first
    assert len(set(first)) > 1


def test_answers_may_be_given(server: LoopbackServer, post: Any) -> None:
    """A listed prompt is answered as listed."""
    assert b"Four." in post(server, prompt="2 + 2?").body


def test_an_early_retry_is_counted(server: LoopbackServer, post: Any) -> None:
    """A client that comes back before it was told to is counted, one that waits is not."""
    server.script(["429-seconds", "ok"])
    post(server)
    post(server)
    assert server.book().retry_after_violations == 1
    server.reset()
    server.script(["429-seconds", "ok"])
    post(server)
    time.sleep(0.3)
    post(server)
    assert server.book().retry_after_violations == 0


def test_outside_its_block_there_is_no_server() -> None:
    """Asking a server that does not run is a RuntimeError, not a hang."""
    server = LoopbackServer(PRICES)
    with pytest.raises(RuntimeError, match="with"):
        server.book()


@pytest.mark.parametrize("bad", [{"latency": -1}, {"window": 0}, {"latency": float("nan")}])
def test_impossible_times_are_refused(bad: dict[str, float]) -> None:
    """A time that cannot be is refused before any process starts."""
    with pytest.raises(ValueError, match="seconds"):
        LoopbackServer(PRICES, **bad)  # type: ignore[arg-type]


def test_leaving_the_block_ends_the_process_even_mid_request(post: Any) -> None:
    """The process is gone when the block ends, although a client still hangs."""
    with LoopbackServer(PRICES) as server:
        server.script(["hang"])
        post(server, timeout=0.1)
        pid = server.pid
        began = time.monotonic()
    assert not _lives(pid)
    assert time.monotonic() - began < 2


def test_a_server_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends at once is a RuntimeError and leaves nothing behind."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="ended at once"), LoopbackServer(PRICES):
        pass


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_server_dies_with_its_parent(alone: Path) -> None:
    """A parent that is killed leaves no server."""
    code = (
        "from orchkit.testing import LoopbackServer; import os, signal\n"
        "with LoopbackServer({'m': (1, 1)}) as server:\n"
        "    print(server.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with pytest.raises(subprocess.CalledProcessError) as killed:
        _python(alone, "-c", code)
    assert killed.value.returncode == -signal.SIGKILL
    assert _ends(int(killed.value.stdout))


def test_an_interrupt_at_the_terminal_does_not_end_the_server(
    server: LoopbackServer, post: Any
) -> None:
    """The server outlives the interrupt that its whole process group gets."""
    os.kill(server.pid, signal.SIGINT)
    assert post(server).status == 200
