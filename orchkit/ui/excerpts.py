"""Texts of prompts and answers, as little of them as fits beside figures."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Letters of a prompt or an answer that are shown.
LETTERS = 160


def said(cell: Any, otherwise: str) -> str:
    """Return a cell's text, of a conversation its last message; where it has none, `otherwise`.

    Examples
    --------
    >>> said("What?", "-"), said([{"role": "user", "content": "Hi"}], "-"), said(None, "-")
    ('What?', 'Hi', '-')
    """
    if isinstance(cell, (list, tuple, np.ndarray)) and len(cell) and isinstance(cell[-1], dict):
        cell = cell[-1].get("content")
    return cell if isinstance(cell, str) and cell.strip() else otherwise


def cut(text: str, letters: int = LETTERS) -> str:
    r"""Return a text in one line, without its end where it is longer.

    Examples
    --------
    >>> cut("to be\n or not", 8)
    'to be o…'
    """
    line = " ".join(text.split())
    return line if len(line) <= letters else f"{line[: letters - 1]}…"
