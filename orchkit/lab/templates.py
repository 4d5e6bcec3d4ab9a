"""Templates: "Translate {text} to {lang}", filled from the columns of a frame."""

from __future__ import annotations

from string import Formatter
from typing import Any, NamedTuple

import pandas as pd

from orchkit.errors import ParameterError
from orchkit.lab.frames import column, missing

_FORMATTER = Formatter()


class Part(NamedTuple):
    """Some text, and the field after it: a column's whole name, or None at the end."""

    text: str
    name: str | None
    spec: str | None
    conversion: str | None

    def filled(self, cell: Any) -> str:
        """Return the text and the field with this cell in it."""
        if self.name is None:
            return self.text
        shown = _FORMATTER.convert_field(cell, self.conversion)
        return self.text + format(shown, self.spec or "")


def filled(template: str, frame: pd.DataFrame) -> list[str | None]:
    """Return the template once a row; None where a cell it needs is missing.

    A field is a column's name as it stands, so that neither attributes nor items are reached.

    Raises
    ------
    ColumnError
        A field is no column.
    ParameterError
        The template is malformed, names no column, or does not suit a cell.

    Examples
    --------
    >>> filled("{n:.1f} km?", pd.DataFrame({"n": [2, None]}))
    ['2.0 km?', None]
    """
    parts = _parts(template)
    none = [None] * len(frame)
    cells = [none if p.name is None else column(frame, p.name).tolist() for p in parts]
    return [_row(template, parts, row) for row in zip(*cells, strict=True)]


def _parts(template: str) -> list[Part]:
    try:
        parts = [Part(*part) for part in _FORMATTER.parse(template)]
    except (ValueError, TypeError) as error:
        raise ParameterError(
            f"The template {template!r:.80} is malformed: {error}. Write {{{{ for a brace."
        ) from None
    if all(part.name is None for part in parts):
        raise ParameterError("The template names no column; write it like 'Translate {text}'.")
    return parts


def _row(template: str, parts: list[Part], cells: tuple[Any, ...]) -> str | None:
    pairs = list(zip(parts, cells, strict=True))
    if any(missing(cell) for part, cell in pairs if part.name is not None):
        return None
    try:
        return "".join(part.filled(cell) for part, cell in pairs)
    except (ValueError, TypeError) as error:
        told = ", ".join(f"{part.name}={cell!r:.40}" for part, cell in pairs if part.name)
        raise ParameterError(
            f"The template {template!r:.80} does not suit {told}: {error}."
        ) from None
