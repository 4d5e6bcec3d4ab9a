"""What a type checker makes of orchkit where it is installed: a user's file, line by line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import orchkit

#: After ``# R`` the type that is revealed, after ``# E`` the kind of error: these and no others.
USER = """
import numpy as np
import pandas as pd

import orchkit

df = pd.DataFrame({"prompt": ["What is 2+2?"], "reference": ["4"]})
chain = orchkit.Fallback(("gpt-4o-mini", "gpt-4o"), threshold=0.7)

reveal_type(orchkit.load_dataset("everyday"))  # R pandas.core.frame.DataFrame
reveal_type(orchkit.route(df, chain, budget=0.5))  # R pandas.core.frame.DataFrame
cmp = orchkit.compare(df, ["cheapest", chain, orchkit.Single("gpt-4o")])
reveal_type(cmp)  # R orchkit.ui.comparison.Comparison
reveal_type(cmp.summary(margin=0.02))  # R pandas.core.frame.DataFrame
reveal_type(cmp.results)  # R pandas.core.frame.DataFrame
reveal_type(cmp.plot())  # R matplotlib.axes._axes.Axes
reveal_type(cmp.to_html("report.html"))  # R pathlib.Path
reveal_type(orchkit.plots.cost_quality(cmp.summary()))  # R matplotlib.axes._axes.Axes
mat = orchkit.record(df, ["gpt-4o-mini", "gpt-4o"])
reveal_type(mat)  # R orchkit.ui.recordings.ResponseMatrix
reveal_type(mat.sweep(chain, threshold=np.linspace(0, 1, 11)))  # R pandas.core.frame.DataFrame
reveal_type(mat.compare(["fallback"]))  # R orchkit.ui.comparison.Comparison
reveal_type(mat.split(test=0.5)[0])  # R orchkit.ui.recordings.ResponseMatrix
reveal_type(orchkit.ResponseMatrix.load("m.parquet"))  # R orchkit.ui.recordings.ResponseMatrix
reveal_type(orchkit.Fallback.fit(mat, max_loss=0.02))  # R orchkit.core.strategies.fallback.Fallback
reveal_type(orchkit.estimate(df, "fallback").worst_cost)  # R float
reveal_type(orchkit.run_orchestration("Hi").response)  # R str | None
reveal_type(orchkit.models())  # R pandas.core.frame.DataFrame
reveal_type(orchkit.stats.wilson(3, 4))  # R tuple[float, float]
reveal_type(orchkit.accessor.OrchAccessor(df).route("cheapest"))  # R pandas.core.frame.DataFrame
reveal_type(orchkit.dashboard(mat).code)  # R str
router = orchkit.LogisticRouter().fit(mat)
reveal_type(router.predict(["Why?"]))  # R pandas.core.frame.DataFrame
found = orchkit.evaluate_routers(mat, [router])
reveal_type(found.plot())  # R matplotlib.axes._axes.Axes

orchkit.route(df, "cheapest", treshold=0.5)  # E call-arg
orchkit.route("What is 2+2?")  # E arg-type
orchkit.route(df, "fallback", threshold="high")  # E arg-type
orchkit.route(df, 3)  # E arg-type
orchkit.compare(df, ["cheapest"], "reference")  # E call-arg
orchkit.Ensemble(size="three")  # E arg-type
cmp.sumary()  # E attr-defined
cmp.plot(ax="left")  # E arg-type
cmp.to_html(None)  # E arg-type
mat.route(chain, budget=1)  # E call-arg
orchkit.accessor.OrchAccessor(df).route(chian=["gpt-4o"])  # E call-arg
"""


@pytest.fixture(scope="module")
def checked(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, str]:
    """Check the file, as strictly as can be, against the package alone; give what is said of it.

    The package stands in a folder of its own on the path, as an installed one does: without its
    py.typed, all of it would be unknown. Folder and cache are kept, so that later checks are fast.
    """
    pytest.importorskip("mypy")
    kept = getattr(pytestconfig, "cache", None)  # there is none with -p no:cacheprovider
    place = Path(str(kept.mkdir("typing"))) if kept else tmp_path_factory.mktemp("typing")
    installed = place / "installed"
    installed.mkdir(exist_ok=True)
    package = installed / "orchkit"
    package.unlink(missing_ok=True)
    package.symlink_to(Path(orchkit.__file__).parent, target_is_directory=True)
    (place / "user.py").write_text(USER, "utf-8")
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            "--cache-dir=cache",
            "user.py",
        ],
        capture_output=True,
        check=False,
        cwd=place,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(installed)},
    )
    assert not ran.stderr
    return dict(_said(ran.stdout))


def _said(output: str) -> list[tuple[int, str]]:
    """Return of each line what is revealed (R), or what kind of error is seen (E)."""
    seen = []
    for line in output.splitlines():
        if revealed := re.match(r'user\.py:(\d+): note: Revealed type is "(.*)"', line):
            told = revealed[2].replace("builtins.", "").replace("Union[str, None]", "str | None")
            seen.append((int(revealed[1]), f"R {told}"))
        elif wrong := re.match(r"([\w./]+):(\d+): error: .*\[([\w-]+)\]$", line):
            assert wrong[1] == "user.py", line
            seen.append((int(wrong[2]), f"E {wrong[3]}"))
    return seen


@pytest.mark.timeout(600)
def test_a_users_file_is_understood(checked: dict[int, str]) -> None:
    """Frames are frames and figures Axes; a wrong word or type is an error, and nothing else is."""
    lines = enumerate(USER.splitlines(), 1)
    expected = {number: line.partition("  # ")[2] for number, line in lines if "  # " in line}
    assert checked == expected


def test_the_file_would_notice(checked: dict[int, str]) -> None:
    """Nothing that is revealed is unknown: with `Any` for a type, no misuse could be seen."""
    assert [told for told in checked.values() if "Any" in told] == []
    assert sum(told.startswith("E") for told in checked.values()) > 8
