"""``python -m benchmarks.throughput [--short]``: the bare SDK and orchkit in turn; a warm cache.

Client and server share this machine: on few cores the figures at 0 ms are those of the server.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

from benchmarks.reliability.ground import PRICES
from benchmarks.reliability.promises import Promises
from benchmarks.throughput import warm
from orchkit.testing import LoopbackServer

ROUNDS = 3
SIDES = ("bare", "orchkit")
#: Latency in ms -> requests in flight -> rows of one round.
CELLS = {0: {8: 2000, 64: 2000, 256: 2000}, 50: {8: 320, 64: 2000, 256: 2000}}
LEAST_RATIO, MOST_OWN_CPU = 0.9, 0.15
JUDGED = (50, 64)


class Side:
    """A racing process: told how many rows and how many in flight, it says how long it took."""

    def __init__(self, side: str, vendor: str, url: str) -> None:
        command = [sys.executable, "-m", "benchmarks.throughput.side", side, vendor, url]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)  # noqa: S603

    def race(self, rows: int, in_flight: int) -> dict[str, float]:
        """Return what one race measured; RuntimeError unless every row was answered."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        print(rows, in_flight, file=stdin, flush=True)
        said: dict[str, float] = json.loads(stdout.readline() or "{}")
        if said.get("answered") != rows:
            raise RuntimeError(f"of {rows} rows {said.get('answered')} were answered")
        return said

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@dataclass(frozen=True)
class Cell:
    """What was found for one vendor, latency and number in flight."""

    vendor: str
    latency: int
    in_flight: int
    rows: int
    found: dict[str, list[dict[str, float]]]

    def speed(self, side: str) -> float:
        """Return calls a second, the median of the rounds."""
        return self.rows / median(race["wall"] for race in self.found[side])

    def cpu(self, side: str) -> float:
        """Return milliseconds of CPU a call, the median of the rounds."""
        return 1e3 * median(race["cpu"] for race in self.found[side]) / self.rows

    @property
    def ratio(self) -> float:
        """Our speed as a share of the bare SDK's."""
        return self.speed("orchkit") / self.speed("bare")

    @property
    def own(self) -> float:
        """Milliseconds of CPU a call that are ours."""
        return self.cpu("orchkit") - self.cpu("bare")

    def __str__(self) -> str:
        speeds = "".join(f"{self.speed(side):10,.0f}" for side in SIDES)
        cpus = "".join(f"{self.cpu(side):10.3f}" for side in SIDES)
        place = f"{self.vendor:10}{self.latency:5}{self.in_flight:10}"
        return f"{place}{speeds}{self.ratio:8.2f}{cpus}{self.own:9.3f}"


HEAD = (
    f"{'vendor':10}{'ms':>5}{'in flight':>10}{'bare/s':>10}{'orchkit/s':>10}{'ratio':>8}"
    f"{'bare ms':>10}{'our ms':>10}{'own ms':>9}   (ms of CPU a call)"
)


def cells(vendors: list[str], wanted: dict[int, dict[int, int]]) -> Iterator[Cell]:
    """Race both sides in turn in each cell."""
    for vendor in vendors:
        for latency, sizes in wanted.items():
            with _sides(vendor, latency) as sides:
                for in_flight, rows in sizes.items():
                    yield _cell(vendor, latency, in_flight, rows, sides)


@contextmanager
def _sides(vendor: str, latency: int) -> Iterator[dict[str, Side]]:
    with ExitStack() as stack:
        server = stack.enter_context(LoopbackServer(PRICES, latency=latency / 1e3))
        os.environ["ORCHKIT_HOME"] = stack.enter_context(tempfile.TemporaryDirectory())
        sides = {side: Side(side, vendor, server.anthropic_url) for side in SIDES}
        for side in sides.values():
            stack.callback(side.close)
        yield sides


def _cell(vendor: str, latency: int, in_flight: int, rows: int, sides: dict[str, Side]) -> Cell:
    for side in sides.values():  # connections are opened once, before the race
        side.race(2 * in_flight, in_flight)
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(ROUNDS):
        for side in SIDES:
            found[side].append(sides[side].race(rows, in_flight))
    return Cell(vendor, latency, in_flight, rows, found)


def main() -> int:
    """Print the table and the verdict; 0 when every promise held."""
    parser = argparse.ArgumentParser(prog="benchmarks.throughput", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one cell, and a small warm cache")
    short = parser.parse_args().short
    promises = Promises()
    print(f"load average {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores before")
    print(HEAD)
    vendors = ["openai"] if short else ["openai", "anthropic"]
    for cell in cells(vendors, {50: {64: 600}} if short else CELLS):
        print(cell, flush=True)
        if (cell.latency, cell.in_flight) == JUDGED:
            _judge(promises, cell)
    warm.measure(promises, 2_000 if short else 20_000)
    print(f"load average {os.getloadavg()[0]:.2f} after")
    return promises.code


def _judge(promises: Promises, cell: Cell) -> None:
    where = f"{cell.vendor}, {cell.latency} ms, {cell.in_flight} in flight"
    said = f"{where}: at least {LEAST_RATIO} of the bare SDK's speed"
    promises.tell(cell.ratio >= LEAST_RATIO, said, f"{cell.ratio:.2f}")
    said = f"{where}: at most {MOST_OWN_CPU} ms of CPU a call are ours"
    promises.tell(cell.own <= MOST_OWN_CPU, said, f"{cell.own:.3f} ms")


if __name__ == "__main__":
    sys.exit(main())
