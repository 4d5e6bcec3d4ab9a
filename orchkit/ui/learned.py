"""``complexity="learned"``: a classifier trained on the cold-start set, when it is asked for."""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchkit.core.calls import digest
from orchkit.errors import CacheWarning, StoreError, tell
from orchkit.lab.complexity import ComplexityClassifier
from orchkit.lab.datasets import load_dataset
from orchkit.runtime.private import private_folder
from orchkit.ui.session import home
from orchkit.ui.terminal import say

LEARNED = "learned"


def judge(complexity: Any, columns: Container[Any] = ()) -> Any:
    """Return the classifier that ``"learned"`` stands for; anything else as it is.

    A column of that name comes first: what a frame holds is never passed over in silence.

    Examples
    --------
    >>> judge("learned", ["prompt", "learned"]), judge(None)
    ('learned', None)
    """
    if not isinstance(complexity, str) or complexity != LEARNED or LEARNED in columns:
        return complexity
    return cold_start(home())


@cache
def cold_start(folder: Path) -> ComplexityClassifier:
    """Return the classifier of the cold-start set, from a folder or trained into it; say so once.

    It is kept as ``complexity-….skops``, named by the digest of what it was trained on and with.
    """
    frame = load_dataset("complexity")
    made_of = [version("scikit-learn"), frame.to_csv(index=False), repr(ComplexityClassifier())]
    path = folder / f"complexity-{digest(made_of)[:16]}.skops"
    found = _kept(path)
    _say(path, len(frame), trained=found is None)
    if found is not None:
        return found
    fresh = ComplexityClassifier().fit(frame["prompt"], frame["complexity"])
    try:
        private_folder(folder)
        fresh.save(path)
    except (StoreError, OSError) as error:
        tell(f"The classifier is not kept, and is trained anew next time: {error}.", CacheWarning)
    return fresh


def _kept(path: Path) -> ComplexityClassifier | None:
    """Return the classifier that is kept there, or None; what is damaged is trained anew."""
    if not path.exists():
        return None
    try:
        return ComplexityClassifier.load(path)
    except StoreError as error:
        tell(f"{error} It is trained anew.", CacheWarning)
        return None


def _say(path: Path, prompts: int, *, trained: bool) -> None:
    how = "being trained now, and kept in" if trained else "kept in"
    say(
        f'orchkit: complexity="learned" is a classifier of the {prompts} prompts of the cold-start '
        f'set (orchkit.load_dataset("complexity")), not of yours; it is {how} {path}. '
        "ComplexityClassifier().fit(texts, tiers) makes one of your own."
    )
