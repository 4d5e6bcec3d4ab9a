"""One prompt on the command line: where its text comes from, and where its result goes."""

from __future__ import annotations

import math
import sys
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import click

from orchkit.errors import BudgetExceeded, ParameterError
from orchkit.lab import frames
from orchkit.ui import verbs
from orchkit.ui.result import Result, confidence_of
from orchkit.ui.terminal import echo
from orchkit.ui.writing import ResultFile

#: No model takes more; a file without end is refused before it fills the memory.
MOST_BYTES = 16_000_000
category_option = click.option(
    "--category",
    default="orchestration",
    show_default=True,
    metavar="NAME",
    help="What it is for, in orchkit costs.",
)
tag_option = click.option(
    "--tag", "tags", multiple=True, metavar="NAME", help="A word more; may be given again."
)
_LITERAL = "A prompt that itself begins with @ is written with two: @@."


def prompt_text(given: str) -> str:
    """Return the prompt that is meant: ``-`` is standard input, ``@file`` a file's text.

    Newlines at the end are dropped, as the shell's ``$(cat file)`` does. Raises ParameterError for
    what cannot be read, is no UTF-8, or is too long.

    Examples
    --------
    >>> prompt_text("What is 2+2?"), prompt_text("@@home")
    ('What is 2+2?', '@home')
    """
    if given == "-":
        piped = sys.stdin.buffer if sys.stdin else BytesIO()  # it may be closed
        return _text(piped, "standard input")
    if given.startswith("@@") or not given.startswith("@"):
        return given.removeprefix("@")
    try:
        with Path(given[1:]).open("rb") as file:
            return _text(file, given[1:])
    except (OSError, ValueError) as error:  # a name with a null character is a ValueError
        why = getattr(error, "strerror", None) or error
        raise ParameterError(
            f"--prompt {given}: cannot read {given[1:]!r}: {why}; name a file of text. {_LITERAL}"
        ) from error


def _text(stream: BinaryIO, named: str) -> str:
    read = stream.read(MOST_BYTES + 1)
    if len(read) > MOST_BYTES:
        raise ParameterError(f"--prompt: {named} is longer than {MOST_BYTES:,} bytes; shorten it.")
    try:
        return read.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ParameterError(
            f"--prompt: {named} is no UTF-8 (byte {error.start:,}); convert it: iconv -t utf-8."
        ) from error


def answered(prompt: str, file: ResultFile | None, **settings: Any) -> Result:
    """Return the result, having written it; a prompt that no model fits has one, too.

    Else a script would read what an earlier prompt left in the file.
    """
    try:
        result = verbs.run_orchestration(prompt, **settings)
    except BudgetExceeded:
        row = verbs.last_run().iloc[0]
        result = Result.of({name: row[name] for name in frames.COLUMNS})
    if file is not None:
        file.write(result.to_json() + "\n")
    return result


def echo_result(result: Result, as_json: bool) -> None:
    """Print the answer, or all of the result as JSON; who answered, or why not, to stderr."""
    if as_json:
        click.echo(result.to_json())
    elif result.response is not None:
        echo(result.response)
    echo(_told(result) if result.error is None else f"orchkit: {result.error}", err=True)


def _told(result: Result) -> str:
    """Return who answered, for how much and how sure."""
    cost = "cost unknown" if math.isnan(result.cost) else f"${result.cost:.6f}"
    sure = f"confidence {confidence_of(result)}"
    kept = " · cached" if result.cached else ""
    who = f"{result.model_used} ({result.provider})"
    return f"{who} · {cost} · {result.latency:.2f} s · {sure}{kept}"
