"""Labels for a complexity classifier: from recorded outcomes, or asked of a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from orchkit.core.calls import Failure
from orchkit.core.catalog import Tier
from orchkit.core.plans import Strategy
from orchkit.errors import ColumnError
from orchkit.lab.asking import Asking, queries
from orchkit.lab.complexity import outcomes
from orchkit.lab.complexity.guide import labelling_prompt, tier_said
from orchkit.lab.frames import column
from orchkit.lab.matrix import Matrix
from orchkit.ui.session import SESSION
from orchkit.ui.verbs import route

#: The columns that labelling adds.
COLUMNS = ("tier", "tier_cost", "tier_error")


def outcome_tiers(
    matrix: Matrix, *, right: float = 0.5, unanswered: str | None = Tier.EXPERT
) -> pd.DataFrame:
    """Return the tier each prompt of a recording needed: the best labels there are.

    Each tier is stood for by the model that `cheapest` asks for it; a prompt's tier is the lowest
    whose model answered rightly. It needs those models recorded, and qualities.

    Parameters
    ----------
    matrix : ResponseMatrix
    right : float
        The quality in (0, 1] from which on an answer is right.
    unanswered : str, optional
        The tier of prompts that none of them answered; None leaves those prompts out, as no model
        is worth its price there.

    Returns
    -------
    DataFrame
        Indexed by `prompt_id`: prompt, tier.

    Raises
    ------
    MatrixError
        Qualities or prompts are missing.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(60)
    >>> with orchkit.use("simulator"):
    ...     mat = orchkit.record(df)
    >>> labels = outcome_tiers(mat)
    >>> len(labels), list(labels.columns)
    (60, ['prompt', 'tier'])

    They are what a classifier learns from: ``.fit(labels["prompt"], labels["tier"])``.
    """
    catalog = matrix.catalog(SESSION.offline_catalog())
    return outcomes.outcome_tiers(matrix, catalog, right=right, unanswered=unanswered)


def label_tiers(
    df: pd.DataFrame,
    model: str | Strategy,
    *,
    prompt: str = "prompt",
    max_cost: float | None = None,
    budget: float | None = None,
    max_tokens: int = 16,
    concurrency: int | None = None,
    cache: bool = True,
    progress: bool | None = None,
    category: str = "labelling",
    tags: str | Iterable[str] = (),
) -> pd.DataFrame:
    """Ask a model which tier each prompt of a frame has, by the labelling guide.

    An answer that is not exactly one tier is no label: its row has none, and says so. What a model
    takes for hard is not what fails: labels by `outcome_tiers` are better where there is a
    recording.

    Parameters
    ----------
    df : DataFrame
        One prompt a row. It is not changed.
    model : str or Strategy
        Whom to ask, like ``"gpt-4o"``.
    prompt : str
        The column of prompts, as in `route`.
    max_cost, budget, concurrency, cache, progress, category, tags
        As in `route`.
    max_tokens : int
        Of an answer, at most; a model that thinks before it speaks needs more.

    Returns
    -------
    DataFrame
        A copy of `df` with ``tier`` (NA where there is none), ``tier_cost`` (USD) and
        ``tier_error`` (NA, or ``Code: message``).

    Raises
    ------
    ColumnError
        The frame has one of these columns already.
    MisuseError
        The call cannot be carried out as written; nothing has been sent.

    Examples
    --------
    >>> import orchkit, pandas as pd
    >>> df = pd.DataFrame({"prompt": ["What is 2+2?", "Prove Fermat's last theorem."]})
    >>> with orchkit.use("simulator"):  # which knows nothing of tiers
    ...     out = label_tiers(df, "gpt-4o-mini", budget=0.01)
    >>> list(out.columns)
    ['prompt', 'tier', 'tier_cost', 'tier_error']
    """
    _refuse_taken(df)
    asked = pd.DataFrame({"prompt": pd.Series(_asked(df, prompt), dtype="object")})
    out = route(
        asked,
        model,
        max_cost=max_cost,
        budget=budget,
        max_tokens=max_tokens,
        concurrency=concurrency,
        cache=cache,
        progress=progress,
        category=category,
        tags=tags,
    )
    pairs = zip(out["response"], out["error"], strict=True)
    told = [_told(said, error) for said, error in pairs]
    return df.assign(
        tier=pd.array([tier for tier, _ in told], dtype="string"),
        tier_cost=out["cost"].to_numpy(),
        tier_error=pd.array([error for _, error in told], dtype="string"),
    )


def _refuse_taken(df: pd.DataFrame) -> None:
    if not isinstance(df, pd.DataFrame):
        raise TypeError(f"orchkit works on a DataFrame, not on {type(df).__name__}.")
    taken = [name for name in COLUMNS if name in df.columns]
    if taken:
        raise ColumnError(
            f"The frame has a column {taken[0]!r} already. Drop or rename it: labelling adds "
            f"{', '.join(COLUMNS)}."
        )


def _asked(df: pd.DataFrame, prompt: str) -> list[Any]:
    """Return what to ask in each row: the question about the prompt, or a cell nobody can ask."""
    pairs = zip(queries(df, Asking(prompt)), column(df, prompt), strict=True)
    return [cell if isinstance(q, Failure) else labelling_prompt(q.text) for q, cell in pairs]


def _told(said: Any, error: Any) -> tuple[str | None, str | None]:
    """Return the tier of an answer, or why there is none."""
    if not pd.isna(error):
        return None, str(error)
    tier = tier_said(None if pd.isna(said) else str(said))
    if tier is None:
        return None, f"NoTier: the answer {said!r:.60} is not one of {', '.join(Tier)}"
    return tier.value, None
