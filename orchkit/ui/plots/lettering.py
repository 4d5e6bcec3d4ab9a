"""What is written into a figure: names from data as they are, titles, legends, notes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from orchkit.ui.terminal import harmless

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Properties of a text that is drawn as written: dollars and underscores begin no formula.
PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}


def named(name: object, width: int = 28) -> str:
    r"""Return a name from data as at most three lines, without what is not printable.

    Where it has more, its middle is left out: names of strategies differ at their ends.

    Examples
    --------
    >>> named("fallback(chain=gpt-4o-mini → claude-sonnet-3.5, threshold=0.7)")
    'fallback(chain=gpt-4o-mini →\nclaude-sonnet-3.5,\nthreshold=0.7)'
    >>> named("a\tb\x1b[31m\u202ec")
    'a bc'
    """
    lines = textwrap.wrap(_printable(name), width, break_on_hyphens=False)
    if len(lines) > 3:
        lines = [*lines[:2], f"… {lines[-1]}"]
    return "\n".join(lines) or "(no name)"


def short(name: object, width: int) -> str:
    """Return a name from data as one line, its middle left out where it is longer.

    Examples
    --------
    >>> short("fallback(chain=a → b → c, threshold=0.7)", 25)
    'fallback(cha…eshold=0.7)'
    """
    text, half = _printable(name) or "(no name)", width // 2
    return text if len(text) <= width else f"{text[:half]}…{text[1 - half :]}"


def _printable(name: object) -> str:
    text = " ".join(harmless(str(name)).split())
    return "".join(letter for letter in text if letter.isprintable())


def invented(frame: pd.DataFrame) -> bool:
    """Whether a frame's `provider` names the simulator, or it says so of itself.

    A sweep, or a replay of a simulated recording, has ``.attrs["simulated"]``.

    Examples
    --------
    >>> invented(pd.DataFrame({"provider": ["openai", "simulator"]}))
    True
    """
    if "provider" not in frame or frame.attrs.get("simulated", False):
        return bool(frame.attrs.get("simulated", False))
    return bool(frame["provider"].astype("string").str.contains("simulator").any())


def title(ax: Axes, text: str, frame: pd.DataFrame, simulated: bool) -> None:
    """Write the title; it says so when answers of the frame are simulated, or the caller does."""
    told = ("\n" if len(text) > 40 else " ") + "(SIMULATED answers)"
    ax.set_title(text + (told if simulated or invented(frame) else ""), **PLAIN)


def note(ax: Axes, text: str) -> None:
    """Say in the middle of empty Axes why they are empty."""
    ax.set(xticks=[], yticks=[])
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", wrap=True, **PLAIN)


def names_down(ax: Axes, names: Iterable[object]) -> None:
    """Name the rows of horizontal bars, the first on top."""
    told = [named(name) for name in names]
    size = 9 if sum(name.count("\n") + 1 for name in told) <= 16 else 7
    ax.set_yticks(range(len(told)), told, fontsize=size, **PLAIN)
    edge = 0.6 + 0.5 * max(0, 3 - len(told))  # a bar alone is no block
    ax.set_ylim(len(told) - 1 + edge, -edge)


def legend(ax: Axes, columns: int = 4, **options: Any) -> None:
    """Put the legend below the Axes, where it covers no data; names in it are plain.

    Its distance is in points, not a share of the height: it clears the axis at any size.
    """
    longest = max(
        (len(part) for name in ax.get_legend_handles_labels()[1] for part in name.split("\n")),
        default=0,
    )
    columns = max(1, min(columns, 84 // (longest + 7)))
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "borderaxespad": 4.3}
    style = {"frameon": False, "fontsize": 9, "ncols": columns}
    drawn = ax.legend(**{**place, **style, **options})
    for text in drawn.get_texts():
        text.set(**PLAIN)
