"""JupyterLab in Chromium, where both are installed and ``ORCHKIT_BROWSER=1`` asks for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.serving import PATIENCE, Server, served

#: No resolving of names but this machine's, no updates, no first-run pages.
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
WINDOW = {"width": 1280, "height": 1000}


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of a Chromium, or skip and say what is missing."""
    if not os.environ.get("ORCHKIT_BROWSER"):
        pytest.skip("ORCHKIT_BROWSER is not set")
    for name in ("playwright", "jupyterlab", "nbformat"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install -e '.[browser]'")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium is installed")
    return found


@pytest.fixture(scope="session")
def server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a JupyterLab of the tests' own."""
    with served(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="session")
def context(chromium: str) -> Iterator[Any]:
    """Give a browser that knows nobody."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium, args=ARGUMENTS, timeout=PATIENCE * 1000
        )
        context = browser.new_context(viewport=WINDOW)
        context.set_default_timeout(PATIENCE * 1000)
        yield context
        browser.close()


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder for pictures: ``ORCHKIT_SCREENSHOTS``, or a temporary one."""
    told = os.environ.get("ORCHKIT_SCREENSHOTS")
    folder = Path(told) if told else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def lab(server: Server, context: Any, shots: Path) -> Iterator[Any]:
    """Give what opens notebooks; none of their pages may have asked elsewhere, or complained."""
    from tests.browser.pages import Lab

    opener = Lab(server, context, shots)
    yield opener
    assert opener.close() == []
