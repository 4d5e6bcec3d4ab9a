"""What is printed for a person: text that nobody can steer the terminal with."""

from __future__ import annotations

import re
import sys
from contextlib import suppress

import click

from orchkit.lab.frames import shown

#: Whole escape sequences, shortest first to end: colours and cursor moves (CSI); titles, links and
#: clipboards (OSC, DCS and their like); the rest. Then every control but tab and newline.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-Z\\`-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def harmless(text: str) -> str:
    r"""Return text without escape sequences and controls; tabs and newlines stay.

    Examples
    --------
    >>> harmless("\x1b[31mred\x1b[0m\r\n\x1b]0;title\x07plain\x9b2J")
    'red\nplain'
    """
    return shown(_SEQUENCE.sub("", text))


def say(told: str) -> None:
    """Print a line on stderr; where that is closed, or is none, nothing is said."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(told, file=sys.stderr)  # noqa: T201 - for the person who watches


def echo(text: str, *, err: bool = False) -> None:
    """Print text that may come from a model or a vendor."""
    click.echo(harmless(text), err=err)
