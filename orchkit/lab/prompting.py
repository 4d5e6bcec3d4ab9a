"""A cell -> the messages that are sent, or why they cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import pandas as pd

from orchkit.core.calls import Failure, Kind, Message
from orchkit.errors import ColumnError, ParameterError, did_you_mean
from orchkit.lab.frames import column, missing

ROLES = ("system", "user", "assistant")
#: A prompt above this many bytes is a mistake more often than a wish.
MAX_PROMPT_BYTES = 2 * 2**20

Messages = tuple[Message, ...]


def drafted(cell: Any, system: Any) -> Messages | Failure:
    """Return what is sent for a prompt's cell and a system's, or why it cannot be."""
    messages = _messages(cell)
    if isinstance(messages, Failure):
        return messages
    if isinstance(system, str):
        messages = (Message("system", system), *messages) if system.strip() else messages
    elif not missing(system):
        told = f"the system message is {type(system).__name__}; give text"
        return Failure(Kind.PromptType, told)
    return _unsendable(messages) or messages


def systems(frame: pd.DataFrame, system: Any) -> list[Any]:
    """Return the system message of each row: of a column, or the same text for all.

    Raises ColumnError for a word that looks like a misspelt column, ParameterError for no text.
    """
    if system is None or _names(frame, system):
        return [None] * len(frame) if system is None else column(frame, system).tolist()
    if not isinstance(system, str):
        raise ParameterError(f"system is {system!r:.60}; give a text, or the name of a column.")
    _refuse_slip(frame, system)
    return [system] * len(frame)


def _names(frame: pd.DataFrame, system: Any) -> bool:
    try:
        return system in frame.columns
    except TypeError:  # a list is the name of nothing
        return False


def _refuse_slip(frame: pd.DataFrame, system: str) -> None:
    """Refuse one word that is nearly a column: as a text it would be sent with every row."""
    columns = {str(name).casefold() for name in frame.columns}
    near = get_close_matches(system.casefold(), columns, n=1, cutoff=0.75)
    if system.isidentifier() and (near or "_" in system):
        hint = did_you_mean(system, map(str, frame.columns))
        raise ColumnError(
            f"system={system!r} looks like a column, and the frame has none of that name. {hint} "
            f'If it is the text to send, write it as a sentence: "{system}.".'
        )


def _messages(cell: Any) -> Messages | Failure:
    if isinstance(cell, str):
        return (Message("user", cell),) if cell.strip() else Failure(Kind.EmptyPrompt)
    if isinstance(cell, list | tuple):
        return _conversation(cell)
    if missing(cell):
        return Failure(Kind.EmptyPrompt)
    return Failure(
        Kind.PromptType,
        f"got {type(cell).__name__}; give text, or a list of {{'role', 'content'}} messages",
    )


def _conversation(cell: Sequence[Any]) -> Messages | Failure:
    if not cell:
        return Failure(Kind.EmptyPrompt)
    for turn in cell:
        said = turn.get("content") if isinstance(turn, dict) else None
        if not isinstance(said, str) or turn.get("role") not in ROLES:
            told = f"a message is a dict of role (one of {', '.join(ROLES)}) and content (text)"
            return Failure(Kind.PromptType, told)
    messages = tuple(Message(turn["role"], turn["content"]) for turn in cell)
    asked = [message.content for message in messages if message.role == "user"]
    return messages if asked and asked[-1].strip() else Failure(Kind.EmptyPrompt)


def _unsendable(messages: Messages) -> Failure | None:
    """Return why no wire could carry these messages; None when one can."""
    try:
        size = sum([len(message.content.encode("utf-8")) for message in messages])
    except UnicodeEncodeError:
        return Failure(Kind.PromptEncoding)
    if size > MAX_PROMPT_BYTES:
        return Failure(Kind.PromptTooLong, f"{size:,} bytes; at most {MAX_PROMPT_BYTES:,} are sent")
    return None
