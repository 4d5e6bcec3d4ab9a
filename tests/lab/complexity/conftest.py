"""A small labelled set that can be learnt, and a classifier fitted to it."""

from __future__ import annotations

import pytest

from orchkit.core.catalog import Tier
from orchkit.lab.complexity import ComplexityClassifier
from orchkit.lab.datasets import load_dataset

Labelled = tuple[list[str], list[str]]


@pytest.fixture(scope="session")
def labelled() -> Labelled:
    """Give 200 prompts of the cold-start set with their tiers."""
    frame = load_dataset("complexity").head(200)
    return frame["prompt"].tolist(), frame["complexity"].tolist()


@pytest.fixture(scope="session")
def fitted(labelled: Labelled) -> ComplexityClassifier:
    """Give a classifier that looks at words."""
    return ComplexityClassifier().fit(*labelled)


@pytest.fixture(scope="session")
def tiers() -> list[str]:
    """Give the names of the tiers in order."""
    return [tier.value for tier in Tier]
