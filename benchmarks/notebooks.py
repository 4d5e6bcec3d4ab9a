"""Execute the notebooks and store what they show.

``python -m benchmarks.notebooks [PATH …]``: offline, in a fresh kernel each, with an empty home and
no key. A second run changes nothing: neither times, nor state of widgets, nor the machine's Python
are stored. ``pytest --nbval notebooks`` holds the notebooks against what is stored.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
#: Seconds a cell may take.
TIMEOUT = 120
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_OTHERS = ("OPENAI_", "ANTHROPIC_", "ORCHKIT_", "MPLBACKEND")
_WIDGET = "application/vnd.jupyter.widget-view+json"


def environment(home: str) -> dict[str, str]:
    """Return a newcomer's environment: an empty home, no key, no server, no progress bars.

    >>> environment("home")["ORCHKIT_HOME"]
    'home'
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    return kept | {"ORCHKIT_HOME": home, "TQDM_DISABLE": "1"}


def executed(notebook: Any, folder: Path) -> Any:
    """Return the notebook as a fresh kernel leaves it, with nothing that differs between runs."""
    from nbclient import NotebookClient

    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=TIMEOUT,
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        client.execute(env=environment(home))
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = {name: cell.metadata[name] for name in ("tags",) if name in cell.metadata}
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(_WIDGET, None)  # its static twins stand beside it
    return notebook


def store(path: Path) -> None:
    """Execute one notebook, and write it over itself."""
    notebook = executed(nbformat.read(path, as_version=4), path.parent)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for each in map(Path, sys.argv[1:] or sorted(NOTEBOOKS.glob("*.ipynb"))):
        store(each)
        print(f"{each.name}: {each.stat().st_size / 1e3:,.0f} kB")
