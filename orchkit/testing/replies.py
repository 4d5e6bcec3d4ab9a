"""Replies, described but not sent: each function turns a scene into a reply with an answer.

Functions that take something else return such a function. Refusals are in `refusing`, bodies that
are no answer in `spoiling`; the table in `faults` names them all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .asks import Ask
from .generation import Generation
from .wires import Wire

__all__ = ["JSON_HEADERS", "Act", "Reply", "Scene", "good", "to_json"]

JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a reply may depend on.

    Attributes
    ----------
    wire : Wire
        The vendor's format.
    ask : Ask
        What was asked.
    generation : Generation
        What a good reply would say.
    seq : int
        The request's place in the book.
    wait : float
        Seconds to ask clients to wait, if the reply asks for it.
    oversize, depth : int
        How much too large and how deep, if the reply is.
    """

    wire: Wire
    ask: Ask
    generation: Generation
    seq: int
    wait: float
    oversize: int
    depth: int

    def payload(self) -> dict[str, Any]:
        """Return the good reply's JSON."""
        return self.wire.render(self.ask, self.generation, self.seq)

    def with_generation(self, **changes: Any) -> Scene:
        """Return a scene in which another generation took place."""
        return replace(self, generation=replace(self.generation, **changes))


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes over the wire, and in which manner it is sent.

    Attributes
    ----------
    body : bytes
        As sent.
    status : int
        HTTP status.
    headers : mapping of str to str
        All but the length.
    manner : str
        A key of `orchkit.testing.sending.MANNERS`.
    wait : float or None
        Seconds that the headers ask clients to wait.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_HEADERS)
    manner: str = "whole"
    wait: float | None = None


Act = Callable[[Scene], Reply]


def good(scene: Scene) -> Reply:
    """Answer."""
    return Reply(to_json(scene.payload()))


def sent(manner: str) -> Act:
    """Answer, in another manner."""
    return lambda scene: replace(good(scene), manner=manner)


def ending(name: str) -> Act:
    """Let the generation end in another way."""
    return lambda scene: good(scene.with_generation(ending=name))


def half_a_character(scene: Scene) -> Reply:
    """Say something that no encoding can write: half of a surrogate pair."""
    return good(scene.with_generation(text="\ud83d" + scene.generation.text))


def usage(value: object) -> Act:
    """Report something else in place of every count of tokens."""

    def act(scene: Scene) -> Reply:
        payload = scene.payload()
        payload["usage"] |= {key: value for key in payload["usage"] if key.endswith("_tokens")}
        return Reply(to_json(payload))

    return act


def usage_missing(scene: Scene) -> Reply:
    """Report no usage."""
    return Reply(to_json({key: value for key, value in scene.payload().items() if key != "usage"}))


def usage_over(scene: Scene) -> Reply:
    """Report more output than any limit allows."""
    return good(scene.with_generation(output_tokens=scene.generation.output_tokens + 1_000_000))


def wrong_model(scene: Scene) -> Reply:
    """Name another model than the one that was asked."""
    return Reply(to_json({**scene.payload(), "model": f"{scene.ask.model}-impostor"}))


def to_json(payload: object) -> bytes:
    """Write a body."""
    return json.dumps(payload).encode("ascii")
