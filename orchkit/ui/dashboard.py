"""dashboard: drag a threshold, and see money and quality move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchkit.errors import ParameterError
from orchkit.ui.comparison import Comparison
from orchkit.ui.recordings import ResponseMatrix

if TYPE_CHECKING:
    from orchkit.ui.board.board import Dashboard


def dashboard(data: ResponseMatrix | Comparison) -> Dashboard:
    """Return a widget to play with a recording, or a comparison: nothing is asked, nothing spent.

    Of a recording, choose a strategy (``"fallback"``, ``"cheapest"``, ``"ensemble"`` or
    ``"agree"``), the models it may ask, the threshold, a budget (USD per 1,000 prompts), and by
    what each model's prices are multiplied. Of a comparison the strategies are as they were run;
    prices, models and the budget can be changed. With every move the picture of cost and quality,
    the flow of prompts, the verdicts and the rows where the strategy and what it is held against
    disagree are drawn anew, and `export` holds the code for what is shown.

    Parameters
    ----------
    data : ResponseMatrix or Comparison
        With qualities and costs. Prompts for which either is unknown are left out, and counted.

    Returns
    -------
    Dashboard
        A widget. Its `controls` hold the widgets by name (``controls.threshold.value = 0.8``), its
        `code` the lines for what is shown; where no widget can be shown it is a still picture with
        the same tables. ``close()`` takes it off the page and frees what it holds.

    Raises
    ------
    ParameterError
        `data` is neither.
    MatrixError
        No prompt has quality and cost of all models.

    Notes
    -----
    What a setting comes to equals replaying it, prompt by prompt and to the nano-dollar; at other
    prices, replaying ``mat.reprice(times=...)``. Chains start with what is then the cheapest;
    ``"cheapest"`` chooses by the catalog's prices, as in any replay. Verdicts are made each by
    itself, by normal bounds; those of `Comparison` hold together. A setting chosen by looking is
    optimistic: see ``ResponseMatrix.split``.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(100)
    >>> with orchkit.use("simulator"):
    ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o", "claude-opus-3"])
    >>> board = orchkit.dashboard(mat)
    >>> board.controls.threshold.value = 0.8
    >>> board.code.splitlines()[0]
    "strategy = orchkit.Fallback(chain=('gpt-4o-mini', 'gpt-4o', 'claude-opus-3'), threshold=0.8)"
    """
    from orchkit.ui.board.board import Dashboard
    from orchkit.ui.board.sources import OfComparison, OfMatrix

    if isinstance(data, ResponseMatrix):
        return Dashboard(OfMatrix(data))
    if isinstance(data, Comparison):
        return Dashboard(OfComparison(data))
    raise ParameterError(
        f"data is a {type(data).__name__}; give a ResponseMatrix (df.orch.record(…)) or a "
        "Comparison (df.orch.compare(…))."
    )
