"""Write what commands print and draw into README.

``python -m benchmarks.readme`` writes what ``orchkit bench everyday`` prints on the simulator; a
test holds the two against each other. With the FOLDER that `benchmarks.recorded` takes, the figure
is drawn and the table of held-out halves is written, too, which takes minutes.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import orchkit
from benchmarks.recorded import AGREE, CHEAP, SINGLES, halves, zeroeval
from orchkit.ui.bench import bench

README = Path(__file__).parents[1] / "README.md"
FIGURE = README.parent / "notebooks" / "figures" / "recorded.png"
RECORDED = re.compile(r"(<!-- recorded:begin -->\n).*(<!-- recorded:end -->)", re.DOTALL)
BLOCK = re.compile(r"(<!-- bench:begin -->\n).*(<!-- bench:end -->)", re.DOTALL)


def table() -> str:
    """Return what the command prints with no key."""
    with tempfile.TemporaryDirectory() as folder, orchkit.use("simulator", cache_dir=folder):
        return f"```text\n{bench(orchkit.load_dataset('everyday'))!r}\n```\n"


def recorded_table(folder: Path) -> str:
    """Return what strategies come to on recorded answers."""
    return f"```text\n{halves(zeroeval(folder))}\n```\n"


def draw(folder: Path) -> None:
    """Draw what strategies and models come to on one half of the recorded answers."""
    _, half = zeroeval(folder).split(test=0.5, seed=0)
    shown = half.subset(models=[*CHEAP[:1], *SINGLES])
    figure = shown.compare(["cheapest", "ensemble", AGREE]).plot().figure
    figure.savefig(FIGURE, dpi=110)


if __name__ == "__main__":
    written = BLOCK.sub(lambda found: found[1] + table() + found[2], README.read_text("utf-8"))
    if len(sys.argv) > 1:
        FIGURE.parent.mkdir(exist_ok=True)
        draw(Path(sys.argv[1]))
        told = recorded_table(Path(sys.argv[1]))
        written = RECORDED.sub(lambda found: found[1] + told + found[2], written)
    README.write_text(written, "utf-8")
