"""One progress line: rows, failures, dollars, time left; a widget in a notebook, text elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from orchkit.core.catalog import NANO
from orchkit.runtime.executor import Spent
from orchkit.ui.money import usd

#: A run of fewer rows is over before a line could be read.
_FEW = 8


@contextmanager
def progress(
    total: int, wanted: bool | None, what: str
) -> Iterator[Callable[[Spent], None] | None]:
    """Give a function to report to, or None when no line is wanted.

    `wanted=None` shows the line where somebody can see it: a terminal or a notebook, unless
    ``TQDM_DISABLE`` is set.
    """
    shown = total >= _FEW and _watched() if wanted is None else wanted
    if not shown:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=what, unit="row", mininterval=0.2, file=sys.stderr) as line:

        def tell(spent: Spent) -> None:
            line.set_postfix_str(_money(spent), refresh=False)
            line.update(spent.rows - line.n)

        yield tell


def _money(spent: Spent) -> str:
    told = [f"{usd(spent.purse.spent / NANO)} spent"]
    told += [f"{spent.cached} cached"] if spent.cached else []
    told += [f"{spent.failed} failed"] if spent.failed else []
    return ", ".join(told)


def _watched() -> bool:
    # tqdm's bar for notebooks does not ask this variable itself.
    return not os.environ.get("TQDM_DISABLE") and (sys.stderr.isatty() or _in_kernel())


def _in_kernel() -> bool:
    """Whether a notebook's kernel runs this: other tools import its package, too."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
