"""The process with the canary keys: does everything, and writes down all that can be seen of it.

``python -m benchmarks.reliability.secretive FOLDER``; what it prints and writes is searched.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

import orchkit
from benchmarks.billed import CHAIN, prices
from orchkit.testing import FAULTS, LoopbackServer
from orchkit.ui.session import SESSION

#: What only takes time: each is one refusal more, of the same words.
_SLOW = {"drip", "oversize", "oversize-gzip", "rate-limited", "crowded"}
_SLOW |= {
    name for name in FAULTS if name.startswith("429-") and name not in ("429-quota", "429-hour")
}


class Witness:
    """Writes down whatever is given it, in every way that it can be looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        """Do something, and write down what came of it, be it an error."""
        try:
            seen = work()
        except BaseException as error:  # noqa: BLE001 - errors are what keys leak through
            self._error(name, error)
            return None
        for form, text in _views(seen):
            self.write(f"{name}.{form}", text)
        return seen

    def write(self, name: str, told: bytes | str) -> None:
        """Write one file."""
        self.count += 1
        raw = told if isinstance(told, bytes) else told.encode("utf-8", "backslashreplace")
        (self.folder / f"{self.count:04}-{name.replace('/', '-')}").write_bytes(raw)

    def _error(self, name: str, error: BaseException) -> None:
        seen = traceback.TracebackException.from_exception(error, capture_locals=True)
        self.write(f"{name}.traceback", "".join(seen.format()))
        self.write(f"{name}.error", repr((error, error.args, vars(error), error.__cause__)))
        self.write(f"{name}.error.pickle", _pickled(error))


def _pickled(seen: Any) -> bytes:
    try:
        return pickle.dumps(seen)
    except Exception as error:  # noqa: BLE001 - a refusal to be pickled is an answer, too
        return repr(error).encode()


def _views(seen: Any) -> Iterator[tuple[str, bytes | str]]:
    """Yield an object as text, as a pickle, as HTML, as CSV, as JSON, where it can be that."""
    yield "repr", f"{seen!r}\n{seen}"
    yield "pickle", _pickled(seen)
    yield "held", "\n".join(_held(seen))
    if hasattr(seen, "_repr_html_"):
        yield "html", str(seen._repr_html_())
    if hasattr(seen, "to_json"):
        yield "json", seen.to_json(**_default(seen))
    if isinstance(seen, pd.DataFrame):
        yield "csv", seen.to_csv()
        yield "records", repr(seen.to_dict("records"))


def _default(seen: Any) -> dict[str, Any]:
    return {"default_handler": str, "orient": "table"} if isinstance(seen, pd.DataFrame) else {}


def _held(seen: Any, depth: int = 8) -> Iterator[str]:
    """Yield the texts that can be reached through an object's attributes and items."""
    if isinstance(seen, str | bytes):
        yield repr(seen)
    elif depth and not isinstance(seen, type) and type(seen).__module__ != "pandas":
        inner = list(seen.values()) if isinstance(seen, dict) else []
        inner += list(seen) if isinstance(seen, list | tuple | set | frozenset) else []
        inner += vars(seen).values() if hasattr(seen, "__dict__") and not callable(seen) else []
        for each in inner:
            yield from _held(each, depth - 1)


def main(folder: Path) -> None:
    """Do everything there is to do with keys in the environment."""
    logging.basicConfig(level=logging.DEBUG, filename=folder / "debug.log")
    logging.captureWarnings(capture=True)
    warnings.simplefilter("always")
    witness = Witness(folder)
    with LoopbackServer(prices(), latency=0.005) as openai, LoopbackServer(prices()) as anthropic:
        os.environ["OPENAI_BASE_URL"] = openai.openai_url
        os.environ["ANTHROPIC_BASE_URL"] = anthropic.anthropic_url
        local = {"input_price": 1, "output_price": 1, "base_url": openai.openai_url}
        orchkit.add_model("local", id=CHAIN[0], key_env="LOCAL_KEY", **local)
        orchkit.use("live", retries=1, timeout=2)
        _verbs(witness, folder)
        _misuse(witness)
        _failures(witness, openai, anthropic)
        _insides(witness)
        books = (openai.book(), anthropic.book())
    keyed = [sum(entry.key_present for entry in book.entries) for book in books]
    print(json.dumps({"keyed": keyed, "views": witness.count}), flush=True)


