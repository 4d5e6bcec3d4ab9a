"""Write the table that ``orchkit bench everyday`` prints on the simulator into README.

``python -m benchmarks.readme``; a test holds the two against each other.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import orchkit
from orchkit.ui.bench import bench

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- bench:begin -->\n).*(<!-- bench:end -->)", re.DOTALL)


def table() -> str:
    """Return what the command prints with no key."""
    with tempfile.TemporaryDirectory() as folder, orchkit.use("simulator", cache_dir=folder):
        return f"```text\n{bench(orchkit.load_dataset('everyday'))!r}\n```\n"


if __name__ == "__main__":
    written = BLOCK.sub(lambda found: found[1] + table() + found[2], README.read_text("utf-8"))
    README.write_text(written, "utf-8")
