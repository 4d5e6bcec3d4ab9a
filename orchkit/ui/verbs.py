"""The verbs: route, compare, estimate, record, run_orchestration. ``df.orch`` forwards to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from orchkit.core.calls import Kind
from orchkit.core.confidence import Signal
from orchkit.core.plans import Query, Strategy
from orchkit.core.strategies import Single
from orchkit.errors import BudgetExceeded, MisuseError, OrchkitWarning, tell
from orchkit.lab import experiment, frames
from orchkit.lab.asking import Asking
from orchkit.lab.frames import attach, refuse_taken
from orchkit.lab.recording import long_table
from orchkit.lab.scoring import Scorer
from orchkit.ui import names
from orchkit.ui.comparison import Comparison
from orchkit.ui.estimate import Estimate, estimate_traces
from orchkit.ui.job import RECORDING, job_of
from orchkit.ui.provenance import Provenance
from orchkit.ui.recordings import ResponseMatrix
from orchkit.ui.result import Result
from orchkit.ui.session import SESSION


def route(
    df: pd.DataFrame,
    strategy: str | Strategy = "cheapest",
    *,
    prompt: str = "prompt",
    system: str | None = None,
    template: str | None = None,
    chain: Sequence[str] | None = None,
    threshold: float = 0.6,
    ensemble_size: int = 3,
    max_cost: float | None = None,
    budget: float | None = None,
    complexity: Any = None,
    confidence: Signal | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    concurrency: int | None = None,
    cache: bool = True,
    progress: bool | None = None,
    prefix: str = "",
    category: str = "orchestration",
    tags: str | Iterable[str] = (),
) -> pd.DataFrame:
    """Answer every prompt of a frame by one strategy.

    Parameters
    ----------
    df : DataFrame
        One prompt a row. It is not changed.
    strategy : str or Strategy
        ``"cheapest"``, ``"fallback"``, ``"ensemble"``, ``"agree"``, a model's name, or a strategy
        object.
    prompt : str
        The column of prompts: text, or lists of ``{"role", "content"}`` messages.
    system : str, optional
        System message for every row, or the name of a column that holds one for each.
    template : str, optional
        Builds prompts from columns, like ``"Translate {text} to {lang}"``.
    chain, threshold, ensemble_size
        Settings of the named strategies: models in order, the confidence in [0, 1] below which
        fallback escalates, how many models vote.
    max_cost, budget : float, optional
        Hard caps in USD: for each row, and for the whole run. A call is sent only when its worst
        case still fits.
    complexity : optional
        An object with ``predict(texts)``, or a column of tiers; None for the keyword rules.
        ``"learned"``, unless the frame has such a column, is a `ComplexityClassifier` of the
        cold-start set that ships with orchkit.
    confidence : callable, optional
        ``(query, response) -> float in [0, 1]``, instead of the best signal a response carries.
    temperature, max_tokens, seed
        Sent with every call; `max_tokens` is 1,024 unless set.
    concurrency : int, optional
        Requests under way at once; 32 unless set.
    cache : bool
        Whether answers are looked up and kept on disk.
    progress : bool, optional
        Whether to show a progress line; None shows it where somebody can see it.
    prefix : str
        Put before every result column's name.
    category, tags
        What the run is for, in `orchkit.costs`: one word, and any number more, like
        ``tags=("paper", "ablation-3")``.

    Returns
    -------
    DataFrame
        A copy of `df` with the result columns, same index, same order: response, model_used, cost
        (USD), latency (s), confidence in [0, 1], input_tokens, output_tokens, strategy,
        fallback_chain (models in the order planned), ensemble_models (those that voted), metadata
        (complexity, signal and every call), timestamp (UTC), provider, cached, and error: why a row
        could not be answered.

    Raises
    ------
    MisuseError
        The call cannot be carried out as written; nothing has been sent.

    Examples
    --------
    >>> import orchkit, pandas as pd
    >>> df = pd.DataFrame({"prompt": ["What is 2+2?", "Explain tides"]}, index=["a", "b"])
    >>> with orchkit.use("simulator"):
    ...     out = orchkit.route(df, "cheapest")
    >>> out["model_used"].to_dict()
    {'a': 'gpt-4o-mini', 'b': 'claude-haiku-3.5'}
    """
    asking = Asking(prompt, system, template, complexity, temperature, max_tokens, seed)
    job = job_of(df, asking, max_cost, budget, concurrency, cache, category=category, tags=tags)
    refuse_taken(df, prefix)
    chosen = job.strategy(
        strategy,
        chain=chain,
        threshold=threshold,
        ensemble_size=ensemble_size,
        confidence=confidence,
    )

    def shape(run: experiment.Run) -> pd.DataFrame:
        traces = run([(query, chosen) for query in job.queries])
        return attach(df, traces, experiment.short_name(chosen), prefix)

    return job.deliver(shape, progress, "routing")


def compare(
    df: pd.DataFrame,
    strategies: Sequence[str | Strategy] = ("cheapest", "fallback", "ensemble"),
    *,
    reference: str = "reference",
    scorer: str | Scorer | None = None,
    prompt: str = "prompt",
    system: str | None = None,
    template: str | None = None,
    max_cost: float | None = None,
    budget: float | None = None,
    complexity: Any = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    concurrency: int | None = None,
    cache: bool = True,
    progress: bool | None = None,
    category: str = "orchestration",
    tags: str | Iterable[str] = (),
) -> Comparison:
    """Answer every prompt by every strategy, and measure them against each other.

    A call that several strategies make is bought once.

    Parameters
    ----------
    df : DataFrame
        One prompt a row, with the right answers in `reference` where quality is to be measured.
    strategies : sequence of str or Strategy
        Names, model names, or objects; each once.
    reference : str
        The column of right answers; without it there is cost but no quality.
    scorer : str or callable, optional
        A scorer's name, a function ``(text, reference) -> [0, 1]``, or a column of names; by
        default the column ``scorer`` where there is one, else ``exact``.

    The other parameters are those of `route`.

    Returns
    -------
    Comparison
        ``.summary()``, ``.results``, ``.plot()``.

    Raises
    ------
    MisuseError
        The call cannot be carried out as written; nothing has been sent.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(40)
    >>> with orchkit.use("simulator"):
    ...     cmp = orchkit.compare(df, ["cheapest", "gpt-4o"])
    >>> cmp.summary()["n"].to_dict()
    {'cheapest': 40, 'gpt-4o': 40}
    """
    asking = Asking(prompt, system, template, complexity, temperature, max_tokens, seed)
    job = job_of(
        df, asking, max_cost, budget, concurrency, cache, reference, scorer, category, tags
    )
    quality = experiment.scoring_of(df, reference, scorer)
    chosen = job.strategies(strategies)
    singles = tuple(experiment.label(one) for one in chosen if isinstance(one, Single))
    simulated = SESSION.simulated
    length = [len(query.text) if isinstance(query, Query) else None for query in job.queries]
    caps = {"max_cost": max_cost, "budget": budget, "cache": cache}
    asked = {**vars(asking), "reference": reference, "scorer": scorer, **caps}
    known = Provenance(chosen, job.catalog, asked)

    def shape(run: experiment.Run) -> Comparison:
        results = experiment.compare(job.queries, chosen, run, quality)
        return Comparison(
            results,
            singles=singles,
            simulated=simulated,
            prompts=df,
            length=length,
            provenance=known,
        )

    return job.deliver(shape, progress, "comparing")


def estimate(
    df: pd.DataFrame,
    strategy: str | Strategy | Sequence[str | Strategy] = "cheapest",
    *,
    reference: str = "reference",
    scorer: str | Scorer | None = None,
    prompt: str = "prompt",
    system: str | None = None,
    template: str | None = None,
    chain: Sequence[str] | None = None,
    threshold: float = 0.6,
    ensemble_size: int = 3,
    complexity: Any = None,
    confidence: Signal | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    cache: bool = True,
) -> Estimate:
    """Return what a run would cost, before spending: what to expect, and the very most.

    The expected cost is that of the same run on the simulator; answers that are in the cache are
    taken from there and cost nothing. The worst case sends every call a strategy could make, each
    with the longest prompt its bytes allow and an answer of `max_tokens`. Nothing is sent.

    Parameters
    ----------
    strategy : str or Strategy, or a sequence of them
        As in `route`; a list as in `compare`, or of models as in `record`: the whole of it is
        estimated, and a call that several make is counted once.

    The other parameters are those of `route`.

    Returns
    -------
    Estimate
        rows, calls, cached, expected_cost and worst_cost in USD.

    Examples
    --------
    >>> import orchkit, pandas as pd
    >>> df = pd.DataFrame({"prompt": ["What is 2+2?"]})
    >>> with orchkit.use("simulator"):
    ...     est = orchkit.estimate(df, "fallback", cache=False)
    >>> est.rows, est.expected_cost < est.worst_cost
    (1, True)

    What recording two models would cost:

    >>> with orchkit.use("simulator"):
    ...     est = orchkit.estimate(df, ["gpt-4o-mini", "gpt-4o"], cache=False)
    >>> est.strategies, est.calls
    (2, 2)
    """
    asking = Asking(prompt, system, template, complexity, temperature, max_tokens, seed)
    job = job_of(df, asking, None, None, None, cache, reference, scorer)
    experiment.scoring_of(df, reference, scorer)  # a misspelt name shows here as it would later
    chosen = [
        job.strategy(
            one,
            chain=chain,
            threshold=threshold,
            ensemble_size=ensemble_size,
            confidence=confidence,
        )
        for one in names.one_or_several(strategy)
    ]
    return estimate_traces(job.queries, chosen, job.executor, job.known)


def record(
    df: pd.DataFrame,
    models: Sequence[str] | None = None,
    *,
    reference: str = "reference",
    scorer: str | Scorer | None = None,
    prompt: str = "prompt",
    system: str | None = None,
    template: str | None = None,
    budget: float | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    concurrency: int | None = None,
    cache: bool = True,
    progress: bool | None = None,
    category: str = "orchestration",
    tags: str | Iterable[str] = (),
) -> ResponseMatrix:
    """Ask every model every prompt once, for replaying strategies without spending.

    ``orchkit.estimate(df, models)`` tells before what it may cost. Answers are in the cache as
    they come in: after an interrupt or a crash, the same call asks only for what is missing.

    Parameters
    ----------
    models : sequence of str, optional
        Catalog names, each once; by default those asked by default, cheapest first.

    The other parameters are those of `compare`.

    Returns
    -------
    ResponseMatrix
        One row per prompt × model; the frame's other columns of plain values are kept, to name
        groups and clusters by. Calls that failed have an `error`, and neither quality nor cost.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(5)
    >>> models = ["gpt-4o-mini", "gpt-4o"]
    >>> with orchkit.use("simulator"):
    ...     calls = orchkit.estimate(df, models, cache=False).calls
    ...     mat = orchkit.record(df, models)
    >>> calls, len(mat), mat.models
    (10, 5, ['gpt-4o-mini', 'gpt-4o'])
    """
    asking = Asking(prompt, system, template, None, temperature, max_tokens, seed)
    job = job_of(df, asking, None, budget, concurrency, cache, reference, scorer, category, tags)
    quality = experiment.scoring_of(df, reference, scorer)
    singles = [Single(name) for name in job.models(models)]
    for single in singles:
        job.strategy(single)
    rows = [(query, single) for single in singles for query in job.queries]
    asked = [single.model for single in singles]

    def shape(run: experiment.Run) -> ResponseMatrix:
        table = long_table(run(rows), asked, job.queries, df, quality, reference)
        return ResponseMatrix(_told(table))

    return job.deliver(shape, progress, RECORDING)


def run_orchestration(
    prompt: str | list[dict[str, str]],
    strategy: str | Strategy = "cheapest",
    *,
    chain: Sequence[str] | None = None,
    ensemble_size: int = 3,
    max_cost: float | None = None,
    **options: Any,
) -> Result:
    """Answer one prompt.

    Parameters
    ----------
    prompt : str or list of messages
        What to ask.
    strategy, chain, ensemble_size, max_cost, **options
        As in `route`.

    Returns
    -------
    Result
        The result columns as attributes, ``to_dict()`` and ``to_json()``.

    Raises
    ------
    BudgetExceeded
        No model fits `max_cost`.
    MisuseError
        The call cannot be carried out as written; nothing has been sent.

    Examples
    --------
    >>> import orchkit
    >>> with orchkit.use("simulator"):
    ...     result = orchkit.run_orchestration(prompt="Explain Docker", strategy="cheapest")
    >>> result.model_used, result.strategy
    ('claude-haiku-3.5', 'cheapest')
    """
    frame = pd.DataFrame({"prompt": pd.Series([prompt], dtype="object")})
    options = {"progress": False, **options, "prefix": ""}  # a prefix is for a frame's columns
    out = route(
        frame, strategy, chain=chain, ensemble_size=ensemble_size, max_cost=max_cost, **options
    )
    row = out.iloc[0]
    if not pd.isna(row["error"]) and row["error"].startswith(Kind.BudgetExceeded.name):
        raise BudgetExceeded(row["error"].partition(": ")[2])
    return Result.of({name: row[name] for name in frames.COLUMNS})


def last_run() -> Any:
    """Return what the last run gave, or what it had when it was interrupted or broke.

    Returns
    -------
    DataFrame, Comparison or ResponseMatrix
        What `route`, `compare` or `record` returned, or would have: a row that was not answered
        any more has ``Interrupted`` in ``error``.

    Raises
    ------
    MisuseError
        Nothing has been run yet.

    Examples
    --------
    >>> import orchkit, pandas as pd
    >>> df = pd.DataFrame({"prompt": ["What is 2+2?"]})
    >>> with orchkit.use("simulator"):
    ...     out = orchkit.route(df)
    >>> orchkit.last_run().equals(out)
    True
    """
    if SESSION.last is None:
        raise MisuseError("Nothing has been run yet, so there is no last run.")
    last = SESSION.last()
    return last.copy() if isinstance(last, pd.DataFrame) else last


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """Say how many calls of a recording failed."""
    failed = table.get("error", pd.Series(dtype="object")).dropna()
    if len(failed):
        told = f"{len(failed):,} of {len(table):,} calls failed; first: {failed.iloc[0]}"
        tell(told, OrchkitWarning)
    return table
