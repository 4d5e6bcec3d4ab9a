"""A row of a recording answers calls with what was recorded for them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from orchkit.core.calls import Call, Kind, Message, Response, Usage
from orchkit.core.catalog import NANO, Catalog
from orchkit.errors import NotRecorded
from orchkit.lab.longtable import answered

_NUMBERS = ["quality", "cost", "input_tokens", "output_tokens", "latency", "confidence"]


class Cells(Mapping[tuple[int, str], list[Response]]):
    """The responses of a long table, by prompt position and model; several where drawn so.

    A row with an `error` is none. They are made when they are asked for: a strategy asks for few of
    the cells of a large matrix.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        prompts, ids = pd.factorize(frame["prompt_id"])
        models, names = pd.factorize(frame["model"].to_numpy(object))
        self._models = {str(name): number for number, name in enumerate(names)}
        self._shape = len(ids), len(names)
        places = prompts * len(names) + models
        there = np.flatnonzero(answered(frame))
        # Equal places are draws, in order.
        self._rows = there[np.argsort(places[there], kind="stable")]
        counts = np.bincount(places[there], minlength=len(ids) * len(names))
        self._ends = np.concatenate([[0], np.cumsum(counts)]).tolist()
        self._numbers = frame[_NUMBERS].to_numpy(dtype="float64")
        self._texts = frame["response"].to_numpy(object)
        self._finishes = frame["finish_reason"].to_numpy(object)

    def __getitem__(self, key: tuple[int, str]) -> list[Response]:
        prompt, model = key
        place = prompt * self._shape[1] + self._models[model]
        start, end = self._ends[place], self._ends[place + 1]
        if start == end:
            raise KeyError(key)
        return [self._response(model, row) for row in self._rows[start:end].tolist()]

    def _response(self, model: str, row: int) -> Response:
        quality, cost, read, written, latency, sure = self._numbers[row].tolist()
        text, finish = self._texts[row], self._finishes[row]
        return response_of(model, text, quality, cost, read, written, latency, sure, finish)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        prompts, models = self._shape
        names = list(self._models)
        filled = (place for place in range(prompts * models) if self._count(place))
        return ((place // models, names[place % models]) for place in filled)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _count(self, place: int) -> int:
        return int(self._ends[place + 1] - self._ends[place])


class RecordedRow:
    """Answers the calls of one row from the recording, within the row's cost limit.

    The limit is checked against what the call could have cost, never against what it did: that
    would be deciding with knowledge a live run does not have. With `messages`, those of the prompt,
    a call that says anything else (of its answers, to a judge) was not recorded.
    """

    def __init__(
        self,
        cells: Cells,
        prompt: int,
        catalog: Catalog,
        cap: int | None,
        messages: tuple[Message, ...] | None = None,
    ) -> None:
        self.cells, self.prompt, self.catalog, self.left = cells, prompt, catalog, cap
        self.messages = messages

    def answer(self, calls: tuple[Call, ...]) -> tuple[Response, ...]:
        """Return one response a call, in order."""
        return tuple(self._one(call) for call in calls)

    def _one(self, call: Call) -> Response:
        model = self.catalog[call.model]
        if self.messages is not None and call.messages != self.messages:
            raise NotRecorded(f"what {model.name} was asked is not the prompt as it was recorded")
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
    told = isinstance(text, str)
    return Response(
        model,
        text if told else "",
        Usage(0 if math.isnan(read) else int(read), 0 if math.isnan(written) else int(written)),
        cost=None if math.isnan(cost) else round(cost * NANO),
        latency=latency,
        finish=_FINISHES.get(finish, "stop") if isinstance(finish, str) else "stop",
        # Unknown, not zero, for an answer without text.
        confidence=None if told and math.isnan(confidence) else confidence,
        provider="replay",
        extra={} if math.isnan(quality) else {"quality": quality},
    )


_FINISHES = {
    "length": "length",
    "max_tokens": "length",
    "refusal": "refusal",
    "content_filter": "refusal",
}
