from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from orchkit.errors import ColumnError, ParameterError
from orchkit.lab.pictures.latencies import QUANTILES, latency_quantiles


def test_quantiles_are_numpys() -> None:
    """Each strategy's quantiles are those of its known latencies."""
    taken = np.random.default_rng(0).lognormal(size=101)
    frame = pd.DataFrame({"strategy": "a", "latency": taken})
    table = latency_quantiles(frame)
    expected = np.quantile(taken, list(QUANTILES.values()))
    np.testing.assert_allclose(table[list(QUANTILES)].iloc[0].to_numpy(dtype=float), expected)


def test_failed_rows_are_left_out() -> None:
    """A row with an error does not count, one without a latency counts as unknown."""
    frame = pd.DataFrame(
        {
            "strategy": ["b", "b", "b", "a"],
            "latency": [1.0, 99.0, np.nan, np.nan],
            "error": [None, "Timeout: too late", None, None],
        }
    )
    table = latency_quantiles(frame)
    assert table[["strategy", "n", "unknown"]].to_numpy().tolist() == [["b", 1, 1], ["a", 0, 1]]
    assert table["p95"].iloc[0] == 1.0


@pytest.mark.parametrize("odd", ["soon", -1.0, float("inf")])
def test_odd_latencies_are_refused(odd: object) -> None:
    """A latency that is no number of 0 or more is named."""
    with pytest.raises(ColumnError, match="'latency' holds"):
        latency_quantiles(pd.DataFrame({"strategy": ["a"], "latency": [odd]}))


def test_what_is_no_frame_is_refused() -> None:
    """Anything but a frame is refused with what to pass."""
    with pytest.raises(ParameterError, match=r"list.*\.results"):
        latency_quantiles([1.0])  # type: ignore[arg-type]
