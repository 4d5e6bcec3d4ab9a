"""A JupyterLab of the tests' own: on this machine only, with no key, no news and no settings."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import matplotlib as mpl

ROOT = Path(__file__).parents[2]
#: Seconds for what takes a quiet machine five: the machine may be busy.
PATIENCE = 120
FLAGS = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--ServerApp.terminals_enabled=False",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.extension_manager=readonly",
)
#: No news are fetched; every cell is in the page, wherever it is scrolled to.
SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "notebook-extension/tracker": {"windowingMode": "none"},
}


@dataclass(frozen=True)
class Server:
    """A running JupyterLab: its address, its key, and the folder it shows."""

    url: str
    token: str
    folder: Path


@contextmanager
def served(place: Path) -> Iterator[Server]:
    """Give a JupyterLab whose files are all below `place`; afterwards it has ended."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(f"http://127.0.0.1:{port}", secrets.token_hex(), place / "notebooks")
    server.folder.mkdir()
    _settle(place / "settings")
    command = [sys.executable, "-m", "jupyterlab", *FLAGS, f"--ServerApp.port={port}"]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*command, f"--ServerApp.root_dir={server.folder}"],
            cwd=server.folder,
            env=_environment(place, server.token),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _await(process, server, place / "log")
            yield server
        finally:
            _end(process)


def _settle(folder: Path) -> None:
    for name, told in SETTINGS.items():
        path = folder / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(told))


def _environment(place: Path, token: str) -> dict[str, str]:
    """Return what the server and its kernels see: nothing of this process but where Python is."""
    own = {
        "HOME": "user",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "ORCHKIT_HOME": "home",
    }
    return {
        **{name: str(place / folder) for name, folder in own.items()},
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "MPLCONFIGDIR": mpl.get_configdir(),  # its list of fonts takes seconds to make
        "OMP_NUM_THREADS": "1",
        "JUPYTER_TOKEN": token,
    }


def _await(process: subprocess.Popen[bytes], server: Server, log: Path) -> None:
    """Wait until the server answers; say what it logged if it ends or takes too long."""
    for _ in range(PATIENCE * 5):
        with suppress(URLError, ConnectionError), urlopen(f"{server.url}/api"):  # noqa: S310
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
            break
    raise RuntimeError(f"JupyterLab does not answer:\n{log.read_text()[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Have the server end its kernels and itself."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
