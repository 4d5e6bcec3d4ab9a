"""``df.orch``: stateless; each method is the function of the same name with the frame put first."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import pandas as pd

from orchkit.ui import exporting, judging, labelling, verbs


def _method(verb: Callable[..., Any]) -> Any:
    """Return the verb as a method: same signature, same words."""

    @wraps(verb)
    def method(self: OrchAccessor, *args: Any, **options: Any) -> Any:
        return verb(self._frame, *args, **options)

    return method


@pd.api.extensions.register_dataframe_accessor("orch")
class OrchAccessor:
    """Route the prompts of a frame, and measure: ``df.orch.route()`` is ``orchkit.route(df)``."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    route = _method(verbs.route)
    compare = _method(verbs.compare)
    estimate = _method(verbs.estimate)
    record = _method(verbs.record)
    judge = _method(judging.judge)
    label_tiers = _method(labelling.label_tiers)
    to_csv = _method(exporting.to_csv)
