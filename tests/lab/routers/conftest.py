"""A recording whose words tell which model is right, made up and small."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from orchkit.lab.matrix import Matrix

TOPICS = {
    "algebra": "solve the equation for x and simplify the polynomial",
    "history": "which king ruled the empire after the war of succession",
    "coding": "write a python function that sorts a list of numbers",
}
#: How likely small and large are right, by topic: large gains most in algebra, none in history.
RIGHT = {"algebra": (0.2, 0.9), "history": (0.7, 0.7), "coding": (0.6, 0.9)}


def made(n: int, seed: int = 0, *, graded: bool = False) -> Matrix:
    """Return a recording of `n` prompts × 2 models; longer prompts cost more."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        topic = list(TOPICS)[number % 3]
        words = TOPICS[topic].split()
        text = " ".join(rng.permutation(words)[: rng.integers(4, len(words))])
        for model, right, price in zip(("small", "large"), RIGHT[topic], (1, 10), strict=True):
            quality = float(rng.random() < right)
            quality = 0.25 + quality / 2 if graded else quality
            rows.append((number, f"{text} {number}", model, quality, price * len(text) * 1e-7))
    frame = pd.DataFrame(rows, columns=["prompt_id", "prompt", "model", "quality", "cost"])
    topics = [list(TOPICS)[number % 3] for number in frame["prompt_id"]]
    return Matrix(frame.assign(topic=topics))


@pytest.fixture(scope="session")
def small() -> Matrix:
    """Give a recording to learn from."""
    return made(150)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep small matrices on one thread: on a busy machine several wait for each other."""
    with threadpool_limits(1):
        yield
