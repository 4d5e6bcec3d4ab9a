"""Matrix: recorded responses, one row per prompt × model, replayed through the same strategies.

Nothing is asked and nothing is spent: a call is answered with what was recorded for it, and a
call that was not recorded says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pyarrow as pa

from orchkit.core.calls import Failure, Params
from orchkit.core.catalog import Catalog
from orchkit.core.drive import begin, replay
from orchkit.core.plans import Answer, Query, Strategy, Trace, last_said
from orchkit.errors import StoreError
from orchkit.lab.asking import Predict, predicted
from orchkit.lab.cataloguing import catalog_of
from orchkit.lab.longtable import answered, named, validated
from orchkit.lab.recording import conversation
from orchkit.lab.replaying import Cells, RecordedRow
from orchkit.lab.scoring import Scorer, scored
from orchkit.lab.sealed import read_sealed, write_sealed

SCHEMA = b"2"


class Matrix:
    """A long table of recorded responses. Build it with `from_long`, or `load` one.

    Parameters
    ----------
    frame : DataFrame
        Columns `prompt_id` and `model`, and `quality` or `response`; the others of
        `orchkit.lab.longtable.COLUMNS` where they are known, and any more, kept as they are.
        `quality` in [0, 1], `cost` in USD, `latency` in seconds. Several rows of one prompt and
        model are draws, in order.

    Raises
    ------
    MatrixError
        A column is missing, or a value is outside its range.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = validated(frame)

    @classmethod
    def from_long(cls, frame: pd.DataFrame, **columns: str) -> Self:
        """Return the matrix of a long frame; name the columns that are called otherwise.

        Without a `prompt_id` the prompt's text is its identity.
        """
        return cls(named(frame, columns))

    @property
    def frame(self) -> pd.DataFrame:
        """A copy of the long table."""
        return self._frame.copy()

    @property
    def models(self) -> list[str]:
        """Model names in the order they first appear."""
        return [str(name) for name in self._frame["model"].unique()]

    @property
    def prompts(self) -> pd.DataFrame:
        """One row a prompt, indexed by `prompt_id`: prompt and reference."""
        ids = pd.Index(self._first["prompt_id"], dtype="object")
        return self._first[["prompt", "reference"]].set_axis(ids)

    @cached_property
    def _first(self) -> pd.DataFrame:
        """The first row of each prompt."""
        return self._frame.drop_duplicates("prompt_id")

    @property
    def simulated(self) -> bool:
        """Whether any response was recorded from the simulator."""
        origins = self._frame.get("provider")
        return origins is not None and bool((origins == "simulator").any())

    def __len__(self) -> int:
        """Return the number of prompts."""
        return len(self._first)

    @property
    def quality(self) -> pd.DataFrame:
        """Prompts × models: quality in [0, 1]."""
        return self._quality.copy()

    @property
    def cost(self) -> pd.DataFrame:
        """Prompts × models: USD."""
        return self._cost.copy()

    @cached_property
    def _quality(self) -> pd.DataFrame:
        return self._wide("quality")

    @cached_property
    def _cost(self) -> pd.DataFrame:
        return self._wide("cost")

    def _wide(self, name: str) -> pd.DataFrame:
        wide = self._frame.pivot_table(
            index="prompt_id", columns="model", values=name, dropna=False, sort=False, observed=True
        )
        return wide.reindex(index=self.prompts.index, columns=pd.Index(self.models))

    def score(self, scorer: str | Scorer) -> Self:
        """Return a matrix whose qualities are the scorer's, of responses against references."""
        right = self._frame["reference"].where(
            answered(self._frame)
        )  # a failed call is no wrong answer
        pairs = zip(self._frame["response"], right, strict=True)
        quality = [scored(_text(said), _text(wanted), scorer) for said, wanted in pairs]
        return type(self)(self._frame.assign(quality=quality))

    def subset(
        self, *, models: Iterable[str] | None = None, prompts: Iterable[Any] | None = None
    ) -> Self:
        """Return the matrix of these models and these prompt ids alone."""
        kept = self._frame
        if models is not None:
            kept = kept[kept["model"].isin(list(models))]
        if prompts is not None:
            kept = kept[kept["prompt_id"].isin(list(prompts))]
        return type(self)(kept)

    def save(self, path: str | Path) -> None:
        """Write the matrix as parquet with its schema's version.

        Raises StoreError where the path, or an id, cannot be written.
        """
        frame = self._frame.assign(prompt=self._frame["prompt"].astype("string"))
        try:
            write_sealed(pa.Table.from_pandas(frame, preserve_index=False), path, SCHEMA)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise StoreError(f"{path} cannot be written: {error}.") from None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return a saved matrix; refuse a file that is none, is newer, or was changed."""
        try:
            frame = read_sealed(path, SCHEMA).to_pandas()
        except (OSError, pa.ArrowException, ValueError, LookupError, TypeError) as error:
            raise StoreError(f"{path} is no readable matrix: {error}.") from None
        return cls(frame)

    def queries(self, predict: Predict, params: Params) -> list[Query]:
        """Return one query a prompt; `predict` judges all texts at once."""
        whole = self._first.get("messages", [None] * len(self))
        asked = [conversation(*each) for each in zip(self._first["prompt"], whole, strict=True)]
        tiers = predicted(predict, [last_said(messages) for messages in asked])
        return [Query(said, params, tier) for said, tier in zip(asked, tiers, strict=True)]

    def run(
        self,
        rows: Sequence[tuple[Query | Failure, Strategy]],
        catalog: Catalog,
        max_cost: int | None = None,
    ) -> list[Trace]:
        """Return one trace a row. Row `i` replays prompt ``i % len(self)``."""
        return list(self.replay(rows, catalog, max_cost))

    def replay(
        self,
        rows: Iterable[tuple[Query | Failure, Strategy]],
        catalog: Catalog,
        max_cost: int | None = None,
    ) -> Iterator[Trace]:
        """Give the traces of `run` one by one, so that all of them need not be kept."""
        size = len(self)
        for number, (query, strategy) in enumerate(rows):
            yield self._replay(number % size, query, strategy, catalog, max_cost)

    def _replay(
        self,
        prompt: int,
        query: Query | Failure,
        strategy: Strategy,
        catalog: Catalog,
        max_cost: int | None,
    ) -> Trace:
        if isinstance(query, Failure):
            return Trace((), Answer(None, failure=query))
        row = RecordedRow(self.cells, prompt, catalog, max_cost)
        return replay(begin(strategy, query, catalog), row.answer, query)

    @cached_property
    def cells(self) -> Cells:
        """The recorded responses by prompt position and model; several where several were drawn."""
        return Cells(self._frame)

    def catalog(self, known: Catalog) -> Catalog:
        """Return the catalog of this recording.

        Its models under the names they were recorded by, with the tier and price `known` has for
        them. The defaults are those of `known` that were recorded; with none of them, every
        recorded model, placed in tiers by what it cost.
        """
        return catalog_of(self._frame, known)

    def __repr__(self) -> str:
        there = answered(self._frame)
        filled = self._frame.loc[there, "quality"].notna().mean() if there.any() else 0.0
        missed = f", {len(there) - there.sum():,} calls failed" if not there.all() else ""
        return (
            f"{type(self).__name__}({len(self):,} prompts x {len(self.models)} models, "
            f"{there.sum():,} responses, quality known for {filled:.0%}{missed}"
            f"{', SIMULATED' if self.simulated else ''})"
        )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
