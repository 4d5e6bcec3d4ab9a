"""A row of a recording answers calls with what was recorded for them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from orchkit.core.calls import Call, Kind, Message, Response, Usage
from orchkit.core.catalog import NANO, Catalog
from orchkit.errors import NotRecorded
from orchkit.lab.longtable import answered

#: What a response is made of, in the order `response_of` takes it, after the model.
_PARTS = (
    "response", "quality", "cost", "input_tokens", "output_tokens", "latency", "confidence",
    "finish_reason",
)  # fmt: skip
#: Prompts whose cells are read at once.
_STRETCH = 1_024


class Cells(Mapping[tuple[int, str], list[Response]]):
    """The responses of a long table, by prompt position and model; several where drawn so.

    A row with an `error` is none. They are made when they are asked for: a strategy asks for few of
    the cells of a large matrix. What they are made of is read for many prompts at once, because
    prompts are replayed one after another.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        prompts, ids = pd.factorize(frame["prompt_id"])
        models, names = pd.factorize(frame["model"].to_numpy(object))
        self._models = {str(name): number for number, name in enumerate(names)}
        self._prompts = len(ids)
        places = models * len(ids) + prompts
        there = np.flatnonzero(answered(frame))
        # Equal places are draws, in order.
        self._rows = there[np.argsort(places[there], kind="stable")]
        counts = np.bincount(places[there], minlength=len(ids) * len(names))
        self._ends = np.concatenate([[0], np.cumsum(counts)])
        self._columns = [frame[name].array for name in _PARTS]
        self._read: dict[str, Stretch] = {}

    def __getitem__(self, key: tuple[int, str]) -> list[Response]:
        stretch, cells = self.find(*key)
        if not cells:
            raise KeyError(key)
        return [stretch.response(cell) for cell in cells]

    def find(self, prompt: int, model: str) -> tuple[Stretch, range]:
        """Return where the cell is, and the places of its draws there: none if none is recorded."""
        stretch = self._read.get(model)
        if stretch is None or prompt not in stretch.prompts:
            stretch = self._read[model] = self._stretch(prompt, model)
        place = prompt - stretch.prompts.start
        return stretch, range(stretch.ends[place], stretch.ends[place + 1])

    def _stretch(self, prompt: int, model: str) -> Stretch:
        """Read the cells of one model, for the prompts around this one."""
        if model not in self._models or not 0 <= prompt < self._prompts:
            return Stretch(model, range(prompt, prompt + 1), [0, 0], ())
        first = prompt - prompt % _STRETCH
        prompts = range(first, min(first + _STRETCH, self._prompts))
        start = self._models[model] * self._prompts + first
        ends = self._ends[start : start + len(prompts) + 1]
        rows = self._rows[ends[0] : ends[-1]]
        parts = tuple([column.take(rows).to_numpy().tolist() for column in self._columns])
        return Stretch(model, prompts, (ends - ends[0]).tolist(), parts)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        keys = ((prompt, model) for prompt in range(self._prompts) for model in self._models)
        return (key for key in keys if self.find(*key)[1])

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was recorded of one model for some prompts, in columns; `ends` are those of prompts."""

    model: str
    prompts: range
    ends: list[int]
    parts: tuple[list[Any], ...]

    def response(self, at: int) -> Response:
        """Return the response at one place."""
        text, quality, cost, read, written, latency, sure, finish = self.parts
        return response_of(
            self.model, text[at], quality[at], cost[at], read[at], written[at],
            latency[at], sure[at], finish[at],
        )  # fmt: skip


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
        return tuple([self._one(call) for call in calls])

    def _one(self, call: Call) -> Response:
        model = self.catalog[call.model]
        if self.messages is not None and call.messages != self.messages:
            raise NotRecorded(f"what {model.name} was asked is not the prompt as it was recorded")
        stretch, drawn = self.cells.find(self.prompt, model.name)
        if call.draw >= len(drawn):
            which = f" (draw {call.draw})" if drawn else ""
            raise NotRecorded(f"no response of {model.name} to this prompt{which}")
        response = stretch.response(drawn[call.draw])
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
    told, isnan = isinstance(text, str), math.isnan
    return Response(
        model,
        text if told else "",
        Usage(0 if isnan(read) else int(read), 0 if isnan(written) else int(written)),
        None if isnan(cost) else round(cost * NANO),
        latency,
        FINISHES.get(finish, "stop") if isinstance(finish, str) else "stop",
        # Unknown, not zero, for an answer without text.
        confidence=None if told and isnan(confidence) else confidence,
        provider="replay",
        extra={} if isnan(quality) else {"quality": quality},
    )


FINISHES = {
    "length": "length",
    "max_tokens": "length",
    "refusal": "refusal",
    "content_filter": "refusal",
}
