"""A row of a recording answers calls with what was recorded for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from orchkit.core.calls import Call, Kind, Response, Usage
from orchkit.core.catalog import NANO, Catalog
from orchkit.errors import NotRecorded

if TYPE_CHECKING:
    from orchkit.lab.matrix import Matrix


class RecordedRow:
    """Answers the calls of one row from the recording, within the row's cost limit.

    The limit is checked against what the call could have cost, never against what it did: that
    would be deciding with knowledge a live run does not have.
    """

    def __init__(self, matrix: Matrix, prompt: int, catalog: Catalog, cap: int | None) -> None:
        self.cells, self.prompt, self.catalog, self.left = matrix.cells, prompt, catalog, cap

    def answer(self, calls: tuple[Call, ...]) -> tuple[Response, ...]:
        """Return one response a call, in order."""
        return tuple(self._one(call) for call in calls)

    def _one(self, call: Call) -> Response:
        model = self.catalog[call.model]
        drawn = self.cells.get((self.prompt, model.name))
        if not drawn or call.draw >= len(drawn):
            which = f" (draw {call.draw})" if drawn else ""
            raise NotRecorded(f"no response of {model.name} to this prompt{which}")
        response = drawn[call.draw]
        if self.left is None:
            return response
        bound = model.bound(call.messages, call.params.max_tokens)
        if bound is None or bound > self.left:
            return Response.failed(model.name, Kind.BudgetExceeded)
        self.left -= bound if response.cost is None else response.cost
        return response


def response_of(
    model: str, text: Any, quality: float, cost: float, read: float, written: float,
    latency: float, confidence: float, finish: Any,
) -> Response:  # fmt: skip
    """Return one recorded cell as a response; what was not recorded stays unknown."""
    finish = finish if isinstance(finish, str) else "stop"
    return Response(
        model,
        text if isinstance(text, str) else "",
        Usage(0 if math.isnan(read) else int(read), 0 if math.isnan(written) else int(written)),
        cost=None if math.isnan(cost) else round(cost * NANO),
        latency=latency,
        finish=_FINISHES.get(finish, "stop"),
        confidence=_confidence(text, confidence),
        provider="replay",
        extra={} if math.isnan(quality) else {"quality": quality},
    )


_FINISHES = {
    "length": "length",
    "max_tokens": "length",
    "refusal": "refusal",
    "content_filter": "refusal",
}


def _confidence(text: Any, confidence: float) -> float | None:
    """Return the recorded confidence; unknown, not zero, for an answer without text."""
    return None if math.isnan(confidence) and isinstance(text, str) else confidence
