"""Everything a run needs, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
import pandas as pd

from orchkit.core.calls import Failure, Kind, Message
from orchkit.core.catalog import Catalog, Model, Tier
from orchkit.core.drive import opening
from orchkit.core.judging import Judge
from orchkit.core.plans import Answer, Query, Strategy, Trace
from orchkit.core.strategies import Single
from orchkit.errors import (
    ColumnError,
    PriceMissingError,
    RetiredModelWarning,
    tell,
    whole,
)
from orchkit.lab import experiment, frames
from orchkit.lab.asking import Asking, queries, tier_or_none
from orchkit.lab.scoring import Scorer
from orchkit.runtime.executor import Executor
from orchkit.runtime.providers.simulator import Known
from orchkit.ui import labels, names, telling
from orchkit.ui.learned import judge
from orchkit.ui.money import nano
from orchkit.ui.progress import FEW, in_kernel
from orchkit.ui.progress import progress as progress_line
from orchkit.ui.session import SESSION
from orchkit.ui.terminal import say

T = TypeVar("T")
#: What is being done while responses are recorded; how many calls failed is a warning there.
RECORDING = "recording"
_UNFINISHED = Trace((), Answer(None, failure=Failure(Kind.Interrupted)))


@dataclass(frozen=True)
class Job:
    """Everything a run needs, checked before anything is sent."""

    executor: Executor
    queries: list[Query | Failure]
    known: Mapping[str, Known]
    capped: bool

    @property
    def catalog(self) -> Catalog:
        """The models of this run."""
        return self.executor.catalog

    def strategy(self, named: str | Strategy, **settings: Any) -> Strategy:
        """Return the strategy, having made sure that it can be run here."""
        chosen = names.strategy(named, self.catalog, **settings)
        for model in _may_ask(chosen, self.catalog):
            self.executor.provider_of(model)
            if self.capped and not model.priced:
                raise PriceMissingError(
                    f"{model.name} has no price, so no cap over it can be kept. Give it one with "
                    "orchkit.add_model(..., input_price=, output_price=), 0 if it is free."
                )
            if not SESSION.simulated:
                _warn_retired(model)
        return chosen

    def strategies(self, several: Sequence[str | Strategy]) -> list[Strategy]:
        """Return each strategy of a list."""
        return [self.strategy(one) for one in names.several(several)]

    def models(self, named: str | Sequence[str] | None) -> tuple[str, ...]:
        """Return the catalog names of these models, each once; the defaults for None."""
        if named is None:
            return tuple(model.name for model in self.catalog.cheapest_able(Tier.BASIC))
        return self.catalog.distinct([named] if isinstance(named, str) else named)

    def deliver(self, shape: Callable[[experiment.Run], T], shown: bool | None, what: str) -> T:
        """Return what `shape` makes of a run: it is given a function that runs rows.

        What it would make of the rows that were finished so far is kept for `last_run`.
        """
        done: list[Trace | None] = []

        def run(rows: Sequence[tuple[Query | Failure, Strategy]]) -> list[Trace]:
            done[:] = [None] * len(rows)
            SESSION.last = lambda: shape(lambda _: [trace or _UNFINISHED for trace in done])
            return self._run(rows, done, shown, what)

        made = shape(run)
        kept = made.copy() if isinstance(made, pd.DataFrame) else made
        SESSION.last = lambda: kept  # what the run went through is not kept any longer
        return made

    def _run(
        self,
        rows: Sequence[tuple[Query | Failure, Strategy]],
        done: list[Trace | None],
        shown: bool | None,
        what: str,
    ) -> list[Trace]:
        """Run rows with a progress line, having said so if they are simulated."""
        SESSION.announce()
        simulated, runner = SESSION.simulated, self.executor
        try:
            with progress_line(len(rows), shown, what, simulated) as seen:
                traces = runner.run(rows, seen, done)
        except KeyboardInterrupt:
            _say(
                telling.interrupted(
                    what,
                    len(rows),
                    runner.spent,
                    runner.presumed,
                    kept=runner.keeps,
                    simulated=simulated,
                    where=_where(),
                )
            )
            raise
        hopeless = shown is None and len(traces) >= FEW and all(trace.failure for trace in traces)
        if (seen or hopeless) and what != RECORDING:  # a recording tells it anyway
            _say(telling.failures(traces, runner.keeps))
        return traces


def _where() -> str:
    """Return what a person runs again to resume."""
    if click.get_current_context(silent=True):
        return "command"
    return "cell" if in_kernel() else "code"


def _say(told: str | None) -> None:
    if told:
        say(f"orchkit: {told}")


def job_of(
    df: pd.DataFrame,
    asking: Asking,
    max_cost: float | None,
    budget: float | None,
    concurrency: int | None,
    cache: bool,
    reference: str = "reference",
    scorer: str | Scorer | None = None,
    category: str = "orchestration",
    tags: str | Iterable[str] = (),
) -> Job:
    """Check what was given, in an order that tells the most useful thing first."""
    if not isinstance(df, pd.DataFrame):
        raise TypeError(f"orchkit works on a DataFrame, not on {type(df).__name__}.")
    category, tags = labels.word(category, "category"), labels.tags(tags)
    concurrency = None if concurrency is None else whole("concurrency", concurrency)
    caps = {"max_cost": nano(max_cost, "max_cost"), "budget": nano(budget, "budget")}
    asked = queries(df, replace(asking, complexity=judge(asking.complexity, df.columns)))
    known = _known(df, asked, reference, scorer) if SESSION.simulated else {}
    executor = SESSION.executor(
        concurrency=concurrency, cache=cache, known=known, category=category, tags=tags, **caps
    )
    capped = bool(SESSION.settings.purses) or any(cap is not None for cap in caps.values())
    return Job(executor, asked, known, capped)


def _may_ask(strategy: Strategy, catalog: Catalog) -> list[Model]:
    """Return the models a strategy names or starts with; the defaults where it names none."""
    first = [call.model for call in opening(strategy, Query((Message("user", "?"),)), catalog)]
    fields = [getattr(strategy, field, None) or () for field in ("chain", "models", "may_ask")]
    named = [name for field in fields for name in field] or [*catalog.pool]
    alone = isinstance(strategy, Single)
    asked = [*first, *([] if alone else named), *_judges(strategy)]
    return [catalog[name] for name in dict.fromkeys(asked)]


def _judges(strategy: Strategy) -> list[str]:
    """Return the models that a strategy's signal or judge asks about answers."""
    signal, judge = (getattr(strategy, field, None) for field in ("confidence", "judge"))
    others = getattr(getattr(signal, "signal", signal), "models", ())  # of a calibrated one, too
    named = others if isinstance(others, tuple) else ()
    return [*named, *([judge.model] if isinstance(judge, Judge) else [])]


def _warn_retired(model: Model) -> None:
    if model.ends is not None and model.ends <= f"{datetime.now(UTC):%Y-%m-%d}":
        told = f"{model.provider} retired {model.name} on {model.ends}; its answers may be errors."
        tell(told, RetiredModelWarning)


def _known(
    df: pd.DataFrame, asked: Sequence[Query | Failure], reference: str, scorer: object
) -> dict[str, Known]:
    """Return what the simulator may know of the frame's prompts; what is odd it does not know."""
    named = scorer if isinstance(scorer, str) else "scorer"
    columns = (
        _cells(df, reference, None),
        _cells(df, named, named),
        _cells(df, "complexity", None),
    )
    return {
        query.call("").question: Known(
            experiment.reference_text(right), str(how), tier_or_none(tier)
        )
        for query, right, how, tier in zip(asked, *columns, strict=True)
        if isinstance(query, Query) and pd.api.types.is_scalar(right) and not pd.isna(right)
    }


def _cells(df: pd.DataFrame, name: str, otherwise: str | None) -> list[Any]:
    """Return the cells of a column; where it is missing or stands twice, as many of the other."""
    try:
        return frames.column(df, name).tolist()
    except ColumnError:
        return [otherwise] * len(df)
