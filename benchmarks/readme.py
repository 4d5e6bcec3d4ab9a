"""Write the tables that commands print into README.

``python -m benchmarks.readme`` writes what ``orchkit bench everyday`` prints on the simulator; a
test holds the two against each other. With the FOLDER that `benchmarks.recorded` takes, the table
of held-out halves is written, too, which takes minutes.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import orchkit
from benchmarks.recorded import halves, zeroeval
from orchkit.ui.bench import bench

README = Path(__file__).parents[1] / "README.md"
RECORDED = re.compile(r"(<!-- recorded:begin -->\n).*(<!-- recorded:end -->)", re.DOTALL)
BLOCK = re.compile(r"(<!-- bench:begin -->\n).*(<!-- bench:end -->)", re.DOTALL)


def table() -> str:
    """Return what the command prints with no key."""
    with tempfile.TemporaryDirectory() as folder, orchkit.use("simulator", cache_dir=folder):
        return f"```text\n{bench(orchkit.load_dataset('everyday'))!r}\n```\n"


def recorded_table(folder: Path) -> str:
    """Return what strategies come to on recorded answers."""
    return f"```text\n{halves(zeroeval(folder))}\n```\n"


if __name__ == "__main__":
    written = BLOCK.sub(lambda found: found[1] + table() + found[2], README.read_text("utf-8"))
    if len(sys.argv) > 1:
        told = recorded_table(Path(sys.argv[1]))
        written = RECORDED.sub(lambda found: found[1] + told + found[2], written)
    README.write_text(written, "utf-8")
