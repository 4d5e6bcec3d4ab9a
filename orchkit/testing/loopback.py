"""The server as its users see it: a context manager around a process of its own."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from .book import Book, read
from .faults import Faults, check_names
from .generation import pico_per_token
from .settings import Settings

__all__ = ["LoopbackServer"]

Price = float | str | Decimal
PerModel = int | Mapping[str, int] | None

GOODBYE_SECONDS = 5.0


class LoopbackServer:
    """A server on 127.0.0.1 that speaks both vendors' formats and keeps the truth.

    It runs in its own process while the ``with`` block lasts, and ends with its parent.

    Parameters
    ----------
    prices : mapping of str to tuple
        Model to US dollars per million input and output tokens. Other models do not exist.
    latency : float, default 0.0
        Seconds that each generation takes; refusals are immediate.
    faults : Faults or mapping of str to float, optional
        What goes wrong at random; a mapping is its ``mix``.
    seed : int, default 0
        Decides, with a request's place in the book, what goes wrong.
    answers : mapping, optional
        Prompt to answer; ``{"echo": True}`` answers every other prompt with itself. By default the
        text is a digest of model and prompt.
    rpm, tpm : int or mapping of str to int, optional
        Requests and billed tokens that each model, or the models named, may use in a window. Every
        reply then tells, as its vendor would, what is allowed, what is left and when it is back.
    max_concurrency : int, optional
        Requests that may be in flight at the same time.
    window : float, default 60.0
        Seconds that ``rpm`` and ``tpm`` look back.

    Examples
    --------
    >>> with LoopbackServer({"gpt-4o-mini": (0.15, 0.60)}) as server:
    ...     server.script(["429-seconds", "reset-middle"])
    ...     server.book().requests
    0
    """

    def __init__(
        self,
        prices: Mapping[str, tuple[Price, Price]],
        *,
        latency: float = 0.0,
        faults: Faults | Mapping[str, float] | None = None,
        seed: int = 0,
        answers: Mapping[str, str | bool] | None = None,
        rpm: PerModel = None,
        tpm: PerModel = None,
        max_concurrency: int | None = None,
        window: float = 60.0,
    ) -> None:
        self._settings = Settings(
            prices={model: _pico(price) for model, price in prices.items()},
            latency=latency,
            seed=seed,
            answers=dict(answers or {}),
            rpm=_per_model(rpm, prices),
            tpm=_per_model(tpm, prices),
            max_concurrency=math.inf if max_concurrency is None else max_concurrency,
            window=window,
            faults=faults if isinstance(faults, Faults) else Faults(mix=dict(faults or {})),
        )
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        """Start the process and wait until it listens."""
        self._process = _start()
        try:
            self._port = _greet(self._process, self._settings)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            _stop(process)

    @property
    def openai_url(self) -> str:
        """The ``base_url`` for OpenAI's client."""
        return f"{self.anthropic_url}/v1"

    @property
    def anthropic_url(self) -> str:
        """The ``base_url`` for Anthropic's client."""
        self._check_running()
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The identifier of the server's process."""
        return self._check_running().pid

    def book(self) -> Book:
        """Fetch the truth.

        Returns
        -------
        Book
            As it stands now; requests in flight have no ``finished`` yet.
        """
        return read(self._control("GET", "/book"))

    def reset(self) -> None:
        """Begin again: an empty book, no script, empty windows, the random mix from its start.

        Requests still in flight stay in the old book.
        """
        self._control("DELETE", "/book")

    def script(self, names: Iterable[str]) -> None:
        """Set what happens to the next requests, in order; afterwards the mix decides again.

        Parameters
        ----------
        names : iterable of str
            Names in `orchkit.testing.FAULTS`, ``"ok"`` among them. They replace what is left of
            an earlier script. Requests refused as malformed, unknown or over a limit use up none.
        """
        names = list(names)
        check_names(names)
        self._control("PUT", "/script", names)

    def _control(self, method: str, path: str, payload: object = None) -> Any:
        # http.client, because urllib would obey a proxy from the environment.
        self._check_running()
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, json.dumps(payload))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def _check_running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the server runs only inside its `with` block")
        return self._process


def _pico(price: tuple[Price, Price]) -> tuple[int, int]:
    return pico_per_token(price[0]), pico_per_token(price[1])


def _per_model(limit: PerModel, models: Iterable[str]) -> dict[str, int]:
    if isinstance(limit, Mapping):
        return dict(limit)
    return {} if limit is None else dict.fromkeys(models, limit)


def _start() -> subprocess.Popen[str]:
    # The child must find what the parent found, whatever put it on the parent's path.
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return subprocess.Popen(  # noqa: S603 - a file of this package
        [sys.executable, "-P", str(Path(__file__).with_name("__main__.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": path},
    )


def _greet(process: subprocess.Popen[str], settings: Settings) -> int:
    stdin, stdout = _pipes(process)
    # A process that is already dead is recognised below, by its silence.
    with suppress(BrokenPipeError):
        stdin.write(settings.to_json() + "\n")
        stdin.flush()
    if not (ready := stdout.readline()):
        raise RuntimeError("the server process ended at once; its stderr says why")
    return int(json.loads(ready)["port"])


def _stop(process: subprocess.Popen[str]) -> None:
    for pipe in _pipes(process):
        # A dead process cannot take what was still to be written.
        with suppress(BrokenPipeError):
            pipe.close()
    try:
        process.wait(GOODBYE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the server process was started without pipes")
    return process.stdin, process.stdout
