"""One progress line: rows, dollars, failures, waits, time left; of text, or a notebook's output."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from orchkit.runtime.spent import Spent
from orchkit.ui import telling
from orchkit.ui.markup import block, text

#: A run of fewer rows is over before a line could be read.
FEW = 8
#: Characters of a line, and of its bar: the fewest and the most.
_WIDTH, _BAR, _BROAD = 100, 4, 20
#: Characters beside the rows in a notebook, so that its cells seldom break the line.
_BESIDE = 64
#: Seconds between two lines where they stay, as in a log.
_SELDOM = 10.0
#: Seconds between two changes of a notebook's output.
_OFTEN = 0.5


@contextmanager
def progress(
    total: int, wanted: bool | None, what: str, simulated: bool = False
) -> Iterator[Callable[[Spent], None] | None]:
    """Give a function to report to, or None when no line is wanted.

    `wanted=None` shows the line where somebody can see it: a terminal or a notebook, unless
    ``TQDM_DISABLE`` is set. A line that cannot be shown any more ends, and nothing else does.
    """
    shown = total >= FEW and _watched() if wanted is None else wanted
    if not shown or (sys.stderr is None and not in_kernel()):
        yield None
        return
    line = (_Output if in_kernel() else _Line)(total, what, simulated)
    try:
        yield line.tell
    except BaseException:
        line.close(finished=False)
        raise
    line.close(finished=True)


class _Line:
    """A line of text that overwrites itself; what the run was stays when it is finished."""

    def __init__(self, total: int, what: str, simulated: bool) -> None:
        self.total, self.what, self.simulated = total, what, simulated
        self.spent = Spent()
        self._started, self._next = time.monotonic(), 0.0
        self._broken = False
        self._every = 0.0 if _at_terminal() else _SELDOM
        self._bar = self._open()

    def tell(self, spent: Spent) -> None:
        """Show how far the run is, if it is time to."""
        self.spent, now = spent, time.monotonic()
        if now < self._next or self._broken:
            return
        self._next = now + self._every
        try:
            self._show()
        except Exception:  # noqa: BLE001 - whatever became of stderr or the front end
            self._broken = True

    def close(self, finished: bool) -> None:
        """Take the line away; leave what the run was."""
        with suppress(Exception):
            self._end(finished)

    @property
    def seconds(self) -> float:
        """How long the run has taken."""
        return time.monotonic() - self._started

    def _open(self) -> Any:
        columns = min(_columns(), 2 * _BROAD)
        form = "{desc}: |{bar}| {n_fmt}/{total_fmt} rows{postfix}"
        return _bar(self.total, desc=self.what, bar_format=form, ncols=columns, file=sys.stderr)

    def _said(self, width: int) -> str:
        """Return what is said beside the rows, in so many characters."""
        rate = self._bar.format_dict["rate"]
        given = self.spent, self.total, self.seconds, rate, self.simulated
        return telling.fitted(telling.parts(*given), width)

    def _show(self) -> None:
        bar, new = self._bar, self.spent.rows - self._bar.n
        columns, taken = _columns(), len(f"{self.what}: || {self.total}/{self.total} rows, ")
        said = self._said(columns - taken - _BAR)
        bar.ncols = min(columns, taken + len(said) + _BROAD)
        bar.set_postfix_str(said, refresh=False)
        if not bar.update(new):
            bar.refresh()

    def _end(self, finished: bool) -> None:
        self._bar.close()
        if finished and not self._broken:
            given = self.what, self.total, self.spent, self.seconds, self.simulated
            print(telling.ended(*given), file=sys.stderr)  # noqa: T201 - in the line's place


class _Output(_Line):
    """The one output of a notebook's cell, which overwrites itself.

    It ends as it began wherever answers are simulated, so that running a notebook again gives the
    same notebook.
    """

    def __init__(self, total: int, what: str, simulated: bool) -> None:
        super().__init__(total, what, simulated)
        from IPython.display import display

        self._every = _OFTEN
        shown: Any = display(self._first(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._handle = shown

    def _open(self) -> Any:
        return _bar(self.total, file=io.StringIO())  # it only tells how fast rows are

    def _first(self) -> dict[str, str]:
        more = ", simulated" if self.simulated else ""
        return _bundle(f"{self.what}: {self.total:,} rows{more}")

    def _show(self) -> None:
        rows = self.spent.rows
        self._bar.update(rows - self._bar.n)
        said = f"{rows:,}/{self.total:,} rows, {self._said(_BESIDE)}"
        bar = f'<progress max="{self.total}" value="{rows}" aria-label="{text(self.what)}">'
        self._handle.update(_bundle(f"{self.what}: {said}", f"{bar}</progress> "), raw=True)

    def _end(self, finished: bool) -> None:
        self._bar.close()
        if self.simulated or not finished:
            self._handle.update(self._first(), raw=True)
            return
        given = self.what, self.total, self.spent, self.seconds, self.simulated
        self._handle.update(_bundle(telling.ended(*given)), raw=True)


def in_kernel() -> bool:
    """Whether a notebook's kernel runs this: other tools import its package, too."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


def _bar(total: int, **settings: Any) -> Any:
    from tqdm.std import tqdm

    class Bar(tqdm):  # type: ignore[misc]  # it ships no types
        monitor_interval = 0  # no thread that watches it: the run looks by itself

    return Bar(total=total, leave=False, smoothing=0.1, miniters=1, mininterval=0, **settings)


def _bundle(told: str, bar: str = "") -> dict[str, str]:
    return {"text/plain": told, "text/html": block(bar, text(told))}


def _columns() -> int:
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError, AttributeError):  # no terminal
        columns = 0
    return min(_WIDTH, columns - 1) if columns > 1 else _WIDTH


def _watched() -> bool:
    if os.environ.get("TQDM_DISABLE"):  # a notebook's output is not tqdm's own
        return False
    return _at_terminal() or in_kernel()


def _at_terminal() -> bool:
    with suppress(AttributeError, ValueError):  # there is no stderr, or it is closed
        return sys.stderr.isatty()
    return False
