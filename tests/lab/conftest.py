"""The same bounds on every law as in tests/core, for a run of this room alone; a recording."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from orchkit.core.catalog import NANO

Table = Callable[..., pd.DataFrame]

settings.register_profile("orchkit", deadline=None, max_examples=50)
settings.load_profile("orchkit")


@pytest.fixture(scope="session")
def table() -> Table:
    """Give a function that makes a recording of models a, b, c: each dearer and better."""

    def made(n: int = 60, seed: int = 0, models: Sequence[str] = "abc") -> pd.DataFrame:
        drawn = np.random.default_rng(seed)
        rows = [
            {
                "prompt_id": f"p{row}",
                "prompt": "What is it?" + "!" * (row % 7),
                "model": model,
                "quality": float(drawn.random() < 0.5 + 0.15 * place),
                "cost": int(drawn.integers(5_000, 15_000)) * 4**place / NANO,
                "response": str(drawn.integers(2)),
            }
            for row in range(n)
            for place, model in enumerate(models)
        ]
        frame = pd.DataFrame(rows)
        noise = drawn.random(len(frame))
        return frame.assign(confidence=np.round(0.6 * noise + 0.4 * frame["quality"], 2))

    return made
