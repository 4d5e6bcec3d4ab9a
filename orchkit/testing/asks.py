"""What a request asks for, in the words that both wire formats share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Ask", "understand"]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request asks for.

    Attributes
    ----------
    model, prompt : str
        The model and the text of the last user message.
    contents : tuple of str
        The text of every message, the system's included.
    limit : int or None
        The largest number of output tokens.
    logprobs : bool
        Whether it wants log-probabilities.
    problem : str or None
        Why the request is refused as malformed.
    """

    model: str = ""
    prompt: str = ""
    contents: tuple[str, ...] = ()
    limit: int | None = None
    logprobs: bool = False
    problem: str | None = None


def understand(body: object, limits: Iterable[str], *, required: bool = False) -> Ask:
    """Read a request body, or say why it is malformed.

    Parameters
    ----------
    body : object
        The parsed JSON; None if it was not JSON.
    limits : iterable of str
        The fields that may limit the output.
    required : bool, default False
        Whether a body without a limit is malformed.

    Returns
    -------
    Ask
        With a ``problem`` if the vendor would refuse the body, or this server cannot serve it.
    """
    if not isinstance(body, dict):
        return Ask(problem="the body must be a JSON object")
    given = [body[name] for name in limits if body.get(name) is not None]
    if problem := _problem(body, given, required=required):
        return Ask(model if isinstance(model := body.get("model"), str) else "", problem=problem)
    messages = [*_system(body), *body["messages"]]
    return Ask(
        body["model"],
        _prompt(messages),
        tuple(_text(message["content"]) for message in messages),
        min(given, default=None),
        logprobs=body.get("logprobs") is True,
    )


def _problem(body: dict[str, Any], limits: list[Any], *, required: bool) -> str | None:
    checks = (
        (isinstance(body.get("model"), str), "model must be a string"),
        (_are_messages(body.get("messages")), "messages must be a list of {role, content}"),
        (all(map(_is_count, limits)), "max_tokens must be an integer above 0"),
        (limits or not required, "max_tokens: Field required"),
        (not body.get("stream"), "this server does not stream"),
        (body.get("n") in (None, 1), "this server answers once: n must be 1"),
    )
    return next((sentence for good, sentence in checks if not good), None)


def _is_count(limit: object) -> bool:
    return isinstance(limit, int) and not isinstance(limit, bool) and limit > 0


def _are_messages(messages: object) -> bool:
    return (
        isinstance(messages, list)
        and bool(messages)
        and all(isinstance(each, dict) and {"role", "content"} <= each.keys() for each in messages)
    )


def _system(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "system", "content": body["system"]}] if body.get("system") else []


def _prompt(messages: list[dict[str, Any]]) -> str:
    asked = [message for message in messages if message["role"] == "user"] or messages
    return _text(asked[-1]["content"])


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part)
