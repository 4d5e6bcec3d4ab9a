from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from orchkit.core.predicting import told
from orchkit.errors import ParameterError


class Says:
    """A router that gives whatever it is made with."""

    def __init__(self, given: Any) -> None:
        self.given = given

    def predict(self, _: list[str]) -> Any:
        """Return what was given."""
        return self.given


def test_a_frame_and_mappings_say_the_same() -> None:
    """A frame texts × models is read as one mapping a text."""
    rows = [{"a": 0.5, "b": 1.0}, {"a": 0.0, "b": 0.25}]
    assert told(Says(pd.DataFrame(rows)), ["x", "y"]) == told(Says(rows), ["x", "y"]) == rows


@pytest.mark.parametrize("given", [None, [], [0.5], pd.DataFrame({"a": [1.0, 2.0]})])
def test_one_row_a_text_is_needed(given: Any) -> None:
    """Too few rows, too many, or rows that are no mappings are refused."""
    with pytest.raises(ParameterError, match="one each"):
        told(Says(given), ["x"])