def _frame(rows: int = 6) -> pd.DataFrame:
    return pd.DataFrame({"prompt": [f"Explain number {n} in one line" for n in range(rows)]})


def _verbs(witness: Witness, folder: Path) -> None:
    """Use every verb as it is meant."""
    frame = _frame()
    for strategy in ("cheapest", "ensemble", *CHAIN[:2], "local"):
        witness(f"route-{strategy}", lambda named=strategy: frame.orch.route(named))
    witness("fallback", lambda: frame.orch.route("fallback", chain=CHAIN, threshold=0.99))
    witness("estimate", lambda: frame.orch.estimate("fallback"))
    witness("compare", lambda: frame.orch.compare(["cheapest", "ensemble"]))
    witness("one", lambda: orchkit.run_orchestration("Why?", "local"))
    witness("models", orchkit.models)
    recorded = witness("record", lambda: frame.orch.record(["local", CHAIN[1]]))
    if recorded is not None:
        witness("save", lambda: recorded.save(folder / "matrix.parquet"))
        witness("replay", lambda: recorded.route("cheapest"))
    if hasattr(orchkit, "to_csv"):
        witness("csv", lambda: orchkit.to_csv(frame.orch.route("local"), folder / "out.csv"))
    for figures in ("stats", "report"):
        witness(f"costs-{figures}", lambda named=figures: getattr(orchkit.costs, named)())


def _failures(witness: Witness, *servers: LoopbackServer) -> None:
    """Have everything go wrong that a server can do."""
    # Last what pauses a model: nothing would be sent to it after that.
    for name in sorted(FAULTS.keys() - _SLOW, key=lambda fault: (fault.startswith("429"), fault)):
        for server in servers:
            server.script([name] * 4)
        for model in (CHAIN[0], CHAIN[1], "local"):
            witness(f"{name}-{model}", lambda m=model: _frame(1).orch.route(m, cache=False))
            witness(
                f"{name}-{model}", lambda m=model: orchkit.run_orchestration("?", m, cache=False)
            )
    for server in servers:
        server.script([])


def _misuse(witness: Witness) -> None:
    """Be wrong, be interrupted, and have one's own parts break in the middle of a run."""
    frame = _frame()
    witness("name", lambda: frame.orch.route("gpt-6-lnua"))
    witness("cap", lambda: frame.orch.route(CHAIN[0], budget=float("nan")))
    witness("budget", lambda: orchkit.run_orchestration("?", CHAIN[0], max_cost=0, cache=False))
    witness("signal", lambda: frame.orch.route("fallback", confidence=_broken, cache=False))
    witness("interrupt", _interrupted)
    witness("interrupted", orchkit.last_run)
    address = os.environ["OPENAI_BASE_URL"]
    for elsewhere in ("http://example.com/v1", "http://127.0.0.1:9/v1", "nonsense"):
        os.environ["OPENAI_BASE_URL"] = elsewhere
        witness("address", lambda: frame.orch.route(CHAIN[0], cache=False))
    os.environ["OPENAI_BASE_URL"] = address


def _interrupted() -> pd.DataFrame:
    """Be interrupted in the middle of a run, and at no other time."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        return _frame(2000).orch.route(CHAIN[0], cache=False, concurrency=2, progress=False)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _broken(*_: Any) -> float:
    raise RuntimeError("a confidence that breaks")


def _insides(witness: Witness) -> None:
    """Look at the session as a debugger would, and try to take its providers away."""
    witness("session", lambda: vars(SESSION).copy() and repr(vars(SESSION)))
    for name, value in vars(SESSION).items():
        witness(f"session-{name}", lambda seen=value: repr(seen))
        witness(f"session-{name}", lambda seen=value: pickle.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
